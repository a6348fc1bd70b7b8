package layers

import (
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// drawn lays out the whole graph as one piece.
func drawn(t *testing.T, g *graph.Graph) *graph.Chart {
	t.Helper()
	in, o, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	pc := netOf(t, g).place(o).Sorted()
	c := &graph.Chart{}
	for i, b := range in.Boxes {
		c.Placements = append(c.Placements, graph.Placement{ID: b.ID, X: pc.At[i].X, Y: pc.At[i].Y, W: b.W, H: b.H})
	}
	return c
}

func placed(t testing.TB, c *graph.Chart, id string) graph.Placement {
	t.Helper()
	i := slices.IndexFunc(c.Placements, func(p graph.Placement) bool { return p.ID == id })
	if i < 0 {
		t.Fatalf("box %q has no place", id)
	}
	return c.Placements[i]
}
