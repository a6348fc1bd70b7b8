package view

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// change brings a live view from one snapshot to the next, in the order of its
// methods: replace, remake, count, fill, draw, delta, end. A box is touched before
// its state is written, so that what it was is known; what depends on it is
// touched in turn.
type change struct {
	*Live
	touched []*box
	// before is what the view was as a whole.
	before struct {
		settings      *Settings
		hidden        Hidden
		coverage      Coverage
		width, height float64
		lanes         []Lane
		ghosts        []Ghost
		limit         int // of rows
	}
	refill  map[string]bool // nodes whose rows may have changed
	redrawn bool            // the graph has changed
	between pairings        // on levels without rows
}

func (l *Live) begin(snap *topology.Snapshot, settings *Settings, at time.Time) *change {
	c := &change{Live: l, refill: map[string]bool{}}
	c.before.hidden, c.before.coverage = l.hidden, l.coverage
	c.before.width, c.before.height, c.before.limit = l.chart.Width, l.chart.Height, maxRows(l.owners)
	if c.before.settings = l.settings; l.settings != nil {
		c.before.lanes, c.before.ghosts = l.settings.lanes(&l.chart), l.chart.Ghosts
	}
	all := l.settings != nil && (!l.settings.same(settings) || at.Before(l.at))
	for _, b := range l.boxes {
		if all || (!b.part.until.IsZero() && at.After(b.part.until)) {
			c.spoil(b)
		}
	}
	l.snap, l.settings, l.at = snap, settings, at
	return c
}

// touch keeps what a box was.
func (c *change) touch(b *box) {
	if b.was == nil {
		b.was = new(b.state)
		c.touched = append(c.touched, b)
	}
}

// spoil says that the part of a box must be made anew.
func (c *change) spoil(b *box) {
	c.touch(b)
	b.stale = true
}

// spoilAround does that for all whose connections end at a node: it is there or
// not, could report or not, or other processes serve there.
func (c *change) spoilAround(node string) {
	for _, b := range c.around[node] {
		c.spoil(b)
	}
}

// replace takes over the blocks of the snapshot.
func (c *change) replace() {
	old, boxes := c.boxes, make([]*box, 0, c.snap.Len())
	for next := range c.snap.Blocks() {
		for len(old) > 0 && old[0].block != next && old[0].name < next.Node.Name {
			c.remove(old[0])
			old = old[1:]
		}
		var b *box
		if len(old) > 0 && old[0].name == next.Node.Name {
			b, old = old[0], old[1:]
			c.renew(b, next)
		} else {
			b = c.insert(next)
		}
		boxes = append(boxes, b)
	}
	for _, b := range old {
		c.remove(b)
	}
	c.boxes = boxes
}

func (c *change) renew(b *box, next *topology.Block) {
	last := b.block
	switch {
	case last == next:
		return
	case topology.OnlyTimes(last, next):
		b.block = next
		return
	}
	c.spoil(b)
	b.block = next
	if isReal(last.Node.Kind) != isReal(next.Node.Kind) || !sameProcesses(last.Services, next.Services) {
		c.spoilAround(b.name)
	}
	c.own(&last.Node, -1)
	c.own(&next.Node, 1)
}

// sameProcesses tells whether the same services are served by the same processes.
func sameProcesses(a, b []topology.Service) bool {
	return slices.EqualFunc(a, b, func(x, y topology.Service) bool { return x.ID == y.ID && x.Process == y.Process })
}

func (c *change) insert(next *topology.Block) *box {
	b := &box{name: next.Node.Name}
	c.spoil(b)
	b.block = next
	c.byName[b.name] = b
	c.spoilAround(b.name)
	c.own(&next.Node, 1)
	return b
}

func (c *change) remove(b *box) {
	c.spoil(b)
	c.own(&b.block.Node, -1)
	b.block = nil
	delete(c.byName, b.name)
	c.spoilAround(b.name)
}

func (c *change) own(n *topology.Node, times int) {
	if stands(n) {
		c.owners += times
	}
}

// remake makes the parts that are stale.
func (c *change) remake() {
	m := maker{question: c.question, settings: c.settings, at: c.at, snap: c.snap, block: c.block}
	for _, b := range c.touched {
		if !b.stale {
			continue
		}
		b.stale, b.part = false, nil
		if b.block != nil {
			b.part = m.part(b.block)
		}
	}
}

// count brings all sums up to the parts, and with them what is shown at all.
func (c *change) count() {
	ends, services := map[string]bool{}, map[string]bool{}
	remade := c.touched
	for _, b := range remade {
		was, is := orNone(b.was.part), orNone(b.part)
		c.hidden.add(was.hidden, -1)
		c.hidden.add(is.hidden, 1)
		c.countEnds(b, was, is, ends)
		c.countUses(was, is, services)
		if !slices.Equal(was.callers, is.callers) {
			for _, one := range slices.Concat(was.callers, is.callers) {
				c.refill[one.node] = true
			}
		}
		if !c.question.Level.rows() {
			c.between.note(c.Live, b, was, is)
		}
	}
	for _, b := range remade {
		ends[b.name] = true
		services[b.name] = true
	}
	for name := range ends {
		c.keep(name)
	}
	for name := range services {
		c.await(name)
	}
}

func orNone(p *part) *part {
	if p == nil {
		return &part{}
	}
	return p
}

func (c *change) countEnds(b *box, was, is *part, changed map[string]bool) {
	topology.Walk(was.ends, is.ends, func(e *end) string { return e.node }, func(x, y *end) {
		switch {
		case y == nil:
			leave(c.around, x.node, b)
			c.addShown(x.node, -len(x.connections), changed)
		case x == nil:
			enter(c.around, y.node, b)
			c.addShown(y.node, len(y.connections), changed)
		default:
			c.addShown(y.node, len(y.connections)-len(x.connections), changed)
		}
	})
	topology.Walk(was.guests, is.guests, func(node *string) string { return *node }, func(x, y *string) {
		switch {
		case y == nil:
			leave(c.guests, *x, b)
		case x == nil:
			enter(c.guests, *y, b)
		}
	})
}

func (c *change) addShown(node string, n int, changed map[string]bool) {
	if n == 0 {
		return
	}
	changed[node] = true
	if c.shown[node] += n; c.shown[node] == 0 {
		delete(c.shown, node)
	}
}

func (c *change) countUses(was, is *part, changed map[string]bool) {
	topology.Walk(was.uses, is.uses, func(u *usage) string { return u.service }, func(x, y *usage) {
		var add used
		one := x
		if x != nil {
			add = used{-len(x.connections), -x.open}
		}
		if y != nil {
			one, add = y, used{add.connections + len(y.connections), add.open + y.open}
		}
		if add == (used{}) {
			return
		}
		sum := c.used[one.service]
		sum.connections += add.connections
		sum.open += add.open
		if c.used[one.service] = sum; sum.connections == 0 {
			delete(c.used, one.service)
		}
		changed[one.node] = true
	})
}

// keep decides whether a node is shown: it reports, or something shown ends there.
func (c *change) keep(name string) {
	b := c.byName[name]
	if b == nil {
		return // gone: see end
	}
	if kept := stands(&b.block.Node) || c.shown[name] > 0; kept != b.kept {
		c.touch(b)
		b.kept = kept
	}
}

// await completes services of a node that only their clients know.
func (c *change) await(name string) {
	b := c.byName[name]
	if b == nil || (!b.part.awaits && b.used == nil) {
		return
	}
	var list []used
	if b.part.awaits && len(b.part.services) > 0 { // nil, never empty: the next part may show others
		list = make([]used, len(b.part.services))
	}
	for k := range list {
		if s := &b.block.Services[b.part.services[k].i]; s.State == topology.Seen {
			list[k] = c.used[s.ID]
		}
	}
	if !slices.Equal(list, b.used) {
		c.touch(b)
		b.used = list
	}
}

// fill writes the rows that may have changed.
func (c *change) fill() {
	for _, b := range c.touched {
		if b.block == nil {
			b.kept = false
		}
		c.refill[b.name] = true
	}
	if maxRows(c.owners) != c.before.limit {
		for _, b := range c.boxes {
			c.refill[b.name] = true
		}
	}
	for name := range c.refill {
		b := c.byName[name]
		if b == nil {
			continue
		}
		if rows := c.rowsOf(b); !slices.Equal(rows, b.rows) {
			c.touch(b)
			b.rows = rows
		}
	}
}

// draw lays the chart out if its graph has changed.
func (c *change) draw() error {
	again := map[*box]bool{} // boxes whose edges may have changed
	for _, b := range c.touched {
		c.measure(b)
		if b.part != b.was.part {
			again[b] = true
		}
		if b.kept != b.was.kept || b.box != b.was.box || !slices.Equal(b.rows, b.was.rows) {
			for _, holder := range c.around[b.name] {
				again[holder] = true
			}
		}
	}
	for b := range again {
		if edges := c.edgesOf(b); !slices.Equal(edges, b.edges) {
			c.touch(b)
			b.edges, c.redrawn = edges, true
		}
	}
	c.redrawn = c.between.settle(c.Live) || c.redrawn
	epoch := c.placer.Epoch()
	aged := slices.ContainsFunc(c.chart.Ghosts, func(g Ghost) bool { return !g.stands(c.at) })
	if !c.redrawn && epoch == c.epoch && !aged {
		return nil
	}
	c.epoch = epoch
	g := c.graph()
	c.haunt(g)
	chart, err := c.placer.Place(g)
	if err != nil {
		return err
	}
	chart.lay()
	c.chart = chart
	for i := range chart.Places {
		p := &chart.Places[i]
		if b := c.byName[p.ID]; b.place == nil || *b.place != p.Rect {
			c.touch(b)
			b.place = &p.Rect
		}
	}
	return nil
}

// measure sizes a box, and counts what it covers.
func (c *change) measure(b *box) {
	var size Box
	var covers Coverage
	var in standing
	if b.kept {
		shown := nodeOf(c.settings, &b.state)
		size, covers = boxOf(&shown), coverageOf(&b.block.Node)
		in = standing{shown.Pool, shown.Group, shown.leads()}
	} else {
		b.place = nil
	}
	if b.part != nil && c.question.Level.rows() {
		covers.Connections, covers.OneSided = len(b.part.connections), b.part.oneSided
	}
	if size != b.box {
		b.box, c.redrawn = size, true
	}
	c.stand(b, in)
	c.coverage.add(b.coverage, -1)
	c.coverage.add(covers, 1)
	b.coverage = covers
}

// end lets go of what was.
func (c *change) end() {
	for _, b := range c.touched {
		b.was = nil
	}
}

// delta tells what differs from before; nil if nothing does but times that
// advance.
func (c *change) delta() *Delta {
	slices.SortFunc(c.touched, byName)
	d := &Delta{
		From: c.revision, Revision: c.snap.Revision().String(), At: c.snap.At().UTC(),
		Width: c.chart.Width, Height: c.chart.Height, Coverage: c.coverage, Hidden: c.hidden,
	}
	lanes := c.settings.lanes(&c.chart)
	if !slices.Equal(lanes, c.before.lanes) {
		d.Lanes = lanes
	}
	if !slices.Equal(c.chart.Ghosts, c.before.ghosts) {
		d.Ghosts = append([]Ghost{}, c.chart.Ghosts...)
	}
	apart := contrast{Live: c.Live, before: c.before.settings}
	for _, b := range c.touched {
		apart.sides = append(apart.sides, side{b.was, &b.state})
	}
	apart.nodes(d)
	if c.question.Level.rows() {
		apart.services(d)
		apart.connections(d)
	} else {
		d.Services, d.Removed.Services = []Service{}, []string{}
		c.between.compare(c.Live, d)
	}
	b := &c.before
	if d.Things() == 0 && d.Lanes == nil && d.Ghosts == nil && b.coverage == d.Coverage && b.hidden == d.Hidden && b.width == d.Width && b.height == d.Height {
		return nil
	}
	return d
}
