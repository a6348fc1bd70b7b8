package layers

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		name             string
		want, pull, room []float64
		out              []float64
	}{
		{"nothing", nil, nil, nil, []float64{}},
		{"room enough", []float64{0, 50}, []float64{1, 1}, []float64{0, 10}, []float64{0, 50}},
		{"too near", []float64{0, 0}, []float64{1, 1}, []float64{0, 10}, []float64{-5, 5}},
		{"heavy one stays", []float64{0, 0}, []float64{3, 1}, []float64{0, 8}, []float64{-2, 6}},
		{"wish to pass", []float64{100, 0}, []float64{1, 1}, []float64{0, 10}, []float64{45, 55}},
		{"third is pushed", []float64{0, 0, 4}, []float64{1, 1, 1}, []float64{0, 10, 10}, []float64{-26.0 / 3, 4.0 / 3, 34.0 / 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Spread(c.want, c.pull, c.room)
			if !slices.EqualFunc(got, c.out, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
				t.Errorf("heights are %v, want %v", got, c.out)
			}
		})
	}
}

// TestSpreadIsBest nudges heights in every way that keeps the room: none may
// be nearer to what is wanted.
func TestSpreadIsBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		want := rapid.SliceOfN(rapid.Float64Range(-100, 100), n, n).Draw(t, "want")
		pull := rapid.SliceOfN(rapid.Float64Range(0.1, 10), n, n).Draw(t, "pull")
		room := rapid.SliceOfN(rapid.Float64Range(0, 50), n, n).Draw(t, "room")
		y := Spread(want, pull, room)
		for i := 1; i < n; i++ {
			if y[i]-y[i-1] < room[i]-1e-9 {
				t.Fatalf("%v keeps less than %v", y, room)
			}
		}
		cost := distance(y, want, pull)
		for from := range n {
			for to := from; to < n; to++ {
				for _, by := range []float64{-0.01, 0.01} {
					moved := slices.Clone(y)
					for i := from; i <= to; i++ {
						moved[i] += by
					}
					if keeps(moved, room) && distance(moved, want, pull) < cost-1e-9 {
						t.Fatalf("%v is nearer to %v than %v", moved, want, y)
					}
				}
			}
		}
	})
}

func keeps(y, room []float64) bool {
	for i := 1; i < len(y); i++ {
		if y[i]-y[i-1] < room[i] {
			return false
		}
	}
	return true
}

func distance(y, want, pull []float64) float64 {
	sum := 0.0
	for i := range y {
		sum += pull[i] * (y[i] - want[i]) * (y[i] - want[i])
	}
	return sum
}

func TestColumnCount(t *testing.T) {
	for _, c := range []struct {
		height float64
		boxes  int
		limit  float64
		want   int
	}{
		{0, 0, 960, 1},
		{960, 12, 960, 1},
		{960 * wrapSlack, 15, 960, 1},
		{1300, 15, 960, 2},
		{9600, 120, 960, 10},
		{1e6, 3, 1, 3},
		{1, 0, 1e-300, 1},
	} {
		if got := ColumnCount(c.height, c.boxes, c.limit); got != c.want {
			t.Errorf("ColumnCount(%g, %d, %g) = %d, want %d", c.height, c.boxes, c.limit, got, c.want)
		}
	}
}

// TestWrappedRowsAreStraight wants a wrapped layer to be a table: boxes of one
// row at one height, of one column at one left edge.
func TestWrappedRowsAreStraight(t *testing.T) {
	c := drawn(t, charts.Fan(4, 60))
	rows, columns := make(map[float64]int), make(map[float64]int)
	for _, p := range c.Placements {
		if p.ID[:3] == "10." {
			rows[p.Y]++
			columns[p.X]++
		}
	}
	if k := len(columns); k < 2 || len(rows) != (60+k-1)/k {
		t.Errorf("60 peers stand in %d rows and %d columns", len(rows), k)
	}
}

func TestGapGrowsWithEdges(t *testing.T) {
	gap := func(g *graph.Graph) float64 {
		c := drawn(t, g)
		a, b := placed(t, c, "a"), placed(t, c, "b")
		return b.X - a.X - a.W
	}
	few := gap(charts.Edges("a>b"))
	many := charts.Edges("a>b")
	for range 200 {
		many.Edges = append(many.Edges, many.Edges[0])
	}
	if crowded := gap(many); crowded <= few || crowded > 88*(1+wideGap)+graph.Grid {
		t.Errorf("gap is %g for one edge, %g for 201", few, crowded)
	}
}
