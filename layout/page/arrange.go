package page

import (
	"cmp"
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/rank"
)

const (
	// maxColumns bounds the columns of lanes that are tried.
	maxColumns = 32
	// arrangePasses bounds the passes in which blocks change places, and
	// arrangeWork how many pairs are tried in each.
	arrangePasses = 8
	arrangeWork   = 40_000
	// backwards is how much longer a call counts that goes from right to left.
	backwards = 3
)

// arrangement is blocks on their way into columns.
type arrangement struct {
	blocks []Block
	o      graph.Options
	calls  []graph.Call // between blocks
	touch  [][]int32    // per block: its calls
	pull   []float64    // per block: weight of calls from the Entry side, less those to the Exit side
	seq    []int32      // blocks down the columns, from left to right
	at     []graph.Rect // per block
	centre []graph.Point
}

// arrange gives the blocks their places: in columns, clients left of servers, what
// calls each other near each other, in the shape of the page. A block is as wide as
// its column.
func arrange(in *graph.Input, blocks []Block, o graph.Options) []graph.Rect {
	a := &arrangement{blocks: blocks, o: o, at: make([]graph.Rect, len(blocks))}
	if len(blocks) == 0 {
		return nil
	}
	a.read(in)
	a.start()
	a.stack()
	best, least := slices.Clone(a.seq), a.cost()
	for range arrangePasses {
		if !a.improve() {
			break
		}
		a.stack()
		if c := a.cost(); c < least {
			best, least = slices.Clone(a.seq), c
		}
	}
	a.seq = best
	a.stack()
	return a.at
}

// read sums up the calls between blocks.
func (a *arrangement) read(in *graph.Input) {
	block := make([]int32, len(in.Boxes))
	for i := range block {
		block[i] = -1
	}
	for i, b := range a.blocks {
		for _, box := range b.Boxes {
			block[box] = int32(i)
		}
	}
	a.pull = make([]float64, len(a.blocks))
	sum := make(map[[2]int32]float64)
	for _, c := range in.Calls {
		from, to := block[c.From], block[c.To]
		switch {
		case from == to:
		case from >= 0 && to >= 0:
			sum[[2]int32{from, to}] += c.Weight
		case from >= 0 && in.Boxes[c.To].Side == graph.Exit:
			a.pull[from] -= c.Weight
		case to >= 0 && in.Boxes[c.From].Side == graph.Entry:
			a.pull[to] += c.Weight
		}
	}
	for pair, w := range sum {
		a.calls = append(a.calls, graph.Call{From: pair[0], To: pair[1], Weight: w})
	}
	slices.SortFunc(a.calls, func(x, y graph.Call) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	a.touch = make([][]int32, len(a.blocks))
	for i, c := range a.calls {
		a.touch[c.From] = append(a.touch[c.From], int32(i))
		a.touch[c.To] = append(a.touch[c.To], int32(i))
	}
}

// start sorts the blocks by rank: who calls stands before who is called.
func (a *arrangement) start() {
	lanes := &graph.Input{Boxes: make([]graph.Box, len(a.blocks)), Calls: a.calls, Held: make([]float64, len(a.blocks))}
	for i, p := range a.pull {
		lanes.Held[i] = max(0, p)
	}
	ranks := rank.Of(lanes)
	for i := range a.blocks {
		a.seq = append(a.seq, int32(i))
	}
	slices.SortStableFunc(a.seq, func(x, y int32) int { return cmp.Compare(ranks[x], ranks[y]) })
}

// stack cuts the sequence into columns and gives every block its place. Of all
// numbers of columns it takes the one whose page is biggest when fitted.
func (a *arrangement) stack() {
	least := math.Inf(1)
	var best []int
	for k := 1; k <= min(len(a.seq), maxColumns); k++ {
		cuts := a.cut(k)
		w, h := a.extent(cuts)
		if s := max(h, w/a.o.Aspect); s < least {
			best, least = cuts, s
		}
	}
	a.put(best)
}

// cut cuts the sequence into k columns or fewer, the highest of which is as low
// as it can be, and returns where each begins.
func (a *arrangement) cut(k int) []int {
	low, high := 0.0, 0.0
	for _, b := range a.blocks {
		low = max(low, b.H)
		high += b.H + graph.LaneGapY
	}
	for range 24 {
		if mid := (low + high) / 2; len(a.fill(mid)) <= k {
			high = mid
		} else {
			low = mid
		}
	}
	return a.fill(high)
}

// fill begins a new column whenever one would get higher than limit.
func (a *arrangement) fill(limit float64) []int {
	var cuts []int
	height := math.Inf(1)
	for i, b := range a.seq {
		if height += graph.LaneGapY + a.blocks[b].H; height > limit {
			cuts = append(cuts, i)
			height = a.blocks[b].H
		}
	}
	return cuts
}

// column returns the c-th of the columns that begin at cuts.
func (a *arrangement) column(cuts []int, c int) []int32 {
	if c+1 < len(cuts) {
		return a.seq[cuts[c]:cuts[c+1]]
	}
	return a.seq[cuts[c]:]
}

// extent measures columns.
func (a *arrangement) extent(cuts []int) (w, h float64) {
	w = -graph.LaneGapX
	for c := range cuts {
		width, height := 0.0, -float64(graph.LaneGapY)
		for _, b := range a.column(cuts, c) {
			width = max(width, a.blocks[b].W)
			height += a.blocks[b].H + graph.LaneGapY
		}
		w += width + graph.LaneGapX
		h = max(h, height)
	}
	return w, h
}

// put writes the places of all blocks.
func (a *arrangement) put(cuts []int) {
	x := 0.0
	a.centre = make([]graph.Point, len(a.blocks))
	for c := range cuts {
		width, y := 0.0, 0.0
		for _, b := range a.column(cuts, c) {
			width = max(width, a.blocks[b].W)
		}
		for _, b := range a.column(cuts, c) {
			h := a.blocks[b].H
			a.at[b] = graph.Rect{X: x, Y: y, W: width, H: h}
			a.centre[b] = graph.Point{X: x + width/2, Y: y + h/2}
			y += h + graph.LaneGapY
		}
		x += width + graph.LaneGapX
	}
}

// length is what a call costs; one that doesn't go right costs more.
func (a *arrangement) length(c graph.Call) float64 {
	from, to := a.centre[c.From], a.centre[c.To]
	x := to.X - from.X
	if x <= 0 {
		x = backwards*-x + graph.LaneLeast
	}
	return c.Weight * (x + math.Abs(to.Y-from.Y))
}

func (a *arrangement) cost() float64 {
	sum := 0.0
	for _, c := range a.calls {
		sum += a.length(c)
	}
	for i, p := range a.pull {
		sum += p * a.centre[i].X
	}
	return sum
}

// costOf is what the calls of two blocks cost; those between them count once.
func (a *arrangement) costOf(x, y int32) float64 {
	sum := a.pull[x]*a.centre[x].X + a.pull[y]*a.centre[y].X
	for _, i := range a.touch[x] {
		sum += a.length(a.calls[i])
	}
	for _, i := range a.touch[y] {
		if c := a.calls[i]; c.From != x && c.To != x {
			sum += a.length(c)
		}
	}
	return sum
}

// improve lets every pair of blocks change places if that makes calls shorter, as
// if they were of one size, and reports whether one did.
func (a *arrangement) improve() bool {
	reach, moved := max(1, arrangeWork/len(a.seq)), false
	for i := range a.seq {
		for j := i + 1; j < min(len(a.seq), i+reach); j++ {
			x, y := a.seq[i], a.seq[j]
			before := a.costOf(x, y)
			a.centre[x], a.centre[y] = a.centre[y], a.centre[x]
			if after := a.costOf(x, y); after < before-1e-6 {
				a.seq[i], a.seq[j] = y, x
				moved = true
				continue
			}
			a.centre[x], a.centre[y] = a.centre[y], a.centre[x]
		}
	}
	return moved
}
