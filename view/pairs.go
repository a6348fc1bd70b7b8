package view

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// pair is all that is shown between two nodes in one direction, for [LevelNode].
type pair struct {
	from     []*box // whose blocks bring it
	all      *Connection
	oneSided bool
}

// pairings are the pairs that a change touches, as they were.
type pairings struct {
	was map[string]*Connection // nil for those that weren't
	ids []string               // sorted, once they are settled
}

// note moves a box to the pairs that its part brings now.
func (e *pairings) note(l *Live, b *box, was, is *part) {
	if e.was == nil {
		e.was = map[string]*Connection{}
	}
	topology.Walk(was.pairs, is.pairs, func(m *members) string { return m.id }, func(x, y *members) {
		id := cmp.Or(x, y).id
		p := l.pairs[id]
		if p == nil {
			p = &pair{}
			l.pairs[id] = p
		}
		if _, known := e.was[id]; !known {
			e.was[id] = p.all
		}
		switch {
		case y == nil:
			p.from = slices.DeleteFunc(p.from, func(o *box) bool { return o == b })
		case x == nil:
			p.from = append(p.from, b)
		}
	})
}

// settle makes the pairs anew, and reports whether others are there than before.
func (e *pairings) settle(l *Live) (changed bool) {
	for id, was := range e.was {
		e.ids = append(e.ids, id)
		p := l.pairs[id]
		if was != nil {
			l.coverage.add(p.coverage(), -1)
		}
		changed = changed || (was == nil) != (len(p.from) == 0)
		if len(p.from) == 0 {
			delete(l.pairs, id)
			continue
		}
		p.all = l.merged(id, p, false)
		p.oneSided = !p.all.Evidence.BothEnds && real(l.block(p.all.Client.Node)) && real(l.block(p.all.Server.Node))
		l.coverage.add(p.coverage(), 1)
	}
	slices.Sort(e.ids)
	return changed
}

func (p *pair) coverage() Coverage {
	c := Coverage{Connections: 1}
	if p.oneSided {
		c.OneSided = 1
	}
	return c
}

// merged makes one edge of what is shown between two nodes, with the times
// that advance or without.
func (l *Live) merged(id string, p *pair, complete bool) *Connection {
	var list []Connection
	for _, b := range p.from {
		i, _ := slices.BinarySearchFunc(b.part.pairs, id, func(m members, id string) int { return strings.Compare(m.id, id) })
		for _, k := range b.part.pairs[i].connections {
			s := b.part.connections[k]
			one := Connection{*b.block.Connections[s.i], s.ignored}
			if complete {
				one.Connection = l.snap.CompleteConnection(l.newest(b), int(s.i))
			}
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Connection) int { return strings.Compare(a.ID, b.ID) })
	all := pairOf(list[0])
	for i := range list[1:] {
		join(&all, &list[i+1])
	}
	return &all
}

// compare writes into a delta which pairs differ.
func (e *pairings) compare(l *Live, d *Delta) {
	d.Connections, d.Removed.Connections = []Connection{}, []string{}
	var told patch
	for _, id := range e.ids {
		var is *Connection
		if p := l.pairs[id]; p != nil {
			is = p.all
		}
		l.tellPair(d, &told, id, e.was[id], is)
	}
}

// tellPair writes how a pair differs from what it was; nil is none.
func (l *Live) tellPair(d *Delta, told *patch, id string, was, is *Connection) {
	switch {
	case is == nil && was != nil:
		d.Removed.Connections = append(d.Removed.Connections, id)
	case is != nil && (was == nil || was != is && !sameConnection(was, is)):
		all := l.merged(id, l.pairs[id], true)
		var patch json.RawMessage
		if was != nil {
			patch = told.connection(was, all)
		}
		d.Connections, d.patches.connections = append(d.Connections, *all), append(d.patches.connections, patch)
	}
}
