package layout

import (
	"cmp"
	"math"
	"slices"
)

// page is the chart while pieces are put on it.
type page struct {
	in            *input
	o             Options
	at            []point // per box
	width, height float64 // extent of what is put so far
	sky           []step  // lower edge of what is put, from left to right
}

// step is a stretch of the page that is taken down to y. It ends where the
// next one starts.
type step struct{ x, y float64 }

// tile is the part of a piece that stands inside: a rectangle to be packed.
type tile struct {
	piece    *piece
	min, max point
}

func (t tile) width() float64  { return t.max.x - t.min.x }
func (t tile) height() float64 { return t.max.y - t.min.y }

// pack puts all pieces on a page, biggest first, then the boxes that stand
// alone, then those of the sides. Of several widths it takes the one with which
// the chart is biggest when fitted into a page of the wanted aspect.
func pack(in *input, pieces []piece, alone []int32, o Options) *page {
	tiles := make([]tile, len(pieces))
	for i := range pieces {
		tiles[i] = insideOf(in, &pieces[i])
	}
	slices.SortStableFunc(tiles, func(a, b tile) int {
		return cmp.Compare(b.width()*b.height(), a.width()*a.height())
	})
	var best *page
	least := pageWidth(in, tiles, alone, o)
	for _, wider := range []float64{1, 1.1, 1.25, 1.4, 1.6, 2} {
		p := &page{in: in, o: o, at: make([]point, len(in.boxes)), sky: []step{{}}}
		for _, t := range tiles {
			p.put(t, least*wider)
		}
		p.grid(alone, least*wider)
		if best == nil || p.scale() < best.scale() {
			best = p
		}
		if len(tiles)+len(alone) < 2 {
			break
		}
	}
	best.stand(Entry)
	best.stand(Exit)
	return best
}

// scale is the height of the smallest page of the wanted aspect that holds
// everything.
func (p *page) scale() float64 { return max(p.height, p.width/p.o.Aspect) }

// insideOf measures the part of a piece that is Inside.
func insideOf(in *input, pc *piece) tile {
	t := tile{piece: pc}
	first := true
	for i, b := range pc.boxes {
		box := in.boxes[b]
		if box.Side != Inside {
			continue
		}
		low := pc.at[i]
		high := point{gridUp(low.x + box.W), gridUp(low.y + box.H)}
		if first {
			t.min, t.max, first = low, high, false
		}
		t.min = point{min(t.min.x, low.x), min(t.min.y, low.y)}
		t.max = point{max(t.max.x, high.x), max(t.max.y, high.y)}
	}
	return t
}

// pageWidth is the width at which everything together has the page's aspect,
// and not less than the widest piece.
func pageWidth(in *input, tiles []tile, alone []int32, o Options) float64 {
	area, widest := 0.0, 0.0
	for _, t := range tiles {
		area += (t.width() + o.GapX) * (t.height() + 2*o.GapY)
		widest = max(widest, t.width())
	}
	cell := cellOf(in, alone, o)
	area += cell.x * cell.y * float64(len(alone))
	return max(widest, cell.x, math.Sqrt(area*o.Aspect))
}

// put places a tile as high as it goes, and there as far left as it goes.
func (p *page) put(t tile, width float64) {
	if t.width() == 0 {
		for i, b := range t.piece.boxes {
			p.at[b] = t.piece.at[i]
		}
		return
	}
	best := step{0, math.Inf(1)}
	for i, s := range p.sky {
		if s.x > 0 && s.x+t.width() > width {
			break
		}
		if y := p.floor(i, s.x+t.width()+p.o.GapX); y < best.y {
			best = step{s.x, y}
		}
	}
	for i, b := range t.piece.boxes {
		p.at[b] = point{t.piece.at[i].x - t.min.x + best.x, t.piece.at[i].y - t.min.y + best.y}
	}
	p.width = max(p.width, best.x+t.width())
	p.height = max(p.height, best.y+t.height())
	p.cover(best.x, best.x+t.width()+p.o.GapX, best.y+t.height()+2*p.o.GapY)
}

// floor is the lowest y taken from step i up to right.
func (p *page) floor(i int, right float64) float64 {
	y := p.sky[i].y
	for ; i < len(p.sky) && p.sky[i].x < right; i++ {
		y = max(y, p.sky[i].y)
	}
	return y
}

// cover takes the stretch from left to right down to y.
func (p *page) cover(left, right, y float64) {
	var sky []step
	under := 0.0
	for _, s := range p.sky {
		if s.x <= right {
			under = s.y
		}
		if s.x < left || s.x > right {
			sky = append(sky, s)
		}
	}
	sky = append(sky, step{left, y}, step{right, under})
	slices.SortFunc(sky, func(a, b step) int { return cmp.Compare(a.x, b.x) })
	p.sky = sky
}

// cellOf is the size of a grid cell that holds every one of the boxes.
func cellOf(in *input, boxes []int32, o Options) point {
	var c point
	for _, b := range boxes {
		c.x = max(c.x, gridUp(in.boxes[b].W)+gridUp(o.GapX/4))
		c.y = max(c.y, gridUp(in.boxes[b].H)+o.GapY)
	}
	return c
}

// grid puts the boxes that stand alone in rows below everything else.
func (p *page) grid(alone []int32, width float64) {
	if len(alone) == 0 {
		return
	}
	cell, top := cellOf(p.in, alone, p.o), 0.0
	if p.height > 0 {
		top = p.height + 3*p.o.GapY
	}
	perRow := max(1, int(width/cell.x))
	for i, b := range alone {
		x, y := float64(i%perRow)*cell.x, top+float64(i/perRow)*cell.y
		p.at[b] = point{x, y}
		p.width = max(p.width, gridUp(x+p.in.boxes[b].W))
		p.height = max(p.height, gridUp(y+p.in.boxes[b].H))
	}
}
