package address

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/topology"
)

// Network is one or more networks with the name of the node that stands for
// them.
type Network struct {
	Name     string
	Prefixes []netip.Prefix
}

// outside finds what stands for an address outside the internal networks: a
// known network, the part of the Internet that it belongs to, or all of it.
func (b *Book) outside(addr netip.Addr) End {
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
		return End{Node: name, Kind: topology.Network, How: "in the network " + name + " of the settings"}
	}
	if b.opt.Split != nil {
		if part := b.opt.Split(addr); part != "" {
			return End{Node: topology.InternetName + " (" + part + ")", Kind: topology.Internet, How: "outside the internal networks, " + part}
		}
	}
	return End{Node: topology.InternetName, Kind: topology.Internet, How: "outside the internal networks"}
}

// mayStand tells whether a name is free for a node that stands for a network.
func (b *Book) mayStand(name string) bool {
	block := b.edit.Block(name)
	return block == nil || !block.Node.OwnsAddresses()
}
