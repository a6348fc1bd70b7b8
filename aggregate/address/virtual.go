package address

import (
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/topology"
)

// Named is an address with the name of the node that stands for it.
type Named struct {
	Address netip.Addr
	Name    string // empty: the address
}

// VirtualAt is the name of the node that stands for a virtual address; empty if
// it is none.
func (b *Book) VirtualAt(zone string, a netip.Addr) string {
	if name := b.edit.VirtualAt(zone, a); name != "" {
		return name
	}
	for _, v := range b.opt.Virtual {
		if v.Address == a {
			return b.VirtualName(zone, a)
		}
	}
	return ""
}

// VirtualName is what a virtual address's node is to be called: as the settings
// say, unless that is the name of another node.
func (b *Book) VirtualName(zone string, a netip.Addr) string {
	for _, v := range b.opt.Virtual {
		if v.Address != a || v.Name == "" {
			continue
		}
		name := v.Name
		if zone != "" {
			name += "@" + zone
		}
		if there := b.edit.Block(name); there == nil || there.Node.Kind == topology.Virtual {
			return name
		}
	}
	return InferredName(zone, a)
}

// VirtualHow is how a virtual address is resolved, in words. It names no holder,
// for who answers is nothing that the edge rests on.
const VirtualHow = "virtual address"

// Holders are the nodes that hold a virtual address now.
func (b *Book) Holders(v string) (names []string) {
	block := b.edit.Block(v)
	if block == nil {
		return nil
	}
	for _, h := range block.Node.Holders {
		if h.Until.IsZero() {
			names = append(names, h.Node)
		}
	}
	return names
}

// EverHeld are the nodes that hold a virtual address, or held it.
func (b *Book) EverHeld(v string) (names []string) {
	block := b.edit.Block(v)
	if block == nil {
		return nil
	}
	for _, h := range block.Node.Holders {
		if !slices.Contains(names, h.Node) {
			names = append(names, h.Node)
		}
	}
	return names
}

// VirtualNamed is the virtual address of the settings whose node has a name.
func (b *Book) VirtualNamed(zone, name string) (a netip.Addr, ok bool) {
	for _, v := range b.opt.Virtual {
		if b.VirtualName(zone, v.Address) == name {
			return v.Address, true
		}
	}
	return netip.Addr{}, false
}
