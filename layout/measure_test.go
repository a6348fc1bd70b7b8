package layout

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// square is a chart of boxes of 2 by 2 around the given centres, named a, b, c
// and so on.
func square(centres ...point) Chart {
	var c Chart
	for i, at := range centres {
		c.Placements = append(c.Placements, Placement{ID: string(rune('a' + i)), X: at.x - 1, Y: at.y - 1, W: 2, H: 2})
	}
	return c
}

func TestMeasure(t *testing.T) {
	corners := square(point{0, 0}, point{10, 0}, point{0, 10}, point{10, 10})
	for _, c := range []struct {
		name  string
		edges string
		chart Chart
		want  Quality
	}{
		{"nothing", "", Chart{}, Quality{LeftToRight: 1}},
		{"side by side", "a>b c>d", corners, Quality{LeftToRight: 1, EdgeLength: 10}},
		{"crossed", "a>d c>b", corners, Quality{Crossings: 1, LeftToRight: 1, EdgeLength: math.Hypot(10, 10)}},
		{"crossed, one backwards", "d>a c>b", corners, Quality{Crossings: 1, LeftToRight: 0.5, EdgeLength: math.Hypot(10, 10)}},
		{"common box", "a>d a>b d>b", corners, Quality{LeftToRight: 2.0 / 3, EdgeLength: (math.Hypot(10, 10) + 20) / 3}},
		{"twice the same", "a>d a>d c>b", corners, Quality{Crossings: 2, LeftToRight: 1, EdgeLength: math.Hypot(10, 10)}},
		{"straight down is not right", "a>c", corners, Quality{LeftToRight: 0, EdgeLength: 10}},
		{"undirected has no side", "b-a", corners, Quality{LeftToRight: 1, EdgeLength: 10}},
		{"self and unplaced", "a>a a>z", corners, Quality{LeftToRight: 1}},
		{"ends on the other", "a>b c>d", square(point{0, 0}, point{10, 0}, point{5, 0}, point{5, 9}), Quality{LeftToRight: 0.5, EdgeLength: 9.5}},
		{"overlap", "", square(point{0, 0}, point{1, 1}, point{2, 0}), Quality{Overlaps: 2, LeftToRight: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Measure(graph(c.edges), c.chart); got != c.want {
				t.Errorf("quality is %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestMeasureCountsEveryPair compares the counts with all pairs.
func TestMeasureCountsEveryPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		var c Chart
		for _, b := range g.Boxes {
			c.Placements = append(c.Placements, Placement{
				ID: b.ID, W: b.W, H: b.H,
				X: float64(rapid.IntRange(0, 2000).Draw(t, "x")),
				Y: float64(rapid.IntRange(0, 2000).Draw(t, "y")),
			})
		}
		got := Measure(g, c)
		if want := crossedPairs(g, c); got.Crossings != want {
			t.Fatalf("crossings are %d, of all pairs %d", got.Crossings, want)
		}
		if want := overlappingPairs(c); got.Overlaps != want {
			t.Fatalf("overlaps are %d, of all pairs %d", got.Overlaps, want)
		}
	})
}

func crossedPairs(g Graph, c Chart) int {
	at := make(map[string]point)
	for _, p := range c.Placements {
		at[p.ID] = p.centre()
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
func properlyCross(a, b, c, d point) bool {
	det := (b.x-a.x)*(d.y-c.y) - (b.y-a.y)*(d.x-c.x)
	if det == 0 {
		return false
	}
	s := ((c.x-a.x)*(d.y-c.y) - (c.y-a.y)*(d.x-c.x)) / det
	u := ((c.x-a.x)*(b.y-a.y) - (c.y-a.y)*(b.x-a.x)) / det
	return s > 1e-12 && s < 1-1e-12 && u > 1e-12 && u < 1-1e-12
}

func overlappingPairs(c Chart) int {
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
