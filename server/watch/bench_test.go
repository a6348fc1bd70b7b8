package watch

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// site is a topology that takes the checks that it gets.
type site struct {
	snap *topology.Snapshot
	put  int // nodes
}

func (s *site) Snapshot() *topology.Snapshot { return s.snap }
func (s *site) Changed() <-chan struct{}     { return nil }

func (s *site) edit(change func(e *topology.Edit)) {
	e := s.snap.Edit()
	change(e)
	s.snap = e.Commit(s.snap.Revision().Next(), s.snap.At())
}

func (s *site) PutChecks(changes map[string][]topology.Check) error {
	s.edit(func(e *topology.Edit) {
		for node, list := range changes {
			if b := e.Block(node); b != nil {
				b = b.Clone()
				b.SetChecks(list)
				e.Put(b)
				s.put++
			}
		}
	})
	return nil
}

func nodeName(i int) string { return fmt.Sprintf("node%05d", i) }

// newSite is a site of so many nodes with two services each.
func newSite(tb testing.TB, nodes int) *site {
	tb.Helper()
	blocks := make([]*topology.Block, nodes)
	for i := range blocks {
		name := nodeName(i)
		b := &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})}}}
		for _, s := range []struct {
			port    uint16
			process string
		}{{22, "sshd"}, {80, "nginx"}} {
			b.Services = append(b.Services, topology.Service{ID: topology.ServiceID(name, "tcp", s.port, netip.Addr{}), Node: name, Protocol: "tcp", Port: s.port, Process: s.process, State: topology.Listening})
		}
		blocks[i] = b
	}
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		tb.Fatal(err)
	}
	return &site{snap: snap}
}

// newBoard has passive sources of some names.
func newBoard(tb testing.TB, s *site, names ...string) *Board {
	tb.Helper()
	b := New(Options{Topology: s, Log: slog.New(slog.DiscardHandler)})
	var list []monitor.Options
	for _, name := range names {
		list = append(list, monitor.Options{Name: name, Kind: monitor.Passive})
	}
	if err := b.Sources(list); err != nil {
		tb.Fatal(err)
	}
	b.Activate(true)
	return b
}

func result(host, name string, status topology.Status, at time.Time) mapping.Check {
	c := mapping.Check{Check: topology.Check{
		Kind: topology.ServiceCheck, Host: host, Name: name, Status: status, Hard: true, Since: noon, LastCheck: at, Interval: topology.Duration(5 * time.Minute), Output: "it is fine",
	}}
	if name == "" {
		c.Kind = topology.HostCheck
	}
	return c
}

// BenchmarkSettle is a quarter of a second of a site of 10,000 nodes with ten checks each,
// of two sources: three of them have another status, 250 nodes other numbers.
func BenchmarkSettle(b *testing.B) {
	const nodes, each = 10_000, 10
	s := newSite(b, nodes)
	board := newBoard(b, s, "a", "b")
	var all [2][]mapping.Check
	for i := range nodes * each {
		all[i%2] = append(all[i%2], result(nodeName(i/each), fmt.Sprint("check ", i%each), topology.OK, noon))
	}
	board.Pass("a", all[0], nil)
	board.Pass("b", all[1], nil)
	board.Settle(noon)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		status := []topology.Status{topology.Critical, topology.OK}[i/nodes%2]
		for k := range 3 {
			board.Pass("a", []mapping.Check{result(nodeName((i+k*777)%nodes), "check 2", status, noon)}, nil)
		}
		s.edit(func(e *topology.Edit) {
			for k := range 250 {
				block := e.Block(nodeName((i*250 + k) % nodes)).Clone()
				block.Node.LastReport = noon.Add(time.Duration(i))
				e.Put(block)
			}
		})
		board.Settle(noon.Add(time.Duration(i) * 250 * time.Millisecond))
	}
}
