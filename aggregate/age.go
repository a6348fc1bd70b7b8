package aggregate

import (
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/topology"
)

// Age marks what became old or stale by now. Blindness is no change: nothing
// that a silent node holds turns old.
func (b *Batch) Age(now time.Time) {
	for block := range b.prev.Blocks() {
		block = b.edit.Block(block.Node.Name)
		if block != nil && block.Node.Kind == topology.Network {
			b.nodes.Scatter(block)
		}
		if block == nil || !block.Node.OwnsAddresses() {
			continue
		}
		if block.Node.State.OnPurpose() && !b.overdue(&block.Node, now) {
			continue
		}
		speaker := b.speaker(block)
		if b.silentNode(speaker, now) {
			b.markStale(block)
			continue
		}
		if speaker.LastReport.Before(b.opt.Since) || b.ahead(speaker, now) {
			continue // nothing heard since the start: no news, not bad news
		}
		b.ageConnections(block, now)
	}
	b.expire(now)
}

// speaker is the node that speaks for a node: itself, but for a container that is
// gone its host.
func (b *Batch) speaker(block *topology.Block) *topology.Node {
	if block.Node.Kind == topology.Container && !seemsAlive(block) {
		if host := b.edit.Block(address.HostOf(block.Node.Name)); host != nil {
			return &host.Node
		}
	}
	return &block.Node
}

// overdue says that a host which was to start again has had the time for it.
func (b *Batch) overdue(n *topology.Node, now time.Time) bool {
	return n.State == topology.Rebooting && now.Sub(edge.Later(n.LastReport, b.opt.Since)) > max(backWithin, b.patience(n))
}

// silentNode says whether a node owes its report.
func (b *Batch) silentNode(n *topology.Node, now time.Time) bool {
	heard := edge.Later(n.LastReport, b.opt.Since)
	if b.ahead(n, now) {
		heard = b.opt.Since
	}
	return now.Sub(heard) > b.patience(n)
}

// patience is for how long a node may be silent.
func (b *Batch) patience(n *topology.Node) time.Duration {
	return max(b.opt.StaleAfter, 3*time.Duration(n.Interval))
}

// ahead reports whether a node was last heard at a time that is yet to come: the
// clock was set back between two starts of the server. (While it runs spans are
// told by the monotonic reading of its clock.) Who is dead must not seem alive
// until that time has come.
func (b *Batch) ahead(n *topology.Node, now time.Time) bool {
	return n.LastReport.Sub(now) > b.patience(n)
}

func (b *Batch) markStale(block *topology.Block) {
	if block.Node.State == topology.Stale {
		return
	}
	next := *block
	next.Node.State = topology.Stale
	b.edit.Put(&next)
	b.edit.Touch()
}

func (b *Batch) ageConnections(block *topology.Block, now time.Time) {
	var next *topology.Block
	for i := range block.Connections {
		c := block.Connections[i]
		// What closed while nobody looked begins to age when somebody does: a
		// restart makes no event.
		if c.Count > 0 || c.Status == topology.Old || now.Sub(edge.Later(c.LastSeen, b.opt.Since)) <= b.opt.Ageing {
			continue
		}
		if next == nil {
			next = block.Clone()
		}
		next.Write(i).Status = topology.Old
	}
	if next != nil {
		b.edit.Put(next)
		b.edit.Touch()
	}
}
