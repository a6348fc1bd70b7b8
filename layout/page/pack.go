package page

import (
	"cmp"
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/layers"
)

// page is the chart while pieces are put on it.
type page struct {
	in            *graph.Input
	o             graph.Options
	at            []graph.Point // per box
	width, height float64       // extent of what is put so far
	sky           []step        // lower edge of what is put, from left to right
}

// step is a stretch of the page that is taken down to y. It ends where the
// next one starts.
type step struct{ x, y float64 }

// tile is the part of a piece that stands inside: a rectangle to be packed.
type tile struct {
	piece    *layers.Piece
	min, max graph.Point
}

func (t tile) width() float64  { return t.max.X - t.min.X }
func (t tile) height() float64 { return t.max.Y - t.min.Y }

// pack puts all pieces on a page, biggest first, then the boxes that stand
// alone. Of several widths it takes the one with which the chart is biggest when
// fitted into a page of the wanted aspect.
func pack(in *graph.Input, pieces []layers.Piece, alone []int32, o graph.Options) *page {
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
		p := &page{in: in, o: o, at: make([]graph.Point, len(in.Boxes)), sky: []step{{}}}
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
	return best
}

// scale is the height of the smallest page of the wanted aspect that holds
// everything.
func (p *page) scale() float64 { return max(p.height, p.width/p.o.Aspect) }

// insideOf measures the part of a piece that is Inside.
func insideOf(in *graph.Input, pc *layers.Piece) tile {
	t := tile{piece: pc}
	first := true
	for i, b := range pc.Boxes {
		box := in.Boxes[b]
		if box.Side != graph.Inside {
			continue
		}
		low := pc.At[i]
		high := graph.Point{X: graph.Up(low.X + box.W), Y: graph.Up(low.Y + box.H)}
		if first {
			t.min, t.max, first = low, high, false
		}
		t.min = graph.Point{X: min(t.min.X, low.X), Y: min(t.min.Y, low.Y)}
		t.max = graph.Point{X: max(t.max.X, high.X), Y: max(t.max.Y, high.Y)}
	}
	return t
}

// pageWidth is the width at which everything together has the page's aspect,
// and not less than the widest piece.
func pageWidth(in *graph.Input, tiles []tile, alone []int32, o graph.Options) float64 {
	area, widest := 0.0, 0.0
	for _, t := range tiles {
		area += (t.width() + o.GapX) * (t.height() + 2*o.GapY)
		widest = max(widest, t.width())
	}
	cell := cellOf(in, alone, o)
	area += cell.X * cell.Y * float64(len(alone))
	return max(widest, cell.X, math.Sqrt(area*o.Aspect))
}

// put places a tile as high as it goes, and there as far left as it goes.
func (p *page) put(t tile, width float64) {
	if t.width() == 0 {
		for i, b := range t.piece.Boxes {
			p.at[b] = t.piece.At[i]
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
	for i, b := range t.piece.Boxes {
		p.at[b] = graph.Point{X: t.piece.At[i].X - t.min.X + best.x, Y: t.piece.At[i].Y - t.min.Y + best.y}
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
func cellOf(in *graph.Input, boxes []int32, o graph.Options) graph.Point {
	var c graph.Point
	for _, b := range boxes {
		c.X = max(c.X, graph.Up(in.Boxes[b].W)+graph.Up(o.GapX/4))
		c.Y = max(c.Y, graph.Up(in.Boxes[b].H)+o.GapY)
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
	perRow := max(1, int(width/cell.X))
	for i, b := range alone {
		x, y := float64(i%perRow)*cell.X, top+float64(i/perRow)*cell.Y
		p.at[b] = graph.Point{X: x, Y: y}
		p.width = max(p.width, graph.Up(x+p.in.Boxes[b].W))
		p.height = max(p.height, graph.Up(y+p.in.Boxes[b].H))
	}
}
