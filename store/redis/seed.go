package redis

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Compat says how much of the original's schema is kept readable beside ours.
type Compat string

// The ways to keep it.
const (
	CompatKeys Compat = "keys" // all keys but the copies for its history
	CompatFull Compat = "full" // these, too
	CompatOff  Compat = "off"
)

// Rhythm and bounds of the original's keys.
const (
	seedRefresh = 300 * time.Second // its own interval: how old last_seen may be
	seedBudget  = 20_000            // commands of one write, about
	seedListed  = 1000              // names of one command
)

// seed knows what the original's keys hold, and finds the commands that make them
// right after a change. It does no I/O: who sends a plan says how that went.
type seed struct {
	mode     Compat
	epoch    string // of the writer; empty before there is one
	settings store.Settings

	nodes  map[string]*seeded
	queue  []string        // nodes to look at, each once
	queued map[string]bool // what is in it
	gone   map[string]bool // nodes that are none any more, until the queue is empty
	wide   bool            // what is ignored now may be shown, until the queue is empty
	config map[string][][]any
	listed []string // what the list of nodes holds, sorted; nil if not known

	snapshots []int64 // times in the list, ascending
	copying   int64   // the snapshot in the making; 0: none
	left      []string
}

// seeded is what the keys hold of one node.
type seeded struct {
	held []*topology.Block // their keys may be there; the last is the newest
	next *topology.Block   // nil: it goes
	at   time.Time         // when its times were written; zero: write all
}

func newSeed(mode Compat) *seed {
	return &seed{mode: mode, settings: store.Defaults(), nodes: map[string]*seeded{}, queued: map[string]bool{}, gone: map[string]bool{}}
}

// begin takes in what the store holds when another server begins to write, this
// one or an earlier life of it: the keys should be those of its state, and are
// written anew by and by.
func (s *seed) begin(epoch string, state *store.State, fixed store.Patch, snapshots []int64) {
	fresh := newSeed(s.mode)
	fresh.epoch, fresh.settings = epoch, fixed.Apply(state.Settings.Apply(store.Defaults()))
	fresh.snapshots = slices.Sorted(slices.Values(snapshots))
	for _, b := range state.Blocks {
		if inSeed(&b.Node) {
			fresh.nodes[b.Node.Name] = &seeded{held: []*topology.Block{b}, next: b}
			fresh.enqueue(b.Node.Name)
		}
	}
	*s = *fresh
}

func (s *seed) enqueue(name string) {
	if !s.queued[name] {
		s.queued[name] = true
		s.queue = append(s.queue, name)
	}
}

// take notes what a change did. What it names is written by the next plans.
func (s *seed) take(c *store.Change) {
	flipped := map[string]bool{}
	for _, b := range c.Put {
		s.put(b, flipped)
	}
	for _, name := range c.Delete {
		s.drop(name, flipped)
	}
	if len(flipped) > 0 {
		s.face(flipped)
	}
}

func (s *seed) put(b *topology.Block, flipped map[string]bool) {
	name := b.Node.Name
	if !inSeed(&b.Node) {
		s.drop(name, flipped)
		return
	}
	n := s.nodes[name]
	if n == nil {
		n = &seeded{}
		s.nodes[name] = n
	}
	if n.next == nil {
		delete(s.gone, name)
	}
	if n.next == nil || !slices.EqualFunc(n.next.Services, b.Services, sameOwner) {
		flipped[name] = true
	}
	n.next = b
	s.enqueue(name)
}

// sameOwner says whether what edges tell of a service is the same.
func sameOwner(a, b topology.Service) bool { return a.ID == b.ID && a.Process == b.Process }

func (s *seed) drop(name string, flipped map[string]bool) {
	if n := s.nodes[name]; n != nil && n.next != nil {
		n.next, flipped[name], s.gone[name] = nil, true, true
		s.enqueue(name)
	}
}

// face has the nodes looked at that have connections with ones that came, went, or
// serve by other processes: these have keys of them, too.
func (s *seed) face(flipped map[string]bool) {
	for name, n := range s.nodes {
		if n.next == nil {
			continue
		}
		for i := range n.next.Connections {
			if c := n.next.Connections[i]; flipped[c.Client.Node] || flipped[c.Server.Node] {
				n.at = time.Time{}
				s.enqueue(name)
				break
			}
		}
	}
}

// configure puts settings in force. Where they decide what is shown, or for how
// long, everything is written anew.
func (s *seed) configure(in store.Settings) {
	if slices.Equal(in.IgnoredPorts, s.settings.IgnoredPorts) && slices.Equal(in.IgnoredNames, s.settings.IgnoredNames) && in.ExpireAfter == s.settings.ExpireAfter {
		s.settings = in
		return
	}
	s.settings, s.wide = in, true
	for name, n := range s.nodes {
		n.at = time.Time{}
		s.enqueue(name)
	}
}

func (s *seed) isKnown(name string) bool {
	n := s.nodes[name]
	return n != nil && n.next != nil
}

func (s *seed) service(node, id string) *topology.Service {
	if n := s.nodes[node]; n != nil && n.next != nil {
		return n.next.Service(id)
	}
	return nil
}

// view is how blocks look now; before is how they looked, or more than that.
func (s *seed) view() *seedView {
	return &seedView{settings: &s.settings, known: s.isKnown, service: s.service}
}

func (s *seed) before() *seedView {
	in := s.settings
	if s.wide {
		in.IgnoredPorts, in.IgnoredNames = nil, nil
	}
	return &seedView{settings: &in, known: func(name string) bool { return s.isKnown(name) || s.gone[name] }, service: s.service}
}

// seedPlan are commands, and what is known once they went through.
type seedPlan struct {
	commands [][]any
	names    []string // nodes
	blocks   []*topology.Block
	at       []time.Time
	config   map[string][][]any
	listed   []string

	copied   int   // of those left
	finished int64 // the snapshot that is whole now
	expired  int   // snapshots that are none any more
}

func (p *seedPlan) add(cmd ...any) { p.commands = append(p.commands, cmd) }

// node notes that the plan makes a node's keys right.
func (p *seedPlan) node(name string, b *topology.Block, at time.Time) {
	p.names, p.blocks, p.at = append(p.names, name), append(p.blocks, b), append(p.at, at)
}

// plan finds the commands, all that wait or about as many as one write may have.
func (s *seed) plan(now time.Time) *seedPlan {
	p := &seedPlan{listed: s.listed}
	s.planConfig(p)
	s.planList(p)
	for _, name := range s.queue {
		if len(p.commands) > seedBudget {
			break
		}
		s.planNode(p, name, now)
	}
	if s.mode == CompatFull {
		s.planSnapshot(p, now)
	}
	p.add("SET", seedUpdated, unix(now))
	return p
}

func (s *seed) planConfig(p *seedPlan) {
	p.config = seedSettings(&s.settings)
	for _, key := range slices.Sorted(maps.Keys(p.config)) {
		if !slices.EqualFunc(p.config[key], s.config[key], func(a, b []any) bool { return slices.Equal(a, b) }) {
			p.commands = append(p.commands, p.config[key]...)
		}
	}
}

// planList writes the list of hosts anew if it is not known, else what changed.
func (s *seed) planList(p *seedPlan) {
	p.listed = []string{}
	for name, n := range s.nodes {
		if n.next != nil && n.next.Node.Kind == topology.Host {
			p.listed = append(p.listed, name)
		}
	}
	slices.Sort(p.listed)
	if s.listed == nil {
		p.add("DEL", seedNodes)
		for part := range slices.Chunk(p.listed, seedListed) {
			p.commands = append(p.commands, command("RPUSH", seedNodes, part))
		}
		return
	}
	for _, name := range s.listed {
		if _, there := slices.BinarySearch(p.listed, name); !there {
			p.add("LREM", seedNodes, 0, name)
		}
	}
	for _, name := range p.listed {
		if _, there := slices.BinarySearch(s.listed, name); !there {
			p.add("RPUSH", seedNodes, name)
		}
	}
}

// planNode compares what a node's keys hold with what they should.
func (s *seed) planNode(p *seedPlan, name string, now time.Time) {
	n := s.nodes[name]
	all, due := n.at.IsZero(), now.Sub(n.at) >= seedRefresh
	if !all && !due && n.next != nil && len(n.held) == 1 && topology.OnlyTimes(n.held[0], n.next) {
		p.node(name, n.next, n.at)
		return
	}
	view, before := s.view(), s.before()
	if !all && !due && n.next != nil && len(n.held) == 1 { // most of it did not change
		view.only = changedPairs(n.held[0].Connections, n.next.Connections)
		before.only = view.only
	}
	next, last := view.keys(n.next), map[string]*hash{}
	stale := map[string]bool{}
	for _, b := range n.held {
		last = before.keys(b)
		for key := range last {
			stale[key] = next[key] == nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(stale)) {
		if stale[key] {
			s.planDrop(p, key, name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(next)) {
		switch h := next[key]; {
		case all:
			p.add("DEL", key)
			s.planHash(p, key, h)
		case last[key] == nil:
			s.planHash(p, key, h)
		case !h.same(last[key]):
			if gone := h.lacks(last[key]); gone != nil {
				p.commands = append(p.commands, command("HDEL", key, gone))
			}
			s.planHash(p, key, h)
		case due && h.open:
			p.commands = append(p.commands, command("HSET", key, h.times))
			s.planExpiry(p, key, h)
		}
	}
	s.planAddresses(p, name, n, all)
	at := n.at
	if all || due {
		at = now
	}
	p.node(name, n.next, at)
}

func (s *seed) planHash(p *seedPlan, key string, h *hash) {
	p.commands = append(p.commands, command("HSET", key, slices.Concat(h.fields, h.times)))
	s.planExpiry(p, key, h)
}

// planExpiry has services and connections end by themselves, should nobody be
// there to drop them.
func (s *seed) planExpiry(p *seedPlan, key string, h *hash) {
	expire := time.Duration(s.settings.ExpireAfter)
	if expire == 0 || len(h.times) < 2 || h.times[0] != seedFieldSeen {
		return
	}
	seen, err := strconv.ParseInt(h.times[1], 10, 64)
	if err != nil {
		return
	}
	if h.open { // and for as long as that is not written anew
		seen += int64(seedRefresh / time.Second)
	}
	p.add("EXPIREAT", key, seen+int64(expire/time.Second))
}

// planDrop drops a key, unless the other end's node holds what it tells by now.
func (s *seed) planDrop(p *seedPlan, key, name string) {
	if a, b, ok := seedEnds(key); ok {
		for _, other := range []string{a, b} {
			if n := s.nodes[other]; other != name && n != nil && n.next != nil {
				if h := s.view().links(n.next)[key]; h != nil {
					s.planHash(p, key, h.hash())
					return
				}
			}
		}
	}
	p.add("DEL", key)
}

// planAddresses has the addresses of a node lead to it.
func (s *seed) planAddresses(p *seedPlan, name string, n *seeded, all bool) {
	before, after := map[string]bool{}, map[string]bool{}
	for _, b := range n.held {
		for _, a := range seedAddresses(&b.Node) {
			before[a.String()] = true
		}
	}
	if n.next != nil {
		for _, a := range seedAddresses(&n.next.Node) {
			after[a.String()] = true
		}
	}
	for _, a := range slices.Sorted(maps.Keys(before)) {
		if after[a] {
			continue
		}
		if owner := s.owner(a, name); owner != "" {
			p.add("SET", seedAddress+a, owner)
		} else {
			p.add("DEL", seedAddress+a)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(after)) {
		if all || !before[a] {
			p.add("SET", seedAddress+a, name)
		}
	}
}

// owner is another node that has an address.
func (s *seed) owner(address, not string) string {
	owner := ""
	for name, n := range s.nodes {
		if name == not || n.next == nil || (owner != "" && name > owner) {
			continue
		}
		for _, a := range seedAddresses(&n.next.Node) {
			if a.String() == address {
				owner = name
			}
		}
	}
	return owner
}

// done takes note that a plan went through.
func (s *seed) done(p *seedPlan) {
	for i, name := range p.names {
		n := s.nodes[name]
		delete(s.queued, name)
		n.held, n.at = []*topology.Block{p.blocks[i]}, p.at[i]
		if p.blocks[i] == nil {
			n.held = nil
			if n.next == nil {
				delete(s.nodes, name)
			}
		}
	}
	s.queue = s.queue[len(p.names):]
	if len(s.queue) == 0 {
		clear(s.gone)
		s.wide = false
	}
	s.config, s.listed = p.config, p.listed
	s.left, s.snapshots = s.left[p.copied:], s.snapshots[p.expired:]
	if p.finished != 0 {
		s.snapshots, s.copying = append(s.snapshots, p.finished), 0
	}
}

// maxHeld bounds the states whose keys may be there.
const maxHeld = 8

// failed takes note that nobody knows how much of a plan went through.
func (s *seed) failed(p *seedPlan) {
	for i, name := range p.names {
		n := s.nodes[name]
		n.at = time.Time{}
		if b := p.blocks[i]; b != nil && !slices.Contains(n.held, b) {
			n.held = append(n.held[max(0, len(n.held)-maxHeld+1):], b)
		}
	}
	s.config, s.listed = nil, nil
	s.copying, s.left = 0, nil // begins anew; what there is of it expires
}
