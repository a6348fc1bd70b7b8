package layout

import (
	"testing"

	"github.com/devops-trouble-map/dotm/test/charts"
)

// BenchmarkPlace lays out sites of several sizes and judges the result with
// Measure.
func BenchmarkPlace(b *testing.B) {
	for _, c := range []struct {
		name  string
		graph *Graph
		opt   Options
	}{
		{"host+40peers", charts.Fan(8, 40), Options{}},
		{"hosts=100", charts.Hosts(1, 101, 380), Options{}},
		{"pools=209", charts.Pools(1, 209, 210), Options{}},
		{"hosts=971", charts.Hosts(1, 971, 3782), Options{}},
		{"hosts=1000", charts.Hosts(2, 1000, 3700), Options{}},
		{"pools=209/lanes", charts.Hubs(charts.Lanes(charts.Pools(1, 209, 210))), Options{}},
		{"hosts=971/lanes", charts.Hubs(charts.Lanes(charts.Hosts(1, 971, 3782))), Options{}},
		{"boxes=1158/lanes", charts.Hubs(charts.Lanes(charts.Hosts(1, 1158, 4400))), Options{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var chart *Chart
			for b.Loop() {
				var err error
				if chart, err = Place(with(c.graph, c.opt)); err != nil {
					b.Fatal(err)
				}
			}
			report(b, c.graph, chart)
		})
	}
}

func report(b *testing.B, g *Graph, c *Chart) {
	q := Measure(g, c)
	b.ReportMetric(float64(q.Crossings)/float64(max(1, q.Edges)), "crossings/edge")
	b.ReportMetric(float64(q.Overlaps), "overlaps")
	b.ReportMetric(100*q.LeftToRight, "%left-to-right")
	b.ReportMetric(q.EdgeLength, "px/edge")
	b.ReportMetric(c.Width/c.Height, "aspect")
}

// BenchmarkUpdate changes 1 % of the boxes of a chart.
func BenchmarkUpdate(b *testing.B) {
	for _, c := range []struct {
		name  string
		graph *Graph
	}{
		{"pools=209/lanes", charts.Hubs(charts.Lanes(charts.Pools(1, 209, 210)))},
		{"hosts=971/lanes", charts.Hubs(charts.Lanes(charts.Hosts(1, 971, 3782)))},
		{"hosts=971", charts.Hosts(1, 971, 3782)},
		{"hosts=3000/lanes", charts.Hubs(charts.Lanes(charts.Hosts(1, 3001, 11700)))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			before := mustPlace(b, c.graph, Options{})
			next := charts.Change(c.graph, 1, 0.01)
			var after *Chart
			for b.Loop() {
				after = mustUpdate(b, before, next)
			}
			b.ReportMetric(Shift(before, after), "%shift")
		})
	}
}
