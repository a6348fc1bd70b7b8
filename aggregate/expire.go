package aggregate

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// expire forgets what has not been seen for longer than Options.ExpireAfter:
// connections that turned old, services that are gone, nodes that are silent.
// What a node that is silent holds stays with it: blindness is no change.
func (b *Batch) expire(now time.Time) {
	if b.opt.ExpireAfter <= 0 {
		return
	}
	over := func(t time.Time) bool { return now.Sub(t) > b.opt.ExpireAfter }
	for _, block := range slices.Collect(b.edit.Blocks()) {
		n := &block.Node
		switch {
		case n.OwnsAddresses() && over(n.LastReport):
			b.Remove(n.Name, now)
		case n.OwnsAddresses() && !b.silentNode(n, now):
			b.expireConnections(block, over, now)
		case n.Kind == topology.Virtual && len(n.SeenBy) == 0 && !slices.ContainsFunc(n.Holders, func(h topology.Holder) bool {
			return h.Until.IsZero() || !over(h.Until)
		}) && over(n.FirstSeen):
			b.edit.Delete(n.Name)
			b.edit.Touch()
		}
	}
	b.expireServices(over)
}

func (b *Batch) expireConnections(block *topology.Block, over func(time.Time) bool, now time.Time) {
	gone := func(c *topology.Connection) bool { return c.Count == 0 && c.Status == topology.Old && over(c.LastSeen) }
	if !slices.ContainsFunc(block.Connections, gone) {
		return
	}
	next := *block
	next.Connections = slices.DeleteFunc(slices.Clone(block.Connections), gone)
	b.edit.Put(&next)
	b.nodes.Derive(block, &next, now)
	b.edit.Touch()
}

// expireServices forgets services that are gone, and those of nodes that don't
// report, where no connection leads there any more.
func (b *Batch) expireServices(over func(time.Time) bool) {
	called := map[string]bool{}
	for block := range b.edit.Blocks() {
		for i := range block.Connections {
			called[block.Connections[i].Server.Service] = true
		}
	}
	for _, block := range slices.Collect(b.edit.Blocks()) {
		gone := func(s topology.Service) bool {
			return !called[s.ID] && (s.State == topology.Gone || s.State == topology.Seen) && over(s.LastSeen)
		}
		if slices.ContainsFunc(block.Services, gone) {
			next := *block
			next.Services = slices.DeleteFunc(slices.Clone(block.Services), gone)
			b.edit.Put(&next)
			b.edit.Touch()
		}
	}
}
