package grouping

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// busy is a generated site in which every host has about a number of
// connections: more processes call more services of those that it calls anyway;
// with a share of them to any host, which no real site has.
func busy(tb testing.TB, hosts, each int, wild float64) *topology.Snapshot {
	tb.Helper()
	p, _ := generate(1, hosts)
	rnd := rand.New(rand.NewPCG(1, 2))
	names := p.names()
	for _, name := range names {
		b := p.blocks[name]
		var peers []string
		for _, c := range b.Connections {
			peers = append(peers, c.Server.Node)
		}
		for k := 0; len(b.Connections) < each && b.Node.Kind == topology.Host; k++ {
			peer := pick(rnd, names)
			if len(peers) > 0 && rnd.Float64() >= wild {
				peer = peers[k%len(peers)]
			}
			if peer == name {
				continue
			}
			c := topology.Connection{
				Client: topology.Client{Node: name, Process: fmt.Sprintf("worker%d", k%11)}, Server: topology.Server{Node: peer, Port: uint16(20000 + k/len(names)*10 + k%10)},
				Protocol: "tcp", Count: 1, Directed: true, FirstSeen: noon, LastSeen: noon,
			}
			c.ID = topology.ConnectionID(&c)
			b.Connections = append(b.Connections, &c)
		}
	}
	return p.snapshot(tb)
}

func BenchmarkScratch(b *testing.B) {
	for _, n := range []int{100, 1000, 3000} {
		for _, wild := range []float64{0, 0.1} {
			snap := busy(b, n, 100, wild)
			b.Run(fmt.Sprintf("%dx100, wild %.1f", n, wild), func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					var m Memory
					m.Advance(snap, nil, noon)
				}
			})
		}
	}
}

// BenchmarkMesh is hosts of one kind that all call some of each other.
func BenchmarkMesh(b *testing.B) {
	p := newPlan()
	names := p.hosts("n", 3000, "meshd:7000")
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, n := range names {
		for _, k := range rnd.Perm(len(names))[:100] {
			if names[k] != n {
				c := topology.Connection{
					Client: topology.Client{Node: n, Process: "meshd"}, Server: topology.Server{Node: names[k], Port: 7000},
					Protocol: "tcp", Count: 1, Directed: true, FirstSeen: noon, LastSeen: noon,
				}
				c.ID = topology.ConnectionID(&c)
				p.blocks[n].Connections = append(p.blocks[n].Connections, &c)
			}
		}
	}
	snap := p.snapshot(b)
	b.ReportAllocs()
	for b.Loop() {
		var m Memory
		if r := m.Advance(snap, nil, noon); len(r.Pools) != 1 {
			b.Fatalf("%d pools, want 1", len(r.Pools))
		}
	}
}

func BenchmarkUnchanged(b *testing.B) {
	snap := busy(b, 3000, 100, 0)
	numbers := renumbered(b, snap)
	b.Run("the same blocks", func(b *testing.B) {
		b.ReportAllocs()
		var m Memory
		m.Advance(snap, nil, noon)
		b.ResetTimer()
		for range b.N {
			m.Advance(snap, nil, noon.Add(time.Second))
		}
	})
	b.Run("all numbers changed", func(b *testing.B) {
		b.ReportAllocs()
		var m Memory
		m.Advance(snap, nil, noon)
		b.ResetTimer()
		for i := range b.N {
			m.Advance([]*topology.Snapshot{numbers, snap}[i%2], nil, noon.Add(time.Second))
		}
	})
}

// renumbered is a snapshot in which the numbers of all connections are others.
func renumbered(tb testing.TB, snap *topology.Snapshot) *topology.Snapshot {
	tb.Helper()
	var blocks []*topology.Block
	for b := range snap.Blocks() {
		c := b.Clone()
		for i := range c.Connections {
			c.Write(i).Count += 3
		}
		blocks = append(blocks, c)
	}
	s, err := topology.FromBlocks(snap.Revision().Next(), snap.At(), blocks)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
