// Package virtual finds addresses that move between nodes, or sit on several at
// once ([Addresses]): by how they are bound, by moving, or by the settings. It
// leads the edges that called one to the node that stands for it, and keeps who
// holds it and held it.
package virtual

import (
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/inference"
	"github.com/devops-trouble-map/dotm/topology"
)

const (
	// maxHolders is how many holders of a virtual address are remembered, those
	// that hold it now included.
	maxHolders = 20
	// maxChanges is how many addresses that came and went are remembered of a
	// node.
	maxChanges = 16
	// moveWithin is how long after one node lost an address another's gaining
	// it means that it moved.
	moveWithin = time.Hour
)

// Addresses finds addresses that move between nodes, or sit on several at once,
// and keeps the nodes that stand for them.
type Addresses struct {
	edit  *topology.Edit
	book  *address.Book
	nodes *inference.Nodes
	fresh func(n *topology.Node, now time.Time) bool
}

// New is the one of a topology in the making. fresh says whether a node
// reports still.
func New(edit *topology.Edit, b *address.Book, nodes *inference.Nodes, fresh func(n *topology.Node, now time.Time) bool) *Addresses {
	return &Addresses{edit, b, nodes, fresh}
}

// Part takes the virtual addresses out of those that a node has to itself, and
// remembers which came and went. declared are those that show by how they are
// bound.
func (r *Addresses) Part(n *topology.Node, before *topology.Block, declared []netip.Addr, now time.Time) {
	prev := &before.Node
	n.AddressChanges = changes(n, prev, now)
	var own []netip.Addr
	for _, a := range n.Addresses {
		if !n.InContainerNetwork(a) &&
			(r.book.VirtualAt(n.Zone, a) != "" || slices.Contains(declared, a) || r.shared(n, a) || r.movedHere(n, a, now)) {
			n.VirtualAddresses = append(n.VirtualAddresses, a)
		} else {
			own = append(own, a)
		}
	}
	if n.VirtualAddresses != nil {
		n.Addresses = own
	}
}

// changes lists which addresses came and went a short while ago, beside others
// that stayed: a node that changes its one address for another just has another.
func changes(n, prev *topology.Node, now time.Time) (list []topology.AddressChange) {
	if prev.Name == "" {
		return nil
	}
	before := slices.Concat(prev.Addresses, prev.VirtualAddresses)
	gained, lost := without(n.Addresses, before), without(before, n.Addresses)
	if len(lost) == 0 && len(before) > 0 {
		for _, a := range gained {
			list = append(list, topology.AddressChange{Address: a, Gained: true, At: now})
		}
	}
	if len(gained) == 0 && len(n.Addresses) > 0 {
		for _, a := range lost {
			list = append(list, topology.AddressChange{Address: a, At: now})
		}
	}
	for _, c := range prev.AddressChanges {
		undone := slices.Contains(gained, c.Address) || slices.Contains(lost, c.Address)
		if !undone && now.Sub(c.At) <= moveWithin {
			list = append(list, c)
		}
	}
	return list[:min(len(list), maxChanges)]
}

// without lists what is in a and not in b.
func without(a, b []netip.Addr) (left []netip.Addr) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			left = append(left, x)
		}
	}
	return left
}

// shared tells whether an address that sits on no network does so on other nodes
// too: who answers is decided elsewhere.
func (r *Addresses) shared(n *topology.Node, a netip.Addr) bool {
	return slices.Contains(n.OnLoopback, a) && slices.ContainsFunc(r.edit.Owners(n.Zone, a), func(o string) bool {
		return o != n.Name && slices.Contains(r.edit.Block(o).Node.OnLoopback, a)
	})
}

// changed finds when a node gained or lost an address a short while ago.
func changed(n *topology.Node, a netip.Addr, gained bool) (at time.Time, ok bool) {
	for _, c := range n.AddressChanges {
		if c.Address == a && c.Gained == gained {
			return c.At, true
		}
	}
	return time.Time{}, false
}

// movedHere tells whether an address came here from another node: this one
// gained it, and that one lost it before, or is silent since.
func (r *Addresses) movedHere(n *topology.Node, a netip.Addr, now time.Time) bool {
	at, gained := changed(n, a, true)
	if !gained {
		return false
	}
	for _, o := range r.edit.Owners(n.Zone, a) {
		if o != n.Name && !r.fresh(&r.edit.Block(o).Node, now) {
			return true
		}
	}
	if !at.Equal(now) {
		return false // whoever loses it later looks for us
	}
	for other := range r.edit.Blocks() {
		if other.Node.Name == n.Name || other.Node.Zone != n.Zone {
			continue
		}
		if lost, ok := changed(&other.Node, a, false); ok && now.Sub(lost) <= moveWithin {
			return true
		}
	}
	return false
}

// Settle brings the nodes of virtual addresses in step with what a node has now.
func (r *Addresses) Settle(n, prev *topology.Node, now time.Time) {
	had := slices.Concat(prev.Addresses, prev.VirtualAddresses)
	for _, a := range n.VirtualAddresses {
		_, gained := changed(n, a, true)
		gained = gained && r.edit.VirtualAt(n.Zone, a) == "" || !slices.Contains(had, a)
		r.virtualize(n.Zone, a, "", now)
		r.hold(r.edit.VirtualAt(n.Zone, a), n, a, gained, now)
	}
	for _, a := range without(prev.VirtualAddresses, n.VirtualAddresses) {
		if v := r.edit.VirtualAt(prev.Zone, a); v != "" {
			r.Release(v, n.Name, now)
		}
	}
	for _, c := range n.AddressChanges {
		if c.Gained || !c.At.Equal(now) || r.edit.VirtualAt(n.Zone, c.Address) != "" {
			continue
		}
		movedOn := func(o string) bool { _, ok := changed(&r.edit.Block(o).Node, c.Address, true); return ok }
		if slices.ContainsFunc(r.edit.Owners(n.Zone, c.Address), movedOn) {
			r.virtualize(n.Zone, c.Address, n.Name, now)
			r.remember(r.edit.VirtualAt(n.Zone, c.Address), topology.Holder{Node: n.Name, Since: prev.FirstSeen, Until: now})
		}
	}
}

// virtualize makes an address a node of its own, if it is none yet. Nodes that
// have it hold it from now on, and edges that called it lead to it, those to the
// node that lost it too.
func (r *Addresses) virtualize(zone string, a netip.Addr, loser string, now time.Time) {
	if r.edit.VirtualAt(zone, a) != "" {
		return
	}
	name := r.book.VirtualName(zone, a)
	if bare := address.InferredName(zone, a); bare != name && r.edit.Block(bare) != nil {
		r.renameBare(bare, name)
	}
	next := topology.Block{Node: topology.Node{
		State: topology.Unheard, Verdict: topology.NoVerdict, Zone: zone, FirstSeen: now,
	}}
	if old := r.edit.Block(name); old != nil {
		next = *old
	}
	next.Node.Name, next.Node.Kind, next.Node.Addresses = name, topology.Virtual, []netip.Addr{a}
	owners := r.edit.Owners(zone, a)
	r.edit.Put(&next)
	for _, o := range owners {
		holder := *r.edit.Block(o)
		holder.Node.Addresses = without(holder.Node.Addresses, []netip.Addr{a})
		holder.Node.VirtualAddresses = append(slices.Clone(holder.Node.VirtualAddresses), a)
		slices.SortFunc(holder.Node.VirtualAddresses, netip.Addr.Compare)
		r.edit.Put(&holder)
		r.hold(name, &holder.Node, a, false, now)
	}
	r.rehome(zone, a, name, append(slices.Clone(owners), loser), now)
	r.edit.Touch()
}

// renameBare gives a node that stands for one address another name.
func (r *Addresses) renameBare(bare, name string) {
	blocks := slices.Collect(r.edit.Blocks())
	r.edit.Delete(bare)
	for _, block := range topology.RenameAll(blocks, bare, name) {
		if r.edit.Block(block.Node.Name) != block {
			r.edit.Put(block)
		}
	}
}

// rehome leads the edges that called an address to the node that it became.
// owners are the nodes that had it.
func (r *Addresses) rehome(zone string, a netip.Addr, name string, owners []string, now time.Time) {
	text := a.String()
	calls := func(c *topology.Connection) bool {
		return c.Evidence.ServerAddress == text && c.Server.Node != name && slices.Contains(owners, c.Server.Node)
	}
	for _, block := range slices.Collect(r.edit.Blocks()) {
		if block.Node.Zone == zone && block.Node.OwnsAddresses() && slices.ContainsFunc(block.Connections, calls) {
			r.rehomeBlock(block, name, calls, now)
		}
	}
}

// rehomeBlock is rehome for one block. What a node that had the address accepted
// from one that reports leads there by that one's word; what it accepted from
// others stays with it.
func (r *Addresses) rehomeBlock(block *topology.Block, name string, calls func(*topology.Connection) bool, now time.Time) {
	next := block.Clone()
	kept := next.Connections[:0]
	for _, c := range next.Connections {
		mine := c.Client.Node == block.Node.Name
		if calls(c) && !mine && r.reports(c.Client.Node) {
			continue
		}
		if calls(c) && mine {
			c = new(*c)
			c.Server.Node, c.Evidence.ServerResolved = name, address.VirtualHow
			if c.Directed {
				c.Server.Service = topology.ServiceID(name, c.Protocol, c.Server.Port, netip.Addr{})
			}
			c.ID = topology.ConnectionID(c)
		}
		kept = append(kept, c)
	}
	next.Connections = edge.Unite(kept)
	r.edit.Put(next)
	r.nodes.Derive(block, next, now)
}

// reports tells whether a node speaks for itself.
func (r *Addresses) reports(name string) bool {
	block := r.edit.Block(name)
	return block != nil && block.Node.OwnsAddresses()
}

// hold notes that a node has a virtual address. The one that gained it last
// comes first, and it alone has it, unless it sits on no network: then it may be
// on several.
func (r *Addresses) hold(v string, n *topology.Node, a netip.Addr, gained bool, now time.Time) {
	holders := r.edit.Block(v).Node.Holders
	if slices.ContainsFunc(holders, func(h topology.Holder) bool { return h.Node == n.Name && h.Until.IsZero() }) {
		return
	}
	list := slices.Clone(holders)
	since := now
	if at, ok := changed(n, a, true); ok {
		since = at
	} else if !gained {
		since = edge.Earlier(n.FirstSeen, now)
	}
	mine := topology.Holder{Node: n.Name, Since: since}
	if !gained || slices.Contains(n.OnLoopback, a) {
		r.remember(v, mine)
		return
	}
	for i := range list {
		if list[i].Until.IsZero() {
			list[i].Until = now
		}
	}
	r.putHolders(v, slices.Insert(list, 0, mine))
}

// remember adds a holder behind those that hold the address already.
func (r *Addresses) remember(v string, h topology.Holder) {
	r.putHolders(v, append(slices.Clone(r.edit.Block(v).Node.Holders), h))
}

// Release notes that a node has a virtual address no longer. As long as no other
// has it, that is the one that had it last.
func (r *Addresses) Release(v, node string, now time.Time) {
	list := slices.Clone(r.edit.Block(v).Node.Holders)
	for i := range list {
		if list[i].Node == node && list[i].Until.IsZero() {
			list[i].Until = now
		}
	}
	r.putHolders(v, list)
}

// putHolders puts the holders of a virtual address in order: those that hold it,
// as they are, then the others, the latest first.
func (r *Addresses) putHolders(v string, list []topology.Holder) {
	slices.SortStableFunc(list, func(x, y topology.Holder) int {
		switch held := x.Until.IsZero(); {
		case held == y.Until.IsZero():
			return y.Until.Compare(x.Until)
		case held:
			return -1
		}
		return 1
	})
	next := *r.edit.Block(v)
	next.Node.Holders = list[:min(len(list), maxHolders)]
	if !topology.SameNode(&next.Node, &r.edit.Block(v).Node) {
		r.edit.Put(&next)
		r.edit.Touch()
	}
}
