package edge

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// edge is one of the tests' edges: a's process to port 80 of b.
func edge(process, service string) topology.Connection {
	c := topology.Connection{
		Client: topology.Client{Node: "a", Process: process}, Server: topology.Server{Node: "b", Port: 80, Service: service},
		Protocol: "tcp", Directed: true,
	}
	c.ID = topology.ConnectionID(&c)
	return c
}

func TestTimes(t *testing.T) {
	early, late := noon, noon.Add(time.Second)
	for _, tt := range []struct{ got, want time.Time }{
		{Earlier(early, late), early},
		{Earlier(late, early), early},
		{Earlier(time.Time{}, late), late},
		{Earlier(late, time.Time{}), late},
		{Later(early, late), late},
		{Later(late, early), late},
		{Later(time.Time{}, early), early},
	} {
		if !tt.got.Equal(tt.want) {
			t.Errorf("got %v, want %v", tt.got, tt.want)
		}
	}
}

// TestUnite: edges of one id are one, with the sums, the earliest and the latest
// of both, and what either end knows.
func TestUnite(t *testing.T) {
	x, y, other := edge("curl", "b~tcp~80"), edge("curl", "b~tcp~80"), edge("wget", "b~tcp~80")
	x.Count, x.Opened, x.FirstSeen, x.LastSeen, x.Status = 1, 2, noon, noon, topology.Old
	x.Evidence.SeenBy = []topology.Sighting{{Node: "a", End: "client", At: noon}}
	y.Count, y.Opened, y.FirstSeen, y.LastSeen, y.Status = 10, 20, noon.Add(-time.Hour), noon.Add(time.Hour), topology.Fresh
	y.Refused, y.TimedOut, y.Failed = 1, 2, 3
	y.Evidence.SeenBy = []topology.Sighting{{Node: "a", End: "client", At: noon.Add(time.Hour)}, {Node: "b", End: "server", At: noon}}
	y.Evidence.BothEnds = true
	all := Unite([]*topology.Connection{&x, &other, &y})
	if len(all) != 2 {
		t.Fatalf("%d edges, want 2", len(all))
	}
	for _, c := range all {
		if c.Client.Process == "wget" {
			if c.Count != 0 {
				t.Errorf("the other edge counts %d", c.Count)
			}
			continue
		}
		if c.Count != 11 || c.Opened != 22 || c.Refused != 1 || c.TimedOut != 2 || c.Failed != 3 || c.Status != topology.Fresh ||
			!c.FirstSeen.Equal(noon.Add(-time.Hour)) || !c.LastSeen.Equal(noon.Add(time.Hour)) || !c.Evidence.BothEnds ||
			len(c.Evidence.SeenBy) != 2 || !c.Evidence.SeenBy[0].At.Equal(noon.Add(time.Hour)) {
			t.Errorf("got %+v", c)
		}
	}
}

func TestPartial(t *testing.T) {
	full, nameless, noService := edge("curl", "b~tcp~80"), edge("", "b~tcp~80"), edge("curl", "")
	undirected, reversed := edge("curl", ""), edge("nginx", "")
	undirected.Directed, reversed.Directed = false, false
	reversed.Client.Node, reversed.Server.Node, reversed.Server.Port = "b", "a", 40000
	udp, port := nameless, nameless
	udp.Protocol, port.Server.Port = "udp", 81
	for name, tt := range map[string]struct {
		old  topology.Connection
		want bool
	}{
		"no process": {nameless, true}, "no service": {noService, true}, "no direction": {undirected, true}, "no direction, told by the other end": {reversed, true},
		"another protocol": {udp, false}, "another port": {port, false}, "another process": {edge("wget", "b~tcp~80"), false}, "the same": {full, false},
	} {
		if got := Partial(&tt.old, &full); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}

func TestAbsorb(t *testing.T) {
	e, old := edge("curl", ""), edge("", "")
	e.FirstSeen, e.Opened = noon, 1
	old.FirstSeen, old.LastConnection, old.Opened, old.Refused, old.Count = noon.Add(-time.Hour), noon, 2, 3, 4
	Absorb(&e, &old)
	if !e.FirstSeen.Equal(noon.Add(-time.Hour)) || !e.LastConnection.Equal(noon) || e.Opened != 3 || e.Refused != 3 || e.Count != 0 {
		t.Errorf("got %+v", e)
	}
	AddInVain(&e, &report.Connection{Refused: 1, TimedOut: 1, Failed: 1})
	if e.Refused != 4 || e.TimedOut != 1 || e.Failed != 1 {
		t.Errorf("in vain: %+v", e)
	}
}

// TestClosed: what closed was last seen by the report before, and the edge that
// was closed before stays as it is.
func TestClosed(t *testing.T) {
	e := edge("curl", "")
	e.Count, e.FirstSeen, e.LastSeen, e.Health = 2, noon, noon, &topology.Health{RTT: 1}
	e.Evidence.SeenBy = []topology.Sighting{{Node: "a", End: "client", At: noon}}
	last := noon.Add(time.Minute)
	c := Closed(e, last)
	if c.Count != 0 || c.Health != nil || !c.LastSeen.Equal(last) || !c.Evidence.SeenBy[0].At.Equal(last) || !e.Evidence.SeenBy[0].At.Equal(noon) {
		t.Errorf("got %+v of %+v", c, e)
	}
	if again := Closed(*c, last.Add(time.Hour)); !again.LastSeen.Equal(last) {
		t.Errorf("closed twice: %v", again.LastSeen)
	}
}

// TestFoundOut: that tuples told which node is meant is not forgotten.
func TestFoundOut(t *testing.T) {
	plain := topology.Evidence{ServerAddress: "10.0.0.1", ServerResolved: "address of b"}
	sure := topology.Evidence{ServerAddress: "10.0.0.2", ServerResolved: "address of several nodes; b" + NamesSame}
	e := plain
	if FoundOut(&e, &sure); e.ServerAddress != "10.0.0.2" {
		t.Errorf("got %+v", e)
	}
	if FoundOut(&e, &plain); e.ServerAddress != "10.0.0.2" {
		t.Errorf("forgotten: %+v", e)
	}
	if Seen([]topology.Sighting{{Node: "b", End: "client"}}, "b") || !Seen([]topology.Sighting{{Node: "b", End: "server"}}, "b") {
		t.Error("who sees from which end is mixed up")
	}
}
