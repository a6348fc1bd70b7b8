package keep

import (
	"cmp"
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/rank"
)

// slot is a place that a newcomer could take. Of two the lesser is better, field by
// field.
type slot struct {
	rect    graph.Rect
	pushes  bool    // others would have to move
	against float64 // weight of calls that would not go right
	cost    float64 // how far it is from where the box would like to be
}

func (s slot) better(o slot) bool {
	if s.pushes != o.pushes {
		return o.pushes
	}
	return cmp.Or(cmp.Compare(s.against, o.against), cmp.Compare(s.cost, o.cost)) < 0
}

// newcomers gives boxes of lanes, and of none, that have no place a slot: first those
// that lost theirs, then by rank, so that clients stand when their servers come.
func (k *keeper) newcomers() {
	var boxes []int32
	for i := range k.at {
		if !k.has[i] && k.home[i] != outside {
			boxes = append(boxes, int32(i))
		}
	}
	if len(boxes) == 0 {
		return
	}
	f := &finder{keeper: k, ranks: rank.Of(k.in), touch: make([][]graph.Call, len(k.at))}
	for _, c := range k.in.Calls {
		if c.From != c.To {
			f.touch[c.From] = append(f.touch[c.From], c)
			f.touch[c.To] = append(f.touch[c.To], c)
		}
	}
	slices.SortStableFunc(boxes, func(a, b int32) int {
		if k.old[a] != k.old[b] {
			return sign(float64(len(boxes)) * (truth(k.old[b]) - truth(k.old[a])))
		}
		return cmp.Compare(f.ranks[a], f.ranks[b])
	})
	for _, b := range boxes {
		k.at[b] = f.find(b)
		k.has[b] = true
		if home := k.home[b]; home >= 0 {
			k.ground[home] = k.ground[home].Union(padded(k.at[b]))
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// finder looks for slots.
type finder struct {
	*keeper
	ranks []int32
	touch [][]graph.Call // per box

	// Of the box at hand: what it must not meet, the boxes of its home, and the
	// room in which it stands without growing anything.
	obstacles []graph.Rect
	others    []int32
	room      graph.Rect
}

// find returns where box b goes: into a free slot of a column in which its calls go
// right, as near as can be to those it calls and is called by; else where its lane can
// grow; else to the foot of a column, and what is below must move.
func (f *finder) find(b int32) graph.Rect {
	f.look(b)
	wish := f.wish(b)
	var best slot
	for i, x := range f.columns() {
		beyond := i < 2
		for _, s := range f.slots(b, x, wish, beyond) {
			s.against = f.against(b, s.rect)
			s.cost = math.Abs(s.rect.Y-wish) + f.strange(b, x)
			if best.rect.W == 0 || s.better(best) {
				best = s
			}
		}
	}
	return best.rect
}

// look gathers what is around the home of box b.
func (f *finder) look(b int32) {
	f.obstacles, f.others = f.obstacles[:0], f.others[:0]
	home := f.home[b]
	for i, r := range f.at {
		switch {
		case !f.has[i] || int32(i) == b:
		case f.pinned[i]:
			f.obstacles = append(f.obstacles, r)
		case f.home[i] == home:
			f.obstacles = append(f.obstacles, r)
			f.others = append(f.others, int32(i))
		}
	}
	if home >= 0 {
		g := f.ground[home]
		f.room = graph.Rect{
			X: g.X + graph.LaneSide, Y: g.Y + graph.LaneTop,
			W: g.W - 2*graph.LaneSide, H: g.H - graph.LaneTop - graph.LaneFoot,
		}
		return
	}
	f.room = f.page()
	for i, g := range f.ground {
		if f.known[i] {
			f.obstacles = append(f.obstacles, g)
		}
	}
}

// page is the room outside of lanes.
func (f *finder) page() graph.Rect {
	all, some := f.inside()
	if !some {
		all = graph.Rect{X: f.startX(), Y: f.o.Margin}
	}
	all.H, all.W = graph.MaxSize*graph.MaxSize, max(all.W, f.o.Height*f.o.Aspect)
	if f.strip != nil {
		all.H = f.strip.Y - graph.StripGap - all.Y
	}
	return all
}

// wish is the height at which the calls of box b are straight; without any, the place
// it had, or the top of its lane, or the foot of the page.
func (f *finder) wish(b int32) float64 {
	sum, weight := 0.0, 0.0
	for _, c := range f.touch[b] {
		other, port, own := c.From, c.FromY, c.ToY
		if c.From == b {
			other, port, own = c.To, c.ToY, c.FromY
		}
		if f.has[other] {
			sum += c.Weight * (f.at[other].Y + port - own)
			weight += c.Weight
		}
	}
	switch {
	case f.old[b]:
		return f.at[b].Y
	case weight > 0:
		return sum / weight
	case f.home[b] >= 0:
		return f.room.Y
	}
	foot := f.room.Y
	for _, o := range f.obstacles {
		foot = max(foot, o.Bottom())
	}
	return foot
}

// columns returns the left edges of the columns of the home, after two that begin
// beyond them: beside its boxes, and beside those that are pinned there, too.
func (f *finder) columns() []float64 {
	right, beside := f.room.X, f.room.X
	xs := make([]float64, 0, len(f.others))
	for _, i := range f.others {
		xs = append(xs, f.at[i].X)
		right = max(right, graph.Up(f.at[i].Right())+f.o.GapX)
	}
	for _, o := range f.obstacles {
		if o.Near(f.room, 0, 0) {
			beside = max(beside, graph.Up(o.Right())+f.gap())
		}
	}
	return append([]float64{right, max(right, beside)}, distinct(xs)...)
}

// slots returns the slots of the column at x that are nearest to wish: in the room,
// and below it. A column beyond the others is begun only where that moves nobody,
// unless it is the only one.
func (f *finder) slots(b int32, x, wish float64, beyond bool) []slot {
	r := graph.Rect{X: x, Y: wish, W: f.at[b].W, H: f.at[b].H}
	var found []slot
	fits := x+graph.Up(r.W) <= f.room.Right() || len(f.others) == 0
	if y, ok := f.freeY(r, f.room.Bottom()); ok && fits {
		r.Y = y
		return append(found, slot{rect: r})
	}
	y, _ := f.freeY(r, math.Inf(1))
	r.Y = y
	if f.grows(b, r) {
		return append(found, slot{rect: r})
	}
	if beyond && len(f.others) > 0 {
		return nil
	}
	return append(found, slot{rect: r, pushes: true})
}

// grows reports whether the home of b may grow to hold r without moving others.
func (f *finder) grows(b int32, r graph.Rect) bool {
	if home := f.home[b]; home >= 0 {
		g := f.ground[home].Union(padded(r))
		return f.mayGrow(home, g) && f.betweenSides(g) && f.aboveStrip(g)
	}
	return graph.Up(r.Bottom()) <= f.room.Bottom() && f.betweenSides(r)
}

// freeY returns the height nearest to that of r at which it meets nothing, from the
// top of the room down to bottom.
func (f *finder) freeY(r graph.Rect, bottom float64) (float64, bool) {
	var column []graph.Rect
	for _, o := range f.obstacles {
		if r.X < o.Right()+f.gap() && o.X < r.Right()+f.gap() {
			column = append(column, o)
		}
	}
	wish, best, least := r.Y, 0.0, math.Inf(1)
	try := func(y float64) {
		r.Y = y
		if d := math.Abs(y - wish); d < least && y >= f.room.Y && graph.Up(y+r.H) <= bottom && !meets(r, column, f.gap(), f.o.GapY) {
			best, least = y, d
		}
	}
	try(max(f.room.Y, graph.Round(wish)))
	try(graph.Up(f.room.Y))
	try(math.Floor((bottom-graph.Up(r.H))/graph.Grid) * graph.Grid)
	for _, o := range column {
		try(graph.Up(o.Bottom() + f.o.GapY))
		try(math.Floor((o.Y-f.o.GapY-r.H)/graph.Grid) * graph.Grid)
	}
	return best, !math.IsInf(least, 1)
}

// against sums the weight of the calls of b within its home that would not go right.
func (f *finder) against(b int32, r graph.Rect) float64 {
	sum := 0.0
	for _, c := range f.touch[b] {
		other := c.From
		if c.From == b {
			other = c.To
		}
		if !f.has[other] || c.Undirected || f.home[other] != f.home[b] {
			continue
		}
		if o := f.at[other]; c.From == b && r.Right() > o.X || c.To == b && o.Right() > r.X {
			sum += c.Weight
		}
	}
	return sum
}

// strange is how little box b belongs into the column at x: by how many ranks the
// boxes there differ from it. One that had a place goes by that.
func (f *finder) strange(b int32, x float64) float64 {
	if f.old[b] {
		return 4 * math.Abs(x-f.at[b].X)
	}
	sum, n := 0.0, 0.0
	for _, i := range f.others {
		if f.at[i].X == x {
			sum += math.Abs(float64(f.ranks[i] - f.ranks[b]))
			n++
		}
	}
	if n == 0 {
		return f.o.GapX
	}
	return 2 * f.o.GapX * sum / n
}
