package site

import (
	"testing"
	"time"
)

// BenchmarkReport makes reports of a site of 10,000 nodes with about 100 rows
// each.
func BenchmarkReport(b *testing.B) {
	s, err := New(Options{Hosts: 10_000, Fan: 60, Seed: 1, Quiet: true})
	if err != nil {
		b.Fatal(err)
	}
	nodes := s.Nodes()
	rows, at := 0, s.Now()
	for _, n := range nodes { // a first round, as agents that were just started
		if r := s.Report(n, at); r != nil {
			rows += len(r.Connections)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.ReportMetric(float64(rows)/float64(len(nodes)), "rows/report")
	for i := range b.N {
		if i%len(nodes) == 0 {
			at = at.Add(10 * time.Second)
		}
		s.Report(nodes[i%len(nodes)], at)
	}
}

// BenchmarkNew makes a site of 10,000 nodes.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Options{Hosts: 10_000, Fan: 60, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
