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
