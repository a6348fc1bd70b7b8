package graph_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestSubKeepsWhatIsWithin(t *testing.T) {
	g := charts.Sides(charts.Edges("i>a a>b b>c c>a d>b b-d"), "i", "")
	in, _, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	sub := in.Sub([]int32{1, 2}) // b and c
	if names(sub, []int32{0, 1}) != "b c" || len(sub.Calls) != 1 {
		t.Fatalf("sub is %+v", sub)
	}
	if c := sub.Calls[0]; c.From != 0 || c.To != 1 {
		t.Errorf("call is %+v, want it from b to c", c)
	}
	// a and d call b; the undirected edge holds nothing.
	if sub.Held[0] != 2 || sub.Held[1] != 0 {
		t.Errorf("held are %v, want 2 for b", sub.Held)
	}
	if whole := in.Sub([]int32{0}); whole.Held[0] != in.Held[0]+1 || in.Held[0] != 2 {
		t.Errorf("a is held by %g, of them %g by the entry", whole.Held[0], in.Held[0])
	}
}

func TestStripCountsForNothing(t *testing.T) {
	g := charts.Edges("a>b a>dns b>dns")
	for i := range g.Boxes {
		if g.Boxes[i].ID == "dns" {
			g.Boxes[i].Side, g.Boxes[i].Lane = graph.Strip, "red"
		}
	}
	in, _, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	parts, alone := in.Parts()
	if len(in.Calls) != 1 || len(parts) != 1 || len(parts[0].Boxes) != 2 || alone != nil || in.Boxes[2].Lane != "" {
		t.Errorf("calls %+v, parts %+v, alone %v, boxes %+v", in.Calls, parts, alone, in.Boxes)
	}
}

func TestWrongPins(t *testing.T) {
	for _, c := range []struct {
		pins map[string]graph.Point
		want string
	}{
		{map[string]graph.Point{"b": {X: -1}, "c": {Y: -1}}, `pin of box "b": X must be from 0 to 1e+06, is -1`},
		{map[string]graph.Point{"a": {Y: math.NaN()}}, `pin of box "a": Y must be from 0 to 1e+06, is NaN`},
		{map[string]graph.Point{"a": {X: math.Inf(1)}}, `pin of box "a": X must be from 0 to 1e+06, is +Inf`},
	} {
		_, _, err := graph.Read(&graph.Graph{Pins: c.pins})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}

// TestRects compares what rectangles say of each other with their corners.
func TestRects(t *testing.T) {
	draw := func(t *rapid.T, name string) graph.Rect {
		n := func(low int) float64 { return float64(rapid.IntRange(low, 20).Draw(t, name)) }
		return graph.Rect{X: n(0), Y: n(0), W: n(1), H: n(1)}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		x, y := float64(rapid.IntRange(0, 9).Draw(t, "x")), float64(rapid.IntRange(0, 9).Draw(t, "y"))
		across := max(a.X, b.X) - min(a.X+a.W, b.X+b.W) // the gap between them
		down := max(a.Y, b.Y) - min(a.Y+a.H, b.Y+b.H)
		if got, want := a.Near(b, x, y), across < x && down < y; got != want || got != b.Near(a, x, y) {
			t.Fatalf("%+v near %+v by %g, %g: %v, want %v", a, b, x, y, got, want)
		}
		u := a.Union(b)
		if !u.Holds(a) || !u.Holds(b) || u.W > a.W+b.W+max(across, 0) || u.H > a.H+b.H+max(down, 0) {
			t.Fatalf("union of %+v and %+v is %+v", a, b, u)
		}
		if a.Holds(b) != (u == a) {
			t.Fatalf("%+v holds %+v: %v, their union is %+v", a, b, a.Holds(b), u)
		}
	})
}
