package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// BenchmarkDecode reads the records of 1,000 nodes with 100 connections each, as
// a look at a past moment does, by one goroutine.
func BenchmarkDecode(b *testing.B) {
	for _, kind := range []string{"whole", "patch"} {
		b.Run(kind, func(b *testing.B) {
			r := NewRecorder()
			var records, bases []Record
			size := 0
			for i := range 1000 {
				block := typical(fmt.Sprintf("web%04d", i), 100)
				base := r.Record(block, noon)
				rec := base
				if kind == "patch" {
					block = block.Clone()
					block.Connections[i%100].Status = topology.Old
					rec = r.Record(block, noon.Add(time.Minute))
				}
				records, bases = append(records, rec), append(bases, base)
				size += len(rec.Data)
			}
			var d Decoder
			b.ReportAllocs()
			for b.Loop() {
				blocks := make([]*topology.Block, len(records))
				for i := range records {
					blocks[i], _ = d.Decode(&records[i], &bases[i])
				}
				if _, err := Snapshot(noon, blocks); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/float64(len(records)), "bytes/record")
		})
	}
}

// BenchmarkRecord writes the record of a node with 100 connections.
func BenchmarkRecord(b *testing.B) {
	for _, kind := range []string{"whole", "patch"} {
		b.Run(kind, func(b *testing.B) {
			block := typical("web", 100)
			r := NewRecorder()
			r.Record(block, noon)
			block = block.Clone()
			block.Connections[7].Status = topology.Old
			b.ReportAllocs()
			for b.Loop() {
				if kind == "whole" {
					r.Whole(block, noon)
				} else {
					r.Record(block, noon.Add(time.Second))
				}
			}
		})
	}
}
