package inference

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// reporter is a host with the edges that it holds.
func reporter(name string, edges ...topology.Connection) *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting}}
	for _, c := range edges {
		c.ID = topology.ConnectionID(&c)
		b.Connections = append(b.Connections, &c)
	}
	return b
}

// held are the edges of a block.
func held(b *topology.Block) (list []topology.Connection) {
	for _, c := range b.Connections {
		list = append(list, *c)
	}
	return list
}

// call is an edge from a node to a service of another.
func call(client, server string) topology.Connection {
	return topology.Connection{
		Client: topology.Client{Node: client}, Protocol: "tcp", Directed: true, FirstSeen: noon.Add(-time.Hour), LastSeen: noon,
		Server: topology.Server{Node: server, Port: 80, Service: topology.ServiceID(server, "tcp", 80, netip.Addr{})},
	}
}

func begin(edit *topology.Edit) *Nodes {
	return New(edit, address.NewBook(edit, address.Settings{Virtual: []address.Named{{Address: netip.MustParseAddr("10.0.0.100"), Name: "shop"}}}))
}

// TestDerive: what a reporter calls stands as long as one of them has an edge
// there.
func TestDerive(t *testing.T) {
	edit := topology.Empty(topology.Revision{Epoch: "e"}, noon).Edit()
	d, none := begin(edit), reporter("a")
	a, b := reporter("a", call("a", "10.0.0.9"), call("a", "shop"), call("a", "Internet"), call("a", "10.1.0.0/24")), reporter("b", call("b", "10.0.0.9"))
	for _, r := range []*topology.Block{a, b} {
		edit.Put(r)
		d.Derive(&topology.Block{}, r, noon)
	}
	for name, kind := range map[string]topology.NodeKind{
		"10.0.0.9": topology.Inferred, "shop": topology.Virtual, "Internet": topology.Internet, "10.1.0.0/24": topology.Network,
	} {
		block := edit.Block(name)
		if block == nil || block.Node.Kind != kind || len(block.Services) != 1 || !block.Node.FirstSeen.Equal(noon.Add(-time.Hour)) {
			t.Errorf("%s is %+v", name, block)
		}
	}
	if seen := edit.Block("10.0.0.9").Node.SeenBy; len(seen) != 2 || !edit.Touched() {
		t.Errorf("seen by %v", seen)
	}
	edit.Put(none)
	d.Derive(a, none, noon)
	if edit.Block("10.0.0.9") == nil || edit.Block("Internet") != nil || edit.Block("shop") == nil {
		t.Error("b still calls 10.0.0.9, nobody the Internet, and a virtual address stands by itself")
	}
}

// TestAdopt: what was known by its address alone becomes one with the host that
// turns out to have it.
func TestAdopt(t *testing.T) {
	edit := topology.Empty(topology.Revision{Epoch: "e"}, noon).Edit()
	d, a := begin(edit), reporter("a", call("a", "10.0.0.9"))
	edit.Put(a)
	d.Derive(&topology.Block{}, a, noon)
	b := reporter("b")
	b.Node.Addresses = []netip.Addr{netip.MustParseAddr("10.0.0.9")}
	edit.Put(b)
	if first := d.Adopt(b); !first.Equal(noon.Add(-time.Hour)) {
		t.Errorf("first seen %v", first)
	}
	if c := edit.Block("a").Connections[0]; edit.Block("10.0.0.9") != nil || c.Server.Node != "b" || c.Evidence.ServerResolved != "address of b" {
		t.Errorf("the edge leads to %+v", c.Server)
	}
}

// TestGather: many callers of one network are one node, until few are left.
func TestGather(t *testing.T) {
	edit := topology.Empty(topology.Revision{Epoch: "e"}, noon).Edit()
	d, prev := begin(edit), reporter("a")
	edit.Put(prev)
	for i := range gatherAbove + 1 {
		if edit.Block("10.2.0.0/24") != nil {
			t.Fatalf("%d callers are many", i)
		}
		c := call(fmt.Sprintf("10.2.0.%d", i+1), "a")
		c.Status = topology.Fresh
		next := reporter("a", append(held(edit.Block("a")), c)...)
		edit.Put(next)
		d.Derive(prev, next, noon)
		prev = edit.Block("a")
	}
	network := edit.Block("10.2.0.0/24")
	if network == nil || len(edit.Block("a").Connections) != 1 || edit.Block("a").Connections[0].Peers != gatherAbove+1 || edit.Block("10.2.0.1") != nil {
		t.Fatalf("a holds %+v", edit.Block("a").Connections)
	}
	self, caller := &edit.Block("a").Node, netip.MustParseAddr("10.2.0.99")
	one := address.End{Node: "10.2.0.99", Kind: topology.Inferred}
	if e := d.Gathered(self, one, caller); e.Node != "10.2.0.0/24" {
		t.Errorf("one more caller is %s", e.Node)
	}
	few := edit.Block("a").Clone()
	few.Write(0).Peers = scatterBelow
	edit.Put(few)
	d.Scatter(network)
	if e := d.Gathered(self, one, caller); e.Node != "10.2.0.99" {
		t.Errorf("of few callers one is %s", e.Node)
	}
}
