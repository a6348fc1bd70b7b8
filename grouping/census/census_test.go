package census

import (
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func host(name string, services ...topology.Service) *topology.Block {
	return &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, LastReport: noon}, Services: services}
}

func serves(process string, port uint16) topology.Service {
	return topology.Service{Protocol: "tcp", Port: port, Process: process, State: topology.Listening}
}

func call(from, process, to string, port uint16) *topology.Connection {
	return &topology.Connection{
		Client: topology.Client{Node: from, Process: process}, Server: topology.Server{Node: to, Port: port},
		Protocol: "tcp", Count: 1, Directed: true, LastSeen: noon,
	}
}

func take(t *testing.T, blocks ...*topology.Block) *Census {
	t.Helper()
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return Take(s, noon)
}

func TestServices(t *testing.T) {
	gone, own := serves("gone", 90), serves("dotm", 4849)
	gone.State, own.Own = topology.Gone, true
	udp := serves("named", 53)
	udp.Protocol = "udp"
	c := take(t, host("a", serves("nginx", 80), serves("java", 40000), serves("java", 50000), gone, own, udp))
	var got []string
	for _, s := range c.Nodes[0].Services {
		got = append(got, c.Words[s.Word])
	}
	if want := []string{"java", "nginx", "named"}; !slices.Equal(got, want) {
		t.Errorf("services are %v, want %v: ephemeral ports are one, none of dotm's, none that is gone", got, want)
	}
	if c.Nodes[0].Services[0].Key.Port() != 0 || c.Nodes[0].Services[1].Key.Port() != 80 || c.Nodes[0].Services[2].Key == MakeKey("tcp", 53) {
		t.Errorf("keys are %v", c.Nodes[0].Services)
	}
	if !slices.IsSorted(c.Words) || c.Words[0] != "" {
		t.Errorf("words are %q, want them sorted, the empty one first", c.Words)
	}
}

func TestKinds(t *testing.T) {
	var blocks []*topology.Block
	kinds := map[topology.NodeKind]Kind{
		topology.Host: Host, topology.Inferred: Host, topology.Container: Container, topology.Virtual: Virtual,
		topology.Network: Outside, topology.Internet: Outside,
	}
	for k := range kinds {
		b := host(string(k))
		b.Node.Kind = k
		if k == topology.Inferred {
			b.Node.State = topology.Unheard
		}
		blocks = append(blocks, b)
	}
	c := take(t, blocks...)
	for k, want := range kinds {
		n := c.Nodes[c.Index(string(k))]
		if n.Kind != want || n.Reports != (k != topology.Inferred) {
			t.Errorf("%s is %d and reports: %v, want %d", k, n.Kind, n.Reports, want)
		}
	}
	if c.Index("nobody") != -1 {
		t.Error("nobody is there")
	}
}

func TestEdges(t *testing.T) {
	faint := call("a", "x", "b", 81)
	faint.Count, faint.LastSeen = 0, noon.Add(-Fade)
	idle := call("a", "x", "b", 82)
	idle.Count, idle.LastSeen = 0, noon.Add(1-Fade)
	own := call("a", "dotm", "b", 83)
	own.Own = true
	watch := call("a", "check", "b", 84)
	watch.Observer = true
	watched := call("a", "x", "b", 80)
	watched.Observer = true
	loose := call("a", "x", "b", 85)
	loose.Directed = false
	a, b := host("a"), host("b")
	a.Connections = []*topology.Connection{call("a", "x", "b", 80), call("a", "y", "b", 80), faint, idle, own, watch, watched, loose, call("a", "x", "a", 80), call("a", "x", "nobody", 80)}
	b.Connections = []*topology.Connection{call("a", "z", "b", 80), call("c", "", "b", 86)}
	c := take(t, host("c"), b, a)
	want := []Edge{
		{0, 1, MakeKey("tcp", 80), false, false},
		{0, 1, MakeKey("tcp", 82), false, false},
		{0, 1, MakeKey("tcp", 84), true, false},
		{0, 1, MakeKey("tcp", 85), false, true},
		{2, 1, MakeKey("tcp", 86), false, false},
	}
	if !slices.Equal(c.Edges, want) {
		t.Errorf("edges are %v, want %v", c.Edges, want)
	}
	var clients []string
	for _, w := range c.Nodes[0].Clients {
		clients = append(clients, c.Words[w])
	}
	if !slices.Equal(clients, []string{"x", "y", "z"}) {
		t.Errorf("clients are %v: no observer, not dotm", clients)
	}
}

// TestHolders: who answers for a virtual address is called by it.
func TestHolders(t *testing.T) {
	vip := host("vip")
	vip.Node.Kind = topology.Virtual
	vip.Node.Holders = []topology.Holder{{Node: "b"}, {Node: "a", Until: noon}, {Node: "nobody"}, {Node: "vip"}}
	c := take(t, host("a"), host("b"), vip)
	if len(c.Edges) != 1 || c.Edges[0].From != 2 || c.Edges[0].To != 1 {
		t.Errorf("edges are %v, want one from the address to its holder", c.Edges)
	}
}

func TestSame(t *testing.T) {
	base := func() *topology.Block {
		b := host("a", serves("nginx", 80))
		closed := call("a", "x", "c", 80)
		closed.Count, closed.LastSeen = 0, noon.Add(-time.Hour)
		b.Connections = []*topology.Connection{call("a", "x", "b", 80), closed}
		b.Node.Holders = []topology.Holder{{Node: "a"}}
		return b
	}
	for _, tt := range []struct {
		name string
		edit func(b *topology.Block)
		same bool
	}{
		{"nothing", func(*topology.Block) {}, true},
		{"numbers", func(b *topology.Block) {
			b.Write(0)
			b.Connections[0].Count, b.Connections[0].Opened, b.Services[0].Clients = 9, 9, 9
			b.Node.LastReport = noon.Add(time.Minute)
		}, true},
		{"turns stale", func(b *topology.Block) { b.Node.State = topology.Stale }, true},
		{"closes", func(b *topology.Block) { b.Write(0).Count = 0 }, true},
		{"opens again", func(b *topology.Block) { b.Write(1).Count = 1 }, true},
		{"opens again after it had faded", func(b *topology.Block) {
			b.Write(1).Count = 1
			b.Node.LastReport = noon.Add(Fade)
		}, false},
		{"another kind", func(b *topology.Block) { b.Node.Kind = topology.Container }, false},
		{"reports no more", func(b *topology.Block) { b.Node.State = topology.Unheard }, false},
		{"another holder", func(b *topology.Block) { b.Node.Holders[0].Until = noon }, false},
		{"a service more", func(b *topology.Block) { b.Services = append(b.Services, serves("x", 1)) }, false},
		{"another process", func(b *topology.Block) { b.Services[0].Process = "apache2" }, false},
		{"a service goes", func(b *topology.Block) { b.Services[0].State = topology.Gone }, false},
		{"a connection less", func(b *topology.Block) { b.Connections = b.Connections[1:] }, false},
		{"another server", func(b *topology.Block) { b.Write(0).Server.Node = "d" }, false},
		{"turns out an observer's", func(b *topology.Block) { b.Write(0).Observer = true }, false},
		{"gets a direction", func(b *topology.Block) { b.Write(0).Directed = false }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := base(), base()
			tt.edit(b)
			if got := Same(a, b); got != tt.same {
				t.Errorf("same is %v, want %v", got, tt.same)
			}
			if !Same(a, a) || !Same(a, a.Clone()) {
				t.Error("a block differs from itself")
			}
		})
	}
}
