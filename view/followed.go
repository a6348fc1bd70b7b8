package view

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Part is a part of a live view that is followed: what a filter shows of it. It keeps
// what its boxes were, and so tells what differs at a cost of what changed in it. It is
// for one goroutine at a time.
type Part struct {
	filter   Filter
	of       topology.Revision // of the snapshot that it was brought up to
	at       time.Time         // likewise
	settings *Settings         // nil before the first
	near     map[string]bool   // its boxes, or what leads there
	names    []string          // of them, sorted
	there    bool              // the focus is
	members  []*member         // by name: its boxes, and others that hold connections of it
	pairs    map[string]*Connection
	shown    excerpt
}

// excerpt is what is told of a part as a whole.
type excerpt struct {
	revision      string
	coverage      Coverage
	hidden        Hidden
	width, height float64
	lanes         []Lane
}

// member is a box of a part, as it was. One that is no box of the part, and only holds
// connections of it, is not shown.
type member struct {
	name string
	state
	covers Coverage // by itself, and by the connections of the part that it brings
}

// NewPart makes a part that follows no view yet.
func NewPart(f Filter) *Part { return &Part{filter: f} }

// Revision names the part: that of the view in which it, or what is told of the whole,
// changed last.
func (p *Part) Revision() string { return p.shown.revision }

// There tells whether the view shows the focus.
func (p *Part) There() bool { return p.there }

// Whole is the part with all that it shows, of the view to which it was brought up.
func (p *Part) Whole(l *Live) *Topology {
	out := l.only(p.near)
	out.Revision = p.shown.revision
	return out
}

// Advance brings the part up to a view of the question that it is a part of, and tells
// what differs, as [Compare] does of two answers; nil if nothing does, or nothing was
// shown before. signals are those of [Topology.Narrow].
func (p *Part) Advance(l *Live, signals func() []topology.Signal) *Delta {
	first := p.settings == nil
	if !first && p.of == l.snap.Revision() && (!p.filter.Trouble || p.at.Equal(l.snap.At())) {
		return nil
	}
	near, there := l.near(p.filter, signals)
	moved := first || !maps.Equal(near, p.near)
	k := &contrast{Live: l, before: p.settings, part: true, was: p.near, is: near}
	if p.there = there; moved {
		p.near, p.names = near, sortedNames(near)
	}
	p.take(l, k, moved)
	was := p.shown
	p.of, p.at, p.settings = l.snap.Revision(), l.snap.At(), l.settings
	p.shown = excerpt{was.revision, Coverage{}, l.hidden, l.chart.Width, l.chart.Height, l.lanesUnder(near)}
	for _, m := range p.members {
		p.shown.coverage.add(m.covers, 1)
	}
	d := &Delta{From: was.revision, Revision: l.revision, At: l.snap.At().UTC(), Width: l.chart.Width, Height: l.chart.Height, Hidden: l.hidden}
	p.tell(l, k, d)
	d.Coverage = p.shown.coverage
	if first {
		p.shown.revision = l.revision
		return nil
	}
	if !slices.Equal(was.lanes, p.shown.lanes) {
		d.Lanes = p.shown.lanes
	}
	if d.Things() == 0 && d.Lanes == nil && was.coverage == d.Coverage && was.hidden == d.Hidden && was.width == d.Width && was.height == d.Height {
		return nil
	}
	p.shown.revision = d.Revision
	return d
}

// take makes the members what they are now, and notes those that differ.
func (p *Part) take(l *Live, k *contrast, moved bool) {
	same := !moved && p.settings.same(l.settings)
	next := make([]*member, 0, len(p.members))
	add := func(b *box, shown bool) {
		var before *member
		if i, found := slices.BinarySearchFunc(p.members, b.name, func(m *member, name string) int { return strings.Compare(m.name, name) }); found {
			before = p.members[i]
		}
		if same && before != nil && before.is(b, shown) {
			next = append(next, before)
			return
		}
		next = append(next, p.member(l, b, shown))
	}
	for _, name := range p.names {
		if b := l.byName[name]; b != nil {
			add(b, b.kept)
		}
	}
	guests := l.guestsOf(p.near)
	for _, b := range guests {
		add(b, false)
	}
	if len(guests) > 0 {
		slices.SortFunc(next, func(a, b *member) int { return strings.Compare(a.name, b.name) })
	}
	none := &state{}
	topology.Walk(p.members, next, func(m **member) string { return (*m).name }, func(was, is **member) {
		switch {
		case was == nil:
			k.sides = append(k.sides, side{none, &(*is).state})
		case is == nil:
			k.sides = append(k.sides, side{&(*was).state, none})
		case *was != *is:
			k.sides = append(k.sides, side{&(*was).state, &(*is).state})
		}
	})
	p.members = next
}

// is tells whether a member is as its box is now. Blocks that differ in more than times
// have other parts.
func (m *member) is(b *box, shown bool) bool {
	return m.part == b.part && m.kept == shown && m.place == b.place && topology.SameList(m.rows, b.rows) && topology.SameList(m.used, b.used)
}

func (p *Part) member(l *Live, b *box, shown bool) *member {
	m := &member{name: b.name, state: l.now(b)}
	if m.kept = shown; shown {
		m.covers = coverageOf(&m.block.Node)
	}
	if !l.question.Level.rows() {
		return m
	}
	for i := range m.shown() {
		one := m.locate(&m.part.connections[i])
		if !one.isAmong(p.near) {
			continue
		}
		m.covers.Connections++
		if c := m.block.Connections[one.i]; !c.Evidence.BothEnds && real(l.block(c.Client.Node)) && real(l.block(c.Server.Node)) {
			m.covers.OneSided++
		}
	}
	return m
}

// tell writes what differs in the members.
func (p *Part) tell(l *Live, k *contrast, d *Delta) {
	k.nodes(d)
	if l.question.Level.rows() {
		k.services(d)
		k.connections(d)
		return
	}
	d.Services, d.Removed.Services = []Service{}, []string{}
	d.Connections, d.Removed.Connections = []Connection{}, []string{}
	was := p.pairs
	p.pairs = make(map[string]*Connection, len(was))
	var told patch
	ids := l.pairsAmong(p.near)
	for _, id := range ids {
		pair := l.pairs[id]
		p.pairs[id] = pair.all
		p.shown.coverage.add(pair.coverage(), 1)
	}
	for id := range was {
		if p.pairs[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		l.tellPair(d, &told, id, was[id], p.pairs[id])
	}
}
