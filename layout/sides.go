package layout

import (
	"cmp"
	"slices"
)

// stand puts the boxes of one side into columns of their own beside everything
// else, each as near as possible to the height at which its piece has it.
func (p *page) stand(side Side) {
	boxes := p.bySide(side)
	if len(boxes) == 0 {
		return
	}
	height := 0.0
	for _, b := range boxes {
		height += gridUp(p.in.boxes[b].H) + p.o.GapY
	}
	k := columnCount(height, len(boxes), max(p.o.Height, p.height))
	cols := make([][]int32, k)
	for i, b := range boxes {
		cols[i%k] = append(cols[i%k], b)
	}
	x := p.sideStart(cols, side)
	for _, c := range cols {
		p.stackSide(c, x)
		x += p.widest(c) + gridUp(p.o.GapX/2)
	}
	if side == Exit {
		p.width = x
	}
}

// bySide returns the boxes of a side from top to bottom.
func (p *page) bySide(side Side) []int32 {
	var boxes []int32
	for i, b := range p.in.boxes {
		if b.Side == side {
			boxes = append(boxes, int32(i))
		}
	}
	slices.SortStableFunc(boxes, func(a, b int32) int { return cmp.Compare(p.at[a].y, p.at[b].y) })
	return boxes
}

// sideStart is the left edge of the first of the columns: so far left that the
// last one keeps its gap to what stands inside, or right of everything.
func (p *page) sideStart(cols [][]int32, side Side) float64 {
	gap := gridUp(p.o.GapX * 1.25)
	if side == Exit {
		if p.width == 0 {
			return gap
		}
		return gridUp(p.width) + gap
	}
	x := -gap
	for i, c := range cols {
		x -= p.widest(c)
		if i > 0 {
			x -= gridUp(p.o.GapX / 2)
		}
	}
	return x
}

// widest is the width of the widest of the boxes, on the grid.
func (p *page) widest(boxes []int32) float64 {
	w := 0.0
	for _, b := range boxes {
		w = max(w, gridUp(p.in.boxes[b].W))
	}
	return w
}

// stackSide gives the boxes of a column their corners.
func (p *page) stackSide(boxes []int32, x float64) {
	want, pull, room := make([]float64, len(boxes)), make([]float64, len(boxes)), make([]float64, len(boxes))
	for i, b := range boxes {
		want[i], pull[i] = p.at[b].y, 1
		if i > 0 {
			room[i] = gridUp(p.in.boxes[boxes[i-1]].H) + p.o.GapY
		}
	}
	for i, y := range spread(want, pull, room) {
		p.at[boxes[i]] = point{x, gridRound(y)}
	}
}
