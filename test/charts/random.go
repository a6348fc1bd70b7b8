package charts

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// Draw draws graphs of up to 40 boxes of all sides but the strip and of all sizes,
// with edges of all kinds: cycles, self edges, several between the same boxes.
func Draw(t *rapid.T) *graph.Graph {
	g := &graph.Graph{}
	sides := []graph.Side{graph.Inside, graph.Inside, graph.Inside, graph.Inside, graph.Entry, graph.Exit}
	for i := range rapid.IntRange(0, 40).Draw(t, "boxes") {
		g.Boxes = append(g.Boxes, graph.Box{
			ID:   fmt.Sprintf("b%d", i),
			W:    rapid.Float64Range(1, 300).Draw(t, "w"),
			H:    rapid.Float64Range(1, 400).Draw(t, "h"),
			Side: rapid.SampledFrom(sides).Draw(t, "side"),
		})
	}
	if len(g.Boxes) == 0 {
		return g
	}
	for range rapid.IntRange(0, 80).Draw(t, "edges") {
		g.Edges = append(g.Edges, DrawEdge(t, g.Boxes))
	}
	return g
}

// DrawLanes is Draw with lanes and a strip.
func DrawLanes(t *rapid.T) *graph.Graph {
	g := Draw(t)
	for i := range g.Boxes {
		g.Boxes[i].Lane = rapid.SampledFrom([]string{"", "red", "green", "blue", "grey"}).Draw(t, "lane")
		if rapid.IntRange(0, 7).Draw(t, "strip") == 0 {
			g.Boxes[i].Side = graph.Strip
		}
	}
	return g
}

// DrawDense draws a product: tiers of hosts each of which calls many of the next tier.
func DrawDense(t *rapid.T) *graph.Graph {
	g := &graph.Graph{}
	tiers := make([][]graph.Box, 0, 4)
	for tier := range rapid.IntRange(3, 4).Draw(t, "tiers") {
		first := len(g.Boxes)
		for i := range rapid.IntRange(8, 12).Draw(t, "hosts") {
			g.Boxes = append(g.Boxes, graph.Box{
				ID: fmt.Sprintf("t%d-%02d", tier, i),
				W:  rapid.Float64Range(100, 180).Draw(t, "w"),
				H:  rapid.Float64Range(40, 120).Draw(t, "h"),
			})
		}
		tiers = append(tiers, g.Boxes[first:])
	}
	for tier, hosts := range tiers[:len(tiers)-1] {
		for _, from := range hosts {
			for range rapid.IntRange(4, 8).Draw(t, "calls") {
				to := rapid.SampledFrom(tiers[tier+1]).Draw(t, "to")
				g.Edges = append(g.Edges, graph.Edge{From: from.ID, To: to.ID})
			}
		}
	}
	return g
}

// DrawEdge draws an edge between the boxes.
func DrawEdge(t *rapid.T, boxes []graph.Box) graph.Edge {
	from := rapid.SampledFrom(boxes).Draw(t, "from")
	to := rapid.SampledFrom(boxes).Draw(t, "to")
	return graph.Edge{
		From: from.ID, To: to.ID,
		FromY:      rapid.Float64Range(0, from.H).Draw(t, "fromY"),
		ToY:        rapid.Float64Range(0, to.H).Draw(t, "toY"),
		Weight:     rapid.Float64Range(0, 1e6).Draw(t, "weight"),
		Undirected: rapid.IntRange(0, 5).Draw(t, "undirected") == 0,
	}
}

// DrawOptions draws options that wrap often.
func DrawOptions(t *rapid.T) graph.Options {
	return graph.Options{
		GapX:   rapid.Float64Range(0, 100).Draw(t, "gapX"),
		GapY:   rapid.Float64Range(0, 50).Draw(t, "gapY"),
		Margin: rapid.Float64Range(0, 50).Draw(t, "margin"),
		Aspect: rapid.Float64Range(0.1, 10).Draw(t, "aspect"),
		Height: rapid.Float64Range(0, 2000).Draw(t, "height"),
	}
}
