package graph_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestParts(t *testing.T) {
	for _, c := range []struct {
		name, edges, more, entry string
		parts, alone             string
	}{
		{"one", "a>b b>c", "", "", "a b c", ""},
		{"two", "a>d b>c", "", "", "a d | b c", ""},
		{"joined by an undirected edge", "a>b c>d b-c", "", "", "a b c d", ""},
		{"alone", "a>b", "x y", "", "a b", "x y"},
		{"self edges join nothing", "a>b x>x", "", "", "a b", "x"},
		{"a side is never alone", "a>b", "x y", "x", "a b | x", "y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := charts.Edges(c.edges)
			g.Boxes = append(g.Boxes, charts.Boxes(strings.Fields(c.more)...)...)
			in, _, err := graph.Read(charts.Sides(g, c.entry, ""))
			if err != nil {
				t.Fatal(err)
			}
			parts, alone := in.Parts()
			var got []string
			for _, p := range parts {
				got = append(got, names(in, p.Boxes))
			}
			if s := strings.Join(got, " | "); s != c.parts || names(in, alone) != c.alone {
				t.Errorf("parts are %q, alone %q, want %q and %q", s, names(in, alone), c.parts, c.alone)
			}
		})
	}
}

func names(in *graph.Input, boxes []int32) string {
	var ids []string
	for _, b := range boxes {
		ids = append(ids, in.Boxes[b].ID)
	}
	return strings.Join(ids, " ")
}

func TestReadSortsByAllFields(t *testing.T) {
	e := func(from, to string, fromY, weight float64, undirected bool) graph.Edge {
		return graph.Edge{From: from, To: to, FromY: fromY, Weight: weight, Undirected: undirected}
	}
	want := []graph.Edge{
		e("a", "b", 0, 1, false),
		e("a", "b", 0, 1, true),
		e("a", "b", 0, 8, false),
		e("a", "b", 4, 1, false),
		e("a", "c", 0, 1, false),
		e("b", "a", 0, 1, false),
	}
	g := &graph.Graph{Boxes: charts.Boxes("c", "a", "b"), Edges: slices.Clone(want)}
	slices.Reverse(g.Edges)
	in, _, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(in, []int32{0, 1, 2}); got != "a b c" {
		t.Errorf("boxes are %q, want them by ID", got)
	}
	for i, got := range in.Calls {
		w := want[i]
		if in.Boxes[got.From].ID != w.From || in.Boxes[got.To].ID != w.To ||
			got.FromY != w.FromY || got.Weight != 1+math.Log2(w.Weight) || got.Undirected != w.Undirected {
			t.Errorf("edge %d is %+v, want %+v", i, got, w)
		}
	}
}

func TestWeightIsDamped(t *testing.T) {
	g := charts.Edges("a>b a>b a>b a>b")
	for i, w := range []float64{0, 1, 1024, math.MaxFloat64} {
		g.Edges[i].Weight = w
	}
	in, _, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 1, 11, 1025} {
		if got := in.Calls[i].Weight; math.Abs(got-want) > 1e-9 {
			t.Errorf("weight %d is %g, want %g", i, got, want)
		}
	}
}

func TestOptionsDefaults(t *testing.T) {
	for _, c := range []struct {
		name      string
		opt, want graph.Options
	}{
		{"zero", graph.Options{}, graph.Options{GapX: 88, GapY: 24, Margin: 32, Aspect: 1.6, Height: 960}},
		{"rounded up", graph.Options{GapX: 1, GapY: 9, Margin: 17, Aspect: 0.5, Height: 5}, graph.Options{GapX: 8, GapY: 16, Margin: 24, Aspect: 0.5, Height: 5}},
		{"on the grid", graph.Options{GapX: 80, GapY: 40, Margin: 8, Aspect: 10, Height: graph.MaxSize}, graph.Options{GapX: 80, GapY: 40, Margin: 8, Aspect: 10, Height: graph.MaxSize}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.opt.WithDefaults()
			if err != nil || got != c.want {
				t.Errorf("options are %+v, error %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestGridRounding(t *testing.T) {
	for _, c := range []struct{ v, up, near float64 }{
		{0, 0, 0}, {1, 8, 0}, {4, 8, 8}, {8, 8, 8}, {11.9, 16, 8}, {-1, 0, 0}, {-4, 0, 0}, {-5, 0, -8}, {-8, -8, -8},
	} {
		if up, near := graph.Up(c.v), graph.Round(c.v); up != c.up || near != c.near {
			t.Errorf("%g: up %g, near %g, want %g and %g", c.v, up, near, c.up, c.near)
		}
	}
}
