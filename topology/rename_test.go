package topology

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// street is a host with a container, a caller, an inferred node that the host
// sees, and a virtual address that it holds.
func street() []*Block {
	web, inside, other := host("web", "10.0.0.1"), host("web/db", "172.17.0.2"), host("zed", "10.0.0.3")
	web.Services = []Service{{ID: "web~tcp~80", Node: "web"}}
	inside.Services = []Service{{ID: "web!db~tcp~5432", Node: "web/db"}}
	call := func(from, to, service string) *Connection {
		c := Connection{
			Client: Client{Node: from, Process: "x"}, Server: Server{Node: to, Port: 80, Service: service}, Opened: 1, FirstSeen: noon,
			Evidence: Evidence{SeenBy: []Sighting{{Node: from, End: "client"}}, ServerResolved: "address of " + to},
		}
		c.ID = ConnectionID(&c)
		return &c
	}
	web.Connections = []*Connection{call("web", "web/db", "web!db~tcp~5432")}
	other.Connections = []*Connection{call("zed", "web", "web~tcp~80")}
	return []*Block{
		{Node: Node{Name: "10.0.0.100", Kind: Virtual, Holders: []Holder{{Node: "web"}, {Node: "webs"}}}},
		{Node: Node{Name: "10.0.0.9", Kind: Inferred, SeenBy: []string{"web", "zed"}}},
		web, inside, host("webs", "10.0.0.7"), other,
	}
}

func TestRenameAll(t *testing.T) {
	before := street()
	text := written(t, from(t, before...))
	after := RenameAll(before, "web", "yak")
	if written(t, from(t, before...)) != text {
		t.Error("the blocks of before were written to")
	}
	s := from(t, after...)
	var names []string
	for b := range s.Blocks() {
		names = append(names, b.Node.Name)
	}
	if want := []string{"10.0.0.100", "10.0.0.9", "webs", "yak", "yak/db", "zed"}; !slices.Equal(names, want) {
		t.Errorf("nodes %v, want %v", names, want)
	}
	if s.Service("yak~tcp~80") == nil || s.Service("yak!db~tcp~5432") == nil {
		t.Error("its services have other ids")
	}
	if got := s.Block("10.0.0.9").Node.SeenBy; !slices.Equal(got, []string{"yak", "zed"}) {
		t.Errorf("seen by %v", got)
	}
	if got := s.Block("10.0.0.100").Node.Holders; got[0].Node != "yak" || got[1].Node != "webs" {
		t.Errorf("held by %v", got)
	}
	c := s.Block("zed").Connections[0]
	if c.Server.Node != "yak" || c.Server.Service != "yak~tcp~80" || c.ID != ConnectionID(c) || c.Evidence.ServerResolved != "address of yak" {
		t.Errorf("%+v", c)
	}
	c = s.Block("yak").Connections[0]
	if c.Client.Node != "yak" || c.Server.Node != "yak/db" || c.Evidence.SeenBy[0].Node != "yak" {
		t.Errorf("%+v", c)
	}
	if s.Block("webs") != before[4] {
		t.Error("a block that doesn't name it was copied")
	}
	if diff := cmp.Diff(before, RenameAll(after, "yak", "web"), sameAddresses); diff != "" {
		t.Errorf("there and back (-want +got):\n%s", diff)
	}
}

// TestRenameOnto: a node takes in another of its name, and what both had is
// counted together.
func TestRenameOnto(t *testing.T) {
	old, now := host("old"), host("now", "10.0.0.1")
	old.Node.FirstSeen, now.Node.FirstSeen = noon, noon.Add(time.Hour)
	old.Services = []Service{{ID: "old~tcp~80", Node: "old"}, {ID: "old~tcp~22", Node: "old"}}
	now.Services = []Service{{ID: "now~tcp~80", Node: "now", Process: "nginx"}}
	call := func(from, to string, opened uint64, at time.Time) *Connection {
		c := Connection{Client: Client{Node: from}, Server: Server{Node: to}, Opened: opened, FirstSeen: at}
		c.ID = ConnectionID(&c)
		return &c
	}
	old.Connections = []*Connection{call("old", "x", 2, noon), call("old", "y", 4, noon)}
	now.Connections = []*Connection{call("now", "x", 1, noon.Add(time.Hour))}
	for _, blocks := range [][]*Block{{now, old}, {old, now}} {
		got := RenameAll(blocks, "old", "now")
		if len(got) != 1 {
			t.Fatalf("%d blocks", len(got))
		}
		b := got[0]
		if !b.Node.FirstSeen.Equal(noon) || len(b.Node.Addresses) != 1 || len(b.Services) != 2 || b.Service("now~tcp~80").Process != "nginx" {
			t.Errorf("%+v", b)
		}
		sum := map[string]uint64{}
		for _, c := range b.Connections {
			sum[c.Server.Node] = c.Opened
			if !c.FirstSeen.Equal(noon) {
				t.Errorf("first seen %v", c.FirstSeen)
			}
		}
		if diff := cmp.Diff(map[string]uint64{"x": 3, "y": 4}, sum); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
