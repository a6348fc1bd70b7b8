// Package layout gives the boxes of a chart their places: ranked from left to
// right, client before server, with few crossings and no overlap; in lanes, with a
// strip for what everybody uses; and it keeps them there when the chart changes.
//
// The work is done in rooms, by storeys:
//
//  1. graph has the types, checks the input and sorts it, so that the order of the
//     caller's slices never shows;
//  2. measure is the ruler by which tests and benchmarks judge;
//  3. rank ranks boxes by longest path, once cycles are broken; layers cuts a
//     connected piece into layers, orders each until crossings stop falling, turns
//     layers into columns and gives boxes heights that keep edges straight; cluster
//     finds groups in large pieces without lanes;
//  4. page packs pieces and lanes into the page's shape, with the boxes from
//     outside to their left and right and the strip below;
//  5. keep changes a chart: survivors stay, newcomers take free slots.
//
// The package is pure: no clock, no randomness, no I/O. The same graph gives
// the same bytes, whatever the order of its slices. Work is bounded by the size
// of the graph, not by a time limit, so a slow machine draws the same chart.
package layout

import (
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/keep"
	"github.com/devops-trouble-map/dotm/layout/measure"
	"github.com/devops-trouble-map/dotm/layout/page"
)

// The words of a chart; room graph documents their fields and rules.
type (
	// Graph is what is to be drawn.
	Graph = graph.Graph
	// Box is something to place.
	Box = graph.Box
	// Edge goes from a client to a server.
	Edge = graph.Edge
	// Side says in which part of the chart a box stands.
	Side = graph.Side
	// Options are the measures of a chart.
	Options = graph.Options
	// Point is a place on the chart.
	Point = graph.Point
	// Rect is an upright rectangle.
	Rect = graph.Rect
	// Chart is a finished layout.
	Chart = graph.Chart
	// Placement is the place of one box.
	Placement = graph.Placement
	// LanePlacement is the ground of a lane.
	LanePlacement = graph.LanePlacement
	// Quality says how good a chart is.
	Quality = measure.Quality
)

// The sides of a chart.
const (
	Inside = graph.Inside // ranked by who calls whom; the zero value
	Entry  = graph.Entry  // left of everything
	Exit   = graph.Exit   // right of everything
	Strip  = graph.Strip  // under everything: services that everybody uses
)

// Measures of the chart, in chart units.
const (
	Grid     = graph.Grid     // the raster on which corners lie that are not pinned
	MaxSize  = graph.MaxSize  // bounds every length that is given
	LaneTop  = graph.LaneTop  // from the top of a lane to its boxes: room for the title
	LaneSide = graph.LaneSide // from the left of a lane to its boxes
	// StripTitle is from the left of the strip to its boxes: room for the title.
	StripTitle = graph.StripTitle
)

// Place lays out g from scratch. Boxes never overlap and keep the gaps of the
// options between them; corners lie on a grid of Grid units. A directed edge
// between two boxes of one lane goes from left to right unless it is part of a cycle,
// and so does one between two boxes of none, unless they are of different groups of a
// piece of 150 boxes or more. Lanes, and such groups, that call stand left of those
// they call as far as the page's shape permits. Boxes of the Entry side stand left of
// all others, those of the Exit side right of all others, also when they are called, or
// call, against that direction; those of the Strip stand under everything.
//
// Pinned boxes stand where they were put, to the unit, whatever that does to the
// rules above; others make room for them, as in [Update]. Of two pinned boxes that
// would overlap, the one with the lower ID stands at its pin, the other next to it.
//
// The error names the field, the rule and the value of the first thing wrong
// with g.
func Place(g *Graph) (*Chart, error) {
	return Update(nil, g)
}

// Update changes the chart prev into one of g: boxes that are in both stay exactly
// where they are, newcomers take free slots, and what is gone leaves its slot free.
// Something moves only if it must: what is below a box that has grown, or a lane that
// has nowhere else to grow, moves down; the Exit side moves right, the strip down,
// and everything right when there is no room for a first box of the Entry side. Room
// keep tells the order. A box of another lane or side than in prev is a
// newcomer. Lane and side are read from where prev has things, so that a chart that
// was kept as mere places will do.
//
// With no prev, or one without boxes, Update is [Place]. The chart prev is not changed.
func Update(prev *Chart, g *Graph) (*Chart, error) {
	in, o, err := graph.Read(g)
	if err != nil {
		return nil, err
	}
	if prev == nil || len(prev.Placements) == 0 {
		prev = page.Lay(in, o)
		if !anyPinned(in, g.Pins) {
			return prev, nil
		}
	}
	return keep.Update(prev, in, o, g.Pins), nil
}

func anyPinned(in *graph.Input, pins map[string]Point) bool {
	return slices.ContainsFunc(in.Boxes, func(b Box) bool {
		_, pinned := pins[b.ID]
		return pinned
	})
}

// Measure judges the chart c of the graph g: see [measure.Of].
func Measure(g *Graph, c *Chart) Quality { return measure.Of(g, c) }

// Shift is how far boxes moved from one chart to the next: see [measure.Shift].
func Shift(before, after *Chart) float64 { return measure.Shift(before, after) }
