package server

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	madeup "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// The storm of [BenchmarkStorm].
const (
	stormHosts  = 10_000
	stormAlerts = 5_000
	stormLasts  = time.Minute
	stormStep   = 250 * time.Millisecond
)

// BenchmarkStorm is 5,000 checks, of 10,000 made-up hosts, that go bad within a minute, a
// few of them every quarter of a second. stall-ms is the longest that the writer let
// anybody wait meanwhile, behind-s how long after the last alert all of them were part of
// incidents.
func BenchmarkStorm(b *testing.B) {
	s, checks := stormSite(b)
	for b.Loop() {
		stop := make(chan struct{})
		longest := s.stalls(stop)
		storm(b, s, checks)
		last := time.Now()
		for bad := 0; bad < stormAlerts; <-time.After(50 * time.Millisecond) {
			bad = 0
			for _, in := range s.Incidents() {
				bad += in.Bad()
			}
		}
		close(stop)
		b.ReportMetric(float64(longest.Load())/1e6, "stall-ms")
		b.ReportMetric(time.Since(last).Seconds(), "behind-s")
		open := 0
		for _, in := range s.Incidents() {
			if in.State == incident.Open {
				open++
			}
		}
		b.ReportMetric(float64(open), "incidents")
		for i := range checks {
			checks[i].Status = topology.OK
		}
		if err := s.PassChecks(b.Context(), "site", checks, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// stormSite is the site with all its checks, all of them fine.
func stormSite(b *testing.B) (*running, []mapping.Check) {
	b.Helper()
	made, err := madeup.New(madeup.Options{Hosts: stormHosts, Seed: 1, Quiet: true, Begin: time.Now(), Monitoring: madeup.Monitoring{Interval: time.Second}})
	if err != nil {
		b.Fatal(err)
	}
	st, err := bolt.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close() })
	s := startWith(b, Options{Store: st, Sources: []monitor.Options{{Name: "site", Kind: monitor.Passive}}})
	now := time.Now()
	made.Advance(now)
	for _, name := range made.Nodes() {
		if r := made.Report(name, now); r != nil {
			r.IntervalMS = 3_600_000 // they report once
			if err := s.Put(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	}
	made.Advance(now.Add(2 * time.Second))
	results, _ := made.Results()
	var checks []mapping.Check
	for _, r := range results {
		c := mapping.Check{Check: r.Check, Command: r.Command}
		c.Status, c.Hard, c.Interval = topology.OK, true, 0
		checks = append(checks, c)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(checks), func(i, j int) { checks[i], checks[j] = checks[j], checks[i] })
	if err := s.PassChecks(b.Context(), "site", checks, nil); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d nodes, %d checks", s.Snapshot().Len(), len(checks))
	for there := 0; there < len(checks); {
		changed := s.Changed()
		there = 0
		for block := range s.Snapshot().Blocks() {
			there += len(block.Checks)
		}
		if there < len(checks)*9/10 { // some are of no node
			<-changed
			continue
		}
		break
	}
	return s, checks
}

// storm has checks go bad.
func storm(b *testing.B, s *running, checks []mapping.Check) {
	b.Helper()
	tick := time.NewTicker(stormStep)
	defer tick.Stop()
	steps := int(stormLasts / stormStep)
	done := 0
	for i := range steps {
		<-tick.C
		upto := stormAlerts * (i + 1) / steps
		now := time.Now()
		var some []mapping.Check
		for ; done < upto; done++ {
			c := &checks[done]
			if c.Status = topology.Critical; c.Kind == topology.HostCheck {
				c.Status = topology.Down
			}
			c.Since, c.LastCheck, c.Output = now, now, "connection refused"
			some = append(some, *c)
		}
		if err := s.PassChecks(b.Context(), "site", some, nil); err != nil {
			b.Fatal(err)
		}
	}
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
