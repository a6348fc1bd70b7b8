package page

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/layers"
)

// stand puts the boxes of one side into columns of their own beside everything
// else, each as near as possible to the height at which its piece has it.
func (p *page) stand(side graph.Side) {
	boxes := p.bySide(side)
	if len(boxes) == 0 {
		return
	}
	height := 0.0
	for _, b := range boxes {
		height += graph.Up(p.in.Boxes[b].H) + p.o.GapY
	}
	k := layers.ColumnCount(height, len(boxes), max(p.o.Height, p.height))
	cols := make([][]int32, k)
	for i, b := range boxes {
		cols[i%k] = append(cols[i%k], b)
	}
	x := p.sideStart(cols, side)
	for _, c := range cols {
		p.stackSide(c, x)
		x += p.widest(c) + graph.Up(p.o.GapX/2)
	}
	if side == graph.Exit {
		p.width = x
	}
}

// bySide returns the boxes of a side from top to bottom.
func (p *page) bySide(side graph.Side) []int32 {
	var boxes []int32
	for i, b := range p.in.Boxes {
		if b.Side == side {
			boxes = append(boxes, int32(i))
		}
	}
	slices.SortStableFunc(boxes, func(a, b int32) int { return cmp.Compare(p.at[a].Y, p.at[b].Y) })
	return boxes
}

// sideStart is the left edge of the first of the columns: so far left that the
// last one keeps its gap to what stands inside, or right of everything.
func (p *page) sideStart(cols [][]int32, side graph.Side) float64 {
	gap := graph.Up(p.o.GapX * 1.25)
	if side == graph.Exit {
		if p.width == 0 {
			return gap
		}
		return graph.Up(p.width) + gap
	}
	x := -gap
	for i, c := range cols {
		x -= p.widest(c)
		if i > 0 {
			x -= graph.Up(p.o.GapX / 2)
		}
	}
	return x
}

// widest is the width of the widest of the boxes, on the grid.
func (p *page) widest(boxes []int32) float64 {
	w := 0.0
	for _, b := range boxes {
		w = max(w, graph.Up(p.in.Boxes[b].W))
	}
	return w
}

// stackSide gives the boxes of a column their corners.
func (p *page) stackSide(boxes []int32, x float64) {
	want, pull, room := make([]float64, len(boxes)), make([]float64, len(boxes)), make([]float64, len(boxes))
	for i, b := range boxes {
		want[i], pull[i] = p.at[b].Y, 1
		if i > 0 {
			room[i] = graph.Up(p.in.Boxes[boxes[i-1]].H) + p.o.GapY
		}
	}
	for i, y := range layers.Spread(want, pull, room) {
		p.at[boxes[i]] = graph.Point{X: x, Y: graph.Round(y)}
	}
}
