package keep

import (
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// nearby bounds the boxes around which a pinned box looks for a free place.
const nearby = 48

// placePinned stands boxes at their pins.
func (k *keeper) placePinned() {
	var taken []graph.Rect
	for i, b := range k.in.Boxes {
		at, found := k.pins[b.ID]
		if !found {
			continue
		}
		r := graph.Rect{X: at.X, Y: at.Y, W: b.W, H: b.H}
		if meets(r, taken, 0, 0) {
			r = nearestFree(r, taken)
		}
		k.at[i], k.has[i], k.pinned[i] = r, true, true
		taken = append(taken, r)
	}
}

// meets reports whether r comes nearer than x and y to one of the others.
func meets(r graph.Rect, others []graph.Rect, x, y float64) bool {
	return slices.ContainsFunc(others, func(o graph.Rect) bool { return r.Near(o, x, y) })
}

// nearestFree moves r to the nearest place beside or below the others that meets
// none of them. Below all of them there always is one.
func nearestFree(r graph.Rect, others []graph.Rect) graph.Rect {
	near := slices.Clone(others)
	slices.SortStableFunc(near, func(a, b graph.Rect) int { return sign(apart(r, a) - apart(r, b)) })
	near = near[:min(len(near), nearby)]
	xs, ys := make([]float64, 1, 1+2*len(near)), make([]float64, 1, 1+2*len(near))
	xs[0], ys[0] = r.X, r.Y
	for _, o := range near {
		xs = append(xs, graph.Up(o.Right()+graph.Grid), o.X-r.W-graph.Grid)
		ys = append(ys, graph.Up(o.Bottom()+graph.Grid), o.Y-r.H-graph.Grid)
	}
	best, least := r, math.Inf(1)
	for _, x := range xs {
		for _, y := range ys {
			c := graph.Rect{X: x, Y: y, W: r.W, H: r.H}
			if d := apart(r, c); x >= 0 && y >= 0 && d < least && !meets(c, others, 0, 0) {
				best, least = c, d
			}
		}
	}
	if !math.IsInf(least, 1) {
		return best
	}
	for _, o := range others {
		best.Y = max(best.Y, graph.Up(o.Bottom()+graph.Grid))
	}
	return best
}

// apart is how far the corners of two rectangles are from each other.
func apart(a, b graph.Rect) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }

func sign(v float64) int {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return 0
}

// yield takes their places from boxes that a pinned one lies on.
func (k *keeper) yield() {
	pinned := k.rects(func(i int32) bool { return k.pinned[i] })
	if len(pinned) == 0 {
		return
	}
	for i := range k.at {
		if k.has[i] && !k.pinned[i] && meets(k.at[i], pinned, 0, 0) {
			k.has[i] = false
		}
	}
}

// rects returns the places of the boxes that have one and that f picks.
func (k *keeper) rects(f func(i int32) bool) []graph.Rect {
	var rects []graph.Rect
	for i, r := range k.at {
		if k.has[i] && f(int32(i)) {
			rects = append(rects, r)
		}
	}
	return rects
}

// reachPinned lets grounds grow to hold boxes of theirs that are pinned beside them,
// where that meets nothing else.
func (k *keeper) reachPinned() {
	for i := range k.at {
		home := k.home[i]
		if home < 0 || !k.pinned[i] || k.ground[home].Holds(k.at[i]) {
			continue
		}
		if g := k.ground[home].Union(padded(k.at[i])); k.mayGrow(home, g) && k.betweenSides(g) {
			k.ground[home] = g
		}
	}
}

// betweenSides reports whether r stands right of the boxes of the Entry side, also of
// those that have no place yet, left of those of the Exit side, and within the chart.
func (k *keeper) betweenSides(r graph.Rect) bool {
	if r.X < 0 || r.Y < 0 {
		return false
	}
	for i, b := range k.in.Boxes {
		own := k.at[i]
		switch {
		case k.pinned[i]:
		case b.Side == graph.Entry && !k.has[i]:
			if k.o.Margin+graph.Up(own.W)+k.gap() > r.X {
				return false
			}
		case b.Side == graph.Entry && own.Right()+k.gap() > r.X,
			b.Side == graph.Exit && k.has[i] && r.Right()+k.gap() > own.X:
			return false
		}
	}
	return true
}

// padded is a box with what a lane keeps free around it, on the grid.
func padded(r graph.Rect) graph.Rect {
	x := math.Floor((r.X-graph.LaneSide)/graph.Grid) * graph.Grid
	y := math.Floor((r.Y-graph.LaneTop)/graph.Grid) * graph.Grid
	return graph.Rect{
		X: x, Y: y,
		W: graph.Up(r.Right()) + graph.LaneSide - x, H: graph.Up(r.Bottom()) + graph.LaneFoot - y,
	}
}
