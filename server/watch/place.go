package watch

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
)

// Settle finds out what changed since the last time, and has it put onto the
// nodes, some at a time. It is called by [Board.Run]; where that doesn't run, by
// whoever says which time it is.
func (b *Board) Settle(now time.Time) {
	some := map[string][]topology.Check{}
	for node, list := range b.changes(now) {
		if some[node] = list; len(some) < portion {
			continue
		}
		if b.Topology.PutChecks(some) != nil {
			return // the server stops
		}
		some = map[string][]topology.Check{}
	}
	if len(some) > 0 {
		_ = b.Topology.PutChecks(some) // fails where the server stops
	}
}

// changes are the checks of the nodes that have others now.
func (b *Board) changes(now time.Time) map[string][]topology.Check {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.active {
		return nil
	}
	for _, s := range b.sources {
		b.restore(s)
	}
	b.age(now)
	snap := b.Topology.Snapshot()
	b.follow(snap)
	b.mapDirty(snap)
	if len(b.dirty) == 0 {
		return nil
	}
	out := map[string][]topology.Check{}
	for node := range b.dirty {
		if block := snap.Block(node); block != nil && !hasList(block, b.onNode[node]) {
			out[node] = listOf(b.onNode[node])
		}
	}
	clear(b.dirty)
	return out
}

// listOf are the checks that a node is to have, sorted by id as the list is.
func listOf(mapped []*check) []topology.Check {
	list := make([]topology.Check, len(mapped))
	for i, c := range mapped {
		list[i] = c.Check.Check
	}
	return list
}

// follow notes what of the topology changed that checks may be mapped on, and
// which nodes came, or have other checks than they were given.
func (b *Board) follow(snap *topology.Snapshot) {
	if b.seen == snap {
		return
	}
	for before, block := range snap.Changed(b.seen) {
		if block != nil && (before == nil || !sameList(before.Checks, block.Checks)) {
			b.dirty[block.Node.Name] = true
		}
	}
	b.seen = snap
	for _, s := range b.sources {
		if s.mapper != nil {
			s.moved(s.mapper.Renew(snap))
		}
	}
}

// moved notes that the checks of some hosts may be about something else now.
func (s *source) moved(hosts []string) {
	for _, host := range hosts {
		s.unplaced = append(s.unplaced, s.byHost[host]...)
	}
}

func sameList(a, b []topology.Check) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// mapDirty maps the checks that may be about something else than before. Those of
// a source that this server did not read yet stay where they are: what their hosts
// are is not known.
func (b *Board) mapDirty(snap *topology.Snapshot) {
	for _, s := range b.sources {
		if s.from != nil && s.read.IsZero() {
			continue
		}
		if s.own() {
			s.unplaced = nil
			continue
		}
		if b.remap || s.mapper == nil {
			s.mapper = mapping.New(snap, b.rules, s.allHosts())
			s.unplaced = slices.AppendSeq(s.unplaced[:0], s.all())
		}
		if len(s.unplaced) > 0 {
			b.strayed = false
		}
		for _, c := range s.unplaced {
			if s.get(key{c.Host, c.Name}) == c {
				b.mapOne(s, c)
			}
		}
		s.unplaced, s.placed = nil, !s.read.IsZero()
	}
	b.remap = false
}

func (b *Board) mapOne(s *source, c *check) {
	before := c.Check.Check
	c.Node, c.Service, c.Mapping = "", "", nil
	s.mapper.Check(&c.Check)
	s.sort(c)
	if c.Node != before.Node || !topology.SameCheck(&c.Check.Check, &before) {
		if before.Node != "" {
			b.dirty[before.Node] = true
		}
		b.touch(c)
	}
}
