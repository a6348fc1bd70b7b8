package address

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// alwaysInternal are the networks that are nobody's Internet: RFC 1918, unique
// local (RFC 4193), link-local (RFC 3927, RFC 4291) and loopback addresses.
var alwaysInternal = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("::1/128"),
}

// AlwaysInternal lists the networks that count as internal whatever the
// settings say.
func AlwaysInternal() []netip.Prefix { return append([]netip.Prefix(nil), alwaysInternal...) }

// Settings are what the site says of its addresses.
type Settings struct {
	// Internal are the site's networks beside the ones that always are.
	Internal []netip.Prefix
	// Virtual are addresses that move between nodes, or sit on several at once.
	Virtual []Named
	// Outside are known networks beside the Internet.
	Outside []Network
	// Split names the part of the Internet that an address belongs to; nil leaves
	// it whole.
	Split func(netip.Addr) string
}

// Book tells which node an address means, by what the settings and the topology
// in the making say. It changes nothing.
type Book struct {
	edit *topology.Edit
	opt  Settings
}

// NewBook opens the book of a topology in the making.
func NewBook(edit *topology.Edit, opt Settings) *Book { return &Book{edit, opt} }

// End is what an address was resolved to.
type End struct {
	Node string
	Kind topology.NodeKind
	How  string // in words, for the evidence
	// Several are the nodes that have the address, where that is more than one,
	// so that it says nothing about which is meant.
	Several []string
}

// Resolve finds the node behind an address as a node of a zone sees it: the
// node that stands for a virtual address; the node itself; on the networks of
// its host's containers, what runs there; else the one reporting node of the zone
// that has the address; else an inferred node of that address, or the Internet
// outside the internal networks. An address on several nodes says nothing about
// which is meant.
func (b *Book) Resolve(self *topology.Node, addr netip.Addr) End {
	if addr.IsLoopback() {
		return End{Node: self.Name, Kind: self.Kind, How: "loopback"}
	}
	if v := b.VirtualAt(self.Zone, addr); v != "" {
		return End{Node: v, Kind: topology.Virtual, How: VirtualHow}
	}
	if slices.Contains(self.Addresses, addr) {
		return End{Node: self.Name, Kind: self.Kind, How: "its own address"}
	}
	owners := b.edit.Owners(self.Zone, addr)
	host := b.hostBlock(self)
	if host != nil && host.Node.InContainerNetwork(addr) {
		return b.resolveInside(&host.Node, owners, addr)
	}
	if len(owners) > 1 {
		if near := OnHost(owners, HostOf(self.Name)); len(near) == 1 {
			return End{Node: near[0], Kind: b.edit.Block(near[0]).Node.Kind, How: "address of " + near[0] + ", on the same host"}
		}
	}
	switch {
	case len(owners) == 1:
		return End{Node: owners[0], Kind: b.edit.Block(owners[0]).Node.Kind, How: "address of " + owners[0]}
	case len(owners) > 1:
		return End{InferredName(self.Zone, addr), topology.Inferred, "address of several nodes: " + strings.Join(owners, ", "), owners}
	case b.internal(addr):
		return End{Node: InferredName(self.Zone, addr), Kind: topology.Inferred, How: "internal address that no reporting node has"}
	}
	return b.outside(addr)
}

// hostBlock is the block of the host that a node is or is on; nil if there is
// none.
func (b *Book) hostBlock(n *topology.Node) *topology.Block {
	if n.Kind != topology.Container && len(n.ContainerNetworks) == 0 {
		return nil
	}
	return b.edit.Block(HostOf(n.Name))
}

// resolveInside finds an address on the networks of a host's containers: every
// host may have the same ones.
func (b *Book) resolveInside(host *topology.Node, owners []string, addr netip.Addr) End {
	if slices.Contains(host.Addresses, addr) {
		return End{Node: host.Name, Kind: topology.Host, How: "address of " + host.Name + " on the network of its containers"}
	}
	near := OnHost(owners, host.Name)
	if len(near) == 1 {
		return End{Node: near[0], Kind: b.edit.Block(near[0]).Node.Kind, How: "address of " + near[0] + ", on the same host"}
	}
	how := "address on the network of containers of " + host.Name + " that no reporting node has"
	if len(near) > 1 {
		how = "address of several nodes: " + strings.Join(near, ", ")
	}
	return End{insideName(host.Name, addr), topology.Inferred, how, near}
}

// HostOf is the host of a node: itself, or the one that its container is on.
func HostOf(node string) string {
	host, _, _ := strings.Cut(node, "/")
	return host
}

// OnHost are those of the nodes that are a host or on it: containers of several
// hosts may have one address.
func OnHost(nodes []string, host string) (near []string) {
	for _, n := range nodes {
		if HostOf(n) == host {
			near = append(near, n)
		}
	}
	return near
}

func (b *Book) internal(addr netip.Addr) bool {
	if addr.IsMulticast() {
		return true
	}
	for _, list := range [][]netip.Prefix{alwaysInternal, b.opt.Internal} {
		for _, p := range list {
			if p.Contains(addr) {
				return true
			}
		}
	}
	return false
}

// InferredName is the name of a node that is known by its address alone.
func InferredName(zone string, addr netip.Addr) string {
	if zone == "" {
		return addr.String()
	}
	return addr.String() + "@" + zone
}

// insideName is the name of what has an address on the networks of a host's
// containers.
func insideName(host string, addr netip.Addr) string { return addr.String() + "@" + host }

// BareName is the name under which a node's address stands while it doesn't
// report.
func (b *Book) BareName(n *topology.Node, addr netip.Addr) string {
	if host := b.hostBlock(n); host != nil && host.Node.InContainerNetwork(addr) {
		return insideName(host.Node.Name, addr)
	}
	return InferredName(n.Zone, addr)
}
