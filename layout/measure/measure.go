// Package measure is the ruler by which layouts, tests and benchmarks judge a
// chart.
package measure

import (
	"cmp"
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// Quality says how good a chart is. Edges are judged as straight lines from
// the centre of one box to the centre of the other, whatever is drawn later.
type Quality struct {
	Crossings   int     // pairs of edges that cross; edges of a common box do not
	Overlaps    int     // pairs of boxes that overlap
	LeftToRight float64 // share of directed edges whose server's centre is right of the client's; 1 when there are none
	EdgeLength  float64 // mean, in chart units; 0 without edges
	Edges       int     // how many were judged
}

// Of judges the chart c of the graph g. Edges and boxes that c does not
// place count for nothing, nor do edges from a box to itself and those of the strip. It compares lines
// that are side by side in x, which is exact but up to quadratic: it is meant
// for tests and benchmarks.
func Of(g *graph.Graph, c *graph.Chart) Quality {
	index := make(map[string]int32, len(c.Placements))
	for i, p := range c.Placements {
		index[p.ID] = int32(i)
	}
	for _, b := range g.Boxes {
		if b.Side == graph.Strip {
			delete(index, b.ID)
		}
	}
	q := Quality{LeftToRight: 1}
	var lines []Line
	directed, right, length := 0, 0, 0.0
	for _, e := range g.Edges {
		from, ok1 := index[e.From]
		to, ok2 := index[e.To]
		if !ok1 || !ok2 || e.From == e.To {
			continue
		}
		a, b := c.Placements[from].Centre(), c.Placements[to].Centre()
		length += math.Hypot(b.X-a.X, b.Y-a.Y)
		if !e.Undirected {
			directed++
			if a.X < b.X {
				right++
			}
		}
		lines = append(lines, NewLine(a, b, from, to))
	}
	if directed > 0 {
		q.LeftToRight = float64(right) / float64(directed)
	}
	if len(lines) > 0 {
		q.EdgeLength = length / float64(len(lines))
	}
	q.Edges = len(lines)
	q.Crossings = Crossings(lines)
	q.Overlaps = countOverlaps(c.Placements)
	return q
}

// Line is an edge drawn straight, its left end first.
type Line struct {
	a, b     graph.Point
	from, to int32
}

// NewLine is an edge from a to b, drawn straight between the boxes from and to.
func NewLine(a, b graph.Point, from, to int32) Line {
	if b.X < a.X || b.X == a.X && b.Y < a.Y {
		return Line{b, a, to, from}
	}
	return Line{a, b, from, to}
}

// Crossings counts the pairs of lines that cross. It sorts them.
func Crossings(lines []Line) int {
	slices.SortFunc(lines, func(k, l Line) int { return cmp.Compare(k.a.X, l.a.X) })
	n := 0
	for i, k := range lines {
		for _, l := range lines[i+1:] {
			if l.a.X > k.b.X {
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
func (k Line) crosses(l Line) bool {
	if min(k.a.Y, k.b.Y) > max(l.a.Y, l.b.Y) || max(k.a.Y, k.b.Y) < min(l.a.Y, l.b.Y) {
		return false
	}
	if k.from == l.from || k.from == l.to || k.to == l.from || k.to == l.to {
		return false
	}
	return turn(k.a, k.b, l.a)*turn(k.a, k.b, l.b) < 0 && turn(l.a, l.b, k.a)*turn(l.a, l.b, k.b) < 0
}

// turn is positive if c lies to one side of the line through a and b, negative
// on the other, 0 on it.
func turn(a, b, c graph.Point) float64 {
	return (b.X-a.X)*(c.Y-a.Y) - (b.Y-a.Y)*(c.X-a.X)
}

func countOverlaps(places []graph.Placement) int {
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b graph.Placement) int { return cmp.Compare(a.X, b.X) })
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
