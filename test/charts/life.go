package charts

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// Lanes returns g with every host or pool of a product in the lane of the product.
func Lanes(g *graph.Graph) *graph.Graph {
	h := clone(g)
	for i, b := range h.Boxes {
		if product, _, found := strings.Cut(b.ID, "-"); found && b.Side == graph.Inside {
			h.Boxes[i].Lane = product
		}
	}
	return h
}

// hubs are what every host of a site uses, or is visited by.
var hubs = []string{"cfg", "dns", "log", "mon", "ntp"}

// Hubs returns g with services in the strip that every host calls, and one that
// calls every host, as an agent of a monitoring system does.
func Hubs(g *graph.Graph) *graph.Graph {
	h := clone(g)
	for _, hub := range hubs {
		h.Boxes = append(h.Boxes, graph.Box{ID: hub, W: boxWidth, H: boxHead + rowHeight, Side: graph.Strip})
		for _, b := range g.Boxes {
			e := graph.Edge{From: b.ID, To: hub, Weight: 1}
			if hub == "mon" {
				e.From, e.To = hub, b.ID
			}
			h.Edges = append(h.Edges, e)
		}
	}
	return h
}

// Change returns g after a day: the given share of its hosts, one at least, is gone,
// and as many came, each with the calls of another one of its kind. The same seed
// gives the same day.
func Change(g *graph.Graph, seed uint64, share float64) *graph.Graph {
	rnd := rand.New(rand.NewPCG(seed, 7))
	h := clone(g)
	n := max(1, int(share*float64(len(g.Boxes))))
	gone := make(map[string]bool)
	for range n {
		b := h.Boxes[rnd.IntN(len(h.Boxes))]
		if b.Side == graph.Inside {
			gone[b.ID] = true
		}
	}
	for i := range n {
		like := h.Boxes[rnd.IntN(len(g.Boxes))]
		if like.Side != graph.Inside {
			continue
		}
		twin := like
		twin.ID = fmt.Sprintf("%s.%d.%d", like.ID, seed, i)
		twin.H = boxHead + float64(1+rnd.IntN(3))*rowHeight
		h.Boxes = append(h.Boxes, twin)
		for _, e := range g.Edges {
			e.FromY, e.ToY = 0, 0
			switch like.ID {
			case e.From:
				e.From = twin.ID
			case e.To:
				e.To = twin.ID
			default:
				continue
			}
			h.Edges = append(h.Edges, e)
		}
	}
	h.Boxes = slices.DeleteFunc(h.Boxes, func(b graph.Box) bool { return gone[b.ID] })
	h.Edges = slices.DeleteFunc(h.Edges, func(e graph.Edge) bool { return gone[e.From] || gone[e.To] })
	return h
}

// Plain returns g without lanes, strip and pins, as other programs know it.
func Plain(g *graph.Graph) *graph.Graph {
	h := &graph.Graph{Options: g.Options}
	strip := make(map[string]bool)
	for _, b := range g.Boxes {
		if b.Side == graph.Strip {
			strip[b.ID] = true
			continue
		}
		b.Lane = ""
		h.Boxes = append(h.Boxes, b)
	}
	for _, e := range g.Edges {
		if !strip[e.From] && !strip[e.To] {
			h.Edges = append(h.Edges, e)
		}
	}
	return h
}

func clone(g *graph.Graph) *graph.Graph {
	return &graph.Graph{
		Boxes: slices.Clone(g.Boxes), Edges: slices.Clone(g.Edges),
		Pins: maps.Clone(g.Pins), Options: g.Options,
	}
}
