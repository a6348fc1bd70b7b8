package topology

import (
	"testing"
	"time"
)

var later = noon.Add(time.Minute)

func TestSameNode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Node)
		want   bool
	}{
		{"nothing", func(*Node) {}, true},
		{"last report", func(n *Node) { n.LastReport = later }, true},
		{"skew", func(n *Node) { n.Skew = 5 }, true},
		{"cost", func(n *Node) { n.Cost.Sockets = 5 }, true},
		{"location of a time", func(n *Node) { n.FirstSeen = n.FirstSeen.In(time.FixedZone("", 3600)) }, true},
		{"name", func(n *Node) { n.Name = "x" }, false},
		{"kind", func(n *Node) { n.Kind = Container }, false},
		{"zone", func(n *Node) { n.Zone = "x" }, false},
		{"addresses", func(n *Node) { n.Addresses = addrs("10.0.0.2") }, false},
		{"state", func(n *Node) { n.State = Stale }, false},
		{"status", func(n *Node) { n.Status = "CRITICAL" }, false},
		{"first seen", func(n *Node) { n.FirstSeen = later }, false},
		{"interval", func(n *Node) { n.Interval = 1 }, false},
		{"identity", func(n *Node) { n.Identity = "x" }, false},
		{"agent", func(n *Node) { n.Agent = "x" }, false},
		{"seen by", func(n *Node) { n.SeenBy = []string{"x"} }, false},
		{"notes", func(n *Node) { n.Notes = []Note{{Code: "x"}} }, false},
		{"hidden processes", func(n *Node) { n.HiddenProcesses = 1 }, false},
	} {
		a := host("a", "10.0.0.1").Node
		a.FirstSeen = noon
		b := a
		tt.change(&b)
		if SameNode(&a, &b) != tt.want || SameNode(&b, &a) != tt.want {
			t.Errorf("%s: the same must be %t", tt.name, tt.want)
		}
	}
}

func TestSameServices(t *testing.T) {
	listening := Service{ID: "s", Node: "a", State: Listening, Addresses: addrs("::"), FirstSeen: noon, LastSeen: noon, LastConnection: noon}
	busy, gone := listening, listening
	busy.Clients, gone.State = 1, Gone
	for _, tt := range []struct {
		name   string
		base   Service
		change func(*Service)
		want   bool
	}{
		{"nothing", busy, func(*Service) {}, true},
		{"last seen", listening, func(s *Service) { s.LastSeen = later }, true},
		{"last seen of a gone one", gone, func(s *Service) { s.LastSeen = later }, false},
		{"last connection", listening, func(s *Service) { s.LastConnection = later }, false},
		{"last connection of a busy one", busy, func(s *Service) { s.LastConnection = later }, true},
		{"clients", busy, func(s *Service) { s.Clients = 2 }, false},
		{"id", busy, func(s *Service) { s.ID = "x" }, false},
		{"process", busy, func(s *Service) { s.Process = "x" }, false},
		{"user", busy, func(s *Service) { s.User = "x" }, false},
		{"addresses", busy, func(s *Service) { s.Addresses = addrs("0.0.0.0") }, false},
		{"scope", busy, func(s *Service) { s.Scope = ScopeLoopback }, false},
		{"state", busy, func(s *Service) { s.State = Seen }, false},
		{"status", busy, func(s *Service) { s.Status = "x" }, false},
		{"container", busy, func(s *Service) { s.Container = "x" }, false},
		{"own", busy, func(s *Service) { s.Own = true }, false},
		{"first seen", busy, func(s *Service) { s.FirstSeen = later }, false},
	} {
		changed := tt.base
		tt.change(&changed)
		if got := SameServices([]Service{tt.base}, []Service{changed}); got != tt.want {
			t.Errorf("%s: same is %t, want %t", tt.name, got, tt.want)
		}
	}
	if SameServices([]Service{busy}, nil) || !SameServices(nil, []Service{}) {
		t.Error("lists of different lengths are the same, or two empty ones are not")
	}
}

func TestSameConnections(t *testing.T) {
	open := Connection{ID: "c", Count: 1, FirstSeen: noon, LastSeen: noon, Evidence: Evidence{SeenBy: []Sighting{{"a", "client", noon}}}}
	closed := open
	closed.Count = 0
	for _, tt := range []struct {
		name   string
		base   Connection
		change func(*Connection)
		want   bool
	}{
		{"nothing", open, func(*Connection) {}, true},
		{"last seen", open, func(c *Connection) { c.LastSeen = later }, true},
		{"last seen of a closed one", closed, func(c *Connection) { c.LastSeen = later }, false},
		{"time of a sighting", open, func(c *Connection) { c.Evidence.SeenBy = []Sighting{{"a", "client", later}} }, true},
		{"address, where many take turns", open, func(c *Connection) { c.Evidence.ClientAddress = "x" }, true},
		{"another sighting", open, func(c *Connection) { c.Evidence.SeenBy = []Sighting{{"a", "server", noon}} }, false},
		{"both ends", open, func(c *Connection) { c.Evidence.BothEnds = true }, false},
		{"how the client was resolved", open, func(c *Connection) { c.Evidence.ClientResolved = "x" }, false},
		{"how the server was resolved", open, func(c *Connection) { c.Evidence.ServerResolved = "x" }, false},
		{"id", open, func(c *Connection) { c.ID = "x" }, false},
		{"client", open, func(c *Connection) { c.Client.Service = "x" }, false},
		{"server", open, func(c *Connection) { c.Server.Port = 1 }, false},
		{"count", open, func(c *Connection) { c.Count = 2 }, false},
		{"opened", open, func(c *Connection) { c.Opened = 2 }, false},
		{"status", open, func(c *Connection) { c.Status = Old }, false},
		{"own", open, func(c *Connection) { c.Own = true }, false},
		{"peers", open, func(c *Connection) { c.Peers = 2 }, false},
		{"first seen", open, func(c *Connection) { c.FirstSeen = later }, false},
	} {
		changed := tt.base
		tt.change(&changed)
		if got := SameConnections([]Connection{tt.base}, []Connection{changed}); got != tt.want {
			t.Errorf("%s: same is %t, want %t", tt.name, got, tt.want)
		}
	}
}
