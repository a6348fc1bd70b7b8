package aggregate

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// busy is a report of 1,000 connections: half of them in, half of them out.
func busy(b *testing.B) *report.Report {
	r, err := parseReport("busy", "addr 10.255.0.1 | listen nginx *:443")
	if err != nil {
		b.Fatal(err)
	}
	for i := range 500 {
		peer := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		r.Connections = append(
			r.Connections,
			report.Connection{Direction: report.Out, Protocol: report.TCP, Process: "php-fpm", Peer: peer, Port: 5432, Count: 2},
			report.Connection{Direction: report.In, Protocol: report.TCP, Process: "nginx", Peer: peer, Port: 443, Local: netip.IPv6Unspecified(), Count: 1},
		)
	}
	if err := r.Validate(start); err != nil {
		b.Fatal(err)
	}
	return r
}

// crowd is a topology of n hosts with one service and ten connections each.
func crowd(b *testing.B, n int) *topology.Snapshot {
	blocks := make([]*topology.Block, n)
	for i := range blocks {
		name, addr := fmt.Sprintf("host-%05d", i), netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		blocks[i] = &topology.Block{Node: topology.Node{
			Name: name, Kind: topology.Host, State: topology.Reporting,
			Addresses: []netip.Addr{addr}, FirstSeen: start, LastReport: start,
		}}
		blocks[i].Services = []topology.Service{{
			ID: topology.ServiceID(name, "tcp", 5432, netip.Addr{}), Node: name, Protocol: "tcp", Port: 5432, Process: "postgres",
			Addresses: []netip.Addr{netip.IPv4Unspecified()}, State: topology.Listening, FirstSeen: start,
		}}
		for j := range 10 {
			c := topology.Connection{
				Client: topology.Client{Node: name, Process: "curl"}, Protocol: "tcp", Directed: true, Count: 1,
				Server: topology.Server{Node: fmt.Sprintf("host-%05d", (i+j+1)%n), Port: 5432}, FirstSeen: start, LastSeen: start, Status: topology.Fresh,
			}
			c.ID = topology.ConnectionID(&c)
			blocks[i].Connections = append(blocks[i].Connections, &c)
		}
		blocks[i].Connections = edge.Unite(blocks[i].Connections)
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e"}, start, blocks)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkApply is one report of 1,000 connections, in a topology of its own
// and in one of 10,000 nodes; the changed ones have 20 other rows each time.
func BenchmarkApply(b *testing.B) {
	for _, nodes := range []int{0, 10_000} {
		for _, changed := range []int{0, 20} {
			b.Run(fmt.Sprintf("nodes=%d/changed=%d", nodes, changed), func(b *testing.B) {
				r, snap, now := busy(b), crowd(b, nodes), start
				opt := Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute}
				snap = Apply(snap, r, now, opt)
				b.ReportAllocs()
				b.ResetTimer()
				for i := 0; b.Loop(); i++ {
					now = now.Add(10 * time.Second)
					for j := range changed {
						r.Connections[j*len(r.Connections)/changed].Count = 2 + i%2
					}
					snap = Apply(snap, r, now, opt)
				}
			})
		}
	}
}

// town is the reports of n hosts, each of which calls fifty others and is called by
// fifty.
func town(n int) []*report.Report {
	const calls = 50
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	reports := make([]*report.Report, n)
	for i := range reports {
		name := fmt.Sprintf("host-%05d", i)
		r := &report.Report{
			Version: report.Version, Time: start, IntervalMS: 10_000, Agent: report.Agent{Instance: name}, Sequence: 1,
			Node:       report.Node{Name: name, Identity: report.Identity{Kind: report.IdentityMachine, Value: name}},
			Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.PrefixFrom(addr(i), 8)}}},
			Listeners:  []report.Listener{{Protocol: report.TCP, Address: netip.IPv4Unspecified(), Port: 5432, Process: "postgres"}},
		}
		for j := range calls {
			r.Connections = append(
				r.Connections,
				report.Connection{
					Direction: report.Out, Protocol: report.TCP, Process: "app", Peer: addr((i + 1 + j*n/calls) % n), Port: 5432, Count: 2,
					Health: &report.Health{Measured: 2, RTT: 300, RTTVar: 40, Segments: 10, Sent: 1000, Received: 5000},
				},
				report.Connection{
					Direction: report.In, Protocol: report.TCP, Process: "postgres", Peer: addr((i + n - 1 - j*n/calls) % n), Port: 5432,
					Local: addr(i), Count: 2, Health: &report.Health{Measured: 2, RTT: 310, RTTVar: 40, Segments: 10, Sent: 5000, Received: 1000},
				},
			)
		}
		reports[i] = r
	}
	return reports
}

// BenchmarkBeats is a report of 100 connections, a fifth of which carry other numbers
// than before, of one host after the other of a site that is complete.
func BenchmarkBeats(b *testing.B) {
	const n = 5_000
	reports, opt := town(n), Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute}
	snap, now := topology.Empty(topology.Revision{Epoch: "e"}, start), start
	beat := func(batch *Batch, r *report.Report) {
		r.Sequence++
		for i := int(r.Sequence % 5); i < len(r.Connections); i += 5 {
			h := *r.Connections[i].Health
			h.Sent, h.Received = h.Sent*3%1_000_003, h.Received*3%1_000_003
			r.Connections[i].Health = &h
		}
		batch.Report(r, now)
	}
	for range 4 { // until each end knows the other, and its rows
		now = now.Add(10 * time.Second)
		batch := Begin(snap, opt)
		for _, r := range reports {
			beat(batch, r)
		}
		snap = batch.Commit(now)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var batch *Batch
	for i := 0; b.Loop(); i++ {
		if i%250 == 0 { // a quarter of a second
			if batch != nil {
				snap = batch.Commit(now)
			}
			now = now.Add(10 * time.Second)
			batch = Begin(snap, opt)
		}
		beat(batch, reports[i%n])
	}
}

// BenchmarkCold is the first report of each host of a site, of 100 connections, forty to
// a snapshot.
func BenchmarkCold(b *testing.B) {
	reports, opt := town(2_000), Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute}
	b.ReportAllocs()
	for b.Loop() {
		snap := topology.Empty(topology.Revision{Epoch: "e"}, start)
		for some := range slices.Chunk(reports, 40) {
			batch := Begin(snap, opt)
			for _, r := range some {
				batch.Report(r, start)
			}
			snap = batch.Commit(start)
		}
	}
}

// BenchmarkApplyRemembered has 10,000 connections of before that are closed.
func BenchmarkApplyRemembered(b *testing.B) {
	r, now := busy(b), start
	opt := Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute}
	short := *r
	short.Connections = nil
	for i := range 10_000 {
		peer := netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)})
		short.Connections = append(short.Connections, report.Connection{
			Direction: report.In, Protocol: report.TCP, Process: "nginx", Peer: peer, Port: 443, Local: netip.IPv6Unspecified(), Count: 1,
		})
	}
	snap := Apply(crowd(b, 0), &short, now, opt)
	snap = Apply(snap, r, now, opt)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		now = now.Add(10 * time.Second)
		snap = Apply(snap, r, now, opt)
	}
}

func BenchmarkAge(b *testing.B) {
	snap, opt := crowd(b, 10_000), Options{Ageing: 5 * time.Minute, StaleAfter: time.Minute}
	b.ReportAllocs()
	for b.Loop() {
		batch := Begin(snap, opt)
		batch.Age(start.Add(30 * time.Second))
		batch.Commit(start)
	}
}

// BenchmarkApplyWide is a report of many rows between the same two ends: within
// one host, and between two hosts that both report. The cost must grow with the
// rows, not with their square.
func BenchmarkApplyWide(b *testing.B) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	addr := map[string]netip.Addr{"a": netip.MustParseAddr("10.0.0.1"), "b": netip.MustParseAddr("10.0.0.2")}
	wide := func(node string, n int, peer netip.Addr, out, in bool) *report.Report {
		r := &report.Report{
			Version: report.Version, Time: at, IntervalMS: 10_000,
			Node:       report.Node{Name: node, Identity: report.Identity{Kind: report.IdentityHostname, Value: node}},
			Interfaces: []report.Interface{{Name: "eth0", Addresses: []netip.Prefix{netip.PrefixFrom(addr[node], 24)}}},
		}
		any4 := netip.IPv4Unspecified()
		for i := range n {
			p := uint16(1000 + i)
			if in {
				r.Listeners = append(r.Listeners, report.Listener{Protocol: report.TCP, Address: any4, Port: p, Process: "server"})
				r.Connections = append(r.Connections, report.Connection{Direction: report.In, Protocol: report.TCP, Process: "server", Peer: peer, Port: p, Local: any4, Count: 1})
			}
			if out {
				r.Connections = append(r.Connections, report.Connection{Direction: report.Out, Protocol: report.TCP, Process: "client", Peer: peer, Port: p, Count: 1})
			}
		}
		return r
	}
	for _, n := range []int{1000, 8000} {
		b.Run(fmt.Sprintf("loopback=%d", n), func(b *testing.B) {
			r := wide("a", n, netip.MustParseAddr("127.0.0.1"), true, true)
			for b.Loop() {
				Apply(topology.Empty(topology.Revision{Epoch: "e"}, at), r, at, Options{})
			}
		})
		b.Run(fmt.Sprintf("between=%d", n), func(b *testing.B) {
			first := Apply(topology.Empty(topology.Revision{Epoch: "e"}, at), wide("a", n, addr["b"], true, false), at, Options{})
			r := wide("b", n, addr["a"], false, true)
			for b.Loop() {
				Apply(first, r, at, Options{})
			}
		})
	}
}
