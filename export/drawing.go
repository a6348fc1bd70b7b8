package export

import (
	"cmp"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/export/path"
	"github.com/devops-trouble-map/dotm/export/route"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// The measures of a box with which package view has it placed, in chart units.
const (
	headHeight  = 27.0
	rowHeight   = 20.0
	stripHeight = 12.0 // the members of a pool
)

// drawing is a chart as shapes.
type drawing struct {
	*Chart
	names
	boxes    []*drawnBox
	byName   map[string]*drawnBox
	lines    []*drawnLine
	services map[string]*view.Service
	bounds   route.Rect
	path     *path.Path // of the incident; nil for none
}

// drawnBox is a box, with the heights of its rows' middles.
type drawnBox struct {
	*view.Node
	rect  route.Rect
	rows  []float64
	loops int // channels right of it
}

// drawnLine is a connection with its course.
type drawnLine struct {
	*view.Connection
	from, to   *drawnBox
	fromY, toY float64
	path       route.Path
	trouble    trouble
	way        path.Way // how it is of the path; "" for none
	busy       bool     // one of the few whose figure is written
}

func newDrawing(c *Chart) *drawing {
	d := &drawing{Chart: c, names: c.names(), byName: map[string]*drawnBox{}, services: map[string]*view.Service{}}
	for i := range c.Services {
		d.services[c.Services[i].ID] = &c.Services[i]
	}
	for _, n := range c.boxes() {
		if n.Layout != nil {
			d.add(n)
		}
	}
	d.trace()
	d.connect()
	d.route()
	d.measure()
	return d
}

func (d *drawing) add(n *view.Node) {
	b := &drawnBox{Node: n, rect: rectOf(n.Layout)}
	top := b.rect.Y + headHeight
	if n.Kind == topology.Pool {
		top += stripHeight
	}
	for i := range n.Rows {
		b.rows = append(b.rows, top+(float64(i)+0.5)*rowHeight)
	}
	d.boxes = append(d.boxes, b)
	d.byName[n.Name] = b
}

func rectOf(r *view.Rect) route.Rect { return route.Rect{X: r.X, Y: r.Y, W: r.W, H: r.H} }

// connect finds the ends of the lines. Those to and from what everybody uses are not
// drawn unless they are in trouble: all boxes have such.
func (d *drawing) connect() {
	for i := range d.Connections {
		c := &d.Connections[i]
		from, to := d.byName[c.Client.Node], d.byName[c.Server.Node]
		if from == nil || to == nil {
			continue
		}
		t := troubleOf(c, d.At)
		way := d.wayOf(c.ID)
		if (from.Shared || to.Shared) && !t.failing && d.Focus == "" && way == "" {
			continue
		}
		l := &drawnLine{Connection: c, from: from, to: to, trouble: t, way: way}
		l.fromY = from.height(c.Client.Service, c.Client.Process, headHeight/2)
		l.toY = to.height(c.Server.Service, "", to.rect.H/2)
		d.lines = append(d.lines, l)
	}
	d.spread()
	byCount := slices.Clone(d.lines)
	slices.SortStableFunc(byCount, func(a, b *drawnLine) int { return b.Count - a.Count })
	for _, l := range byCount[:min(labelled, len(byCount))] {
		l.busy = l.Count > 1
	}
}

// labelled is how many of the busiest lines have their figures written.
const labelled = 5

// height is where a line meets a box: at the row of its service, else of its process,
// else below the top by otherwise.
func (b *drawnBox) height(service, process string, otherwise float64) float64 {
	for i := range b.Rows {
		if service != "" && b.Rows[i].Service == service {
			return b.rows[i]
		}
	}
	for i := range b.Rows {
		if process != "" && b.Rows[i].Process == process {
			return b.rows[i]
		}
	}
	if len(b.Rows) == 0 {
		otherwise = b.rect.H / 2
	}
	return b.rect.Y + otherwise
}

// loose is one end of a line at a box without rows.
type loose struct {
	line      *drawnLine
	near      *float64
	farHeight float64
}

// spread sets the ends at boxes without rows apart, on each side in the order of their
// far ends, so that none hides another.
func (d *drawing) spread() {
	type side struct {
		box  *drawnBox
		left bool
	}
	ends := map[side][]loose{}
	var order []side
	add := func(b, other *drawnBox, end loose) {
		if len(b.Rows) > 0 || b == other {
			return
		}
		at := side{b, other.rect.Right() <= b.rect.X}
		if ends[at] == nil {
			order = append(order, at)
		}
		ends[at] = append(ends[at], end)
	}
	for _, l := range d.lines {
		add(l.from, l.to, loose{l, &l.fromY, l.toY})
		add(l.to, l.from, loose{l, &l.toY, l.fromY})
	}
	for _, at := range order {
		list, r := ends[at], at.box.rect
		slices.SortFunc(list, func(a, b loose) int {
			return cmp.Or(cmp.Compare(a.farHeight, b.farHeight), strings.Compare(a.line.ID, b.line.ID))
		})
		pitch := 0.0
		if len(list) > 1 {
			pitch = min(12, (r.H-2*min(10, r.H/4))/float64(len(list)-1))
		}
		for i, e := range list {
			*e.near = r.Y + r.H/2 + (float64(i)-float64(len(list)-1)/2)*pitch
		}
	}
}

func (d *drawing) route() {
	rects := make([]route.Rect, 0, len(d.boxes))
	for _, b := range d.boxes {
		rects = append(rects, b.rect)
	}
	router := route.New(rects)
	loops := map[*drawnBox]map[float64]int{} // loops to one row share a channel
	for _, l := range d.lines {
		if l.from != l.to {
			l.path = router.Edge(route.Port{Box: l.from.rect, Y: l.fromY}, route.Port{Box: l.to.rect, Y: l.toY})
			continue
		}
		if loops[l.from] == nil {
			loops[l.from] = map[float64]int{}
		}
		in, known := loops[l.from][l.toY]
		if !known {
			in = l.from.loops
			loops[l.from][l.toY] = in
			l.from.loops++
		}
		l.path = route.Loop(l.from.rect, l.fromY, l.toY, in)
	}
}

// measure finds how far all of it reaches.
func (d *drawing) measure() {
	all := make([]route.Rect, 0, len(d.boxes)+len(d.lines)+len(d.Lanes))
	for _, b := range d.boxes {
		r := b.rect
		all = append(all, route.Rect{X: r.X, Y: r.Y - 8, W: r.W + 6, H: r.H + 8})
	}
	for _, l := range d.lines {
		all = append(all, l.path.Bounds())
	}
	for i := range d.Lanes {
		all = append(all, rectOf(&d.Lanes[i].Layout))
	}
	for i := range all {
		if i == 0 {
			d.bounds = all[0]
		}
		d.bounds = d.bounds.Union(all[i])
	}
}
