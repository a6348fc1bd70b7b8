package measure

import (
	"testing"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

func TestShift(t *testing.T) {
	place := func(id string, x, y float64) graph.Placement { return graph.Placement{ID: id, X: x, Y: y, W: 2, H: 2} }
	before := &graph.Chart{Width: 300, Height: 400, Placements: []graph.Placement{place("a", 0, 0), place("b", 10, 10), place("gone", 50, 50)}}
	for _, c := range []struct {
		name  string
		after []graph.Placement
		want  float64
	}{
		{"nothing", nil, 0},
		{"all stay", []graph.Placement{place("a", 0, 0), place("b", 10, 10)}, 0},
		{"newcomers count for nothing", []graph.Placement{place("a", 0, 0), place("new", 99, 99)}, 0},
		{"one of two by 5 of 500", []graph.Placement{place("a", 3, 4), place("b", 10, 10)}, 0.5},
	} {
		if got := Shift(before, &graph.Chart{Placements: c.after}); got != c.want {
			t.Errorf("%s: shift is %g, want %g", c.name, got, c.want)
		}
	}
	if got := Shift(&graph.Chart{}, before); got != 0 {
		t.Errorf("shift from nothing is %g", got)
	}
}

func TestStripEdgesAreNotJudged(t *testing.T) {
	g := &graph.Graph{
		Boxes: []graph.Box{{ID: "a", W: 2, H: 2}, {ID: "b", W: 2, H: 2}, {ID: "s", W: 2, H: 2, Side: graph.Strip}},
		Edges: []graph.Edge{{From: "a", To: "b"}, {From: "b", To: "s"}},
	}
	c := square(graph.Point{X: 0, Y: 0}, graph.Point{X: 10, Y: 0}, graph.Point{X: 0, Y: 0})
	c.Placements[2].ID = "s"
	if q := Of(g, c); q.Edges != 1 || q.LeftToRight != 1 || q.EdgeLength != 10 {
		t.Errorf("quality is %+v, want that of one edge", q)
	}
}
