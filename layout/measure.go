package layout

import (
	"cmp"
	"math"
	"slices"
)

// Quality says how good a chart is. Edges are judged as straight lines from
// the centre of one box to the centre of the other, whatever is drawn later.
type Quality struct {
	Crossings   int     // pairs of edges that cross; edges of a common box do not
	Overlaps    int     // pairs of boxes that overlap
	LeftToRight float64 // share of directed edges whose server's centre is right of the client's; 1 when there are none
	EdgeLength  float64 // mean, in chart units; 0 without edges
}

// Measure judges the chart c of the graph g. Edges and boxes that c does not
// place count for nothing, nor do edges from a box to itself. It compares lines
// that are side by side in x, which is exact but up to quadratic: it is meant
// for tests and benchmarks.
func Measure(g Graph, c Chart) Quality {
	places := make(map[string]Placement, len(c.Placements))
	for _, p := range c.Placements {
		places[p.ID] = p
	}
	q := Quality{LeftToRight: 1}
	var lines []line
	directed, right, length := 0, 0, 0.0
	for _, e := range g.Edges {
		from, ok1 := places[e.From]
		to, ok2 := places[e.To]
		if !ok1 || !ok2 || e.From == e.To {
			continue
		}
		a, b := from.centre(), to.centre()
		length += math.Hypot(b.x-a.x, b.y-a.y)
		if !e.Undirected {
			directed++
			if a.x < b.x {
				right++
			}
		}
		lines = append(lines, newLine(a, b, e.From, e.To))
	}
	if directed > 0 {
		q.LeftToRight = float64(right) / float64(directed)
	}
	if len(lines) > 0 {
		q.EdgeLength = length / float64(len(lines))
	}
	q.Crossings = countCrossings(lines)
	q.Overlaps = countOverlaps(c.Placements)
	return q
}

func (p Placement) centre() point { return point{p.X + p.W/2, p.Y + p.H/2} }

// line is an edge drawn straight, its left end first.
type line struct {
	a, b     point
	from, to string
}

func newLine(a, b point, from, to string) line {
	if b.x < a.x || b.x == a.x && b.y < a.y {
		return line{b, a, to, from}
	}
	return line{a, b, from, to}
}

func countCrossings(lines []line) int {
	slices.SortFunc(lines, func(k, l line) int { return cmp.Compare(k.a.x, l.a.x) })
	n := 0
	for i, k := range lines {
		for _, l := range lines[i+1:] {
			if l.a.x > k.b.x {
				break
			}
			if k.crosses(l) {
				n++
			}
		}
	}
	return n
}

// crosses reports whether the lines cross in a point that is an end of
// neither.
func (k line) crosses(l line) bool {
	if min(k.a.y, k.b.y) > max(l.a.y, l.b.y) || max(k.a.y, k.b.y) < min(l.a.y, l.b.y) {
		return false
	}
	if k.from == l.from || k.from == l.to || k.to == l.from || k.to == l.to {
		return false
	}
	return turn(k.a, k.b, l.a)*turn(k.a, k.b, l.b) < 0 && turn(l.a, l.b, k.a)*turn(l.a, l.b, k.b) < 0
}

// turn is positive if c lies to one side of the line through a and b, negative
// on the other, 0 on it.
func turn(a, b, c point) float64 {
	return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x)
}

func countOverlaps(places []Placement) int {
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b Placement) int { return cmp.Compare(a.X, b.X) })
	n := 0
	for i, a := range places {
		for _, b := range places[i+1:] {
			if b.X >= a.X+a.W {
				break
			}
			if a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				n++
			}
		}
	}
	return n
}
