package watch

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
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
	mapped := b.mapped()
	for node := range b.dirty {
		if block := snap.Block(node); block != nil {
			if list := listOf(mapped[node]); !topology.SameChecks(block.Checks, list) {
				out[node] = list
			}
		}
	}
	clear(b.dirty)
	return out
}

// mapped are the checks of the nodes that may have others.
func (b *Board) mapped() map[string][]*check {
	out := make(map[string][]*check, len(b.dirty))
	for _, s := range b.sources {
		for _, c := range s.checks {
			if c.Node != "" && b.dirty[c.Node] {
				out[c.Node] = append(out[c.Node], c)
			}
		}
	}
	return out
}

// listOf are the checks that a node is to have, by id.
func listOf(mapped []*check) []topology.Check {
	list := make([]topology.Check, 0, len(mapped))
	for _, c := range mapped {
		list = append(list, c.Check.Check)
	}
	slices.SortFunc(list, func(x, y topology.Check) int { return cmp.Compare(x.ID, y.ID) })
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
	if len(hosts) == 0 {
		return
	}
	affected := make(map[string]bool, len(hosts))
	for _, host := range hosts {
		affected[host] = true
	}
	for k, c := range s.checks {
		if affected[k.host] {
			s.unplaced = append(s.unplaced, c)
		}
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
			s.unplaced = slices.AppendSeq(s.unplaced[:0], maps.Values(s.checks))
		}
		if len(s.unplaced) > 0 {
			b.strayed = false
		}
		for _, c := range s.unplaced {
			if s.checks[key{c.Host, c.Name}] == c {
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
	if c.Node != before.Node || !topology.SameCheck(&c.Check.Check, &before) {
		if before.Node != "" {
			b.dirty[before.Node] = true
		}
		b.touch(c)
	}
}

// age finds what turned stale, and drops what has been so for too long.
func (b *Board) age(now time.Time) {
	if now.Sub(b.aged) < lookEvery {
		return
	}
	b.aged = now
	for _, s := range b.sources {
		s.judge(now)
		for k, c := range s.checks {
			if stale := s.isStale(c, now); stale != c.Stale {
				c.Stale = stale
				b.touch(c)
			}
			if c.Stale && b.expiry > 0 && now.Sub(s.lastHeard(c)) > b.expiry {
				delete(s.checks, k)
				b.touch(c)
			}
		}
	}
}

// lastHeard is when a result was last confirmed.
func (s *source) lastHeard(c *check) time.Time {
	if s.passive() || s.read.IsZero() {
		return maxTime(c.LastCheck, s.state.Since)
	}
	return s.read
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judge says how a source is.
func (s *source) judge(now time.Time) {
	is := monitor.Fine
	switch begun := maxTime(s.read, s.begun); {
	case s.passive():
	case now.Sub(begun) > max(staleAfter*s.every(), leastStale) || monitor.ReasonOf(s.failed) == monitor.OldData:
		is = monitor.Blind
	case s.failed != nil:
		is = monitor.Failing
	case s.read.IsZero():
		is = monitor.Unread
	}
	s.stale = is == monitor.Blind
	if is != s.state.State {
		s.state.State, s.state.Since = is, now
	}
}
