// Command store measures how much room a site's history takes, and how fast any
// moment of it is told: a site of many nodes, of which some change an edge every
// minute, over simulated days, through the recorder of the server into a real
// engine.
//
//	go run ./bench/store [-nodes N] [-connections N] [-days N] [-numbers PERCENT] [-redis URL] [-json]
//
// The last line that it prints is one JSON object. Filling does not wait for the
// disk (many minutes go into one transaction); what is measured does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/server/past"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/store/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

// result is what is measured.
type result struct {
	Engine          string  `json:"engine"`
	Nodes           int     `json:"nodes"`
	Connections     int     `json:"connections_per_node"`
	Days            int     `json:"days"`
	Numbers         int     `json:"numbers_changing_percent"`
	Events          int64   `json:"events"`
	Records         int64   `json:"records"`
	FileBytes       int64   `json:"file_bytes,omitempty"`
	HistoryBytes    int64   `json:"history_bytes"`
	BytesPerEvent   float64 `json:"bytes_per_event,omitempty"`
	EventsPerSecond float64 `json:"events_per_second"`
	MomentP50       float64 `json:"moment_p50_ms"`
	MomentP95       float64 `json:"moment_p95_ms"`
	WeekDiff        float64 `json:"week_diff_ms"`
	Start           float64 `json:"start_ms"`
	RSS             int64   `json:"rss_bytes"`
}

func main() {
	os.Exit(run())
}

func run() int {
	var r result
	flag.IntVar(&r.Nodes, "nodes", 1000, "nodes of the site")
	flag.IntVar(&r.Connections, "connections", 100, "connections of each")
	flag.IntVar(&r.Days, "days", 30, "simulated days")
	flag.IntVar(&r.Numbers, "numbers", 20, "percent of the connections whose numbers change every minute")
	redisURL := flag.String("redis", "", "measure this Redis, which must be empty, instead of the embedded store")
	flag.Parse()
	if err := measure(context.Background(), &r, *redisURL); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	line, err := json.Marshal(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(os.Stdout, string(line))
	return 0
}

// engine opens the store again and again.
type engine struct {
	open func() (store.Store, error)
	size func() int64
}

func engineOf(ctx context.Context, r *result, redisURL string) (engine, func(), error) {
	if redisURL != "" {
		r.Engine = "redis"
		open := func() (store.Store, error) { return redis.Open(ctx, redisURL, redis.Options{}) }
		return engine{open, func() int64 { return 0 }}, func() {}, nil
	}
	r.Engine = "bolt"
	dir, err := os.MkdirTemp("", "dotm-bench-store")
	if err != nil {
		return engine{}, nil, err
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, bolt.FileName))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	return engine{func() (store.Store, error) { return bolt.Open(dir) }, size}, func() { _ = os.RemoveAll(dir) }, nil
}

func measure(ctx context.Context, r *result, redisURL string) error {
	e, clean, err := engineOf(ctx, r, redisURL)
	if err != nil {
		return err
	}
	defer clean()
	s, err := e.open()
	if err != nil {
		return err
	}
	g := newSite(r)
	if err := g.live(ctx, s); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	r.FileBytes = e.size()

	runtime.GC()
	begin := time.Now()
	if s, err = e.open(); err != nil {
		return err
	}
	if _, err := s.Load(ctx); err != nil {
		return err
	}
	r.Start = ms(time.Since(begin))
	defer s.Close() //nolint:errcheck // the folder goes anyway
	x, err := s.Extent(ctx)
	if err != nil {
		return err
	}
	r.Events, r.Records, r.HistoryBytes = x.Events, x.Records, x.Bytes
	if err := r.read(ctx, s, g); err != nil {
		return err
	}
	r.RSS = rss()
	return r.append(ctx, s, g)
}

// read tells random moments, and what changed in a week.
func (r *result) read(ctx context.Context, s store.Store, g *site) error {
	const moments = 200
	span := g.now.Sub(g.begin)
	var took []time.Duration
	for range moments {
		at := g.begin.Add(time.Duration(g.rng.Int64N(int64(span))))
		begin := time.Now()
		snap, err := past.New(s).At(ctx, at)
		if err != nil {
			return err
		}
		took = append(took, time.Since(begin))
		if snap.Len() != r.Nodes {
			return fmt.Errorf("%d nodes are told of %s, want %d", snap.Len(), at, r.Nodes)
		}
	}
	slices.Sort(took)
	r.MomentP50, r.MomentP95 = ms(took[len(took)/2]), ms(took[len(took)*95/100])
	begin := time.Now()
	p := past.New(s)
	a, err := p.At(ctx, g.begin.Add(span/2))
	if err != nil {
		return err
	}
	b, err := p.At(ctx, g.begin.Add(span/2).Add(min(7*24*time.Hour, span/3)))
	if err != nil {
		return err
	}
	if _, err := p.Compare(ctx, a, b); err != nil {
		return err
	}
	r.WeekDiff = ms(time.Since(begin))
	return nil
}

// append writes events alone, each write durable, 1,000 at a time.
func (r *result) append(ctx context.Context, s store.Store, g *site) error {
	const writes, each = 20, 1000
	before, err := s.Extent(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	for range writes {
		var c store.Change
		for range each {
			c.Append = append(c.Append, g.event(g.rng.IntN(r.Nodes), 0, topology.Appeared))
		}
		if err := s.Write(ctx, c); err != nil {
			return err
		}
	}
	r.EventsPerSecond = float64(writes*each) / time.Since(begin).Seconds()
	after, err := s.Extent(ctx)
	if err != nil {
		return err
	}
	r.BytesPerEvent = float64(after.Bytes-before.Bytes) / float64(writes*each)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// site is what changes.
type site struct {
	*result
	rng      *rand.Rand
	begin    time.Time
	now      time.Time
	blocks   []*topology.Block
	recorder *history.Recorder
	next     int
}

func newSite(r *result) *site {
	g := &site{result: r, rng: rand.New(rand.NewPCG(1, 2)), recorder: history.NewRecorder()} //nolint:gosec // the same site each time
	g.begin = time.Now().Add(-time.Duration(r.Days) * 24 * time.Hour).Truncate(time.Minute)
	g.now = g.begin
	for i := range r.Nodes {
		g.blocks = append(g.blocks, g.block(i))
	}
	return g
}

// live plays all minutes, ten of them in one write.
func (g *site) live(ctx context.Context, s store.Store) error {
	c := store.Change{Put: g.blocks, Revision: topology.Revision{Epoch: "bench", Number: 1}}
	for _, b := range g.blocks {
		c.Records = append(c.Records, g.recorder.Whole(b, g.now))
	}
	if err := s.Write(ctx, c); err != nil {
		return err
	}
	for range g.Days * 24 * 6 {
		c := store.Change{}
		for range 10 {
			g.minute(&c)
		}
		if err := s.Write(ctx, c); err != nil {
			return err
		}
	}
	return s.Write(ctx, store.Change{Put: g.blocks, Alive: g.now})
}

// minute changes one edge of two percent of the nodes, and numbers everywhere;
// once a day every node has a key frame.
func (g *site) minute(c *store.Change) {
	g.now = g.now.Add(time.Minute)
	for range max(1, g.Nodes/50) {
		i := g.rng.IntN(g.Nodes)
		b := g.blocks[i].Clone()
		j := g.rng.IntN(len(b.Connections))
		c.Append = append(c.Append, g.event(i, j, topology.Vanished))
		b.Connections[j] = g.connection(i)
		slices.SortFunc(b.Connections, func(a, b topology.Connection) int {
			if a.ID < b.ID {
				return -1
			}
			return 1
		})
		for k := range b.Connections {
			if g.rng.IntN(100) < g.Numbers {
				g.count(&b.Connections[k])
			}
		}
		g.blocks[i] = b
		c.Append = append(c.Append, g.event(i, j, topology.Appeared))
		if g.now.Sub(g.recorder.Framed(b.Node.Name)) >= 24*time.Hour {
			c.Records = append(c.Records, g.recorder.Whole(b, g.now))
		} else {
			c.Records = append(c.Records, g.recorder.Record(b, g.now))
		}
	}
}

func (g *site) event(i, j int, kind topology.EventKind) topology.Event {
	b := g.blocks[i]
	e := &b.Connections[j]
	return topology.Event{
		At: g.now, Revision: fmt.Sprintf("k3f9zq-%d", g.now.Unix()), Kind: kind, Subject: topology.SubjectConnection, ID: e.ID,
		Node: b.Node.Name, Process: e.Client.Process, Peer: e.Server.Node, Port: e.Server.Port,
	}
}
