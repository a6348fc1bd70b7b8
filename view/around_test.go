package view

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
)

// chain is clients and servers, one calling the next, with a shared service that all
// call, a pool and a group.
func chain() *Topology {
	t := &Topology{Level: LevelService, Width: 900, Height: 300, Hidden: Hidden{Services: 4}, Lanes: []Lane{
		{ID: "g", Layout: Rect{X: 0, Y: 0, W: 300, H: 100}}, {ID: "h", Layout: Rect{X: 300, Y: 0, W: 600, H: 100}},
	}}
	for i, name := range strings.Fields("Internet a b c d dns e") {
		n := Node{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting}, Layout: &Rect{X: float64(i * 100), Y: 10, W: 80, H: 50}}
		switch name {
		case "Internet":
			n.Kind, n.State = topology.Internet, topology.Unheard
		case "dns":
			n.Shared = true
		case "c", "d":
			n.Pool, n.Group = "pool~c", "group~c"
		}
		t.Nodes = append(t.Nodes, n)
	}
	service := func(node string, port uint16) string {
		id := node + "~tcp~" + string('0'+rune(port))
		if i, there := t.service(id); !there {
			t.Services = slices.Insert(t.Services, i, Service{Service: topology.Service{ID: id, Node: node, Port: port}})
		}
		return id
	}
	for _, line := range strings.Split("Internet a1|e a1|a b1|b c1|b d1|c d2|a dns1|b dns1|c dns1|d dns1|e dns1", "|") {
		from, to, _ := strings.Cut(line, " ")
		port := uint16(to[len(to)-1] - '0')
		to = to[:len(to)-1]
		c := Connection{Connection: topology.Connection{ID: line, Client: topology.Client{Node: from}, Server: topology.Server{Node: to, Port: port, Service: service(to, port)}}}
		t.Connections = append(t.Connections, c)
	}
	return t
}

func TestAround(t *testing.T) {
	for _, c := range []struct {
		focus string
		hops  int
		want  string
	}{
		{"a", 1, "Internet a b dns e"},
		{"a", 2, "Internet a b c d dns e"}, // dns leads no further, b does
		{"c", 1, "b c d dns"},
		{"c", 2, "a b c d dns"},
		{"e", 1, "a dns e"},
		{"e", 2, "Internet a b dns e"},
		{"dns", 1, "a b c d dns e"},
		{"Internet", 1, "Internet a"},
		{"Internet", 4, "Internet a b c d dns e"},
		{"pool~c", 1, "b c d dns"},
		{"group~c", 1, "b c d dns"},
		{"d~tcp~2", 1, "c d"}, // who calls this service, not its neighbour
		{"d~tcp~1", 1, "b d"},
		{"d~tcp~1", 2, "a b c d dns"},
		{"d~tcp~9", 1, "b c d dns"}, // a service that is no row here: its node
		{"nobody", 1, ""},
		{"", 1, ""},
	} {
		whole := chain()
		part, ok := whole.Around(Around{c.focus, c.hops})
		if got := strings.Join(nodeNames(part), " "); got != c.want || ok != (c.want != "") {
			t.Errorf("%d around %q: %q (%t), want %q", c.hops, c.focus, got, ok, c.want)
		}
		if len(whole.Nodes) != 7 || len(whole.Lanes) != 2 {
			t.Error("the whole is written")
		}
	}
}

// TestAroundAsThePage: the page fades by the same rule, and holds the same cases
// (web/src/state/around.test.ts).
func TestAroundAsThePage(t *testing.T) {
	var same struct {
		Chart Topology
		Cases []struct {
			Focus string
			Hops  int
			Want  []string
		}
	}
	data, err := os.ReadFile("testdata/around.json")
	if err == nil {
		err = json.Unmarshal(data, &same)
	}
	if err != nil || len(same.Cases) == 0 {
		t.Fatal("no cases: ", err)
	}
	for _, c := range same.Cases {
		part, ok := same.Chart.Around(Around{c.Focus, c.Hops})
		got := []string{}
		for _, n := range part.boxes() {
			got = append(got, n.Name)
		}
		slices.Sort(got)
		if slices.Sort(c.Want); !slices.Equal(got, c.Want) || ok != (len(c.Want) > 0) {
			t.Errorf("%d around %q: %q (%t), want %q", c.Hops, c.Focus, got, ok, c.Want)
		}
	}
}

// TestAroundIsAPart: what is kept is as it was, and complete among itself.
func TestAroundIsAPart(t *testing.T) {
	part, _ := chain().Around(Around{"e", 1})
	same(t, "connections", edges(part), []string{"a/>dns:1", "e/>a:1", "e/>dns:1"})
	same(t, "lanes", len(part.Lanes), 2) // a stands on the one, e and dns on the other
	same(t, "size", part.Width, 900.0)
	same(t, "hidden", part.Hidden.Services, 4)
	same(t, "coverage", part.Coverage, Coverage{Nodes: 3, Reporting: 3, Connections: 3, OneSided: 3})
	if part.Nodes[0].Layout.X != 100 || len(part.Services) != 2 {
		t.Errorf("a stands at %v, services %v", part.Nodes[0].Layout, part.Services)
	}
	far, _ := chain().Around(Around{"pool~c", 1})
	if len(far.Lanes) != 2 || far.Lanes[1].ID != "h" {
		t.Errorf("lanes %+v", far.Lanes)
	}
}

// TestAroundMembers: on levels of boxes a node is the box that it stands in.
func TestAroundMembers(t *testing.T) {
	top := &Topology{Level: LevelPool, Pools: []Node{
		{Node: topology.Node{Name: "pool~w", Kind: topology.Pool, Members: []topology.BoxMember{{Name: "web1"}, {Name: "host/web2"}}}},
	}, Nodes: []Node{{Node: topology.Node{Name: "db"}}, {Node: topology.Node{Name: "far"}}}}
	top.Connections = []Connection{{Connection: topology.Connection{ID: "x", Client: topology.Client{Node: "pool~w"}, Server: topology.Server{Node: "db"}}}}
	for _, focus := range []string{"web1", "host/web2", "pool~w", "web1~tcp~80", "host!web2~tcp~80", "db"} {
		part, ok := top.Around(Around{focus, 1})
		if !ok || len(part.Pools) != 1 || len(part.Nodes) != 1 || part.Nodes[0].Name != "db" {
			t.Errorf("around %s: %+v", focus, part)
		}
	}
}

// TestNear: a part may be around several things, or be they themselves.
func TestNear(t *testing.T) {
	for _, c := range []struct {
		names []string
		hops  int
		want  string
	}{
		{[]string{"a", "c"}, 0, "a c"},
		{[]string{"a", "c"}, 1, "Internet a b c d dns e"},
		{[]string{"pool~c"}, 0, "c d"},
		{[]string{"b~tcp~1", "nobody"}, 0, "b"},
		{nil, 2, ""},
	} {
		part := chain().Near(c.names, c.hops)
		var got []string
		for i := range part.Nodes {
			got = append(got, part.Nodes[i].Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v, %d hops: %v, want %s", c.names, c.hops, got, c.want)
		}
	}
}
