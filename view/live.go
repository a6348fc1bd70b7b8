package view

import (
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view/merge"
)

// Live is a view of the newest snapshot, kept as the parts that its blocks bring.
// It is for one goroutine at a time.
type Live struct {
	question Question
	placer   Placer

	source   *topology.Snapshot // as it came
	snap     *topology.Snapshot // on the level of the question
	merger   *merge.Merger      // from the one to the other; nil if they are one
	in       merge.Boxes        // likewise: in which box a node stands
	settings *Settings
	at       time.Time
	revision string

	boxes  []*box // by name, one for each block, shown or not
	byName map[string]*box
	// around lists the boxes whose blocks hold connections that end at a node, be
	// they shown or not; shown counts the ends there that are.
	around map[string][]*box
	shown  map[string]int
	guests map[string][]*box // by client: the boxes that hold what is shown of others
	stands map[string]crowd  // by pool or group: the boxes that stand in it, or are of it
	used   map[string]used   // by service
	pairs  map[string]*pair  // by id, on levels without rows

	owners   int // nodes that report, or did
	hidden   Hidden
	coverage Coverage
	chart    Chart
	epoch    uint64    // of the placer, when it was asked last
	whole    *Topology // nil until somebody has it kept
}

// box is a node of a view, with what was known of it before the change that is
// being made; was is nil for one that the change doesn't touch.
type box struct {
	name string
	state
	was   *state
	stale bool // its part must be made anew
}

// state is what is known of a node. Its lists are never written again.
type state struct {
	block    *topology.Block // nil if there is no such node
	part     *part
	used     []used // of the services of part, if it awaits their clients
	kept     bool   // it is shown
	rows     []Row
	box      Box
	in       standing
	edges    []Edge // of the connections of part
	place    *Rect
	coverage Coverage
}

// used is what the clients of a service know of it.
type used struct{ connections, open int }

// standing is what a box that is shown stands together with; leads says that one gets
// over it from one place to another.
type standing struct {
	pool, group string
	leads       bool
}

// crowd is boxes.
type crowd map[*box]struct{}

// NewLive makes a view that shows nothing yet.
func NewLive(q Question, placer Placer) *Live {
	l := &Live{question: q, placer: placer}
	l.forget()
	return l
}

func (l *Live) forget() {
	*l = Live{
		question: l.question, placer: l.placer,
		byName: map[string]*box{}, around: map[string][]*box{}, shown: map[string]int{}, used: map[string]used{}, pairs: map[string]*pair{},
		guests: map[string][]*box{}, stands: map[string]crowd{},
	}
}

// Snapshot is the one that the view shows; nil before the first.
func (l *Live) Snapshot() *topology.Snapshot { return l.source }

// Revision names the state of the view: that of the snapshot in which it changed
// last.
func (l *Live) Revision() string { return l.revision }

// Advance shows a newer snapshot and tells what differs, nil if nothing does or
// nothing was shown before. In snapshots of one revision nothing differs but
// times that advance; they aren't even looked into, nor are the settings. Those
// that make a topology look different come with a new revision, and are not
// written again. The moment at, by which old things are hidden, is the same for
// all snapshots of one revision. After an error nothing is shown, and no delta
// leads on from what was.
func (l *Live) Advance(snap *topology.Snapshot, settings *Settings, at time.Time) (*Delta, error) {
	l.whole = nil
	if l.source != nil && l.source.Revision() == snap.Revision() {
		l.source, l.snap = snap, l.level(snap)
		return nil, nil
	}
	if l.settings == nil || l.settings.Roles != settings.Roles {
		l.merger, l.in = l.question.merger(settings.Roles), l.question.in(settings.Roles)
	}
	l.source = snap
	snap = l.level(snap)
	c := l.begin(snap, settings, at)
	c.replace()
	c.remake()
	c.count()
	c.fill()
	if err := c.draw(); err != nil {
		l.forget()
		return nil, err
	}
	defer c.end()
	if l.revision == "" {
		l.revision = snap.Revision().String()
		return nil, nil
	}
	d := c.delta()
	if d != nil {
		l.revision = d.Revision
	}
	return d, nil
}

// level brings a snapshot to the level of the question.
func (l *Live) level(snap *topology.Snapshot) *topology.Snapshot {
	if l.merger == nil {
		return snap
	}
	return l.merger.Next(snap)
}

// Whole is the whole view with all places, which must not be written. It is built anew
// unless it is kept.
func (l *Live) Whole() *Topology {
	if l.whole != nil {
		return l.whole
	}
	all := build(l.question, l.snap, l.settings, l.at)
	all.Revision, all.Width, all.Height = l.revision, l.chart.Width, l.chart.Height
	all.Lanes = l.settings.lanes(&l.chart)
	all.Ghosts = append(all.Ghosts, l.chart.Ghosts...)
	for i := range all.Nodes {
		all.Nodes[i].Layout = l.byName[all.Nodes[i].Name].place
	}
	all.split()
	return all
}

// Kept is the whole, which is kept until the view advances.
func (l *Live) Kept() *Topology {
	l.whole = l.Whole()
	return l.whole
}

// PlacePast gives a view of the past its places: what is there today stands where
// it stands today. What is not stands where it stood last, as far as that was seen
// and is free; else below, as it stood to each other.
func (l *Live) PlacePast(view *Topology) error { return placePast(view, &l.chart, l.placer) }

func (l *Live) block(node string) *topology.Block {
	if b := l.byName[node]; b != nil {
		return b.block
	}
	return nil
}

// enter notes a box under a node, leave that it is there no more.
func enter(boxes map[string][]*box, node string, b *box) { boxes[node] = append(boxes[node], b) }

func leave(boxes map[string][]*box, node string, b *box) {
	list := boxes[node]
	i := slices.Index(list, b)
	last := len(list) - 1
	list[i], list[last] = list[last], nil
	if boxes[node] = list[:last]; last == 0 {
		delete(boxes, node)
	}
}

// stand notes what a box stands together with now.
func (l *Live) stand(b *box, in standing) {
	if b.in == in {
		return
	}
	for _, id := range [2]string{b.in.pool, b.in.group} {
		if delete(l.stands[id], b); len(l.stands[id]) == 0 {
			delete(l.stands, id)
		}
	}
	for _, id := range [2]string{in.pool, in.group} {
		if id != "" {
			if l.stands[id] == nil {
				l.stands[id] = crowd{}
			}
			l.stands[id][b] = struct{}{}
		}
	}
	b.in = in
}

// nodeOf is a node as it is shown by settings, without its name.
func nodeOf(settings *Settings, s *state) Node {
	n := settings.node(&s.block.Node)
	n.Rows, n.Layout = s.rows, s.place
	return n
}

// rowsOf are the rows of a node as it is shown.
func (l *Live) rowsOf(b *box) []Row {
	if !b.kept || !l.question.Level.rows() || !hasRows(b.block.Node.Kind) {
		return nil
	}
	services := make([]*topology.Service, 0, len(b.part.services))
	for _, s := range b.part.services {
		services = append(services, &b.block.Services[s.i])
	}
	var clients []string
	for _, holder := range l.around[b.name] {
		if holder.part != nil {
			holder.part.callersAt(b.name, func(process string) { clients = append(clients, process) })
		}
	}
	return capRows(nodeRows(services, clients), maxRows(l.owners))
}

// edgesOf are the edges of the connections that a box brings.
func (l *Live) edgesOf(b *box) []Edge {
	if b.part == nil || !l.question.Level.rows() {
		return nil
	}
	list := make([]Edge, 0, len(b.part.connections))
	for _, s := range b.part.connections {
		c := b.block.Connections[s.i]
		client, server := l.byName[c.Client.Node], l.byName[c.Server.Node]
		if client != nil && server != nil && client.kept && server.kept {
			list = append(list, edgeOf(c, &client.box, &server.box, client.rows, server.rows))
		}
	}
	return list
}

// graph is all boxes and edges that are shown.
func (l *Live) graph() *Graph {
	g := &Graph{}
	for _, b := range l.boxes {
		if b.kept {
			g.Boxes = append(g.Boxes, b.box)
		}
		g.Edges = append(g.Edges, b.edges...)
	}
	for _, p := range l.pairs {
		client, server := l.byName[p.all.Client.Node], l.byName[p.all.Server.Node]
		if client != nil && server != nil {
			g.Edges = append(g.Edges, edgeOf(&p.all.Connection, &client.box, &server.box, nil, nil))
		}
	}
	return g
}

// lastUse is when a service of a node was last used, by those who use it.
func (l *Live) lastUse(service, node string) (last time.Time) {
	for _, holder := range l.around[node] {
		users := holder.part.usersOf(service)
		if len(users) == 0 {
			continue
		}
		block := l.newest(holder)
		for _, i := range users {
			if seen := l.snap.LastSeen(block, int(i)); seen.After(last) {
				last = seen
			}
		}
	}
	return last
}

// newest is the block of a box in the newest snapshot: that of the box may be of an
// earlier one of the same revision.
func (l *Live) newest(b *box) *topology.Block {
	if block := l.snap.Block(b.name); block != nil {
		return block
	}
	return b.block
}

func byName(a, b *box) int { return strings.Compare(a.name, b.name) }
