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
}

// resolve finds the node behind an address as a node of a zone sees it: the
// node itself, else the one reporting node that has the address, else an
// inferred node of that address, or the Internet outside the internal
// networks. An address on several nodes says nothing about which is meant.
func (b *Batch) resolve(self *topology.Node, addr netip.Addr) end {
	if addr.IsLoopback() {
		return end{self.Name, self.Kind, "loopback"}
	}
	owners := b.edit.Owners(self.Zone, addr)
	if slices.Contains(owners, self.Name) {
		return end{self.Name, self.Kind, "its own address"}
	}
	host := hostOf(self.Name)
	if h := b.edit.Block(host); h != nil && scopes(&h.Node, addr) {
		return b.inside(host, addr, onHost(owners, host))
	}
	if v := b.virtual(self.Zone, addr); v != nil {
		return end{v.Node.Name, topology.Virtual, virtualResolved}
	}
	owners = b.reachable(owners, addr)
	if len(owners) > 1 {
		if near := onHost(owners, hostOf(self.Name)); len(near) == 1 {
			return end{near[0], b.edit.Block(near[0]).Node.Kind, "address of " + near[0] + ", on the same host"}
		}
	}
	switch {
	case len(owners) == 1:
		return end{owners[0], b.edit.Block(owners[0]).Node.Kind, "address of " + owners[0]}
	case len(owners) > 1:
		return end{inferredName(self.Zone, addr), topology.Inferred, "address of several nodes: " + strings.Join(owners, ", ")}
	case b.internal(addr):
		return end{inferredName(self.Zone, addr), topology.Inferred, "internal address that no reporting node has"}
	}
	if b.opt.Outside != nil {
		if name := b.opt.Outside(addr); name != "" && !b.isHost(name) {
			return end{name, topology.Network, "outside the internal networks, in " + name}
		}
	}
	return end{topology.InternetName, topology.Internet, "outside the internal networks"}
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

// isHost says whether a node that reports has a name.
func (b *Batch) isHost(name string) bool {
	block := b.edit.Block(name)
	return block != nil && block.Node.OwnsAddresses()
}

// scopes says whether an address lies in a network that means something on a
// host alone.
func scopes(host *topology.Node, addr netip.Addr) bool {
	return slices.ContainsFunc(host.Scoped, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// inside resolves an address of a network that a host has for itself.
func (b *Batch) inside(host string, addr netip.Addr, near []string) end {
	if len(near) == 1 {
		return end{near[0], b.edit.Block(near[0]).Node.Kind, "address of " + near[0] + ", on the same host"}
	}
	how := "address of a network within " + host
	if len(near) > 1 {
		how += ", which several have: " + strings.Join(near, ", ")
	}
	return end{host + "/" + addr.String(), topology.Inferred, how}
}

// reachable leaves out the nodes that have an address for themselves alone.
func (b *Batch) reachable(owners []string, addr netip.Addr) []string {
	hidden := func(o string) bool {
		h := b.edit.Block(hostOf(o))
		return h != nil && scopes(&h.Node, addr)
	}
	if !slices.ContainsFunc(owners, hidden) {
		return owners
	}
	return slices.DeleteFunc(slices.Clone(owners), hidden)
}

// addressOf is the address that a node is named by, which is known by nothing
// else: "10.0.0.7", "10.0.0.7@zone", "host/172.17.0.5".
func addressOf(name string) (netip.Addr, bool) {
	text, _, _ := strings.Cut(name, "@")
	text = text[strings.LastIndexByte(text, '/')+1:]
	addr, err := netip.ParseAddr(text)
	return addr, err == nil
}
