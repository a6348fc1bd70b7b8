package rank

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestPropertyUndirectedEdgesRankNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		in, _, err := graph.Read(g)
		if err != nil {
			t.Fatal(err)
		}
		want := Of(in)
		e := charts.DrawEdge(t, append(charts.Boxes("none"), g.Boxes...)[min(1, len(g.Boxes)):])
		if len(g.Boxes) == 0 {
			return
		}
		e.Undirected = true
		g.Edges = append(g.Edges, e)
		in, _, err = graph.Read(g)
		if err != nil {
			t.Fatal(err)
		}
		got := Of(in)
		for i, b := range in.Boxes {
			if ranked(g, b.ID) && got[i] != want[i] && b.Side == graph.Inside {
				t.Fatalf("undirected edge %+v moves %q from rank %d to %d", e, b.ID, want[i], got[i])
			}
		}
	})
}

// ranked reports whether a directed edge inside touches the box.
func ranked(g *graph.Graph, id string) bool {
	inside := make(map[string]bool)
	for _, b := range g.Boxes {
		inside[b.ID] = b.Side == graph.Inside
	}
	for _, e := range g.Edges {
		if (e.From == id || e.To == id) && inside[e.From] && inside[e.To] && e.From != e.To && !e.Undirected {
			return true
		}
	}
	return false
}
