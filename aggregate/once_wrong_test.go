package aggregate

// Each of these tests is of something that was wrong once; its comment says what
// happened then.

import (
	"slices"
	"testing"
)

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
// last connection (join in package edge has them all).
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
