// Package layout gives the boxes of a chart their places: ranked from left to
// right, client before server, with few crossings and no overlap.
//
// A chart is built in steps, each in a file of its own:
//
//  1. graph.go checks the input and sorts it, so that the order of the
//     caller's slices never shows;
//  2. rank.go ranks boxes by longest path, once cycle.go has broken cycles;
//  3. net.go cuts each connected piece into layers, with bends where an edge
//     passes a layer;
//  4. order.go and sift.go order each layer until crossings stop falling;
//  5. wrap.go turns layers into columns, align.go gives them heights that keep
//     edges straight;
//  6. pack.go packs the pieces into the page, sides.go stands the boxes from
//     outside to its left and right.
//
// Measure, in measure.go, is the ruler by which tests and benchmarks judge.
//
// The package is pure: no clock, no randomness, no I/O. The same graph gives
// the same bytes, whatever the order of its slices. Work is bounded by the size
// of the graph, not by a time limit, so a slow machine draws the same chart.
package layout

import (
	"cmp"
	"slices"
)

// Side says in which part of the chart a box stands.
type Side int

// The sides. The zero value is Inside.
const (
	Inside Side = iota // ranked by who calls whom
	Entry              // left of everything: Internet, callers from outside
	Exit               // right of everything: servers outside
)

// Box is something to place. Sizes are in chart units (CSS px at zoom 1).
type Box struct {
	ID   string  // unique, not empty
	W, H float64 // above 0, at most MaxSize
	Side Side
}

// Edge goes from a client to a server, both of them IDs of boxes.
type Edge struct {
	From, To string
	// FromY and ToY say where the edge leaves and arrives, in chart units from
	// the top of its boxes (usually the centre of a service's row); from 0 to
	// the height of the box.
	FromY, ToY float64
	// Weight says how much it matters that the edge is straight and short. It
	// counts by its logarithm, so that connection counts can be used as they
	// are. 0 is as good as 1.
	Weight float64
	// Undirected edges pull their boxes together but rank nothing.
	Undirected bool
}

// Graph is what is to be drawn. Self edges and several edges between the same
// boxes are allowed.
type Graph struct {
	Boxes []Box
	Edges []Edge
}

// Placement is the place of one box: X and Y are its top left corner, counted
// from the top left of the chart; W and H are the sizes it came with.
type Placement struct {
	ID         string
	X, Y, W, H float64
}

// Chart is a finished layout. Its extent is a multiple of Grid
// and includes the margin on all sides.
type Chart struct {
	Placements    []Placement // sorted by ID
	Width, Height float64
}

// Place lays out g. Boxes never overlap and keep the gaps of o between them;
// corners lie on a grid of Grid units. A directed edge between two Inside boxes
// goes from left to right unless it is part of a cycle. Boxes of the Entry side
// stand left of all others, those of the Exit side right of all others, also
// when they are called, or call, against that direction.
//
// The error names the field, the rule and the value of the first thing wrong
// with g or o.
func Place(g Graph, o Options) (Chart, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Chart{}, err
	}
	in, err := read(g)
	if err != nil {
		return Chart{}, err
	}
	ranks := in.rank()
	parts, alone := in.parts()
	pieces := make([]piece, len(parts))
	for i, p := range parts {
		pieces[i] = newNet(in, p, ranks).place(o)
	}
	page := pack(in, pieces, alone, o)
	return page.chart(), nil
}

// chart turns corners into placements in the order of their IDs, which is the
// order of the boxes, and moves them to the margin.
func (p *page) chart() Chart {
	in, o := p.in, p.o
	c := Chart{Placements: make([]Placement, len(in.boxes))}
	if len(in.boxes) == 0 {
		return c
	}
	left := slices.MinFunc(p.at, func(a, b point) int { return cmp.Compare(a.x, b.x) }).x
	top := slices.MinFunc(p.at, func(a, b point) int { return cmp.Compare(a.y, b.y) }).y
	for i, b := range in.boxes {
		x, y := p.at[i].x-left+o.Margin, p.at[i].y-top+o.Margin
		c.Placements[i] = Placement{ID: b.ID, X: x, Y: y, W: b.W, H: b.H}
		c.Width = max(c.Width, x+gridUp(b.W)+o.Margin)
		c.Height = max(c.Height, y+gridUp(b.H)+o.Margin)
	}
	return c
}
