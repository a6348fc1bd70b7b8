package layout

import "testing"

// BenchmarkPlace lays out sites of several sizes and judges the result with
// Measure.
func BenchmarkPlace(b *testing.B) {
	for _, c := range []struct {
		name  string
		graph Graph
		opt   Options
	}{
		{"host+40peers", generateFan(8, 40), Options{}},
		{"hosts=100", generateHosts(1, 101, 380), Options{}},
		{"pools=209", generatePools(1, 209, 210), Options{}},
		{"hosts=971", generateHosts(1, 971, 3782), Options{}},
		// Layers are not wrapped, as in most layered layouts.
		{"hosts=971/unwrapped", generateHosts(1, 971, 3782), Options{Height: MaxSize}},
		{"hosts=1000", generateHosts(2, 1000, 3700), Options{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var chart Chart
			for b.Loop() {
				var err error
				if chart, err = Place(c.graph, c.opt); err != nil {
					b.Fatal(err)
				}
			}
			report(b, c.graph, chart)
		})
	}
}

func report(b *testing.B, g Graph, c Chart) {
	q := Measure(g, c)
	b.ReportMetric(float64(q.Crossings)/float64(len(g.Edges)), "crossings/edge")
	b.ReportMetric(float64(q.Overlaps), "overlaps")
	b.ReportMetric(100*q.LeftToRight, "%left-to-right")
	b.ReportMetric(q.EdgeLength, "px/edge")
	b.ReportMetric(c.Width/c.Height, "aspect")
}
