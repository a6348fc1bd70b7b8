// Command store measures how much room a site's history takes, and how fast any
// moment of it is told: a site of many nodes, of which some change an edge every
// minute, over simulated days, through the recorder of the server into a real
// engine.
//
//	go run ./bench/store [-nodes N] [-connections N] [-days N] [-numbers PERCENT] [-ledger] [-engine bolt|redis] [-redis URL] [-dir DIR] [-json]
//
// The last line that it prints is one JSON object; -json prints nothing else.
// Filling waits for the disk once in ten simulated minutes, which go into one
// transaction; events are measured with one durable write a thousand. Where
// others run beside it, the processor time of a moment tells more than its time.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
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
	Ledger          bool    `json:"ledger"`
	Numbers         int     `json:"numbers_changing_percent"`
	Events          int64   `json:"events"`
	Records         int64   `json:"records"`
	FileBytes       int64   `json:"file_bytes,omitempty"`
	HistoryBytes    int64   `json:"history_bytes"`
	BytesPerEvent   float64 `json:"bytes_per_event,omitempty"`
	EventsPerSecond float64 `json:"events_per_second"`
	MomentP50       float64 `json:"moment_p50_ms"`
	MomentP95       float64 `json:"moment_p95_ms"`
	MomentCPU       float64 `json:"moment_cpu_ms"`
	FillSeconds     float64 `json:"fill_seconds"`
	Recorder        int64   `json:"recorder_bytes"`
	WeekDiff        float64 `json:"week_diff_ms"`
	WeekDiffCPU     float64 `json:"week_diff_cpu_ms"`
	Start           float64 `json:"start_ms"`
	StartCPU        float64 `json:"start_cpu_ms"`
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
	flag.BoolVar(&r.Ledger, "ledger", false, "keep in the ledger each edge that appears, too")
	flag.StringVar(&r.Engine, "engine", "bolt", "bolt or redis")
	redisURL := flag.String("redis", "redis://127.0.0.1:6379", "the Redis to measure, which must be empty")
	dir := flag.String("dir", "", "where the embedded store's file is left; without it, nowhere")
	quiet := flag.Bool("json", false, "print nothing but the JSON object")
	flag.Parse()
	say := io.Writer(os.Stdout)
	if *quiet {
		say = io.Discard
	}
	if err := measure(context.Background(), &r, *redisURL, *dir, say); err != nil {
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

func engineOf(ctx context.Context, r *result, redisURL, dir string) (engine, func(), error) {
	switch r.Engine {
	case "redis":
		open := func() (store.Store, error) { return redis.Open(ctx, redisURL, redis.Options{}) }
		return engine{open, func() int64 { return 0 }}, func() {}, nil
	case "bolt":
	default:
		return engine{}, nil, fmt.Errorf("-engine must be bolt or redis, is %q", r.Engine)
	}
	clean := func() {}
	if dir == "" {
		made, err := os.MkdirTemp("", "dotm-bench-store")
		if err != nil {
			return engine{}, nil, err
		}
		dir, clean = made, func() { _ = os.RemoveAll(made) }
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, bolt.FileName))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	return engine{func() (store.Store, error) { return bolt.Open(dir) }, size}, clean, nil
}

func measure(ctx context.Context, r *result, redisURL, dir string, say io.Writer) error {
	e, clean, err := engineOf(ctx, r, redisURL, dir)
	if err != nil {
		return err
	}
	defer clean()
	s, err := e.open()
	if err != nil {
		return err
	}
	g := newSite(r)
	begin := time.Now()
	if err := g.live(ctx, s, say); err != nil {
		return err
	}
	r.FillSeconds = time.Since(begin).Seconds()
	r.Recorder = g.weigh()
	fmt.Fprintf(say, "filled in %.0f s; the recorder remembers %d bytes\n", r.FillSeconds, r.Recorder)
	if err := s.Close(); err != nil {
		return err
	}
	r.FileBytes = e.size()

	runtime.GC()
	begin, used := time.Now(), cpu()
	if s, err = e.open(); err != nil {
		return err
	}
	if _, err := s.Load(ctx); err != nil {
		return err
	}
	r.Start, r.StartCPU = ms(time.Since(begin)), ms(cpu()-used)
	defer s.Close() //nolint:errcheck // the folder goes anyway
	x, err := s.Extent(ctx)
	if err != nil {
		return err
	}
	r.Events, r.Records, r.HistoryBytes = x.Events, x.Records, x.Bytes
	fmt.Fprintf(say, "%d bytes on disk, of which %d are %d events and %d records; started in %.0f ms\n", r.FileBytes, r.HistoryBytes, r.Events, r.Records, r.Start)
	if err := r.read(ctx, s, g, say); err != nil {
		return err
	}
	r.RSS = rss()
	return r.append(ctx, s, g)
}

// read tells random moments, and what changed in a week.
func (r *result) read(ctx context.Context, s store.Store, g *site, say io.Writer) error {
	const moments = 200
	span := g.now.Sub(g.begin)
	var took []time.Duration
	busy := cpu()
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
	r.MomentCPU = ms(cpu()-busy) / moments
	slices.Sort(took)
	r.MomentP50, r.MomentP95 = ms(took[len(took)/2]), ms(took[len(took)*95/100])
	fmt.Fprintf(say, "a moment is told in %.0f ms (p50), %.0f ms (p95), and %.0f ms of processors\n", r.MomentP50, r.MomentP95, r.MomentCPU)
	begin, used := time.Now(), cpu()
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
	r.WeekDiff, r.WeekDiffCPU = ms(time.Since(begin)), ms(cpu()-used)
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
	told     []time.Time // when a node was last recorded
	sweep    history.Sweep
}

func newSite(r *result) *site {
	g := &site{result: r, rng: rand.New(rand.NewPCG(1, 2)), recorder: history.NewRecorder()} //nolint:gosec // the same site each time
	g.begin = time.Now().Add(-time.Duration(r.Days) * 24 * time.Hour).Truncate(time.Minute)
	g.now = g.begin
	for i := range r.Nodes {
		g.blocks = append(g.blocks, g.block(i))
		g.told = append(g.told, g.begin)
	}
	return g
}

// live plays all minutes, ten of them in one write.
func (g *site) live(ctx context.Context, s store.Store, say io.Writer) error {
	c := store.Change{Put: g.blocks, Revision: topology.Revision{Epoch: "bench", Number: 1}}
	for _, b := range g.blocks {
		c.Records = append(c.Records, g.recorder.Whole(b, g.now))
	}
	if err := s.Write(ctx, c); err != nil {
		return err
	}
	for part := range g.Days * 24 * 6 {
		if part%(24*6) == 0 && part > 0 {
			fmt.Fprintf(say, "%d days\n", part/(24*6))
		}
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

// minute changes one edge of two percent of the nodes; once a day every node has a
// key frame.
func (g *site) minute(c *store.Change) {
	g.now = g.now.Add(time.Minute)
	for range max(1, g.Nodes/50) {
		i := g.rng.IntN(g.Nodes)
		b := g.advance(i)
		j := g.rng.IntN(len(b.Connections))
		c.Append = append(c.Append, g.event(i, j, topology.Vanished))
		b.Connections[j] = g.connection(i)
		id := b.Connections[j].ID
		slices.SortFunc(b.Connections, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) })
		g.blocks[i] = b
		at := slices.IndexFunc(b.Connections, func(c *topology.Connection) bool { return c.ID == id })
		appeared := g.event(i, at, topology.Appeared)
		c.Append = append(c.Append, appeared)
		if g.Ledger {
			c.Uses = append(c.Uses, g.used(b, appeared)...)
		}
		if g.now.Sub(g.recorder.Framed(b.Node.Name)) >= frames {
			c.Records = append(c.Records, g.recorder.Whole(b, g.now))
		} else {
			c.Records = append(c.Records, g.recorder.Record(b, g.now))
		}
	}
	for i := range g.blocks { // what changes in numbers only has its key frame
		if g.now.Sub(g.told[i]) >= frames {
			b := g.advance(i)
			g.blocks[i] = b
			c.Records = append(c.Records, g.recorder.Whole(b, g.now))
		}
	}
}

// frames is how often a node is recorded with all of its numbers, by default.
const frames = 24 * time.Hour

// advance is a node with the numbers that changed since it was last recorded:
// every minute a share of its connections. Between records nobody sees them.
func (g *site) advance(i int) *topology.Block {
	minutes := g.now.Sub(g.told[i]).Minutes()
	g.told[i] = g.now
	b := g.blocks[i].Clone()
	changed := 1 - math.Pow(1-float64(g.Numbers)/100, minutes)
	for k := range b.Connections {
		if g.rng.Float64() < changed {
			g.count(b.Write(k))
		}
	}
	return b
}

// used are the ledger's entries of what appeared.
func (g *site) used(b *topology.Block, e topology.Event) []store.Use {
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "bench"}, g.now, []*topology.Block{b})
	if err != nil {
		return nil
	}
	e.Holder = b.Node.Name
	return g.sweep.Changed(snap, []topology.Event{e}, g.now)
}

// weigh is what the recorder takes of the memory. It is let go.
func (g *site) weigh() int64 {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	with := heap()
	g.recorder = nil
	return with - heap()
}

func (g *site) event(i, j int, kind topology.EventKind) topology.Event {
	b := g.blocks[i]
	e := b.Connections[j]
	return topology.Event{
		At: g.now, Revision: fmt.Sprintf("k3f9zq-%d", g.now.Unix()), Kind: kind, Subject: topology.SubjectConnection, ID: e.ID,
		Node: b.Node.Name, Process: e.Client.Process, Peer: e.Server.Node, Port: e.Server.Port,
	}
}
