package keep

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// BenchmarkFlush is what the keeper does each second for a site of so many nodes with 20
// connections each, of which a hundredth has new numbers, without the store.
func BenchmarkFlush(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			snaps := [2]*topology.Snapshot{many(b, n, 0), nil}
			edit := snaps[0].Edit()
			for i := range n / 100 {
				edit.Put(holding(i, 1))
			}
			snaps[1] = edit.Commit(topology.Revision{Epoch: "e", Number: 2}, noon.Add(time.Second))
			k := New(&noting{}, slog.New(slog.DiscardHandler), unmetered{}, snaps[0], noon)
			if err := k.Flush(b.Context(), noon, false); err != nil { // the first writes that it begins
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 1; b.Loop(); i++ {
				k.Keep(snaps[i%2], nil)
				if err := k.Flush(b.Context(), noon.Add(time.Duration(i)*time.Second), false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// holding is the block of a node, whose numbers are told apart by count.
func holding(i, count int) *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: fmt.Sprintf("n%05d", i), Kind: topology.Host, State: topology.Reporting, LastReport: noon}}
	for c := range 20 {
		b.Connections = append(b.Connections, &topology.Connection{
			ID: fmt.Sprintf("%05d-%02d", i, c), Client: topology.Client{Node: b.Node.Name, Process: "app"}, Server: topology.Server{Node: fmt.Sprintf("n%05d", c), Port: 5432},
			Protocol: "tcp", Directed: true, Status: topology.Fresh, Count: count, FirstSeen: noon, LastSeen: noon, LastConnection: noon,
		})
	}
	return b
}

func many(b *testing.B, n, count int) *topology.Snapshot {
	b.Helper()
	blocks := make([]*topology.Block, n)
	for i := range blocks {
		blocks[i] = holding(i, count)
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		b.Fatal(err)
	}
	return s
}
