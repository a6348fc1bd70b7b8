package view

import (
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// MaxHops is how far around something a chart may be asked for.
const MaxHops = 4

// Around is a part of a chart: what is so many hops around something.
type Around struct {
	// Focus is a node, a pool, a group or a service, by name or id.
	Focus string
	Hops  int // 0, nothing but the focus, to [MaxHops]
}

// Around is the part of the chart that can be reached from its focus over so many
// connections, in whichever direction; ok is false, and the part empty, if the chart
// shows nothing of that name. What everybody uses, the Internet and networks are
// reached but lead no further, and connections of observers only count at the focus, as
// otherwise everything would be two hops from everything. The first hop from a service
// goes over its own connections. Boxes keep their places, and what is hidden is counted
// as in the whole. The page fades by the same rule (web/src/state/around.ts):
// testdata/around.json holds for both.
func (t *Topology) Around(a Around) (part *Topology, ok bool) {
	near, ok := t.around(a)
	return t.only(near), ok
}

func (t *Topology) around(a Around) (near map[string]bool, ok bool) {
	r := reach{boxes: t.seeds(a.Focus), hops: a.Hops, meant: true}
	ok = len(r.boxes) > 0
	if i, found := t.service(a.Focus); found && ok {
		r.service = t.Services[i].ID
	}
	return t.within(r), ok
}

// Near is the part of the chart that can be reached from any of these nodes, pools,
// groups or services over so many connections, as [Topology.Around] says; without hops
// it is they themselves, and what runs among them.
func (t *Topology) Near(names []string, hops int) *Topology {
	front := map[string]bool{}
	for _, name := range names {
		for n := range t.seeds(name) {
			front[n] = true
		}
	}
	return t.only(t.within(reach{boxes: front, hops: hops, meant: true}))
}

// reach is what is so many hops around boxes.
type reach struct {
	boxes map[string]bool
	hops  int
	// service is the id of one whose connections alone are the first hop; "" for all.
	service string
	// meant says that the boxes were asked for by name, and lead on whatever they are;
	// else what everybody uses leads nowhere from there either, and observers count
	// nowhere.
	meant bool
}

// over tells whether a hop, counted from 0, goes over a connection.
func (r *reach) over(c *topology.Connection, hop int) bool {
	return (!c.Observer || hop == 0 && r.meant) && (hop > 0 || r.service == "" || c.Client.Service == r.service || c.Server.Service == r.service)
}

// within are the boxes of a reach.
func (t *Topology) within(r reach) map[string]bool {
	near, front, through := map[string]bool{}, map[string]bool{}, t.through()
	for n := range r.boxes {
		near[n], front[n] = true, r.meant || through[n]
	}
	for hop := range r.hops {
		next := map[string]bool{}
		for i := range t.Connections {
			c := &t.Connections[i]
			if !r.over(&c.Connection, hop) {
				continue
			}
			for _, ends := range [2][2]string{{c.Client.Node, c.Server.Node}, {c.Server.Node, c.Client.Node}} {
				if front[ends[0]] && !near[ends[1]] {
					near[ends[1]], next[ends[1]] = true, through[ends[1]]
				}
			}
		}
		front = next
	}
	return near
}

// seeds are the boxes that something names: itself, the box that it stands in, or those
// that stand in it.
func (t *Topology) seeds(focus string) map[string]bool {
	if focus == "" {
		return nil
	}
	if i, is := t.service(focus); is {
		return map[string]bool{t.Services[i].Node: true}
	}
	found := t.named(focus)
	if node, _, is := strings.Cut(focus, "~"); is && len(found) == 0 {
		return t.named(strings.ReplaceAll(node, "!", "/")) // a service that is no row on this level
	}
	return found
}

func (t *Topology) named(name string) map[string]bool {
	found := map[string]bool{}
	if name == "" {
		return found
	}
	for _, n := range t.boxes() {
		if n.Name == name { // not what stands with it
			return map[string]bool{name: true}
		}
		if n.Pool == name || n.Group == name || slices.ContainsFunc(n.Members, func(m topology.BoxMember) bool { return m.Name == name }) {
			found[n.Name] = true
		}
	}
	return found
}

func (t *Topology) service(id string) (int, bool) {
	return slices.BinarySearchFunc(t.Services, id, func(s Service, id string) int { return strings.Compare(s.ID, id) })
}

// through are the boxes over which one gets from one place to another.
func (t *Topology) through() map[string]bool {
	out := map[string]bool{}
	for _, n := range t.boxes() {
		out[n.Name] = n.leads()
	}
	return out
}

func (n *Node) leads() bool {
	return !n.Shared && n.Kind != topology.Internet && n.Kind != topology.Network
}

// only is the part of the chart with these boxes, and what is among them.
func (t *Topology) only(near map[string]bool) *Topology {
	out := *t
	keep := func(list []Node) []Node {
		kept := make([]Node, 0, min(len(list), len(near)))
		for i := range list {
			if near[list[i].Name] {
				kept = append(kept, list[i])
			}
		}
		return kept
	}
	out.Pools, out.Groups, out.Nodes = keep(t.Pools), keep(t.Groups), keep(t.Nodes)
	out.Services, out.Connections = []Service{}, []Connection{}
	for i := range t.Services {
		if near[t.Services[i].Node] {
			out.Services = append(out.Services, t.Services[i])
		}
	}
	for i := range t.Connections {
		if c := &t.Connections[i]; near[c.Client.Node] && near[c.Server.Node] {
			out.Connections = append(out.Connections, *c)
		}
	}
	out.Lanes = slices.DeleteFunc(slices.Clone(t.Lanes), func(l Lane) bool {
		return !slices.ContainsFunc(out.boxes(), func(n *Node) bool { return n.Layout != nil && n.Layout.Overlaps(&l.Layout) })
	})
	out.Ghosts = []Ghost{} // nobody knows what they were near to
	out.Coverage = out.covered()
	return &out
}

// covered counts how much was seen of what is shown.
func (t *Topology) covered() (c Coverage) {
	real := map[string]bool{}
	for _, n := range t.boxes() {
		real[n.Name] = isReal(n.Kind)
		c.add(coverageOf(&n.Node), 1)
	}
	c.Connections = len(t.Connections)
	for i := range t.Connections {
		e := &t.Connections[i]
		if !e.Evidence.BothEnds && real[e.Client.Node] && real[e.Server.Node] {
			c.OneSided++
		}
	}
	return c
}
