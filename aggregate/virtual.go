package aggregate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// NamedAddress is an address with the name of the node that stands for it.
type NamedAddress struct {
	Address netip.Addr
	Name    string // empty: the address
}

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

// virtualAt is the name of the node that stands for a virtual address; empty if
// it is none.
func (b *Batch) virtualAt(zone string, a netip.Addr) string {
	if name := b.edit.VirtualAt(zone, a); name != "" {
		return name
	}
	for _, v := range b.opt.Virtual {
		if v.Address == a {
			return b.virtualName(zone, a)
		}
	}
	return ""
}

// virtualName is what a virtual address's node is to be called: as the settings
// say, unless that is the name of another node.
func (b *Batch) virtualName(zone string, a netip.Addr) string {
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
	return inferredName(zone, a)
}

// part takes the virtual addresses out of those that a node has to itself, and
// remembers which came and went. declared are those that show by how they are
// bound.
func (b *Batch) part(n *topology.Node, before *topology.Block, declared []netip.Addr, now time.Time) {
	prev := &before.Node
	n.AddressChanges = changes(n, prev, now)
	var own []netip.Addr
	for _, a := range n.Addresses {
		if !n.InContainerNetwork(a) &&
			(b.virtualAt(n.Zone, a) != "" || slices.Contains(declared, a) || b.shared(n, a) || b.movedHere(n, a, now)) {
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
func (b *Batch) shared(n *topology.Node, a netip.Addr) bool {
	return slices.Contains(n.OnLoopback, a) && slices.ContainsFunc(b.edit.Owners(n.Zone, a), func(o string) bool {
		return o != n.Name && slices.Contains(b.edit.Block(o).Node.OnLoopback, a)
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
func (b *Batch) movedHere(n *topology.Node, a netip.Addr, now time.Time) bool {
	at, gained := changed(n, a, true)
	if !gained {
		return false
	}
	for _, o := range b.edit.Owners(n.Zone, a) {
		if o != n.Name && !b.fresh(&b.edit.Block(o).Node, now) {
			return true
		}
	}
	if !at.Equal(now) {
		return false // whoever loses it later looks for us
	}
	for other := range b.edit.Blocks() {
		if other.Node.Name == n.Name || other.Node.Zone != n.Zone {
			continue
		}
		if lost, ok := changed(&other.Node, a, false); ok && now.Sub(lost) <= moveWithin {
			return true
		}
	}
	return false
}

// settle brings the nodes of virtual addresses in step with what a node has now.
func (b *Batch) settle(n, prev *topology.Node, now time.Time) {
	had := slices.Concat(prev.Addresses, prev.VirtualAddresses)
	for _, a := range n.VirtualAddresses {
		_, gained := changed(n, a, true)
		gained = gained && b.edit.VirtualAt(n.Zone, a) == "" || !slices.Contains(had, a)
		b.virtualize(n.Zone, a, "", now)
		b.hold(b.edit.VirtualAt(n.Zone, a), n, a, gained, now)
	}
	for _, a := range without(prev.VirtualAddresses, n.VirtualAddresses) {
		if v := b.edit.VirtualAt(prev.Zone, a); v != "" {
			b.release(v, n.Name, now)
		}
	}
	for _, c := range n.AddressChanges {
		if c.Gained || !c.At.Equal(now) || b.edit.VirtualAt(n.Zone, c.Address) != "" {
			continue
		}
		movedOn := func(o string) bool { _, ok := changed(&b.edit.Block(o).Node, c.Address, true); return ok }
		if slices.ContainsFunc(b.edit.Owners(n.Zone, c.Address), movedOn) {
			b.virtualize(n.Zone, c.Address, n.Name, now)
			b.remember(b.edit.VirtualAt(n.Zone, c.Address), topology.Holder{Node: n.Name, Since: prev.FirstSeen, Until: now})
		}
	}
}

// virtualize makes an address a node of its own, if it is none yet. Nodes that
// have it hold it from now on, and edges that called it lead to it, those to the
// node that lost it too.
func (b *Batch) virtualize(zone string, a netip.Addr, loser string, now time.Time) {
	if b.edit.VirtualAt(zone, a) != "" {
		return
	}
	name := b.virtualName(zone, a)
	if bare := inferredName(zone, a); bare != name && b.edit.Block(bare) != nil {
		b.renameBare(bare, name)
	}
	next := topology.Block{Node: topology.Node{
		State: topology.Unheard, Status: topology.NoStatus, Zone: zone, FirstSeen: now,
	}}
	if old := b.edit.Block(name); old != nil {
		next = *old
	}
	next.Node.Name, next.Node.Kind, next.Node.Addresses = name, topology.Virtual, []netip.Addr{a}
	owners := b.edit.Owners(zone, a)
	b.edit.Put(&next)
	for _, o := range owners {
		holder := *b.edit.Block(o)
		holder.Node.Addresses = without(holder.Node.Addresses, []netip.Addr{a})
		holder.Node.VirtualAddresses = append(slices.Clone(holder.Node.VirtualAddresses), a)
		slices.SortFunc(holder.Node.VirtualAddresses, netip.Addr.Compare)
		b.edit.Put(&holder)
		b.hold(name, &holder.Node, a, false, now)
	}
	b.rehome(zone, a, name, append(slices.Clone(owners), loser), now)
	b.changed = true
}

// renameBare gives a node that stands for one address another name.
func (b *Batch) renameBare(bare, name string) {
	blocks := slices.Collect(b.edit.Blocks())
	b.edit.Delete(bare)
	for _, block := range topology.RenameAll(blocks, bare, name) {
		if b.edit.Block(block.Node.Name) != block {
			b.edit.Put(block)
		}
	}
}

// rehome leads the edges that called an address to the node that it became.
// owners are the nodes that had it.
func (b *Batch) rehome(zone string, a netip.Addr, name string, owners []string, now time.Time) {
	text := a.String()
	calls := func(c *topology.Connection) bool {
		return c.Evidence.ServerAddress == text && c.Server.Node != name && slices.Contains(owners, c.Server.Node)
	}
	for _, block := range slices.Collect(b.edit.Blocks()) {
		if block.Node.Zone == zone && block.Node.OwnsAddresses() && slices.ContainsFunc(block.Connections, func(c topology.Connection) bool { return calls(&c) }) {
			b.rehomeBlock(block, name, calls, now)
		}
	}
}

// rehomeBlock is rehome for one block. What a node that had the address accepted
// from one that reports leads there by that one's word; what it accepted from
// others stays with it.
func (b *Batch) rehomeBlock(block *topology.Block, name string, calls func(*topology.Connection) bool, now time.Time) {
	next := block.Clone()
	kept := next.Connections[:0]
	for _, c := range next.Connections {
		mine := c.Client.Node == block.Node.Name
		if calls(&c) && !mine && b.reports(c.Client.Node) {
			continue
		}
		if calls(&c) && mine {
			c.Server.Node, c.Evidence.ServerResolved = name, virtualHow
			if c.Directed {
				c.Server.Service = topology.ServiceID(name, c.Protocol, c.Server.Port, netip.Addr{})
			}
			c.ID = topology.ConnectionID(&c)
		}
		kept = append(kept, c)
	}
	next.Connections = unite(kept)
	b.edit.Put(next)
	b.derive(block, next, now)
}

// reports tells whether a node speaks for itself.
func (b *Batch) reports(name string) bool {
	block := b.edit.Block(name)
	return block != nil && block.Node.OwnsAddresses()
}

// virtualHow is how a virtual address is resolved, in words. It names no holder,
// for who answers is nothing that the edge rests on.
const virtualHow = "virtual address"

// hold notes that a node has a virtual address. The one that gained it last
// comes first, and it alone has it, unless it sits on no network: then it may be
// on several.
func (b *Batch) hold(v string, n *topology.Node, a netip.Addr, gained bool, now time.Time) {
	holders := b.edit.Block(v).Node.Holders
	if slices.ContainsFunc(holders, func(h topology.Holder) bool { return h.Node == n.Name && h.Until.IsZero() }) {
		return
	}
	list := slices.Clone(holders)
	since := now
	if at, ok := changed(n, a, true); ok {
		since = at
	} else if !gained {
		since = earliest(n.FirstSeen, now)
	}
	mine := topology.Holder{Node: n.Name, Since: since}
	if !gained || slices.Contains(n.OnLoopback, a) {
		b.remember(v, mine)
		return
	}
	for i := range list {
		if list[i].Until.IsZero() {
			list[i].Until = now
		}
	}
	b.putHolders(v, slices.Insert(list, 0, mine))
}

// remember adds a holder behind those that hold the address already.
func (b *Batch) remember(v string, h topology.Holder) {
	b.putHolders(v, append(slices.Clone(b.edit.Block(v).Node.Holders), h))
}

// release notes that a node has a virtual address no longer. As long as no other
// has it, that is the one that had it last.
func (b *Batch) release(v, node string, now time.Time) {
	list := slices.Clone(b.edit.Block(v).Node.Holders)
	for i := range list {
		if list[i].Node == node && list[i].Until.IsZero() {
			list[i].Until = now
		}
	}
	b.putHolders(v, list)
}

// putHolders puts the holders of a virtual address in order: those that hold it,
// as they are, then the others, the latest first.
func (b *Batch) putHolders(v string, list []topology.Holder) {
	slices.SortStableFunc(list, func(x, y topology.Holder) int {
		switch held := x.Until.IsZero(); {
		case held == y.Until.IsZero():
			return y.Until.Compare(x.Until)
		case held:
			return -1
		}
		return 1
	})
	next := *b.edit.Block(v)
	next.Node.Holders = list[:min(len(list), maxHolders)]
	if !topology.SameNode(&next.Node, &b.edit.Block(v).Node) {
		b.edit.Put(&next)
		b.changed = true
	}
}

// holders are the nodes that hold a virtual address now.
func (b *Batch) holders(v string) (names []string) {
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

// everHeld are the nodes that hold a virtual address, or held it.
func (b *Batch) everHeld(v string) (names []string) {
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

// dress names the processes of the services at a node's virtual addresses after
// those that accept there.
func (b *Batch) dress(n *topology.Node) {
	for _, a := range n.VirtualAddresses {
		if v := b.edit.VirtualAt(n.Zone, a); v != "" {
			b.dressVirtual(v, a)
		}
	}
}

func (b *Batch) dressVirtual(v string, a netip.Addr) {
	block := b.edit.Block(v)
	if len(block.Services) == 0 {
		return
	}
	next := block.Clone()
	for _, holder := range slices.Backward(b.holders(v)) {
		behind := b.edit.Block(holder)
		if behind == nil {
			continue
		}
		services := byPort(behind.Services)
		for i := range next.Services {
			s := &next.Services[i]
			if at := services.accepting(port{s.Protocol, s.Port}, a); at != nil && at.Process != "" {
				s.Process, s.User, s.Unit, s.Container, s.Image, s.Pod = at.Process, at.User, at.Unit, at.Container, at.Image, at.Pod
			}
		}
	}
	if !topology.SameServices(block.Services, next.Services) {
		b.edit.Put(next)
		b.changed = true
	}
}
