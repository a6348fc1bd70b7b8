package aggregate

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/topology"
)

// NamedNetwork is one or more networks with the name of the node that stands for
// them.
type NamedNetwork struct {
	Name     string
	Prefixes []netip.Prefix
}

// outside finds what stands for an address outside the internal networks: a
// known network, the part of the Internet that it belongs to, or all of it.
func (b *Batch) outside(addr netip.Addr) end {
	best := -1
	var name string
	for _, n := range b.opt.Outside {
		for _, p := range n.Prefixes {
			if p.Contains(addr) && p.Bits() > best && b.mayStand(n.Name) {
				best, name = p.Bits(), n.Name
			}
		}
	}
	if best >= 0 {
		return end{node: name, kind: topology.Network, how: "in the network " + name + " of the settings"}
	}
	if b.opt.Split != nil {
		if part := b.opt.Split(addr); part != "" {
			return end{node: topology.InternetName + " (" + part + ")", kind: topology.Internet, how: "outside the internal networks, " + part}
		}
	}
	return end{node: topology.InternetName, kind: topology.Internet, how: "outside the internal networks"}
}

// mayStand tells whether a name is free for a node that stands for a network.
func (b *Batch) mayStand(name string) bool {
	block := b.edit.Block(name)
	return block == nil || !block.Node.OwnsAddresses()
}
