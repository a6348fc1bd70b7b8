package page

import "github.com/devops-trouble-map/dotm/layout/graph"

// layStrip stands the boxes of the strip in rows under everything else, in the
// order of their IDs, and returns what they take: nil when there are none.
func (p *page) layStrip() *graph.Rect {
	var boxes []int32
	for i, b := range p.in.Boxes {
		if b.Side == graph.Strip {
			boxes = append(boxes, int32(i))
		}
	}
	if len(boxes) == 0 {
		return nil
	}
	left, right, top := 0.0, max(graph.Up(p.width), graph.Up(p.o.Height)), 0.0
	for i, b := range p.in.Boxes {
		if b.Side != graph.Strip {
			top = max(top, graph.Up(p.at[i].Y+b.H))
		}
	}
	if top = max(top, p.height); top > 0 {
		top = graph.Up(top + graph.StripGap)
	}
	strip := &graph.Rect{X: left, Y: top, W: right - left}
	x, y, row := left+graph.StripTitle, top+graph.StripPad, 0.0
	for _, b := range boxes {
		w, h := graph.Up(p.in.Boxes[b].W), graph.Up(p.in.Boxes[b].H)
		if x+w > right && row > 0 {
			x, y, row = left+graph.StripTitle, y+row+graph.StripPad, 0
		}
		p.at[b] = graph.Point{X: x, Y: y}
		x += w + graph.StripPad
		row = max(row, h)
		strip.W = max(strip.W, x-left)
	}
	strip.H = y + row + graph.StripPad - top
	return strip
}
