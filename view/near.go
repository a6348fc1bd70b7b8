package view

import (
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// Around is [Topology.Around] of the whole view. It is made of what the part holds: what
// it costs doesn't follow from how large the view is.
func (l *Live) Around(a Around) (part *Topology, ok bool) {
	near, ok := l.reached(a)
	return l.only(near), ok
}

// near are the boxes that a filter shows. What is asked beside a focus is found in the
// whole, which is kept then.
func (l *Live) near(f Filter, signals func() []topology.Signal) (near map[string]bool, ok bool) {
	if f.isAround() {
		return l.reached(f.Around)
	}
	var told []topology.Signal
	if f.Trouble {
		told = signals()
	}
	return l.Kept().narrowed(f, told)
}

func (l *Live) reached(a Around) (near map[string]bool, ok bool) {
	r := reach{hops: a.Hops, meant: true}
	if b := l.served(a.Focus); b != nil {
		r.boxes, r.service = map[string]bool{b.name: true}, a.Focus
	} else {
		r.boxes = l.seeds(a.Focus)
	}
	return l.within(r), len(r.boxes) > 0
}

// within is [Topology.within] of the whole.
func (l *Live) within(r reach) map[string]bool {
	near := map[string]bool{}
	var front []string
	for n := range r.boxes {
		if near[n] = true; r.meant || l.leads(n) {
			front = append(front, n)
		}
	}
	for hop := range r.hops {
		var next []string
		for _, n := range front {
			for c := range l.touching(n) {
				other := c.Client.Node
				if other == n {
					other = c.Server.Node
				}
				if near[other] || !r.over(c, hop) {
					continue
				}
				if near[other] = true; l.leads(other) {
					next = append(next, other)
				}
			}
		}
		front = next
	}
	return near
}

func (l *Live) leads(node string) bool {
	b := l.byName[node]
	return b != nil && b.in.leads
}

// touching yields the connections that are shown and end at a node. Where edges stand for
// several, one gets over these where one gets over any of what they stand for.
func (l *Live) touching(node string) func(yield func(*topology.Connection) bool) {
	return func(yield func(*topology.Connection) bool) {
		for _, holder := range l.around[node] {
			for _, k := range holder.part.endsAt(node) {
				if !yield(holder.block.Connections[holder.part.connections[k].i]) {
					return
				}
			}
		}
	}
}

// served is the box that shows a service as a row; nil if none does.
func (l *Live) served(id string) *box {
	if !l.question.Level.rows() {
		return nil
	}
	node := id
	for range 3 { // of what may stand behind the node: protocol, port, address
		i := strings.LastIndexByte(node, '~')
		if i < 0 {
			return nil
		}
		node = node[:i]
		for _, name := range [2]string{node, strings.ReplaceAll(node, "!", "/")} {
			if b := l.byName[name]; b != nil && b.kept && b.serves(id) {
				return b
			}
		}
	}
	return nil
}

// serves tells whether a service is shown.
func (s *state) serves(id string) bool {
	_, found := slices.BinarySearchFunc(s.part.services, id, func(one shownService, id string) int {
		return strings.Compare(s.block.Services[one.i].ID, id)
	})
	return found
}

// seeds is [Topology.seeds] of the whole, but for services.
func (l *Live) seeds(focus string) map[string]bool {
	found := l.named(focus)
	if node, _, is := strings.Cut(focus, "~"); is && len(found) == 0 {
		return l.named(strings.ReplaceAll(node, "!", "/"))
	}
	return found
}

func (l *Live) named(name string) map[string]bool {
	found := map[string]bool{}
	if b := l.byName[name]; b != nil && b.kept {
		found[name] = true
		return found
	}
	if name == "" {
		return found
	}
	for b := range l.stands[name] {
		found[b.name] = true
	}
	if l.in != nil && l.source.Block(name) != nil {
		if b := l.byName[l.in(name)]; b != nil && b.kept {
			found[b.name] = true
		}
	}
	return found
}

// only is [Topology.only] of the whole.
func (l *Live) only(near map[string]bool) *Topology {
	out := &Topology{
		Revision: l.revision, At: l.snap.At().UTC(), Level: l.question.Level, Hide: l.question.hidden(), Hidden: l.hidden,
		Width: l.chart.Width, Height: l.chart.Height, Ghosts: []Ghost{}, Lanes: l.lanesUnder(near),
		Nodes: []Node{}, Services: []Service{}, Connections: []Connection{},
	}
	var services, connections []located
	for _, name := range sortedNames(near) {
		b := l.byName[name]
		if b == nil {
			continue
		}
		s := l.now(b)
		if s.kept {
			n := nodeOf(l.settings, &s)
			l.settings.name(&n)
			out.Nodes = append(out.Nodes, n)
		}
		if l.question.Level.rows() {
			services, connections = s.services(services), s.among(near, connections)
		}
	}
	for _, b := range l.guestsOf(near) {
		s := l.now(b)
		connections = s.among(near, connections)
	}
	out.split()
	if l.question.Level.rows() {
		sortServices(services)
		for i := range services {
			out.Services = append(out.Services, l.service(&services[i]))
		}
		sortConnections(connections)
		for i := range connections {
			out.Connections = append(out.Connections, l.connection(&connections[i]))
		}
	} else {
		for _, id := range l.pairsAmong(near) {
			out.Connections = append(out.Connections, *l.merged(id, l.pairs[id], true))
		}
	}
	out.Coverage = out.covered()
	return out
}

func sortedNames(near map[string]bool) []string {
	names := make([]string, 0, len(near))
	for n := range near {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// now is what is known of a box, with its times as they are now.
func (l *Live) now(b *box) state {
	s := b.state
	s.block = l.newest(b)
	return s
}

// among appends the connections of a block whose ends are both near.
func (s *state) among(near map[string]bool, list []located) []located {
	for k := range s.shown() {
		if one := s.locate(&s.part.connections[k]); one.isAmong(near) {
			list = append(list, one)
		}
	}
	return list
}

// guestsOf are the boxes that are not near and hold connections of those that are, by
// name.
func (l *Live) guestsOf(near map[string]bool) (list []*box) {
	seen := crowd{}
	for n := range near {
		for _, b := range l.guests[n] {
			if _, known := seen[b]; !known && !near[b.name] {
				seen[b], list = struct{}{}, append(list, b)
			}
		}
	}
	slices.SortFunc(list, byName)
	return list
}

// pairsAmong are the pairs of boxes that are near, by id, on levels without rows.
func (l *Live) pairsAmong(near map[string]bool) (ids []string) {
	take := func(b *box) {
		if b == nil || b.part == nil {
			return
		}
		for i := range b.part.pairs {
			c := b.block.Connections[b.part.connections[b.part.pairs[i].connections[0]].i]
			if near[c.Client.Node] && near[c.Server.Node] {
				ids = append(ids, b.part.pairs[i].id)
			}
		}
	}
	for n := range near {
		take(l.byName[n])
	}
	for _, b := range l.guestsOf(near) {
		take(b)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// lanesUnder are the grounds on which something of what is near stands.
func (l *Live) lanesUnder(near map[string]bool) []Lane {
	return slices.DeleteFunc(l.settings.lanes(&l.chart), func(lane Lane) bool {
		for n := range near {
			if b := l.byName[n]; b != nil && b.kept && b.place != nil && b.place.Overlaps(&lane.Layout) {
				return false
			}
		}
		return true
	})
}
