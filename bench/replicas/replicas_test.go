// Package replicas measures what a crash costs three servers on a real Redis Cluster under
// load: a server that doesn't lead, the one that leads, and a master of Redis are killed.
// Run it from the source folder:
//
//	go test -v -run '^$' -bench Failover -benchtime 1x ./bench/replicas -args -nodes 300 -interval 5s
package replicas

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/bench/load"
	"github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/test/redis"
)

var (
	nodes    = flag.Int("nodes", 300, "hosts that report")
	interval = flag.Duration("interval", 5*time.Second, "time between two reports of an agent")
)

// patience is how long is waited for a recovery.
const patience = 2 * time.Minute

// member is one of the servers, with what it takes to start it again.
type member struct {
	*load.Server
	program, dir, redis string
	down                atomic.Bool
}

func (m *member) start(b *testing.B) {
	b.Helper()
	s, err := load.Start(b.Context(), m.program, m.dir, "settings: {stale_after: 1m}\n", "--redis", m.redis)
	if err != nil {
		b.Fatal(err)
	}
	m.Server = s
	m.down.Store(false)
}

// balancer spreads requests over the servers, and asks another where one doesn't answer.
type balancer struct {
	client *http.Client
	list   []*member
	next   atomic.Uint64
}

// Do is part of agent.Doer.
func (l *balancer) Do(req *http.Request) (resp *http.Response, err error) {
	for range l.list {
		m := l.list[l.next.Add(1)%uint64(len(l.list))]
		if m.down.Load() {
			continue
		}
		u, _ := url.Parse(m.URL)
		again := req.Clone(req.Context())
		again.URL.Host, again.Host = u.Host, u.Host
		if req.GetBody != nil {
			if again.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		if resp, err = l.client.Do(again); err == nil {
			return resp, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("no server is up")
	}
	return nil, err
}

// site3 is three servers.
type site3 struct {
	list []*member
}

func (s *site3) up() (out []*member) {
	for _, m := range s.list {
		if !m.down.Load() {
			out = append(out, m)
		}
	}
	return out
}

func ask(ctx context.Context, m *member, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, err := load.Get(ctx, m.URL+path)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(body, out)
}

// leader is the one that leads, and a follower; nil where there is none.
func (s *site3) roles(ctx context.Context) (leader, follower *member) {
	for _, m := range s.up() {
		f, err := m.Figures(ctx)
		switch {
		case err != nil:
		case f[`dotm_replica_role{role="leading"}`] == 1:
			leader = m
		case f[`dotm_replica_role{role="following"}`] == 1:
			follower = m
		}
	}
	return leader, follower
}

// fresh says whether all servers that are up are ready and show a report of each of the
// nodes that is newer than a moment.
func (s *site3) fresh(ctx context.Context, since time.Time, want int) string {
	for i, m := range s.up() {
		if err := ask(ctx, m, "/readyz", nil); err != nil {
			return fmt.Sprintf("server %d is not ready: %v", i, err)
		}
		var list struct {
			Nodes []struct {
				Name, State string
				LastReport  time.Time `json:"last_report"`
			}
		}
		if err := ask(ctx, m, "/api/v1/nodes", &list); err != nil {
			return err.Error()
		}
		n := 0
		for _, x := range list.Nodes {
			if x.State == "reporting" && x.LastReport.After(since) {
				n++
			}
		}
		if n < want {
			return fmt.Sprintf("server %d knows of %d of %d nodes", i, n, want)
		}
	}
	return ""
}

// recover waits until that is so, and returns how long it took since a moment.
func (s *site3) recover(b *testing.B, since time.Time, want int) time.Duration {
	b.Helper()
	why := ""
	for time.Since(since) < patience {
		if why = s.fresh(b.Context(), since, want); why == "" {
			return time.Since(since)
		}
		<-time.After(250 * time.Millisecond)
	}
	b.Fatalf("not recovered after %s: %s", patience, why)
	return 0
}

// agree is how long it takes until all servers show the same revision, from when nothing
// is reported any more.
func (s *site3) agree(b *testing.B) time.Duration {
	b.Helper()
	for began := time.Now(); time.Since(began) < patience; {
		seen := map[string]bool{}
		for _, m := range s.up() {
			var chart struct{ Revision string }
			if err := ask(b.Context(), m, "/api/v1/topology?level=pool", &chart); err != nil {
				seen[err.Error()] = true
			}
			seen[chart.Revision] = true
		}
		if len(seen) == 1 && !seen[""] {
			return time.Since(began)
		}
		<-time.After(50 * time.Millisecond)
	}
	b.Fatal("the servers don't agree")
	return 0
}

// lost are the figures of what was lost, by all servers together.
func (s *site3) lost(ctx context.Context) string {
	sums := map[string]float64{}
	names := []string{"dotm_history_events_lost_total", "dotm_store_events_unconfirmed_total", "dotm_store_lapses_total", "dotm_reports_refused_total"}
	for _, m := range s.up() {
		f, err := m.Figures(ctx)
		if err != nil {
			return err.Error()
		}
		for _, n := range names {
			sums[n] += f[n]
		}
	}
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprintf("%s %.0f", strings.TrimSuffix(strings.TrimPrefix(n, "dotm_"), "_total"), sums[n]))
	}
	return strings.Join(out, ", ")
}

// BenchmarkFailover kills one after the other.
func BenchmarkFailover(b *testing.B) {
	b.Chdir("../..")
	cluster := redis.StartCluster(b)
	program, err := load.Build(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	s := &site3{}
	for range 3 {
		m := &member{program: program, dir: b.TempDir(), redis: cluster.URL()}
		m.start(b)
		s.list = append(s.list, m)
		b.Cleanup(func() {
			if !m.down.Load() {
				m.Kill()
			}
		})
	}
	crowd, err := load.NewCrowd(site.Options{Hosts: *nodes, Seed: 1, Interval: *interval, Quiet: true, Version: "bench"}, 1)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = crowd.RunVia(ctx, &balancer{client: load.NewClient(), list: s.list}, s.list[0].URL, *interval)
	})
	defer wg.Wait()
	defer stop()
	began := time.Now()
	want := running(b, s)
	b.Logf("%d nodes report every %s; load %s", want, *interval, loadAverage())
	b.Logf("all servers show all of them %.1f s after the start", s.recover(b, began, want).Seconds())
	for range b.N {
		crash(b, s, want, cluster)
	}
	stop()
	wg.Wait()
	b.Logf("all the same %.0f ms after the last report; %s; load %s", float64(s.agree(b).Milliseconds()), s.lost(b.Context()), loadAverage())
}

// crash kills a follower, the leader, and a master of Redis, and waits after each.
func crash(b *testing.B, s *site3, want int, cluster *redis.Cluster) {
	b.Helper()
	leader, follower := s.roles(b.Context())
	if leader == nil || follower == nil {
		b.Fatal("nobody leads, or nobody follows")
	}
	for name, m := range map[string]*member{"a follower": follower, "the leader": leader} {
		at := time.Now()
		m.Kill()
		m.down.Store(true)
		b.Logf("%s was killed: recovered after %.1f s; %s", name, s.recover(b, at, want).Seconds(), s.lost(b.Context()))
		m.start(b)
		b.Logf("%s is back: all of it %.1f s after it answered", name, s.recover(b, time.Now(), want).Seconds())
	}
	at := time.Now()
	cluster.Masters()[0].Kill()
	b.Logf("a master of Redis was killed: recovered after %.1f s; %s", s.recover(b, at, want).Seconds(), s.lost(b.Context()))
}

// running waits until the number of nodes that report doesn't change, and returns it.
func running(b *testing.B, s *site3) int {
	b.Helper()
	last, since := 0, time.Now()
	for began := time.Now(); time.Since(began) < patience; <-time.After(500 * time.Millisecond) {
		f, err := s.list[0].Figures(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if n := int(f[`dotm_nodes{state="reporting"}`]); n != last {
			last, since = n, time.Now()
		}
		if last > 0 && time.Since(since) > 2**interval {
			return last
		}
	}
	b.Fatal("the nodes don't come to rest")
	return 0
}

func loadAverage() string {
	raw, _ := os.ReadFile("/proc/loadavg")
	return string(raw[:min(4, len(raw))])
}
