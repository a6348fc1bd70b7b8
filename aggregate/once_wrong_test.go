package aggregate

// Each of these tests is of something that was wrong once; its comment says what
// happened then.

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/report"
)

// Was wrong: look.prove takes sockets in the order of the list. A nameless one that
// comes before one that a process still holds (half closed: FIN_WAIT2 after
// shutdown(2)) makes a row of its own, which then stands beside the named one.
func TestEndedInAnyOrder(t *testing.T) {
	nameless := ended(7)
	named := numbered(8, sock(report.TCP, FinWait2, "10.0.0.1:40008", "10.0.0.9:80", owned(1, "curl")))
	ofUser := numbered(9, sock(report.TCP, FinWait2, "10.0.0.1:40009", "10.0.0.9:80", Owner{User: "u"}))
	want := []string{"out curl 10.0.0.9:80 x0 opened 3"}
	for _, sockets := range [][]Socket{{named, nameless, ofUser}, {nameless, named, ofUser}, {ofUser, nameless, named}} {
		f := NewFolder()
		f.Fold(thisHost, nil, nil)
		if diff := cmp.Diff(want, counted(f.Fold(thisHost, sockets, nil))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	// Without a named one the row's user must not depend on the order either.
	var rows []string
	for _, sockets := range [][]Socket{{nameless, ofUser}, {ofUser, nameless}} {
		f := NewFolder()
		f.Fold(thisHost, nil, nil)
		rows = append(rows, f.Fold(thisHost, sockets, nil).Connections[0].User)
	}
	if rows[0] != rows[1] {
		t.Errorf("users %q depend on the order", rows)
	}
}

// Was wrong: a socket that was in SYN-SENT in the look before counts as known, so that
// the connection that it became is never counted as opened, nor its end. A UDP
// socket that was there unconnected likewise.
func TestOpenedAfterSynSent(t *testing.T) {
	asking := in(SynSent, called(7, "curl"))
	unconnected := numbered(7, sock(report.UDP, Close, "10.0.0.1:40007", "", owned(7, "curl")))
	connected := numbered(7, sock(report.UDP, Established, "10.0.0.1:40007", "10.0.0.9:80", owned(7, "curl")))
	for _, tt := range []struct {
		name  string
		looks [][]Socket
		want  []string
	}{
		{"open", [][]Socket{{asking}, {asking}, {called(7, "curl")}}, []string{"out curl 10.0.0.9:80 x1 opened 1"}},
		{"open, once", [][]Socket{{asking}, {called(7, "curl")}, {called(7, "curl")}}, []string{"out curl 10.0.0.9:80 x1"}},
		{"ended", [][]Socket{{asking}, {ended(7)}}, []string{"out  10.0.0.9:80 x0 opened 1"}},
		{"UDP", [][]Socket{{unconnected}, {connected}}, []string{"out curl 10.0.0.9:80 x1 opened 1"}},
	} {
		f := NewFolder()
		var got []string
		for _, sockets := range tt.looks {
			got = counted(f.Fold(thisHost, sockets, nil))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Was wrong: a socket that ended and has no cookie can't be told from the one of the
// look before: it is counted in each look for as long as the kernel remembers
// it. An open one without cookie is not counted, by the rule in look.socket.
func TestEndedWithoutCookie(t *testing.T) {
	f := NewFolder()
	for look := range 3 {
		if got := counted(f.Fold(thisHost, []Socket{ended(0)}, nil)); got != nil {
			t.Errorf("look %d: %q", look+1, got)
		}
	}
}

// Was wrong: weaver.name gives evidence the process of an edge, but not its
// Own, unit and container: dotm's own edge is its own no more, and the edge of
// before loses what it belongs to until the next socket is open in a look.
func TestNamelessTakesEverything(t *testing.T) {
	t.Run("own, of now", func(t *testing.T) {
		newStage(t).play(`a: addr 10.0.0.1 | out dotm 10.0.0.9:4849 own | out - 10.0.0.9:4849 x0 opened 1
= a(dotm) -> 10.0.0.9:4849() x1 fresh opened 1 own`)
	})
	t.Run("own, of before", func(t *testing.T) {
		newStage(t).play(`a: addr 10.0.0.1 | out dotm 10.0.0.9:4849 own
a: addr 10.0.0.1 | out - 10.0.0.9:4849 x0 opened 1
= a(dotm) -> 10.0.0.9:4849() x0 fresh opened 1 own`)
	})
	t.Run("unit and container, of before", func(t *testing.T) {
		newStage(t).play(`a: addr 10.0.0.1 | box app | out php 10.0.0.9:80 unit php.service box app
a: addr 10.0.0.1 | out - 10.0.0.9:80 x0 opened 1
= a(php) -> 10.0.0.9:80() x0 fresh opened 1 unit php.service box app`)
	})
}

// Was wrong: the statements of a report are applied one after the other, and the
// host's rows resolve before its containers' addresses are known. Where another
// host has a container of that address, the first report draws an edge to it,
// which is then remembered for as long as closed edges are.
func TestOwnContainersFirst(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 172.17.0.1 | out proxy 172.17.0.2:80 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 172.17.0.1
b: addr 10.0.0.2 172.17.0.1 | out proxy 172.17.0.2:80 | ns db 172.17.0.2 | listen httpd 0.0.0.0:80 | in httpd 0.0.0.0:80 172.17.0.1
= a(proxy) -> a/web:80(nginx) x1 fresh both
= b(proxy) -> b/db:80(httpd) x1 fresh both
a
b
= a(proxy) -> a/web:80(nginx) x1 fresh both
= b(proxy) -> b/db:80(httpd) x1 fresh both`)
}

// Was wrong: a container that is gone keeps its addresses, and runtimes give them to
// the next one at once: that one's address is on two nodes of the host then, and
// resolves to neither; in the report that brings the change even to the dead one.
func TestGoneContainersAddress(t *testing.T) {
	t.Run("with a service", func(t *testing.T) {
		newStage(t).play(`a: addr 10.0.0.1 172.17.0.1 | out proxy 172.17.0.2:80 | ns old 172.17.0.2 | listen nginx 0.0.0.0:80
a
+10s
a: addr 10.0.0.1 172.17.0.1 | out proxy 172.17.0.2:80 | ns new 172.17.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 172.17.0.1
= a(proxy) -> a/new:80(nginx) x1 fresh both since 10s
= a(proxy) -> a/old:80(nginx) x0 fresh
a
= a(proxy) -> a/new:80(nginx) x1 fresh both since 10s
= a(proxy) -> a/old:80(nginx) x0 fresh`)
	})
	t.Run("without anything", func(t *testing.T) {
		newStage(t).play(`a: addr 10.0.0.1 | ns old 172.17.0.2
a: addr 10.0.0.1 | ns new 172.17.0.2 | listen nginx 0.0.0.0:80
a: addr 10.0.0.1 | out proxy 172.17.0.2:80 | ns new 172.17.0.2 | listen nginx 0.0.0.0:80
= a(proxy) -> a/new:80(nginx) x1 fresh`)
	})
}

// Was wrong: a container that is gone sends no report, turns stale, and what a stale
// node holds never ages: its connections stay fresh for ever and no event says
// that they vanished. It is no blindness: its host looks and says that it is
// not there.
func TestGoneContainersAge(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 | ns web 172.17.0.2 | out nginx 10.0.0.9:5432 x3
+10s
a: addr 10.0.0.1
+2m
a
age
+2m
a
age
+2m
a
age
= a/web(nginx) -> 10.0.0.9:5432() x0 old`)
}

// Was wrong: once it is known that a port leads to a container, the edge that ended at
// the host stays beside the one that ends at the service, with its opened count:
// one relation, two edges, for as long as closed ones are kept. Had the host
// reported first, there would be one.
func TestForwardKnownLater(t *testing.T) {
	newStage(t).play(`c: addr 10.0.0.3 | out curl 10.0.0.1:8080 opened 3
+10s
a: addr 10.0.0.1 | forward 10.0.0.1:8080 172.17.0.2:80 | listen docker-proxy 0.0.0.0:8080 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.3
c: addr 10.0.0.3 | out curl 10.0.0.1:8080
a
c
= c(curl) -> a/web:80(nginx) x1 fresh both opened 3`)
}

// Was wrong: weaver.remember adds of an edge that another absorbs the opened ones
// only; refused, timed out and failed attempts are lost, and the time of its
// last connection (join in derive.go has them all).
func TestAbsorbedCounters(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 | out - 10.0.0.9:80 opened 1 refused 5 timedout 6 failed 7
a: addr 10.0.0.1 | out curl 10.0.0.9:80
= a(curl) -> 10.0.0.9:80() x1 fresh opened 1 refused 5 timedout 6 failed 7`)
}

// Was wrong: a service whose process is hidden for a while keeps its name and user,
// but loses unit, container, image and pod, and gets them back later: two
// changes, and an event each for the container, of what never changed.
func TestHiddenServiceBelongs(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 | box db image pg:17 pod n/p | listen postgres 0.0.0.0:5432 unit pg.service box db
a: addr 10.0.0.1 | listen - 0.0.0.0:5432
$ a~tcp~5432 postgres listening 0.0.0.0 unit pg.service box db image pg:17 pod n/p`)
}

// Was wrong: byOwner makes one service of the listeners of two containers (or units)
// that run the same program as the same user on different addresses, and gives
// it to the first. They are two owners of one port: two services.
func TestTwoContainersOnePort(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 10.0.0.2 | box one | box two | listen nginx 10.0.0.1:80 box one | listen nginx 10.0.0.2:80 box two
$ a~tcp~80 nginx listening 10.0.0.1 box one
$ a~tcp~80~10.0.0.2 nginx listening 10.0.0.2 box two`)
}

// Was wrong: a container that is gone and a server that still holds its sockets (they
// end without a FIN) take turns: each time the container's node is stale the
// server's word opens the edge again, and the host's next report closes it: two
// revisions a minute, for ever.
func TestGoneContainersClientFlips(t *testing.T) {
	s := newStage(t)
	s.play(`a: addr 10.0.0.1 | ns job 172.17.0.2 | out curl 10.0.0.3:80
b: addr 10.0.0.3 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 172.17.0.2
a
+10s
a: addr 10.0.0.1
b`)
	var counts []int
	for range 5 {
		s.play("+61s\na\nb\nage\nb")
		for c := range s.snap.Connections() {
			if c.Client.Node == "a/job" {
				counts = append(counts, c.Count)
			}
		}
	}
	if len(slices.Compact(slices.Clone(counts))) > 1 || len(counts) != 5 {
		t.Errorf("the count goes %v", counts)
	}
}

// Was wrong: routes are learnt by where an address leads, while sockets that were not
// asked about yet (more than maxAsked in a look) still show the called address:
// learn must take Via where it is valid. The kernel's count likewise makes a
// second row beside the process's own.
func TestRoutesThroughTranslation(t *testing.T) {
	f := NewFolder()
	f.Fold(thisHost, nil, &Opens{})
	at := netip.MustParseAddrPort("10.0.0.9:50001")
	s := sock(report.TCP, Established, "10.0.0.1:40000", at.String(), owned(1, "erl"))
	edge := Open{Active: true, Peer: netip.MustParseAddr("172.17.0.2"), Port: 50002, Via: at, Owner: Owner{Process: "erl", User: "u"}, Opened: 1}
	want := []string{"out erl 10.0.0.9:50001 x1 opened 1"}
	if diff := cmp.Diff(want, counted(f.Fold(thisHost, []Socket{s}, &Opens{Edges: []Open{edge}}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Was wrong: of several users of one process's name the kernel's counts become one
// row (see alike), and the order of the counts, which is that of a hash table,
// decides whose: the row is another one from report to report.
func TestOpensInAnyOrder(t *testing.T) {
	edge := func(user string) Open {
		return Open{Active: true, Peer: netip.MustParseAddr("10.0.0.9"), Port: 80, Owner: Owner{Process: "app", User: user}, Opened: 1}
	}
	var users []string
	for _, edges := range [][]Open{{edge("a"), edge("b")}, {edge("b"), edge("a")}} {
		f := NewFolder()
		f.Fold(thisHost, nil, &Opens{})
		users = append(users, f.Fold(thisHost, nil, &Opens{Edges: edges}).Connections[0].User)
	}
	if users[0] != users[1] {
		t.Errorf("users %q depend on the order", users)
	}
}

// Was wrong: the server's word on the count of a silent client's edge is taken, but
// what the client measured last stays as if it were of now.
func TestHealthOfASilentClient(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 | out curl 10.0.0.2:80 rtt=30±3*1
b: addr 10.0.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.1
+61s
b
age
+10s
b: addr 10.0.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.1 x4 rtt=500±3*4
~ a(curl) -> b:80 server rtt 500±3`)
}
