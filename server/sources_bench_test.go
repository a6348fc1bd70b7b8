package server

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// large is a monitoring system with the checks of a large site, of which one in a
// hundred has another status each time that it is read.
type large struct {
	hosts, each int
	round       atomic.Int64
	again       chan struct{}
}

func (l *large) Read(ctx context.Context) (*monitor.Reading, error) {
	select {
	case <-l.again:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	round := int(l.round.Add(1))
	now := time.Now()
	r := &monitor.Reading{Hosts: make([]mapping.Host, l.hosts), Checks: make([]mapping.Check, 0, l.hosts*l.each)}
	for h := range l.hosts {
		name := fmt.Sprintf("node%05d", h)
		r.Hosts[h] = mapping.Host{Name: name}
		for s := range l.each {
			c := mapping.Check{Check: topology.Check{
				Kind: topology.ServiceCheck, Host: name, Name: processOf(s), Status: topology.OK, Hard: true, LastCheck: now,
				Since: now.Add(-time.Hour).Truncate(time.Hour), Interval: topology.Duration(time.Minute), Output: "it is fine",
			}}
			if (h*l.each+s)%100 == round%100 {
				c.Status = topology.Critical
			}
			r.Checks = append(r.Checks, c)
		}
	}
	return r, nil
}

func processOf(i int) string {
	return []string{"nginx", "postgres", "redis-server", "mysqld", "memcached", "sshd", "java", "rabbitmq", "haproxy", "dovecot"}[i%10]
}

// largeSite are nodes of ten services each.
func largeSite(n int) (blocks []*topology.Block) {
	at := time.Now()
	for i := range n {
		b := &topology.Block{Node: topology.Node{
			Name: fmt.Sprintf("node%05d", i), Kind: topology.Host, State: topology.Reporting, FirstSeen: at, LastReport: at, Interval: topology.Duration(time.Hour),
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})},
		}}
		for s := range 10 {
			b.Services = append(b.Services, topology.Service{
				ID: fmt.Sprintf("node%05d~tcp~%d", i, 1000+s), Node: b.Node.Name, Protocol: "tcp", Port: uint16(1000 + s), Process: processOf(s),
				State: topology.Listening, FirstSeen: at, LastSeen: at,
			})
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// BenchmarkRead100kChecks is one reading of 100,000 checks on 10,000 hosts of which
// 2,000 changed, until all of them are on the chart; stall-ms is the longest that
// the writer let anybody wait meanwhile, MiB what the process holds then.
func BenchmarkRead100kChecks(b *testing.B) {
	sys := &large{hosts: 10_000, each: 10, again: make(chan struct{})}
	st := &memory{state: store.State{Blocks: largeSite(sys.hosts)}}
	s := startWith(b, Options{
		Store: st, Sources: []monitor.Options{{Name: "n", Kind: monitor.Nagios, URL: "http://n", Interval: topology.Duration(time.Second)}},
		Monitors: func(monitor.Options) (monitor.Source, error) { return sys, nil },
	})
	stop := make(chan struct{})
	stall := s.stalls(stop)
	read := func() {
		sys.again <- struct{}{}
		want := int(sys.round.Load()) + 1
		for {
			changed := s.Changed()
			if bad(s.Snapshot(), want) == sys.hosts*sys.each/100 {
				return
			}
			<-changed
		}
	}
	read()
	stall.Store(0)
	for b.Loop() {
		read()
	}
	close(stop)
	b.ReportMetric(float64(stall.Load())/1e6, "stall-ms")
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB")
}

// bad counts the checks that are as the system says in a round.
func bad(snap *topology.Snapshot, round int) (n int) {
	for b := range snap.Blocks() {
		for i := range b.Checks {
			if b.Checks[i].Status == topology.Critical {
				n++
			}
		}
	}
	_ = round
	return n
}
