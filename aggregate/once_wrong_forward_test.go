package aggregate

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
)

// Was wrong: two rows of the server that mean one edge of a silent client (it has two
// addresses, or stands behind several) overwrite each other's count and health:
// every report of the server is a new revision, and the count is that of the
// last row instead of the sum.
func TestSilentClientOfTwoRows(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 10.0.1.1 | out curl 10.0.0.2:80 x3
b: addr 10.0.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.1 x1 | in nginx 0.0.0.0:80 10.0.1.1 x2
+61s
b
age
b
= a(curl) -> b:80(nginx) x3 fresh both
+10s
b
same
+10s
b
same`)
}

// Was wrong: where an edge of before is led on (reroute) to one that is remembered too,
// whichever id comes first stays, and the other's counts and first sight are
// lost if it is the rerouted one that comes first.
func TestReroutedOntoARemembered(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			newStage(t).play(fmt.Sprintf(`a: addr 10.0.0.1 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80
c: addr 10.0.0.3 | out curl%[1]d 172.17.0.2:80 opened 5
+10s
c: addr 10.0.0.3 | out curl%[1]d 10.0.0.1:8080 opened 3
+10s
a: addr 10.0.0.1 | forward 10.0.0.1:8080 172.17.0.2:80 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80
c: addr 10.0.0.3
= c(curl%[1]d) -> a/web:80(nginx) x0 fresh opened 8`, i))
		})
	}
}

// Was wrong: an edge that is led on does not take over what the server's end holds of
// it, as one that a row tells of does (confirm): the nameless edge stands
// beside it for good.
func TestReroutedIsConfirmed(t *testing.T) {
	newStage(t).play(`c: addr 10.0.0.3 | out curl 10.0.0.1:8080 opened 3
a: addr 10.0.0.1 | forward 10.0.0.1:8080 172.17.0.2:80 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80 | in nginx 0.0.0.0:80 10.0.0.3
c: addr 10.0.0.3
= c(curl) -> a/web:80(nginx) x0 fresh both opened 3`)
}

// Was wrong: a connection through two translations ends at the first one's target as
// long as it is open, and is led on when it has closed: opened again it is a
// second edge.
func TestForwardedTwice(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 | forward 10.0.0.1:443 10.0.0.2:8443
b: addr 10.0.0.2 | forward 10.0.0.2:8443 172.17.0.2:80 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80
c: addr 10.0.0.3 | out curl 10.0.0.1:443 opened 1
= c(curl) -> b/web:80(nginx) x1 fresh opened 1
c: addr 10.0.0.3
c: addr 10.0.0.3
= c(curl) -> b/web:80(nginx) x0 fresh opened 1
c: addr 10.0.0.3 | out curl 10.0.0.1:443 opened 1
= c(curl) -> b/web:80(nginx) x1 fresh opened 2`)
}

// Was wrong: the first hop may be the client's own translation (via).
func TestForwardedAfterVia(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 | forward 10.0.0.1:80 172.17.0.2:80 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80
c: addr 10.0.0.3 | out curl 10.0.0.1:80 via 10.5.5.5:443 opened 1
= c(curl) -> a/web:80(nginx) x1 fresh opened 1
c: addr 10.0.0.3
= c(curl) -> a/web:80(nginx) x0 fresh opened 1
+10s
c
same`)
}

// Was wrong: forwards that lead round in a circle: an edge that closed wanders from one
// node to the next, in every report, with an event each.
func TestForwardsInACircle(t *testing.T) {
	newStage(t).play(`a: addr 10.0.0.1 | forward 10.0.0.1:80 10.0.0.2:80
b: addr 10.0.0.2 | forward 10.0.0.2:80 10.0.0.1:80
c: addr 10.0.0.3 | out curl 10.0.0.1:80 opened 1
c
c: addr 10.0.0.3
c
c
c
same`)
}

// TestForwardsSettle gives nodes any forwards among each other, lets a client
// call and close, and asks that what was said twice changes nothing; and, where
// no forwards lead round in a circle, that no place that was called stands for
// more than one edge, whoever reported first.
func TestForwardsSettle(t *testing.T) {
	host := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 80)
	}
	rapid.Check(t, func(t *rapid.T) {
		snap, now := empty(), start
		tell := func(name, says string, change func(*report.Report)) {
			r, err := parseReport(name, says)
			if err != nil {
				t.Fatalf("%v", err)
			}
			change(r)
			now = now.Add(10 * time.Second)
			r.Time = now
			snap = Apply(snap, r, now, Options{Ageing: time.Hour, StaleAfter: time.Hour})
			checkInvariants(t, snap)
		}
		circles := rapid.Bool().Draw(t, "circles")
		leads := [3]int{}
		for i := range leads {
			from := i + 1
			if circles {
				from = 0
			}
			leads[i] = rapid.IntRange(from, 4).Draw(t, "to")
		}
		called := map[int]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			if i := rapid.IntRange(0, 3).Draw(t, "who"); i < 3 {
				tell(string(rune('a'+i)), "addr "+host(i).Addr().String()+" | listen nginx 0.0.0.0:80", forwarding(host(i), host(leads[i])))
				continue
			}
			calls := rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 0, 3, rapid.ID).Draw(t, "calls")
			tell("z", "addr 10.0.1.1", func(r *report.Report) {
				for _, to := range calls {
					called[to] = true
					r.Connections = append(r.Connections, calling(host(to)))
				}
			})
		}
		nothing := func(*report.Report) {}
		tell("z", "addr 10.0.1.1", nothing)
		tell("z", "addr 10.0.1.1", nothing)
		before := snap
		for range 3 {
			tell("z", "addr 10.0.1.1", nothing)
		}
		if snap.Revision() != before.Revision() {
			t.Fatalf("it does not settle (-before +after):\n%s", cmp.Diff(everything(before), everything(snap)))
		}
		if edges := edgeLines(snap); !circles && len(edges) > len(called) {
			t.Fatalf("%d places were called, and there are the edges\n%s", len(called), strings.Join(edges, "\n"))
		}
	})
}

func forwarding(from, to netip.AddrPort) func(*report.Report) {
	return func(r *report.Report) {
		if from != to {
			r.Forwards = []report.Forward{{Protocol: report.TCP, From: from, To: to}}
		}
	}
}

func calling(to netip.AddrPort) report.Connection {
	return report.Connection{Direction: report.Out, Protocol: report.TCP, Process: "curl", Peer: to.Addr(), Port: to.Port(), Count: 1}
}

// Was wrong: an agent that can't enter other namespaces any more (it lost a right, or
// was started with --namespaces own) says so in a note, lists none, and all
// containers of the host are said to have gone, with an event for each of their
// services. Blindness is no change: they are silent, and turn stale.
func TestBlindToContainers(t *testing.T) {
	for _, code := range []string{"namespaces", "own-namespace"} {
		s := newStage(t)
		s.play(`a: addr 10.0.0.1 | ns web 172.17.0.2 | listen nginx 0.0.0.0:80 | out nginx 10.0.0.9:5432`)
		blind := parsed(t, "a", "addr 10.0.0.1")
		blind.Notes = []report.Note{{Code: code, Text: "no"}}
		s.said["a"] = blind
		s.play(`+10s
a
= a/web(nginx) -> 10.0.0.9:5432() x1 fresh
$ 10.0.0.9~tcp~5432  seen 10.0.0.9
$ a!web~tcp~80 nginx listening 0.0.0.0 box web
+60s
a
age
@ 10.0.0.9 inferred inferred by a/web
@ a host reporting
@ a/web container stale
+1h
a
age
= a/web(nginx) -> 10.0.0.9:5432() x1 fresh
$ 10.0.0.9~tcp~5432  seen 10.0.0.9
$ a!web~tcp~80 nginx listening 0.0.0.0 box web`)
	}
}
