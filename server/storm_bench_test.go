package server

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// The storm of [BenchmarkStorm].
const (
	stormHosts  = 10_000
	stormAlerts = 5_000
	stormLasts  = time.Minute
	stormStep   = 250 * time.Millisecond
	calmLasts   = 15 * time.Second
)

// BenchmarkStorm is 5,000 checks, of 10,000 hosts with 100,000 edges, that go bad within a
// minute, some of them every quarter of a second. stall-ms is the longest that the writer
// let anybody wait meanwhile, calm-ms the same of 15 s before in which nothing happened,
// which is what the machine's other work costs; behind-s is how long after the last alert
// all of them were part of incidents.
func BenchmarkStorm(b *testing.B) {
	s, checks := stormSite(b)
	for b.Loop() {
		calm := s.stalled(func() { <-time.After(calmLasts) })
		b.ReportMetric(float64(calm)/1e6, "calm-ms")
		begin := time.Now()
		stall := s.stalled(func() {
			storm(b, s, checks)
			begin = time.Now()
			s.awaitBad(stormAlerts)
		})
		b.ReportMetric(float64(stall)/1e6, "stall-ms")
		b.ReportMetric(time.Since(begin).Seconds(), "behind-s")
		open := 0
		for _, in := range s.Incidents() {
			if in.State == incident.Open {
				open++
			}
		}
		b.ReportMetric(float64(open), "incidents")
		b.StopTimer()
		for i := range checks {
			checks[i].Status = topology.OK
		}
		s.hand(b, checks)
		s.awaitBad(0)
		b.StartTimer()
	}
}

// awaitBad waits until so many alerts are part of incidents.
func (s *running) awaitBad(want int) {
	for bad := -1; bad != want; <-time.After(50 * time.Millisecond) {
		bad = 0
		for _, in := range s.Incidents() {
			bad += in.Bad()
		}
	}
}

func (s *running) hand(b *testing.B, checks []mapping.Check) {
	b.Helper()
	if err := s.PassChecks(b.Context(), "site", slices.Clone(checks), nil); err != nil {
		b.Fatal(err)
	}
}

// stormSite is a large site with three checks on each host, in no order, all of them fine.
// Hosts call ten others, of the tier behind theirs.
func stormSite(b *testing.B) (*running, []mapping.Check) {
	b.Helper()
	const tiers, calls, each = 5, 10, 3
	blocks := largeSite(stormHosts)
	r := rand.New(rand.NewPCG(1, 1))
	for i, block := range blocks {
		for range calls {
			to := r.IntN(stormHosts/tiers)*tiers + (i+1)%tiers
			if i%tiers == tiers-1 {
				break // the last tier calls nobody
			}
			server := &blocks[to].Services[r.IntN(each)]
			c := topology.Connection{
				Protocol: "tcp", Count: 1, Directed: true, Status: topology.Fresh, FirstSeen: block.Node.FirstSeen, LastSeen: block.Node.LastReport,
				Client: topology.Client{Node: block.Node.Name, Process: block.Services[0].Process, Service: block.Services[0].ID},
				Server: topology.Server{Node: server.Node, Port: server.Port, Process: server.Process, Service: server.ID},
			}
			c.ID = topology.ConnectionID(&c)
			block.Connections = append(block.Connections, &c)
		}
		slices.SortFunc(block.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
		block.Connections = slices.CompactFunc(block.Connections, func(x, y *topology.Connection) bool { return x.ID == y.ID })
	}
	s := startWith(b, Options{Store: &memory{state: store.State{Blocks: blocks}}, Sources: []monitor.Options{{Name: "site", Kind: monitor.Passive}}})
	var checks []mapping.Check
	for i := range stormHosts * each {
		checks = append(checks, mapping.Check{Check: topology.Check{
			Kind: topology.ServiceCheck, Host: fmt.Sprintf("node%05d", i/each), Name: processOf(i % each), Status: topology.OK, Hard: true, LastCheck: time.Now(),
		}})
	}
	r.Shuffle(len(checks), func(i, j int) { checks[i], checks[j] = checks[j], checks[i] })
	s.hand(b, checks)
	for there := 0; there < len(checks); {
		changed := s.Changed()
		there = 0
		for block := range s.Snapshot().Blocks() {
			there += len(block.Checks)
		}
		if there < len(checks) {
			<-changed
		}
	}
	return s, checks
}

// storm has checks go bad.
func storm(b *testing.B, s *running, checks []mapping.Check) {
	b.Helper()
	tick := time.NewTicker(stormStep)
	defer tick.Stop()
	steps, done := int(stormLasts/stormStep), 0
	for i := range steps {
		<-tick.C
		next := stormAlerts * (i + 1) / steps
		for j := done; j < next; j++ {
			c := &checks[j]
			c.Status, c.Since, c.LastCheck, c.Output = topology.Critical, time.Now(), time.Now(), "connection refused"
		}
		s.hand(b, checks[done:next])
		done = next
	}
}

// stalled is the longest time that the writer lets anybody wait while something is done.
func (s *running) stalled(do func()) time.Duration {
	stop := make(chan struct{})
	longest := s.stalls(stop)
	do()
	close(stop)
	return time.Duration(longest.Load())
}

// stalls measures how long the writer lets anybody wait, until stop is closed.
func (s *running) stalls(stop <-chan struct{}) *atomic.Int64 {
	longest := &atomic.Int64{}
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			begin := time.Now()
			_ = s.order(func(*writer) {})
			longest.Store(max(longest.Load(), int64(time.Since(begin))))
		}
	}()
	return longest
}
