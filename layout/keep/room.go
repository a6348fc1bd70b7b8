package keep

import (
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/layers"
	"github.com/devops-trouble-map/dotm/layout/page"
)

// least is the gap to which boxes above each other may come in a chart that changes:
// so far one may grow before others move.
const least = graph.Grid

// gap is the gap that boxes beside each other keep.
func (k *keeper) gap() float64 { return graph.Up(k.o.GapX / 4) }

// inside returns the extent of all that is Inside and not pinned, and false if there
// is nothing.
func (k *keeper) inside() (graph.Rect, bool) {
	all, some := graph.Rect{}, false
	add := func(r graph.Rect) {
		if !some {
			all, some = r, true
		}
		all = all.Union(r)
	}
	for i, g := range k.ground {
		if k.known[i] {
			add(g)
		}
	}
	for i, r := range k.at {
		if k.has[i] && !k.pinned[i] && k.home[i] != outside {
			add(graph.Rect{X: r.X, Y: r.Y, W: graph.Up(r.W), H: graph.Up(r.H)})
		}
	}
	return all, some
}

// makeRoomLeft moves everything but the Entry side to the right if that has got too
// wide for its place, or there was none.
func (k *keeper) makeRoomLeft() {
	all, some := k.inside()
	if !some {
		return
	}
	need, stays := 0.0, false
	for i, b := range k.in.Boxes {
		switch {
		case b.Side != graph.Entry || k.pinned[i]:
		case k.has[i]:
			need, stays = max(need, k.at[i].X+graph.Up(b.W)+k.gap()), true
		default:
			need = max(need, k.o.Margin+graph.Up(b.W)+k.gap())
		}
	}
	if need > 0 && !stays {
		need += graph.Up(k.o.GapX)
	}
	by := graph.Up(need - all.X)
	if need == 0 || by <= 0 {
		return
	}
	for i := range k.ground {
		k.ground[i].X += by
	}
	for i, b := range k.in.Boxes {
		if b.Side != graph.Entry && !k.pinned[i] {
			k.at[i].X += by
		}
	}
	if k.strip != nil {
		k.strip.X += by
	}
}

// settleGrown moves boxes down that are met by one that has grown, column by column,
// and lets the grounds of their lanes grow.
func (k *keeper) settleGrown() {
	pinned := k.rects(func(i int32) bool { return k.pinned[i] })
	for home, boxes := range k.byHome() {
		k.sweepDown(boxes, pinned)
		if home >= 0 {
			for _, b := range boxes {
				k.ground[home] = k.ground[home].Union(padded(k.at[b]))
			}
		}
	}
}

// byHome returns the unpinned boxes of lanes, and of none, that have a place, from
// the top.
func (k *keeper) byHome() map[int32][]int32 {
	homes := make(map[int32][]int32)
	for _, i := range k.order(func(i int32) bool { return k.has[i] && !k.pinned[i] && k.home[i] != outside }) {
		homes[k.home[i]] = append(homes[k.home[i]], i)
	}
	return homes
}

// sweepDown goes through boxes from the top and moves those down that others are in
// the way of.
func (k *keeper) sweepDown(boxes []int32, pinned []graph.Rect) {
	var settled []int32
	for _, b := range boxes {
		r, moved := k.at[b], false
		settled = slices.DeleteFunc(settled, func(s int32) bool { return k.at[s].Bottom()+least <= r.Y })
		for again := true; again; {
			again = false
			for _, s := range settled {
				if o := k.at[s]; r.Near(o, 0, least) {
					r.Y, again = graph.Up(o.Bottom()+least), true
				}
			}
			moved = moved || again
			for _, o := range pinned {
				if moved && r.Near(o, 0, 0) {
					r.Y, again = graph.Up(o.Bottom()), true
				}
			}
		}
		k.at[b] = r
		settled = append(settled, b)
	}
}

// unit is what moves together when it must: a lane with its boxes, or a box that is
// in none.
type unit struct {
	rect  graph.Rect
	lane  int32 // free for a box
	boxes []int32
}

// units returns all lanes that have a ground, and unpinned boxes outside of them.
func (k *keeper) units() []unit {
	var units []unit
	at := make([]int, len(k.lanes))
	for i, g := range k.ground {
		if k.known[i] {
			at[i] = len(units)
			units = append(units, unit{rect: g, lane: int32(i)})
		}
	}
	for i, r := range k.at {
		switch home := k.home[i]; {
		case !k.has[i] || k.pinned[i] || home == outside:
		case home == free:
			units = append(units, unit{graph.Rect{X: r.X, Y: r.Y, W: graph.Up(r.W), H: graph.Up(r.H)}, free, []int32{int32(i)}})
		default:
			units[at[home]].boxes = append(units[at[home]].boxes, int32(i))
		}
	}
	return units
}

// clear is the gap that two units keep.
func (u unit) clear(o unit) (x, y float64) {
	if u.lane == free && o.lane == free {
		return 0, least
	}
	return graph.LaneGapY, graph.LaneGapY
}

// pushUnits moves lanes, and boxes outside of them, down which another one has grown
// onto: no further than they must, and past pinned boxes.
func (k *keeper) pushUnits() {
	units := k.units()
	slices.SortStableFunc(units, func(a, b unit) int { return sign(a.rect.Y - b.rect.Y) })
	pinned := k.rects(func(i int32) bool { return k.pinned[i] })
	var settled []unit
	for _, u := range units {
		settled = slices.DeleteFunc(settled, func(s unit) bool { return s.rect.Bottom()+graph.LaneGapY <= u.rect.Y })
		down := 0.0
		for again := true; again; {
			again = false
			for _, s := range settled {
				now := u.rect
				now.Y += down
				if x, y := u.clear(s); now.Near(s.rect, x, y) {
					down, again = graph.Up(s.rect.Bottom()+y)-u.rect.Y, true
				}
			}
			if by := k.past(u.boxes, down, pinned); by > 0 {
				down, again = down+by, true
			}
		}
		k.lower(&u, down)
		settled = append(settled, u)
	}
}

// past is how much further down than by the boxes must go to meet no pinned one;
// nothing if they don't move.
func (k *keeper) past(boxes []int32, by float64, pinned []graph.Rect) float64 {
	more := 0.0
	if by == 0 {
		return 0
	}
	for _, b := range boxes {
		r := k.at[b]
		r.Y += by
		for _, p := range pinned {
			if r.Near(p, 0, 0) {
				more = max(more, graph.Up(p.Bottom()-r.Y))
			}
		}
	}
	return more
}

// lower moves a unit down.
func (k *keeper) lower(u *unit, by float64) {
	u.rect.Y += by
	if u.lane != free {
		k.ground[u.lane].Y += by
	}
	for _, b := range u.boxes {
		k.at[b].Y += by
	}
}

// mayGrow reports whether the ground of a lane may become g: nothing else is there,
// nor is what is to be kept free of it. The strip is not asked; it makes room.
func (k *keeper) mayGrow(lane int32, g graph.Rect) bool {
	for i, o := range k.ground {
		if int32(i) != lane && k.known[i] && g.Near(o, graph.LaneGapY, graph.LaneGapY) {
			return false
		}
	}
	for i, r := range k.at {
		switch {
		case !k.has[i] || k.home[i] == lane || k.in.Boxes[i].Side == graph.Strip && !k.pinned[i]:
		case k.pinned[i] && g.Near(r, 0, 0), g.Near(r, graph.LaneGapY, graph.LaneGapY):
			return false
		}
	}
	return true
}

// aboveStrip reports whether r leaves the strip where it is.
func (k *keeper) aboveStrip(r graph.Rect) bool {
	return k.strip == nil || r.Bottom()+graph.StripGap <= k.strip.Y
}

// newLanes lays out lanes that the chart has no ground of, and stands each at the
// place where it makes the page least bigger and is nearest to what it calls and is
// called by.
func (k *keeper) newLanes() {
	for i, name := range k.lanes {
		if k.known[i] {
			continue
		}
		var boxes, pinned []int32
		for b := range k.in.Boxes {
			switch {
			case k.home[b] != int32(i):
			case k.pinned[b]:
				pinned = append(pinned, int32(b))
			default:
				boxes = append(boxes, int32(b))
			}
		}
		block := page.Block{W: graph.LaneLeast, H: graph.LaneTop + graph.LaneFoot}
		if len(boxes) > 0 {
			block = page.LayLane(k.in, name, boxes, k.o, layers.NewPage(len(k.lanes)))
		} else if g := k.around(pinned); k.mayGrow(int32(i), g) && k.betweenSides(g) {
			k.ground[i], k.known[i] = g, true
			continue
		}
		at := k.spot(block)
		k.ground[i], k.known[i] = graph.Rect{X: at.X, Y: at.Y, W: block.W, H: block.H}, true
		for n, b := range block.Boxes {
			k.at[b].X, k.at[b].Y, k.has[b] = at.X+block.At[n].X, at.Y+block.At[n].Y, true
		}
	}
}

// around is the ground that boxes need.
func (k *keeper) around(boxes []int32) graph.Rect {
	g := padded(k.at[boxes[0]])
	for _, b := range boxes {
		g = g.Union(padded(k.at[b]))
	}
	return g
}

// What makes a place for a new lane bad, in chart units.
const (
	growth  = 8   // for each unit by which the page gets bigger
	pushing = 1e6 // something must move
)

// spot is where a new lane goes.
func (k *keeper) spot(block page.Block) graph.Point {
	all, some := k.inside()
	units := k.units()
	if !some {
		at := graph.Point{X: k.startX(), Y: k.o.Margin}
		if !k.isFree(graph.Rect{X: at.X, Y: at.Y, W: block.W, H: block.H}, block, units) {
			at.Y = k.belowPinned(at.Y)
		}
		return at
	}
	xs, ys := []float64{all.X}, []float64{k.o.Margin, all.Y, graph.Up(all.Bottom() + graph.LaneGapY)}
	for _, u := range units {
		if u.lane == free && len(units) > 4*nearby {
			continue // so many boxes would make too many places
		}
		xs = append(xs, u.rect.X, graph.Up(u.rect.Right()+graph.LaneGapX))
		ys = append(ys, u.rect.Y, graph.Up(u.rect.Bottom()+graph.LaneGapY))
	}
	wish, weight := k.middleOf(block)
	best, cost := graph.Point{X: all.X, Y: graph.Up(all.Bottom() + graph.LaneGapY)}, math.Inf(1)
	xs, ys = distinct(xs), distinct(ys)
	for _, x := range xs {
		for _, y := range ys {
			r := graph.Rect{X: x, Y: y, W: block.W, H: block.H}
			c := growth*(k.scale(all.Union(r))-k.scale(all)) + weight*(math.Abs(x-wish.X)+math.Abs(y-wish.Y))
			if c += k.pushes(r, all); c < cost && k.isFree(r, block, units) {
				best, cost = graph.Point{X: x, Y: y}, c
			}
		}
	}
	if math.IsInf(cost, 1) { // only pinned boxes can be in the way there
		best.Y = k.belowPinned(best.Y)
	}
	return best
}

// belowPinned is the first height from y on that is below all pinned boxes.
func (k *keeper) belowPinned(y float64) float64 {
	for i, r := range k.at {
		if k.pinned[i] {
			y = max(y, graph.Up(r.Bottom()+graph.LaneGapY))
		}
	}
	return y
}

// distinct sorts v and returns what is in it, once each.
func distinct(v []float64) []float64 {
	slices.Sort(v)
	return slices.Compact(v)
}

// scale is the height of the page that holds r.
func (k *keeper) scale(r graph.Rect) float64 { return max(r.H, r.W/k.o.Aspect) }

// startX is where the first thing Inside stands: right of the Entry side.
func (k *keeper) startX() float64 {
	x := k.o.Margin
	for i, b := range k.in.Boxes {
		if b.Side == graph.Entry && !k.pinned[i] {
			right := k.o.Margin + graph.Up(b.W)
			if k.has[i] {
				right = graph.Up(k.at[i].Right())
			}
			x = max(x, right+graph.Up(k.o.GapX*1.25))
		}
	}
	return x
}

// pushes is what it costs that the strip or the Exit side have to make room.
func (k *keeper) pushes(r, all graph.Rect) float64 {
	cost := 0.0
	if k.strip != nil && r.Bottom()+graph.StripGap > k.strip.Y {
		cost += pushing
	}
	if r.Right() > all.Right() && slices.ContainsFunc(k.in.Boxes, func(b graph.Box) bool { return b.Side == graph.Exit }) {
		cost += pushing
	}
	return cost
}

// isFree reports whether nothing stands in r, nor would stand on the block's boxes.
func (k *keeper) isFree(r graph.Rect, block page.Block, units []unit) bool {
	for _, u := range units {
		if r.Near(u.rect, graph.LaneGapY, graph.LaneGapY) {
			return false
		}
	}
	for i, o := range k.at {
		if !k.pinned[i] || !r.Near(o, 0, 0) {
			continue
		}
		for n, b := range block.Boxes {
			own := graph.Rect{X: r.X + block.At[n].X, Y: r.Y + block.At[n].Y, W: k.at[b].W, H: k.at[b].H}
			if own.Near(o, 0, 0) {
				return false
			}
		}
	}
	return true
}

// middleOf is where the corner of the block should be for its calls to be short, and
// how much that matters.
func (k *keeper) middleOf(block page.Block) (graph.Point, float64) {
	own := make(map[int32]bool, len(block.Boxes))
	for _, b := range block.Boxes {
		own[b] = true
	}
	var x, y, sum float64
	for _, c := range k.in.Calls {
		other := c.From
		if own[c.From] == own[c.To] {
			continue
		}
		if own[c.From] {
			other = c.To
		}
		if k.has[other] {
			x += c.Weight * k.at[other].X
			y += c.Weight * k.at[other].Y
			sum += c.Weight
		}
	}
	if sum == 0 {
		return graph.Point{}, 0.1
	}
	return graph.Point{X: x / sum, Y: y / sum}, 1
}
