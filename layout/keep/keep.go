// Package keep changes a chart: what stays keeps its place, what comes takes a free
// one.
package keep

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/page"
)

// Update lays out in such that everything stays where prev has it, as far as it can.
// In this order, each giving way to those before:
//
//  1. pinned boxes stand at their pins; one that would overlap another with a lower
//     ID takes the free place next to it;
//  2. boxes of prev that are still of the same lane, or side, stay; one that grew
//     moves those below down, one that a pin lies on goes to the next free slot of
//     its column;
//  3. newcomers take free slots of their column, lanes that are new a free place of
//     the page;
//  4. grounds of lanes grow where there is room. Where there is none, what is
//     below moves down, and no further than it must.
//
// The ground of a lane follows a pinned box only where that meets nothing else; it
// never gets smaller while the lane has boxes.
func Update(prev *graph.Chart, in *graph.Input, o graph.Options, pins map[string]graph.Point) *graph.Chart {
	k := newKeeper(in, o, pins)
	k.remember(prev)
	k.placePinned()
	k.makeRoomLeft()
	k.yield()
	k.settleGrown()
	k.newLanes()
	k.newcomers()
	k.pushUnits()
	k.sides()
	k.reachPinned()
	k.fillStrip()
	return k.chart()
}

// keeper is a chart while it changes. What is said per box or lane goes by its
// index.
type keeper struct {
	in   *graph.Input
	o    graph.Options
	pins map[string]graph.Point

	at     []graph.Rect // per box, in its new size
	has    []bool       // per box: it has a place
	pinned []bool
	old    []bool  // per box: it has a place in the chart before, to which it goes back if it can
	home   []int32 // per box: its lane; free for what is Inside and in none, outside for the others

	lanes  []string // sorted
	ground []graph.Rect
	known  []bool // per lane: it has a ground
	strip  *graph.Rect
}

// Homes that are no lane.
const (
	free    = -1 // Inside, in no lane
	outside = -2 // of a side, or of the strip
)

func newKeeper(in *graph.Input, o graph.Options, pins map[string]graph.Point) *keeper {
	n := len(in.Boxes)
	k := &keeper{
		in: in, o: o, pins: pins,
		at: make([]graph.Rect, n), has: make([]bool, n), pinned: make([]bool, n), old: make([]bool, n),
		home: make([]int32, n),
	}
	for _, b := range in.Boxes {
		if b.Lane != "" {
			k.lanes = append(k.lanes, b.Lane)
		}
	}
	slices.Sort(k.lanes)
	k.lanes = slices.Compact(k.lanes)
	k.ground, k.known = make([]graph.Rect, len(k.lanes)), make([]bool, len(k.lanes))
	for i, b := range in.Boxes {
		k.at[i] = graph.Rect{W: b.W, H: b.H}
		lane, found := slices.BinarySearch(k.lanes, b.Lane)
		switch {
		case b.Side != graph.Inside:
			k.home[i] = outside
		case found:
			k.home[i] = int32(lane)
		default:
			k.home[i] = free
		}
	}
	return k
}

// remember gives boxes the places that they have in the chart before, unless they
// belong elsewhere now.
func (k *keeper) remember(prev *graph.Chart) {
	for _, l := range prev.Lanes {
		if i, found := slices.BinarySearch(k.lanes, l.ID); found {
			k.ground[i], k.known[i] = l.Rect(), true
		}
	}
	if prev.Strip != nil && slices.ContainsFunc(k.in.Boxes, func(b graph.Box) bool { return b.Side == graph.Strip }) {
		strip := *prev.Strip
		k.strip = &strip
	}
	was := make(map[string]graph.Rect, len(prev.Placements))
	for _, p := range prev.Placements {
		was[p.ID] = p.Rect()
	}
	left, right := k.borders(was)
	for i, b := range k.in.Boxes {
		r, found := was[b.ID]
		if !found || !k.belongs(int32(i), r, left, right) {
			continue
		}
		k.at[i] = graph.Rect{X: r.X, Y: r.Y, W: b.W, H: b.H}
		k.has[i], k.old[i] = true, true
	}
}

// belongs reports whether the box may stay at its place of before: in the ground of
// its lane, in the strip, on its side of left and right; or outside of all these.
func (k *keeper) belongs(i int32, r graph.Rect, left, right float64) bool {
	switch k.in.Boxes[i].Side {
	case graph.Entry:
		return r.Right() <= left
	case graph.Exit:
		return r.X >= right
	case graph.Strip:
		return k.strip != nil && k.strip.Holds(r)
	case graph.Inside:
	}
	if k.home[i] >= 0 {
		return k.known[k.home[i]] && k.ground[k.home[i]].Holds(padded(r))
	}
	on := func(g graph.Rect) bool { return g.Near(r, 0, 0) }
	return r.X >= left && r.Right() <= right && !slices.ContainsFunc(k.ground, on) && (k.strip == nil || !on(*k.strip))
}

// borders returns where the boxes of the Entry side end and those of the Exit side
// begin. A box of a side that did not stand left, or right, of at least half of what
// is Inside came from there.
func (k *keeper) borders(was map[string]graph.Rect) (left, right float64) {
	left, right = -graph.MaxSize, graph.MaxSize*graph.MaxSize
	var begins, ends []float64
	for _, b := range k.in.Boxes {
		if r, found := was[b.ID]; found && b.Side == graph.Inside && !k.pinnedAt(b.ID) {
			begins, ends = append(begins, r.X), append(ends, r.Right())
		}
	}
	slices.Sort(begins)
	slices.Sort(ends)
	for _, b := range k.in.Boxes {
		r, found := was[b.ID]
		switch {
		case !found || k.pinnedAt(b.ID):
		case b.Side == graph.Entry && (len(begins) == 0 || r.Right() <= begins[len(begins)/2]):
			left = max(left, r.Right())
		case b.Side == graph.Exit && (len(ends) == 0 || r.X >= ends[len(ends)/2]):
			right = min(right, r.X)
		}
	}
	return left, right
}

func (k *keeper) pinnedAt(id string) bool {
	_, yes := k.pins[id]
	return yes
}

// chart is what came out.
func (k *keeper) chart() *graph.Chart {
	c := &graph.Chart{Placements: make([]graph.Placement, len(k.at)), Strip: k.strip}
	for i, r := range k.at {
		c.Placements[i] = graph.Placement{ID: k.in.Boxes[i].ID, X: r.X, Y: r.Y, W: r.W, H: r.H}
	}
	for i, g := range k.ground {
		c.Lanes = append(c.Lanes, graph.LanePlacement{ID: k.lanes[i], X: g.X, Y: g.Y, W: g.W, H: g.H})
	}
	page.Extent(c, k.o)
	return c
}

// order returns the boxes that f picks, by their places from the top.
func (k *keeper) order(f func(i int32) bool) []int32 {
	var boxes []int32
	for i := range k.at {
		if f(int32(i)) {
			boxes = append(boxes, int32(i))
		}
	}
	slices.SortStableFunc(boxes, func(a, b int32) int {
		return cmp.Or(cmp.Compare(k.at[a].Y, k.at[b].Y), cmp.Compare(k.at[a].X, k.at[b].X))
	})
	return boxes
}
