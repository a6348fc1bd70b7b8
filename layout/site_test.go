package layout

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/devops-trouble-map/dotm/test/charts"
)

// TestSites holds charts of whole sites to figures well above what they have
// today, so that a change that ruins them does not pass. Benchmarks tell the
// figures themselves.
func TestSites(t *testing.T) {
	for _, c := range []struct {
		name      string
		graph     *Graph
		crossings float64 // per edge, at most
		leftRight float64 // share, at least
		aspect    [2]float64
	}{
		{"one host", charts.Fan(8, 40), 0, 0.97, [2]float64{1.2, 2.2}},
		{"100 hosts", charts.Hosts(1, 101, 380), 8.5, 1, [2]float64{0.6, 2.2}},
		{"pools", charts.Pools(1, 209, 210), 0.38, 1, [2]float64{1, 2.5}},
		{"other pools", charts.Pools(7, 209, 210), 0.38, 0.97, [2]float64{1, 2.5}},
		{"971 hosts", charts.Hosts(1, 971, 3782), 10.5, 0.97, [2]float64{0.7, 2.2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			chart := mustPlace(t, c.graph, Options{})
			q := Measure(c.graph, chart)
			if q.Overlaps != 0 {
				t.Errorf("%d boxes overlap", q.Overlaps)
			}
			if got := float64(q.Crossings) / float64(len(c.graph.Edges)); got > c.crossings {
				t.Errorf("%.2f crossings per edge, want %.2f at most", got, c.crossings)
			}
			if q.LeftToRight < c.leftRight {
				t.Errorf("%.3f of the edges go left to right, want %.3f at least", q.LeftToRight, c.leftRight)
			}
			if a := chart.Width / chart.Height; a < c.aspect[0] || a > c.aspect[1] {
				t.Errorf("aspect is %.2f, want %v", a, c.aspect)
			}
		})
	}
}

// TestSiteInAnyOrder shuffles graphs that are big enough for every step to
// matter.
func TestSiteInAnyOrder(t *testing.T) {
	for name, g := range map[string]*Graph{
		"hosts": charts.Hosts(3, 300, 1100),
		"pools": charts.Pools(3, 209, 210),
		"fan":   charts.Fan(8, 200),
	} {
		t.Run(name, func(t *testing.T) {
			want := mustPlace(t, g, Options{})
			rnd := rand.New(rand.NewPCG(5, 5))
			for range 3 {
				rnd.Shuffle(len(g.Boxes), func(i, j int) { g.Boxes[i], g.Boxes[j] = g.Boxes[j], g.Boxes[i] })
				rnd.Shuffle(len(g.Edges), func(i, j int) { g.Edges[i], g.Edges[j] = g.Edges[j], g.Edges[i] })
				if !reflect.DeepEqual(mustPlace(t, g, Options{}), want) {
					t.Fatal("another order of the same site gives another chart")
				}
			}
		})
	}
}

// TestGeneratorsKeepTheirWord makes sure that benchmarks measure what they say.
func TestGeneratorsKeepTheirWord(t *testing.T) {
	for _, c := range []struct {
		name         string
		graph, again *Graph
		boxes, edges int
	}{
		{"hosts", charts.Hosts(1, 971, 3782), charts.Hosts(1, 971, 3782), 971, 3782},
		{"pools", charts.Pools(1, 209, 210), charts.Pools(1, 209, 210), 209, 210},
		{"fan", charts.Fan(8, 40), charts.Fan(8, 40), 42, 43},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.graph.Boxes) != c.boxes || len(c.graph.Edges) != c.edges {
				t.Errorf("%d boxes and %d edges, want %d and %d",
					len(c.graph.Boxes), len(c.graph.Edges), c.boxes, c.edges)
			}
			if !reflect.DeepEqual(c.graph, c.again) {
				t.Error("the same seed gives another site")
			}
		})
	}
}
