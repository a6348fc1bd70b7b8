package aggregate

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

// end is what an address was resolved to.
type end struct {
	node string
	kind topology.NodeKind
	how  string // in words, for the evidence
	// several are the nodes that have the address, where that is more than one,
	// so that it says nothing about which is meant.
	several []string
}

// resolve finds the node behind an address as a node of a zone sees it: the
// node that stands for a virtual address; the node itself; on the networks of
// its host's containers, what runs there; else the one reporting node of the zone
// that has the address; else an inferred node of that address, or the Internet
// outside the internal networks. An address on several nodes says nothing about
// which is meant.
func (b *Batch) resolve(self *topology.Node, addr netip.Addr) end {
	if addr.IsLoopback() {
		return end{node: self.Name, kind: self.Kind, how: "loopback"}
	}
	if v := b.virtualAt(self.Zone, addr); v != "" {
		return end{node: v, kind: topology.Virtual, how: virtualHow}
	}
	if slices.Contains(self.Addresses, addr) {
		return end{node: self.Name, kind: self.Kind, how: "its own address"}
	}
	owners := b.edit.Owners(self.Zone, addr)
	host := b.hostBlock(self)
	if host != nil && host.Node.InContainerNetwork(addr) {
		return b.resolveInside(&host.Node, owners, addr)
	}
	if len(owners) > 1 {
		if near := onHost(owners, hostOf(self.Name)); len(near) == 1 {
			return end{node: near[0], kind: b.edit.Block(near[0]).Node.Kind, how: "address of " + near[0] + ", on the same host"}
		}
	}
	switch {
	case len(owners) == 1:
		return end{node: owners[0], kind: b.edit.Block(owners[0]).Node.Kind, how: "address of " + owners[0]}
	case len(owners) > 1:
		return end{inferredName(self.Zone, addr), topology.Inferred, "address of several nodes: " + strings.Join(owners, ", "), owners}
	case b.internal(addr):
		return end{node: inferredName(self.Zone, addr), kind: topology.Inferred, how: "internal address that no reporting node has"}
	}
	return b.outside(addr)
}

// hostBlock is the block of the host that a node is or is on; nil if there is
// none.
func (b *Batch) hostBlock(n *topology.Node) *topology.Block {
	if n.Kind != topology.Container && len(n.ContainerNetworks) == 0 {
		return nil
	}
	return b.edit.Block(hostOf(n.Name))
}

// resolveInside finds an address on the networks of a host's containers: every
// host may have the same ones.
func (b *Batch) resolveInside(host *topology.Node, owners []string, addr netip.Addr) end {
	if slices.Contains(host.Addresses, addr) {
		return end{node: host.Name, kind: topology.Host, how: "address of " + host.Name + " on the network of its containers"}
	}
	near := onHost(owners, host.Name)
	if len(near) == 1 {
		return end{node: near[0], kind: b.edit.Block(near[0]).Node.Kind, how: "address of " + near[0] + ", on the same host"}
	}
	how := "address on the network of containers of " + host.Name + " that no reporting node has"
	if len(near) > 1 {
		how = "address of several nodes: " + strings.Join(near, ", ")
	}
	return end{insideName(host.Name, addr), topology.Inferred, how, near}
}

// hostOf is the host of a node: itself, or the one that its container is on.
func hostOf(node string) string {
	host, _, _ := strings.Cut(node, "/")
	return host
}

// onHost are those of the nodes that are a host or on it: containers of several
// hosts may have one address.
func onHost(nodes []string, host string) (near []string) {
	for _, n := range nodes {
		if hostOf(n) == host {
			near = append(near, n)
		}
	}
	return near
}

func (b *Batch) internal(addr netip.Addr) bool {
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

// inferredName is the name of a node that is known by its address alone.
func inferredName(zone string, addr netip.Addr) string {
	if zone == "" {
		return addr.String()
	}
	return addr.String() + "@" + zone
}

// insideName is the name of what has an address on the networks of a host's
// containers.
func insideName(host string, addr netip.Addr) string { return addr.String() + "@" + host }
