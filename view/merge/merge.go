// Package merge makes of a topology another one in which boxes stand for many
// nodes: pools, or groups. What the members have in common is one there: a service
// for each protocol and port, a connection for each pair of ends.
//
// What comes out is a topology like any other: its blocks are shared with the one
// before as long as nothing in them changes, so that whoever follows it looks only at
// those that did. It is pure: no clock, no I/O.
package merge

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Boxes says by its name which box a node stands in: a key that no node has as its
// name; empty for a node that stands for itself. Nodes of one box either all report,
// or did, or the kind is [topology.Group]: connections of one box are then held in
// several blocks, as far as they are held by servers. An edge is in one block, always.
type Boxes func(node string) string

// Merger follows a topology. It is for one goroutine at a time.
type Merger struct {
	kind  topology.NodeKind
	in    Boxes
	boxes map[string]*box
	out   *topology.Snapshot
}

// box is a node of what comes out, with what it is made of, by name.
type box struct {
	members []*topology.Block
	parts   *parts          // of the members, if the block was made of them
	told    *topology.Block // what they say
	guests  []guest         // of the connections in it
	fold    *fold           // what of that is told elsewhere, too
	block   *topology.Block // what comes out
}

// New makes a merger into boxes of a kind, [topology.Pool] or [topology.Group].
func New(kind topology.NodeKind, in Boxes) *Merger {
	return &Merger{kind: kind, in: in, boxes: map[string]*box{}}
}

// Next gives what a snapshot is with its nodes in boxes.
func (m *Merger) Next(snap *topology.Snapshot) *topology.Snapshot {
	if m.out == nil {
		m.out = topology.Empty(snap.Revision(), snap.At())
	}
	next, order := m.gather(snap)
	edit := m.out.Edit()
	for key := range m.boxes {
		if next[key] == nil {
			edit.Delete(key)
		}
	}
	for _, key := range order {
		m.renew(key, m.boxes[key], next[key])
	}
	folds := folds(next, order)
	for _, key := range order {
		b, old := next[key], m.boxes[key]
		if b.settle(folds[b], old); old == nil || old.block != b.block {
			edit.Put(b.block)
		}
	}
	m.boxes, m.out = next, edit.Commit(snap.Revision(), snap.At())
	return m.out
}

// gather finds what each box is made of, and the order of their keys.
func (m *Merger) gather(snap *topology.Snapshot) (next map[string]*box, order []string) {
	next = make(map[string]*box, len(m.boxes))
	for block := range snap.Blocks() {
		key := m.key(block.Node.Name)
		b := next[key]
		if b == nil {
			b = &box{}
			next[key], order = b, append(order, key)
		}
		b.members = append(b.members, block)
	}
	slices.Sort(order)
	return next, order
}

func (m *Merger) key(node string) string {
	if key := m.in(node); key != "" {
		return key
	}
	return node
}

// renew gives a box what its members say, the old block if nothing changed.
func (m *Merger) renew(key string, old, b *box) {
	switch {
	case old == nil:
		old = &box{}
	case slices.Equal(old.members, b.members):
		b.told, b.parts, b.guests = old.told, old.parts, old.guests
		return
	case slices.EqualFunc(old.members, b.members, topology.OnlyTimes) && old.told != old.members[0]:
		later := *old.told
		later.Node.LastReport = newest(b.members)
		b.told, b.parts, b.guests = &later, old.parts, old.guests
		return
	}
	m.build(key, old.parts, b)
}

func newest(members []*topology.Block) (at time.Time) {
	for _, b := range members {
		if b.Node.LastReport.After(at) {
			at = b.Node.LastReport
		}
	}
	return at
}

// build makes the block of a box. That of a node which stands for itself, and has no
// connection with one that doesn't, is its own.
func (m *Merger) build(key string, old *parts, b *box) {
	alone := b.members[0]
	single := m.in(alone.Node.Name) == ""
	if single && !m.touches(alone) {
		b.told = alone
		return
	}
	out := &topology.Block{Node: alone.Node, Services: alone.Services}
	if !single {
		out.Node = m.node(key, b.members)
		if m.kind == topology.Pool {
			out.Services = services(key, b.members)
		} else {
			out.Services = []topology.Service{}
		}
	}
	b.parts = m.partsOf(b.members, old)
	out.Connections = b.parts.connections
	b.told, b.guests = out, guestsOf(key, out.Connections)
}

// touches says whether an end of a connection that the block holds is in a box.
func (m *Merger) touches(b *topology.Block) bool {
	return slices.ContainsFunc(b.Connections, func(c *topology.Connection) bool {
		return m.in(c.Client.Node) != "" || m.in(c.Server.Node) != ""
	})
}

// node is what stands for the members.
func (m *Merger) node(key string, members []*topology.Block) topology.Node {
	n := topology.Node{
		Name: key, Kind: m.kind, Zone: members[0].Node.Zone, State: topology.Unheard, Verdict: topology.NoVerdict,
		FirstSeen: members[0].Node.FirstSeen, LastReport: newest(members), Members: make([]topology.BoxMember, 0, len(members)),
	}
	for _, b := range members {
		o := &b.Node
		n.Members = append(n.Members, topology.BoxMember{Name: o.Name, Kind: o.Kind, State: o.State, Verdict: o.Verdict, HiddenProcesses: o.HiddenProcesses})
		n.Verdict = Verdicts(n.Verdict, o.Verdict)
		n.HiddenProcesses += o.HiddenProcesses
		if o.FirstSeen.Before(n.FirstSeen) {
			n.FirstSeen = o.FirstSeen
		}
		if o.Zone != n.Zone {
			n.Zone = ""
		}
		if o.State == topology.Reporting || n.State == topology.Unheard {
			n.State = o.State
		}
	}
	return n
}
