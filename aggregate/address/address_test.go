package address

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func nets(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// TestOf: what an address means shows by its interface and by how it is bound.
func TestOf(t *testing.T) {
	s := Of(&report.Report{Interfaces: []report.Interface{
		{Name: "lo", Addresses: nets("127.0.0.1/8", "10.0.0.100/32")},
		{Name: "eth0", Addresses: nets("10.0.0.1/24", "10.0.0.9/32", "fe80::1/64")},
		{Name: "docker0", Addresses: nets("172.17.0.1/16")},
		{Name: "br0", Addresses: nets("192.168.0.1/24")},
	}})
	if !slices.Equal(s.Own, addrs("10.0.0.1", "10.0.0.9", "10.0.0.100", "172.17.0.1", "192.168.0.1")) {
		t.Errorf("own: %v", s.Own)
	}
	if !slices.Equal(s.Virtual, addrs("10.0.0.9")) || !slices.Equal(s.Loopback, addrs("10.0.0.100")) || !slices.Equal(s.Networks, nets("172.17.0.0/16")) {
		t.Errorf("got %+v", s)
	}
}

// site has a and b with one address in common, a container on each of the same
// address, and a virtual address.
func site(t *testing.T) *topology.Edit {
	t.Helper()
	host := func(name, zone string, list ...string) *topology.Block {
		return &topology.Block{Node: topology.Node{
			Name: name, Kind: topology.Host, Zone: zone, Addresses: addrs(list...), ContainerNetworks: nets("172.17.0.0/16"),
		}}
	}
	box := func(name, addr string) *topology.Block {
		return &topology.Block{Node: topology.Node{Name: name, Kind: topology.Container, Addresses: addrs(addr)}}
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e"}, time.Time{}, []*topology.Block{
		host("a", "", "10.0.0.1", "10.0.0.50"), host("b", "", "10.0.0.2", "10.0.0.50"), host("c", "far", "10.0.0.1"),
		box("a/web", "172.17.0.2"), box("b/web", "172.17.0.2"),
		{Node: topology.Node{
			Name: "shop", Kind: topology.Virtual, Addresses: addrs("10.0.0.100"),
			Holders: []topology.Holder{{Node: "b"}, {Node: "a", Until: time.Unix(1, 0)}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.Edit()
}

func TestResolve(t *testing.T) {
	edit := site(t)
	book := NewBook(edit, Settings{
		Internal: nets("198.51.100.0/24"), Virtual: []Named{{Address: netip.MustParseAddr("10.0.0.101"), Name: "mail"}},
		Outside: []Network{{Name: "partner", Prefixes: nets("203.0.113.0/24")}, {Name: "branch", Prefixes: nets("203.0.113.128/25")}},
		Split: func(a netip.Addr) string {
			if a == netip.MustParseAddr("8.8.8.8") {
				return "US"
			}
			return ""
		},
	})
	for _, tt := range []struct {
		from, addr, node string
		kind             topology.NodeKind
		several          int
	}{
		{"a", "127.0.0.1", "a", topology.Host, 0},
		{"a", "10.0.0.100", "shop", topology.Virtual, 0},
		{"a", "10.0.0.101", "mail", topology.Virtual, 0},
		{"a", "10.0.0.50", "a", topology.Host, 0},
		{"a", "10.0.0.2", "b", topology.Host, 0},
		{"c", "10.0.0.2", "10.0.0.2@far", topology.Inferred, 0},
		{"a/web", "10.0.0.50", "a", topology.Host, 0},
		{"a/web", "172.17.0.2", "a/web", topology.Container, 0},
		{"a", "172.17.0.2", "a/web", topology.Container, 0},
		{"b", "172.17.0.2", "b/web", topology.Container, 0},
		{"a", "172.17.0.9", "172.17.0.9@a", topology.Inferred, 0},
		{"a", "10.9.9.9", "10.9.9.9", topology.Inferred, 0},
		{"a", "198.51.100.7", "198.51.100.7", topology.Inferred, 0},
		{"a", "203.0.113.7", "partner", topology.Network, 0},
		{"a", "203.0.113.200", "branch", topology.Network, 0},
		{"a", "8.8.8.8", "Internet (US)", topology.Internet, 0},
		{"a", "9.9.9.9", "Internet", topology.Internet, 0},
		{"d", "10.0.0.50", "10.0.0.50", topology.Inferred, 2},
	} {
		self := &topology.Node{Name: tt.from, Kind: topology.Host}
		if b := edit.Block(tt.from); b != nil {
			self = &b.Node
		}
		e := book.Resolve(self, netip.MustParseAddr(tt.addr))
		if e.Node != tt.node || e.Kind != tt.kind || len(e.Several) != tt.several || e.How == "" {
			t.Errorf("%s from %s is %+v, want %s", tt.addr, tt.from, e, tt.node)
		}
	}
}

func TestHolders(t *testing.T) {
	book := NewBook(site(t), Settings{})
	if now, ever := book.Holders("shop"), book.EverHeld("shop"); !slices.Equal(now, []string{"b"}) || !slices.Equal(ever, []string{"b", "a"}) {
		t.Errorf("held by %v, ever by %v", now, ever)
	}
	if book.Holders("none") != nil || book.EverHeld("none") != nil {
		t.Error("nobody holds what is not there")
	}
}
