package aggregate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/topology"
)

// Remove forgets a node that reported, its containers with it: what they held
// is gone, and what others hold of them leads to their bare addresses again. It
// is false if there is no such node.
func (b *Batch) Remove(name string, now time.Time) bool {
	block := b.edit.Block(name)
	if block == nil || !block.Node.OwnsAddresses() {
		return false
	}
	gone := []*topology.Block{block}
	for inside := range b.edit.Inside(name) {
		gone = append(gone, inside)
	}
	for _, g := range gone {
		for _, a := range g.Node.VirtualAddresses {
			if v := b.edit.VirtualAt(g.Node.Zone, a); v != "" {
				b.virtual.Release(v, g.Node.Name, now)
			}
		}
		b.nodes.Derive(g, &topology.Block{Node: g.Node}, now)
		b.edit.Delete(g.Node.Name)
	}
	for _, other := range slices.Collect(b.edit.Blocks()) {
		if other.Node.OwnsAddresses() {
			b.lose(other, gone, now)
		}
	}
	b.edit.Touch()
	return true
}

// lose points a block's edges away from nodes that are gone.
func (b *Batch) lose(block *topology.Block, gone []*topology.Block, now time.Time) {
	isGone := func(node string) bool {
		return slices.ContainsFunc(gone, func(g *topology.Block) bool { return g.Node.Name == node })
	}
	if !slices.ContainsFunc(block.Connections, func(c *topology.Connection) bool { return isGone(c.Client.Node) || isGone(c.Server.Node) }) {
		return
	}
	next := block.Clone()
	kept := next.Connections[:0]
	for _, old := range next.Connections {
		c := new(*old)
		if isGone(c.Server.Node) && !b.loseServer(c, &block.Node) || isGone(c.Client.Node) && !b.loseClient(c, &block.Node) {
			continue
		}
		c.Evidence.SeenBy = slices.DeleteFunc(slices.Clone(c.Evidence.SeenBy), func(s topology.Sighting) bool { return isGone(s.Node) })
		c.Evidence.BothEnds, c.Evidence.Confirmed = false, false
		c.ID = topology.ConnectionID(c)
		kept = append(kept, c)
	}
	next.Connections = edge.Unite(kept)
	b.edit.Put(next)
	b.nodes.Derive(block, next, now)
}

// loseServer lets an edge end at the bare address that was called; it is false
// if that is not known.
func (b *Batch) loseServer(c *topology.Connection, self *topology.Node) bool {
	addr, err := netip.ParseAddr(c.Evidence.ServerAddress)
	if err != nil {
		return false
	}
	e := b.book.Resolve(self, addr)
	c.Server.Node, c.Server.Process, c.Evidence.ServerResolved = e.Node, "", e.How
	if c.Server.Service != "" {
		c.Server.Service = topology.ServiceID(e.Node, c.Protocol, c.Server.Port, netip.Addr{})
	}
	return e.Kind == topology.Inferred
}

func (b *Batch) loseClient(c *topology.Connection, self *topology.Node) bool {
	addr, err := netip.ParseAddr(c.Evidence.ClientAddress)
	if err != nil {
		return false
	}
	e := b.book.Resolve(self, addr)
	c.Client, c.Evidence.ClientResolved = topology.Client{Node: e.Node}, e.How
	return e.Kind == topology.Inferred
}
