package measure

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// square is a chart of boxes of 2 by 2 around the given centres, named a, b, c
// and so on.
func square(centres ...graph.Point) *graph.Chart {
	var c graph.Chart
	for i, at := range centres {
		c.Placements = append(c.Placements, graph.Placement{ID: string(rune('a' + i)), X: at.X - 1, Y: at.Y - 1, W: 2, H: 2})
	}
	return &c
}

func TestMeasure(t *testing.T) {
	corners := square(graph.Point{X: 0, Y: 0}, graph.Point{X: 10, Y: 0}, graph.Point{X: 0, Y: 10}, graph.Point{X: 10, Y: 10})
	for _, c := range []struct {
		name  string
		edges string
		chart *graph.Chart
		want  Quality
	}{
		{"nothing", "", &graph.Chart{}, Quality{LeftToRight: 1}},
		{"side by side", "a>b c>d", corners, Quality{LeftToRight: 1, EdgeLength: 10}},
		{"crossed", "a>d c>b", corners, Quality{Crossings: 1, LeftToRight: 1, EdgeLength: math.Hypot(10, 10)}},
		{"crossed, one backwards", "d>a c>b", corners, Quality{Crossings: 1, LeftToRight: 0.5, EdgeLength: math.Hypot(10, 10)}},
		{"common box", "a>d a>b d>b", corners, Quality{LeftToRight: 2.0 / 3, EdgeLength: (math.Hypot(10, 10) + 20) / 3}},
		{"twice the same", "a>d a>d c>b", corners, Quality{Crossings: 2, LeftToRight: 1, EdgeLength: math.Hypot(10, 10)}},
		{"straight down is not right", "a>c", corners, Quality{LeftToRight: 0, EdgeLength: 10}},
		{"undirected has no side", "b-a", corners, Quality{LeftToRight: 1, EdgeLength: 10}},
		{"self and unplaced", "a>a a>z", corners, Quality{LeftToRight: 1}},
		{"ends on the other", "a>b c>d", square(graph.Point{X: 0, Y: 0}, graph.Point{X: 10, Y: 0}, graph.Point{X: 5, Y: 0}, graph.Point{X: 5, Y: 9}), Quality{LeftToRight: 0.5, EdgeLength: 9.5}},
		{"overlap", "", square(graph.Point{X: 0, Y: 0}, graph.Point{X: 1, Y: 1}, graph.Point{X: 2, Y: 0}), Quality{Overlaps: 2, LeftToRight: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Of(charts.Edges(c.edges), c.chart)
			got.Edges = 0
			if got != c.want {
				t.Errorf("quality is %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestMeasureCountsEveryPair compares the counts with all pairs.
func TestMeasureCountsEveryPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		var c graph.Chart
		for _, b := range g.Boxes {
			c.Placements = append(c.Placements, graph.Placement{
				ID: b.ID, W: b.W, H: b.H,
				X: float64(rapid.IntRange(0, 2000).Draw(t, "x")),
				Y: float64(rapid.IntRange(0, 2000).Draw(t, "y")),
			})
		}
		got := Of(g, &c)
		if want := crossedPairs(g, &c); got.Crossings != want {
			t.Fatalf("crossings are %d, of all pairs %d", got.Crossings, want)
		}
		if want := overlappingPairs(&c); got.Overlaps != want {
			t.Fatalf("overlaps are %d, of all pairs %d", got.Overlaps, want)
		}
	})
}

func crossedPairs(g *graph.Graph, c *graph.Chart) int {
	at := make(map[string]graph.Point)
	for _, p := range c.Placements {
		at[p.ID] = p.Centre()
	}
	n := 0
	for i, e := range g.Edges {
		for _, f := range g.Edges[i+1:] {
			if e.From == e.To || f.From == f.To || e.From == f.From || e.From == f.To || e.To == f.From || e.To == f.To {
				continue
			}
			if properlyCross(at[e.From], at[e.To], at[f.From], at[f.To]) {
				n++
			}
		}
	}
	return n
}

// properlyCross solves for the crossing of ab and cd and wants it strictly
// within both.
func properlyCross(a, b, c, d graph.Point) bool {
	det := (b.X-a.X)*(d.Y-c.Y) - (b.Y-a.Y)*(d.X-c.X)
	if det == 0 {
		return false
	}
	s := ((c.X-a.X)*(d.Y-c.Y) - (c.Y-a.Y)*(d.X-c.X)) / det
	u := ((c.X-a.X)*(b.Y-a.Y) - (c.Y-a.Y)*(b.X-a.X)) / det
	return s > 1e-12 && s < 1-1e-12 && u > 1e-12 && u < 1-1e-12
}

func overlappingPairs(c *graph.Chart) int {
	n := 0
	for i, a := range c.Placements {
		for _, b := range c.Placements[i+1:] {
			if max(a.X, b.X) < min(a.X+a.W, b.X+b.W) && max(a.Y, b.Y) < min(a.Y+a.H, b.Y+b.H) {
				n++
			}
		}
	}
	return n
}
