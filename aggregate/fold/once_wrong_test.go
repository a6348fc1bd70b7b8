package fold

// Each of these tests is of something that was wrong once; its comment says what
// happened then.

import (
	"net/netip"
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
