package api

import (
	"fmt"

	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/view"
)

// placer lays out views.
type placer struct{}

var _ view.Placer = placer{}

// Place is [layout.Place] for a view.
func (placer) Place(g *view.Graph) (view.Chart, error) {
	in := layout.Graph{Boxes: make([]layout.Box, 0, len(g.Boxes)), Edges: make([]layout.Edge, 0, len(g.Edges))}
	for _, b := range g.Boxes {
		box := layout.Box{ID: b.ID, W: b.W, H: b.H}
		if b.Entry {
			box.Side = layout.Entry
		}
		in.Boxes = append(in.Boxes, box)
	}
	for _, e := range g.Edges {
		in.Edges = append(in.Edges, layout.Edge{From: e.From, To: e.To, FromY: e.FromY, ToY: e.ToY, Weight: 1, Undirected: e.Undirected})
	}
	chart, err := layout.Place(in, layout.Options{})
	if err != nil {
		return view.Chart{}, fmt.Errorf("placing the chart: %w", err)
	}
	out := view.Chart{Width: chart.Width, Height: chart.Height, Places: make([]view.Place, 0, len(chart.Placements))}
	for _, p := range chart.Placements {
		out.Places = append(out.Places, view.Place{ID: p.ID, Rect: view.Rect{X: p.X, Y: p.Y, W: p.W, H: p.H}})
	}
	return out, nil
}
