package signal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/devops-trouble-map/dotm/topology"
)

// BenchmarkLook is the judging of a snapshot of 3,000 nodes with 100 connections each, of
// which so many reported since the one before, with a fifth of their numbers moved.
func BenchmarkLook(b *testing.B) {
	const nodes, edges = 3000, 100
	for _, reported := range []int{0, 300, nodes} {
		b.Run(fmt.Sprintf("reported=%d", reported), func(b *testing.B) {
			blocks := make([]*topology.Block, nodes)
			for i := range blocks {
				n := &topology.Block{Node: topology.Node{
					Name: fmt.Sprintf("node%04d", i), Kind: topology.Host, State: topology.Reporting, LastReport: noon, Interval: topology.Duration(every),
				}}
				for j := range edges {
					c := topology.Connection{
						Client: topology.Client{Node: n.Node.Name, Process: "app"}, Protocol: "tcp", Count: 3, Directed: true, Status: topology.Fresh,
						Server: topology.Server{Node: fmt.Sprintf("node%04d", (i+j)%nodes), Port: 5432}, Health: &topology.Health{End: "client", RTT: 400},
					}
					c.ID = topology.ConnectionID(&c)
					n.Connections = append(n.Connections, &c)
				}
				slices.SortFunc(n.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
				blocks[i] = n
			}
			m, at, from := New(), noon, 0
			rules := Defaults()
			look := func() *topology.Snapshot {
				s, err := topology.FromBlocks(topology.Revision{}, at, blocks)
				if err != nil {
					b.Fatal(err)
				}
				return s
			}
			m.Look(look(), rules, at)
			b.ReportMetric(float64(unsafe.Sizeof(edge{})), "B/edge")
			for b.Loop() {
				b.StopTimer()
				at = at.Add(time.Second)
				for k := range reported {
					i := (from + k) % nodes
					next := blocks[i].Clone()
					next.Node.LastReport = at
					for j := k % 5; j < edges; j += 5 {
						next.Write(j).Health = &topology.Health{End: "client", RTT: uint64(400 + j)}
						next.Write(j).Opened++
					}
					blocks[i] = next
				}
				from += reported
				s := look()
				b.StartTimer()
				m.Look(s, rules, at)
			}
			if len(m.latches) > 0 {
				b.Fatalf("%d are over their limits", len(m.latches))
			}
		})
	}
}
