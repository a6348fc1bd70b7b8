package aggregate

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// maxHolders bounds the history of a virtual address.
const maxHolders = 20

// bridges begin the names of interfaces whose networks are a host's own: for
// its containers and virtual machines, behind address translation.
var bridges = []string{
	"docker", "br-", "virbr", "lxcbr", "lxdbr", "incusbr", "podman", "cni-podman", "nerdctl", "vmnet", "vboxnet",
}

func isBridge(name string) bool {
	return slices.ContainsFunc(bridges, func(b string) bool { return strings.HasPrefix(name, b) })
}

// scopedAddresses are those of a host's addresses that mean something on it
// alone.
func scopedAddresses(r *report.Report) (out []netip.Prefix) {
	for _, in := range r.Interfaces {
		if !isBridge(in.Name) {
			continue
		}
		for _, p := range in.Addresses {
			if len(usable([]netip.Addr{p.Addr()})) == 1 {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return slices.Compact(out)
}

// virtualName is what the node of a virtual address is called.
func (b *Batch) virtualName(zone string, addr netip.Addr) string {
	if name := b.opt.Virtual[addr]; name != "" {
		if block := b.edit.Block(name); block == nil || block.Node.Kind == topology.Virtual {
			return name
		}
	}
	return inferredName(zone, addr)
}

// virtual is the node of a virtual address, or nil if the address is none as far
// as known.
func (b *Batch) virtual(zone string, addr netip.Addr) *topology.Block {
	if !addr.IsValid() {
		return nil
	}
	block := b.edit.Block(b.virtualName(zone, addr))
	if block == nil || block.Node.Kind != topology.Virtual {
		return nil
	}
	return block
}

// hold keeps track of the virtual addresses that a host has now, and returns the
// addresses that it no longer has. The host's block is the one before.
func (b *Batch) hold(s *statement, prev, next *topology.Block, now time.Time) (vacated []netip.Addr) {
	looks := looksVirtual(s.report)
	for _, a := range next.Node.Addresses {
		if scopes(&next.Node, a) {
			continue
		}
		v := b.virtual(next.Node.Zone, a)
		_, named := b.opt.Virtual[a]
		switch others := b.otherHolders(&next.Node, a); {
		case v != nil:
			b.gain(v, next, now)
		case named, looks[a] == moves:
			b.makeVirtual(&next.Node, a, nil, false, now)
		case looks[a] == rests && len(others) > 0:
			b.makeVirtual(&next.Node, a, holdersSince(others, now, time.Time{}), true, now)
		case len(others) > 0 && b.tookOver(prev, next, a, others):
			b.makeVirtual(&next.Node, a, holdersSince(others, b.edit.Block(others[0]).Node.FirstSeen, now), false, now)
		}
	}
	for _, a := range prev.Node.Addresses {
		if !slices.Contains(next.Node.Addresses, a) {
			vacated = append(vacated, a)
		}
	}
	return vacated
}

func holdersSince(nodes []string, since, until time.Time) (out []topology.Holder) {
	for _, n := range nodes {
		out = append(out, topology.Holder{Node: n, Since: since, Until: until})
	}
	return out
}

// look is what an address looks like where it is.
type lookOf uint8

const (
	moves lookOf = iota + 1 // alone on a real interface, beside the main address: keepalived adds such
	rests                   // alone on the loopback interface: of direct server return, anycast, or a router
)

// looksVirtual tells from the lengths of their networks what addresses are for.
func looksVirtual(r *report.Report) map[netip.Addr]lookOf {
	out := map[netip.Addr]lookOf{}
	for _, in := range r.Interfaces {
		wide := slices.ContainsFunc(in.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() && !p.IsSingleIP() })
		for _, p := range in.Addresses {
			switch {
			case !p.IsSingleIP() || p.Addr().IsLoopback():
			case in.Name == "lo":
				out[p.Addr()] = rests
			case wide && p.Addr().Is4():
				out[p.Addr()] = moves
			}
		}
	}
	return out
}

// otherHolders are the other hosts that have an address, and may be called by
// it.
func (b *Batch) otherHolders(n *topology.Node, addr netip.Addr) (out []string) {
	for _, o := range b.reachable(b.edit.Owners(n.Zone, addr), addr) {
		if o != n.Name && !strings.Contains(o, "/") {
			out = append(out, o)
		}
	}
	return out
}

// tookOver says whether a host has just got, as one of several, an address that
// a silent one had: that is more than the next machine on an old address.
func (b *Batch) tookOver(prev, next *topology.Block, addr netip.Addr, others []string) bool {
	return !slices.Contains(prev.Node.Addresses, addr) && len(next.Node.Addresses) > 1 && prev.Node.Name != "" &&
		!slices.ContainsFunc(others, func(o string) bool { return b.edit.Block(o).Node.State != topology.Stale })
}

// makeVirtual makes an address a node of its own, held by a host beside or after
// others. Edges that called the address lead there now.
func (b *Batch) makeVirtual(n *topology.Node, addr netip.Addr, others []topology.Holder, shared bool, now time.Time) {
	name := b.virtualName(n.Zone, addr)
	next := topology.Block{Node: unheard(name, n.Zone, now)}
	if block := b.edit.Block(name); block != nil {
		if block.Node.Kind != topology.Inferred {
			return
		}
		next = *block
	}
	v := &next.Node
	v.Kind, v.Zone, v.Addresses, v.Shared = topology.Virtual, n.Zone, []netip.Addr{addr}, shared
	v.Holders = append([]topology.Holder{{Node: n.Name, Since: now}}, others...)
	b.edit.Put(&next)
	b.changed = true
	for _, block := range slices.Collect(b.edit.Blocks()) {
		b.lead(block, name, addr, now)
	}
}

// lead points the edges of a block that called a virtual address at its node.
func (b *Batch) lead(block *topology.Block, name string, addr netip.Addr, now time.Time) {
	calls := func(c *topology.Connection) bool {
		return c.Server.Node != name && c.Client.Node == block.Node.Name && c.Client.Node != c.Server.Node && c.Evidence.ServerAddress == addr.String()
	}
	if !block.Node.OwnsAddresses() || block.Node.Zone != b.edit.Block(name).Node.Zone ||
		!slices.ContainsFunc(block.Connections, func(c topology.Connection) bool { return calls(&c) }) {
		return
	}
	next := block.Clone()
	for i := range next.Connections {
		c := &next.Connections[i]
		if !calls(c) {
			continue
		}
		c.Server.Node, c.Evidence.ServerResolved = name, virtualResolved
		if c.Directed {
			c.Server.Service = topology.ServiceID(name, c.Protocol, c.Server.Port, netip.Addr{})
		}
		c.ID = topology.ConnectionID(c)
	}
	next.Connections = unite(next.Connections)
	b.edit.Put(next)
	b.derive(block, next, now)
}

// virtualResolved says how an end was found that is a virtual address. Who holds
// it is the node's to say: a failover changes no edge.
const virtualResolved = "virtual address"

// gain notes that a host has a virtual address. Where it is not shared, nobody
// else has it from then on, whatever they said last: one event.
func (b *Batch) gain(v, host *topology.Block, now time.Time) {
	name := host.Node.Name
	i := slices.IndexFunc(v.Node.Holders, func(h topology.Holder) bool { return h.Node == name && h.Until.IsZero() })
	if i >= 0 && v.Node.Holders[i].Missed.IsZero() {
		if s := b.heldBy(v, host); !slices.EqualFunc(s, v.Services, func(x, y topology.Service) bool { return topology.SameService(&x, &y) }) {
			b.edit.Put(&topology.Block{Node: v.Node, Services: s, Connections: v.Connections})
			b.changed = true
		}
		return
	}
	next := *v
	next.Node.Holders = slices.Clone(v.Node.Holders)
	switch {
	case i >= 0:
		next.Node.Holders[i].Missed = time.Time{}
		b.edit.Put(&next)
		return
	case !v.Node.Shared && b.keeps(v, name):
		return
	case !v.Node.Shared:
		for j := range next.Node.Holders {
			if h := &next.Node.Holders[j]; h.Until.IsZero() {
				h.Until, h.Missed = now, time.Time{}
			}
		}
	}
	next.Node.Holders = slices.Insert(next.Node.Holders, 0, topology.Holder{Node: name, Since: now})
	next.Node.Holders = next.Node.Holders[:min(len(next.Node.Holders), maxHolders)]
	next.Services = b.heldBy(&next, host)
	b.edit.Put(&next)
	b.changed = true
}

// keeps says whether a host lists an address that went to another one meanwhile
// without having been without it: its word is no news.
func (b *Batch) keeps(v *topology.Block, host string) bool {
	before := b.edit.Block(host)
	return before != nil && slices.Contains(before.Node.Addresses, v.Node.Addresses[0]) &&
		slices.ContainsFunc(v.Node.Holders, func(h topology.Holder) bool { return h.Node == host })
}

// leave notes that a host no longer has an address. If just one other has it by
// then, it has moved, and is virtual from now on.
func (b *Batch) leave(prev, next *topology.Block, addr netip.Addr, now time.Time) {
	v := b.virtual(prev.Node.Zone, addr)
	if v == nil {
		if others := b.otherHolders(&next.Node, addr); len(others) == 1 && len(b.edit.Block(others[0]).Node.Addresses) > 1 && !scopes(&prev.Node, addr) {
			to := b.edit.Block(others[0]).Node
			b.makeVirtual(&to, addr, holdersSince([]string{next.Node.Name}, prev.Node.FirstSeen, now), false, now)
		}
		return
	}
	i := slices.IndexFunc(v.Node.Holders, func(h topology.Holder) bool { return h.Node == next.Node.Name && h.Until.IsZero() })
	if i < 0 {
		return
	}
	after := *v
	after.Node.Holders = slices.Clone(v.Node.Holders)
	if v.Node.Shared {
		after.Node.Holders[i].Until = now
		b.changed = true
	} else {
		after.Node.Holders[i].Missed = now
	}
	b.edit.Put(&after)
}

// ageHolders ends the holds of those who report without the address for longer
// than a takeover lasts.
func (b *Batch) ageHolders(v *topology.Block, now time.Time) {
	for i, h := range v.Node.Holders {
		if h.Missed.IsZero() || now.Sub(h.Missed) <= b.opt.StaleAfter {
			continue
		}
		next := *v
		next.Node.Holders = slices.Clone(v.Node.Holders)
		next.Node.Holders[i].Until, next.Node.Holders[i].Missed = h.Missed, time.Time{}
		b.edit.Put(&next)
		b.changed = true
		return
	}
}

// holder is the block of the node that holds a virtual address now, or nil.
func (b *Batch) holder(v *topology.Node) *topology.Block {
	for _, h := range v.Holders {
		if h.Until.IsZero() {
			return b.edit.Block(h.Node)
		}
	}
	return nil
}

// heldBy are a virtual address's services with the names of the processes that
// accept for it at its holder.
func (b *Batch) heldBy(v, holder *topology.Block) []topology.Service {
	if holder == nil || len(v.Services) == 0 {
		return v.Services
	}
	accepts := byPort(holder.Services)
	out := slices.Clone(v.Services)
	for i := range out {
		if s := accepts.accepting(port{out[i].Protocol, out[i].Port}, v.Node.Addresses[0]); s != nil {
			out[i].Process = s.Process
		}
	}
	return out
}
