// Package route finds the curves by which connections go from box to box, past
// those that stand in between: as the page draws them.
package route

import (
	"math"
	"slices"
)

// Rect is a box, in chart units.
type Rect struct{ X, Y, W, H float64 }

// Right is where it ends to the right.
func (r Rect) Right() float64 { return r.X + r.W }

// Bottom is where it ends below.
func (r Rect) Bottom() float64 { return r.Y + r.H }

// Union is the smallest that holds both.
func (r Rect) Union(o Rect) Rect {
	x, y := min(r.X, o.X), min(r.Y, o.Y)
	return Rect{x, y, max(r.Right(), o.Right()) - x, max(r.Bottom(), o.Bottom()) - y}
}

// Touches says whether two boxes share any room.
func (r Rect) Touches(o Rect) bool {
	return r.X < o.Right() && o.X < r.Right() && r.Y < o.Bottom() && o.Y < r.Bottom()
}

// Point is a point of the chart.
type Point struct{ X, Y float64 }

// Path is a chain of cubic curves: where it starts, then two controls and an end for
// each curve.
type Path []Point

// End is where a path arrives, and Direction from where, as a vector of length 1.
func (p Path) End() Point { return p[len(p)-1] }

// Direction is the vector of length 1 along which a path arrives.
func (p Path) Direction() Point {
	end, before := p[len(p)-1], p[len(p)-2]
	dx, dy := end.X-before.X, end.Y-before.Y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return Point{1, 0}
	}
	return Point{dx / length, dy / length}
}

// Bounds hold a path, with its controls.
func (p Path) Bounds() Rect {
	r := Rect{X: p[0].X, Y: p[0].Y}
	for _, q := range p {
		r = r.Union(Rect{X: q.X, Y: q.Y})
	}
	return r
}

// Points are points on a path, so many on each curve, its start and end included.
func (p Path) Points(per int) []Point {
	out := []Point{p[0]}
	for i := 0; i+3 < len(p); i += 3 {
		for s := 1; s <= per; s++ {
			t := float64(s) / float64(per)
			u := 1 - t
			a, b, c, d := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
			out = append(out, Point{
				a*p[i].X + b*p[i+1].X + c*p[i+2].X + d*p[i+3].X,
				a*p[i].Y + b*p[i+1].Y + c*p[i+2].Y + d*p[i+3].Y,
			})
		}
	}
	return out
}

// Middle is the point half way along a path.
func (p Path) Middle() Point {
	points := p.Points(samples)
	left := 0.0
	for i := range points[1:] {
		left += math.Hypot(points[i+1].X-points[i].X, points[i+1].Y-points[i].Y)
	}
	left /= 2
	for i := range points[1:] {
		if left -= math.Hypot(points[i+1].X-points[i].X, points[i+1].Y-points[i].Y); left <= 0 {
			return points[i+1]
		}
	}
	return points[0]
}

// Port is the box at which an edge starts or ends, and the height there.
type Port struct {
	Box Rect
	Y   float64
}

// The measures of routes, in chart units.
const (
	gutter    = 12.0
	clearance = 4.0
	samples   = 20
	cell      = 160.0 // of the grid by which boxes are found
	channel   = 9.0   // between two loops of a box
	firstLoop = 20.0
	loopBend  = 7.0
)

// Router knows the boxes that are in the way.
type Router struct {
	boxes []Rect
	cells map[[2]int][]int
}

// New makes a router among boxes.
func New(boxes []Rect) *Router {
	r := &Router{boxes: boxes, cells: map[[2]int][]int{}}
	for i, b := range boxes {
		each(b, func(c [2]int) { r.cells[c] = append(r.cells[c], i) })
	}
	return r
}

func each(b Rect, do func(c [2]int)) {
	for x := math.Floor(b.X / cell); x <= math.Floor(b.Right()/cell); x++ {
		for y := math.Floor(b.Y / cell); y <= math.Floor(b.Bottom()/cell); y++ {
			do([2]int{int(x), int(y)})
		}
	}
}

// Edge goes from the client's height to the server's, and arrives there horizontally:
// left to right where there is room, right to left where it runs back, and round the
// right side for boxes of one column. Boxes in the way are passed above or below.
func (r *Router) Edge(client, server Port) Path {
	forward, back := server.Box.X >= client.Box.Right(), client.Box.X >= server.Box.Right()
	if !forward && !back {
		return aside(client, server)
	}
	a, b := Point{client.Box.X, client.Y}, Point{server.Box.Right(), server.Y}
	sign := -1.0
	if forward {
		a.X, b.X, sign = client.Box.Right(), server.Box.X, 1
	}
	direct := curve(a, b, sign*bend(b.X-a.X))
	blocking := r.blockers(direct, client.Box, server.Box)
	if len(blocking) == 0 {
		return direct
	}
	if p := r.around(a, b, blocking, client.Box, server.Box); p != nil {
		return p
	}
	return direct
}

func bend(dx float64) float64 { return max(18, math.Abs(dx)/2) }

func curve(a, b Point, bend float64) Path {
	return Path{a, {a.X + bend, a.Y}, {b.X - bend, b.Y}, b}
}

// aside is between two boxes of one column: out on the right and back in there.
func aside(client, server Port) Path {
	a, b := Point{client.Box.Right(), client.Y}, Point{server.Box.Right(), server.Y}
	reach := max(a.X, b.X) + 24 + math.Abs(a.Y-b.Y)*0.12
	return Path{a, {reach, a.Y}, {reach, b.Y}, b}
}

// blockers are the boxes that a path meets, but those of its ends, by index.
func (r *Router) blockers(p Path, from, to Rect) []int {
	var hit []int
	for _, q := range p.Points(samples) {
		area := Rect{q.X - clearance, q.Y - clearance, 2 * clearance, 2 * clearance}
		each(area, func(c [2]int) {
			for _, i := range r.cells[c] {
				if b := r.boxes[i]; b.Touches(area) && b != from && b != to && !slices.Contains(hit, i) {
					hit = append(hit, i)
				}
			}
		})
	}
	return hit
}

// around goes over or under the boxes in the way, whichever meets fewer others; nil if
// there is no room to turn.
func (r *Router) around(a, b Point, blocking []int, from, to Rect) Path {
	var best Path
	fewest, known := math.MaxInt, slices.Clone(blocking)
	for range 3 {
		block := r.boxes[known[0]]
		for _, i := range known[1:] {
			block = block.Union(r.boxes[i])
		}
		left, right := max(block.X-gutter, min(a.X, b.X)+gutter), min(block.Right()+gutter, max(a.X, b.X)-gutter)
		if left >= right || fewest == 0 {
			break
		}
		gutters, mid := []float64{block.Y - gutter, block.Bottom() + gutter}, (a.Y+b.Y)/2
		if math.Abs(gutters[1]-mid) < math.Abs(gutters[0]-mid) {
			slices.Reverse(gutters)
		}
		for _, y := range gutters {
			p := detour(a, b, left, right, y)
			hits := r.blockers(p, from, to)
			if len(hits) < fewest {
				fewest, best = len(hits), p
			}
			known = append(known, hits...)
		}
		slices.Sort(known)
		known = slices.Compact(known)
	}
	return best
}

// detour goes along a gutter at a height, over or under all between left and right.
func detour(a, b Point, left, right, y float64) Path {
	forward, enter, leave := 1.0, left, right
	if b.X < a.X {
		forward, enter, leave = -1, right, left
	}
	first, last, third := forward*bend(enter-a.X), forward*bend(b.X-leave), (leave-enter)/3
	return Path{
		a,
		{a.X + first, a.Y},
		{enter - first, y},
		{enter, y},
		{enter + third, y},
		{leave - third, y},
		{leave, y},
		{leave + last, y},
		{b.X - last, b.Y},
		b,
	}
}

// Loop is a connection inside one box, from height to height, in a channel right of it
// that counts from 0.
func Loop(box Rect, from, to float64, in int) Path {
	edge := box.Right()
	x := edge + firstLoop + float64(in)*channel
	if from == to { // a service that connects to itself
		from, to = from-loopBend, to+loopBend-2
	}
	down := 1.0
	if to < from {
		down = -1
	}
	r := min(loopBend, math.Abs(to-from)/2)
	h := r * (1 - 0.5523) // a corner as a cubic: 4/3·(√2−1)
	return Path{
		{edge, from},
		{edge, from},
		{x - r, from},
		{x - r, from},
		{x - h, from},
		{x, from + down*h},
		{x, from + down*r},
		{x, from + down*r},
		{x, to - down*r},
		{x, to - down*r},
		{x, to - down*h},
		{x - h, to},
		{x - r, to},
		{x - r, to},
		{edge + 1, to},
		{edge, to},
	}
}
