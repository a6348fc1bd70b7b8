package views

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/view"
)

// Charts keeps where the boxes of the charts stand.
type Charts interface {
	// Chart is where the boxes of a level stand, and stood last.
	Chart(level view.Level) view.Chart
	// KeepChart notes where they stand now.
	KeepChart(level view.Level, c view.Chart)
	// Pins are the boxes of a level that people moved.
	Pins(level view.Level) map[string]view.Point
	// ChartEpoch changes when boxes are to be placed anew.
	ChartEpoch(level view.Level) uint64
	// ChartOutgrown says, when a level is drawn, whether its boxes are to be placed from
	// scratch instead of beside those before, because the chart grew from little.
	ChartOutgrown(level view.Level, boxes []view.Box, before []view.Place) bool
}

// hideUsually is what the page hides unless it is asked to show it; see
// docs/architecture.md. The places of that chart are those that are kept: the charts
// of other questions build on them.
var hideUsually = view.HideAll(view.HideIgnored, view.HideInfrastructure, view.HideObservers)

// placer lays out the views of one question.
type placer struct {
	charts   Charts
	meter    *metrics.Meter
	question view.Question
	last     view.Chart // of this question
}

var _ view.Placer = (*placer)(nil)

// Epoch is that of the charts.
func (p *placer) Epoch() uint64 { return p.charts.ChartEpoch(p.question.Level) }

// usual says whether the places of this question are those that are kept.
func (p *placer) usual() bool { return p.question.Hide == hideUsually && p.question.Expand == "" }

// Place is [layout.Update] of what stood there before, for a view. Of a chart that is
// outgrown it is [layout.Place].
func (p *placer) Place(g *view.Graph) (view.Chart, error) {
	kept := p.charts.Chart(p.question.Level)
	if !p.usual() {
		kept = beside(kept, p.last)
	}
	g = p.haunted(g, &kept)
	if p.usual() && p.charts.ChartOutgrown(p.question.Level, g.Boxes, kept.Places) {
		kept = view.Chart{}
		g = p.haunted(g, &kept)
	}
	pins := p.charts.Pins(p.question.Level)
	begin := time.Now()
	chart, err := layout.Update(before(&kept), graphOf(g, pins))
	if p.meter != nil {
		p.meter.View(string(p.question.Level), metrics.Place, time.Since(begin))
	}
	if err != nil {
		return view.Chart{}, fmt.Errorf("placing the chart: %w", err)
	}
	out := chartOf(chart)
	out.part(g, pins)
	if p.last = out.Chart; p.usual() {
		p.charts.KeepChart(p.question.Level, out.Chart)
	}
	return out.Chart, nil
}

// beside are the places that are kept, with those of the last chart whose boxes are
// not among them and which are free.
func beside(kept, last view.Chart) view.Chart {
	if len(kept.Places) == 0 {
		return last
	}
	there := map[string]bool{}
	for i := range kept.Places {
		there[kept.Places[i].ID] = true
	}
	out := kept
	out.Places = slices.Clone(kept.Places)
	for _, p := range last.Places {
		if !there[p.ID] && !slices.ContainsFunc(kept.Places, func(k view.Place) bool { return k.Overlaps(&p.Rect) }) {
			out.Places = append(out.Places, p)
		}
	}
	slices.SortFunc(out.Places, func(a, b view.Place) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// before is a view's chart as the layout knows it; nil if it is empty.
func before(c *view.Chart) *layout.Chart {
	if len(c.Places) == 0 {
		return nil
	}
	out := &layout.Chart{Width: c.Width, Height: c.Height}
	for _, p := range c.Places {
		out.Placements = append(out.Placements, layout.Placement{ID: p.ID, X: p.X, Y: p.Y, W: p.W, H: p.H})
	}
	for _, l := range c.Lanes {
		if l.ID == "" {
			out.Strip = &layout.Rect{X: l.X, Y: l.Y, W: l.W, H: l.H}
			continue
		}
		out.Lanes = append(out.Lanes, layout.LanePlacement{ID: l.ID, X: l.X, Y: l.Y, W: l.W, H: l.H})
	}
	return out
}

func graphOf(g *view.Graph, pins map[string]view.Point) *layout.Graph {
	out := &layout.Graph{Boxes: make([]layout.Box, 0, len(g.Boxes)), Edges: make([]layout.Edge, 0, len(g.Edges)), Pins: make(map[string]layout.Point, len(pins))}
	for _, b := range g.Boxes {
		box := layout.Box{ID: b.ID, W: b.W, H: b.H, Lane: b.Lane}
		switch {
		case b.Entry:
			box.Side = layout.Entry
		case b.Strip:
			box.Side = layout.Strip
		}
		out.Boxes = append(out.Boxes, box)
	}
	for _, e := range g.Edges {
		out.Edges = append(out.Edges, layout.Edge{From: e.From, To: e.To, FromY: e.FromY, ToY: e.ToY, Weight: 1, Undirected: e.Undirected})
	}
	for i := range g.Ghosts {
		b := g.Ghosts[i].Box()
		box := layout.Box{ID: b.ID, W: b.W, H: b.H, Lane: b.Lane}
		if b.Entry {
			box.Side = layout.Entry
		} else if b.Strip {
			box.Side = layout.Strip
		}
		out.Boxes = append(out.Boxes, box)
	}
	for id, at := range pins {
		out.Pins[id] = layout.Point{X: at.X, Y: at.Y}
	}
	return out
}

func chartOf(c *layout.Chart) placed {
	out := view.Chart{Width: c.Width, Height: c.Height, Places: make([]view.Place, 0, len(c.Placements))}
	for _, p := range c.Placements {
		out.Places = append(out.Places, view.Place{ID: p.ID, Rect: view.Rect{X: p.X, Y: p.Y, W: p.W, H: p.H}})
	}
	if s := c.Strip; s != nil {
		out.Lanes = append(out.Lanes, view.Place{Rect: view.Rect{X: s.X, Y: s.Y, W: s.W, H: s.H}})
	}
	for _, l := range c.Lanes {
		out.Lanes = append(out.Lanes, view.Place{ID: l.ID, Rect: view.Rect{X: l.X, Y: l.Y, W: l.W, H: l.H}})
	}
	return placed{out}
}
