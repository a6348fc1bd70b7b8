// Package page puts what belongs together onto one page: pieces of a graph side by
// side, lanes with their grounds, boxes of the sides, and the strip of shared
// services under them.
package page

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/layout/cluster"
	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/layers"
	"github.com/devops-trouble-map/dotm/layout/rank"
)

// Lay lays out everything from scratch.
func Lay(in *graph.Input, o graph.Options) *graph.Chart {
	var p *page
	var lanes []graph.LanePlacement
	if inBlocks(in) {
		p, lanes = layLanes(in, o)
	} else {
		p = layPieces(in, o, layers.NewPage(1))
	}
	p.stand(graph.Entry)
	p.stand(graph.Exit)
	strip := p.layStrip()
	return p.chart(lanes, strip)
}

// inBlocks reports whether the chart is made of blocks: there are lanes, or a piece so
// large that it is drawn group by group.
func inBlocks(in *graph.Input) bool {
	if slices.ContainsFunc(in.Boxes, func(b graph.Box) bool { return b.Lane != "" }) {
		return true
	}
	parts, _ := in.Parts()
	return slices.ContainsFunc(parts, func(p graph.Part) bool { return cluster.Of(in, p) != nil })
}

// layPieces lays out a graph without lanes, which is one of those of a page.
func layPieces(in *graph.Input, o graph.Options, of *layers.Page) *page {
	ranks := rank.Of(in)
	parts, alone := in.Parts()
	pieces := make([]layers.Piece, len(parts))
	for i, p := range parts {
		pieces[i] = layers.Place(in, p, ranks, o, of)
	}
	return pack(in, pieces, alone, o)
}

// chart turns corners into placements in the order of their IDs, which is the
// order of the boxes, and moves everything to the margin.
func (p *page) chart(lanes []graph.LanePlacement, strip *graph.Rect) *graph.Chart {
	in := p.in
	c := &graph.Chart{Placements: make([]graph.Placement, len(in.Boxes)), Lanes: lanes, Strip: strip}
	for i, b := range in.Boxes {
		c.Placements[i] = graph.Placement{ID: b.ID, X: p.at[i].X, Y: p.at[i].Y, W: b.W, H: b.H}
	}
	Shift(c, p.o)
	return c
}

// Shift moves all of a chart such that it begins at the margin, and measures it.
func Shift(c *graph.Chart, o graph.Options) {
	rects := everything(c)
	if len(rects) == 0 {
		c.Width, c.Height = 0, 0
		return
	}
	left := slices.MinFunc(rects, func(a, b graph.Rect) int { return cmp.Compare(a.X, b.X) }).X
	top := slices.MinFunc(rects, func(a, b graph.Rect) int { return cmp.Compare(a.Y, b.Y) }).Y
	Move(c, o.Margin-left, o.Margin-top)
	Extent(c, o)
}

// Move moves all of a chart.
func Move(c *graph.Chart, x, y float64) {
	for i := range c.Placements {
		c.Placements[i].X += x
		c.Placements[i].Y += y
	}
	for i := range c.Lanes {
		c.Lanes[i].X += x
		c.Lanes[i].Y += y
	}
	if c.Strip != nil {
		c.Strip.X += x
		c.Strip.Y += y
	}
}

// Extent writes how far the chart reaches.
func Extent(c *graph.Chart, o graph.Options) {
	c.Width, c.Height = 0, 0
	for _, r := range everything(c) {
		c.Width = max(c.Width, graph.Up(r.Right())+o.Margin)
		c.Height = max(c.Height, graph.Up(r.Bottom())+o.Margin)
	}
}

func everything(c *graph.Chart) []graph.Rect {
	rects := make([]graph.Rect, 0, len(c.Placements)+len(c.Lanes)+1)
	for _, p := range c.Placements {
		rects = append(rects, p.Rect())
	}
	for _, l := range c.Lanes {
		rects = append(rects, l.Rect())
	}
	if c.Strip != nil {
		rects = append(rects, *c.Strip)
	}
	return rects
}
