package keep

import (
	"math"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// sides gives newcomers of both sides their places: in the columns there, at the
// height of what they call and are called by. The Exit side moves out of the way of
// what has grown.
func (k *keeper) sides() {
	k.fillSide(graph.Entry)
	right := k.between().Right()
	for i, b := range k.in.Boxes {
		if b.Side == graph.Entry && !k.pinned[i] {
			right = max(right, k.at[i].Right())
		}
	}
	k.moveExits(graph.Up(right) + k.gap())
	k.fillSide(graph.Exit)
}

// between is what is Inside; without anything the line at which it would begin.
func (k *keeper) between() graph.Rect {
	if all, some := k.inside(); some {
		return all
	}
	return graph.Rect{X: k.startX(), Y: k.o.Margin, W: -graph.Up(k.o.GapX * 1.25)}
}

// fillSide moves boxes of a side down that others have grown onto, and gives newcomers
// their places.
func (k *keeper) fillSide(side graph.Side) {
	pinned := k.rects(func(i int32) bool { return k.pinned[i] })
	k.sweepDown(k.order(func(i int32) bool { return k.has[i] && !k.pinned[i] && k.in.Boxes[i].Side == side }), pinned)
	for i, b := range k.in.Boxes {
		if !k.has[i] && b.Side == side {
			k.at[i] = k.sideSlot(int32(i), k.between())
			k.has[i] = true
		}
	}
}

// moveExits moves the Exit side such that it begins at left or right of that. Boxes
// that come to stand on a pinned one look for another place.
func (k *keeper) moveExits(left float64) {
	by := 0.0
	for i, b := range k.in.Boxes {
		if b.Side == graph.Exit && k.has[i] && !k.pinned[i] {
			by = max(by, left-k.at[i].X)
		}
	}
	if by <= 0 {
		return
	}
	for i, b := range k.in.Boxes {
		if b.Side == graph.Exit && !k.pinned[i] {
			k.at[i].X += graph.Up(by)
		}
	}
	k.yield()
}

// sideSlot is the free place for a box of a side that is nearest to the height that
// its calls want.
func (k *keeper) sideSlot(b int32, all graph.Rect) graph.Rect {
	side, size := k.in.Boxes[b].Side, k.at[b]
	f := &finder{keeper: k, room: graph.Rect{Y: k.o.Margin}}
	var xs []float64
	for i, r := range k.at {
		same := k.in.Boxes[i].Side == side && !k.pinned[i]
		if k.has[i] && (same || k.pinned[i]) {
			f.obstacles = append(f.obstacles, r)
		}
		if k.has[i] && same {
			xs = append(xs, r.X)
		}
	}
	wide := graph.Up(k.o.GapX * 1.25)
	if len(xs) == 0 && side == graph.Entry {
		xs = append(xs, all.X-wide-graph.Up(size.W))
	} else if len(xs) == 0 {
		xs = append(xs, graph.Up(all.Right())+wide)
	}
	wish, best, least := k.sideWish(b, all), graph.Rect{}, math.Inf(1)
	for _, x := range distinct(xs) {
		if side == graph.Entry {
			x = max(min(x, all.X-k.gap()-graph.Up(size.W)), 0)
		}
		r := graph.Rect{X: x, Y: wish, W: size.W, H: size.H}
		r.Y, _ = f.freeY(r, math.Inf(1))
		if d := math.Abs(r.Y - wish); d < least {
			best, least = r, d
		}
	}
	return best
}

// sideWish is the height at which the calls of a box of a side are straight.
func (k *keeper) sideWish(b int32, all graph.Rect) float64 {
	sum, weight := 0.0, 0.0
	for _, c := range k.in.Calls {
		other, port, own := c.From, c.FromY, c.ToY
		if c.From == b {
			other, port, own = c.To, c.ToY, c.FromY
		}
		if (c.From == b) != (c.To == b) && k.has[other] {
			sum += c.Weight * (k.at[other].Y + port - own)
			weight += c.Weight
		}
	}
	if weight == 0 {
		return all.Y + all.H/2
	}
	return sum / weight
}

// fillStrip keeps the strip under everything else, and gives its newcomers free
// places in its rows.
func (k *keeper) fillStrip() {
	member := func(i int32) bool { return k.in.Boxes[i].Side == graph.Strip && !k.pinned[i] }
	k.placeStrip()
	if k.strip == nil {
		return
	}
	pinned := k.rects(func(i int32) bool { return k.pinned[i] })
	k.sweepDown(k.order(func(i int32) bool { return k.has[i] && member(i) }), pinned)
	for i := range k.at {
		if !k.has[i] && member(int32(i)) {
			k.at[i] = k.stripSlot(int32(i), k.rects(member), pinned)
			k.has[i] = true
		}
	}
	for _, r := range k.rects(member) {
		k.strip.W = max(k.strip.W, graph.Up(r.Right()+graph.StripPad)-k.strip.X)
		k.strip.H = max(k.strip.H, graph.Up(r.Bottom()+graph.StripPad)-k.strip.Y)
	}
}

// placeStrip makes the strip, if there is one to be, and moves it down if something
// has grown onto it.
func (k *keeper) placeStrip() {
	all, some := k.inside()
	bottom, needed := all.Bottom(), false
	for i, b := range k.in.Boxes {
		switch {
		case k.pinned[i]:
		case b.Side == graph.Strip:
			needed = true
		case k.home[i] == outside:
			bottom, some = max(bottom, graph.Up(k.at[i].Bottom())), true
		}
	}
	switch {
	case k.strip == nil && !needed:
	case k.strip == nil:
		k.strip = &graph.Rect{X: max(all.X, k.o.Margin), Y: k.o.Margin, W: max(all.W, graph.Up(k.o.Height)), H: 2 * graph.StripPad}
		if some {
			k.strip.Y = graph.Up(bottom + graph.StripGap)
		}
	case bottom+graph.LaneGapY > k.strip.Y:
		by := graph.Up(bottom + graph.LaneGapY - k.strip.Y)
		k.strip.Y += by
		for i, b := range k.in.Boxes {
			if b.Side == graph.Strip && !k.pinned[i] {
				k.at[i].Y += by
			}
		}
		k.yield()
	}
}

// stripSlot is the first free place of the strip: of a row, else of a new one.
func (k *keeper) stripSlot(b int32, members, pinned []graph.Rect) graph.Rect {
	first, r := k.strip.X+graph.StripTitle, k.at[b]
	foot := k.strip.Y + graph.StripPad
	xs, ys := make([]float64, 0, 1+len(members)), make([]float64, 0, 1+len(members))
	xs, ys = append(xs, first), append(ys, foot)
	for _, m := range members {
		xs = append(xs, graph.Up(m.Right()+graph.StripPad))
		ys = append(ys, m.Y)
		foot = max(foot, graph.Up(m.Bottom()+graph.StripPad))
	}
	xs, ys = distinct(xs), distinct(ys)
	for _, r.Y = range ys {
		for _, r.X = range xs {
			fits := r.X == first || r.Right()+graph.StripPad <= k.strip.Right()
			if fits && !meets(r, members, graph.StripPad, least) && !meets(r, pinned, 0, 0) {
				return r
			}
		}
	}
	r.X, r.Y = first, foot
	for meets(r, pinned, 0, 0) {
		r.Y += graph.Grid
	}
	return r
}
