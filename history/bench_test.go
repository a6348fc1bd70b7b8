package history

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// BenchmarkDecode reads the records of 1,000 nodes with 100 connections each, as
// a look at a past moment does, by one goroutine.
func BenchmarkDecode(b *testing.B) {
	for _, kind := range []string{"whole", "chain"} {
		b.Run(kind, func(b *testing.B) {
			r := NewRecorder()
			var chains [][]Record
			size := 0
			for i := range 1000 {
				block := typical(fmt.Sprintf("web%04d", i), 100)
				block.Node.Identity, block.Node.Addresses = fmt.Sprintf("machine:%032x", i), []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
				chain := []Record{r.Record(block, noon)}
				for j := 1; kind == "chain" && j < 15; j++ {
					block = block.Clone()
					block.Write((i + j) % 100).Status = topology.Old
					chain = append(chain, r.Record(block, noon.Add(time.Duration(j)*time.Minute)))
				}
				chains = append(chains, chain)
				size += len(chain[len(chain)-1].Data)
			}
			var d Decoder
			b.ReportAllocs()
			begin := cpu(b)
			for b.Loop() {
				blocks := make([]*topology.Block, len(chains))
				for i := range chains {
					blocks[i], _ = d.Decode(chains[i])
				}
				if _, err := Snapshot(noon, blocks); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(size)/float64(len(chains)), "bytes/record")
		})
	}
}

// cpu is what the process has used of processors, which tells more than the time
// where others run beside it.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRecord writes the record of a node with 100 connections.
func BenchmarkRecord(b *testing.B) {
	for _, kind := range []string{"whole", "patch"} {
		b.Run(kind, func(b *testing.B) {
			block := typical("web", 100)
			r := NewRecorder()
			r.Record(block, noon)
			block = block.Clone()
			block.Write(7).Status = topology.Old
			b.ReportAllocs()
			for b.Loop() {
				if kind == "whole" {
					r.Whole(block, noon)
				} else {
					r.Record(block, noon.Add(time.Second))
					r.nodes["web"] = r.nodes["web"][:1]
				}
			}
		})
	}
}

// BenchmarkBlock writes and reads the state of a node with 100 connections and ten
// checks, as a store keeps it.
func BenchmarkBlock(b *testing.B) {
	block := checked(typical("web", 100), 10)
	var c BlockCoder
	data := c.Encode(block)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data = c.Encode(block)
		}
		b.ReportMetric(float64(len(data)), "bytes/block")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
