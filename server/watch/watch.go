// Package watch reads the monitoring sources, each in its own rhythm, finds out
// what their checks are about, and has the writer put them onto the nodes.
//
// Nothing here holds up the writer: results are compared and mapped beside it,
// and it gets what changed in portions.
package watch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// The rhythm of a board.
const (
	// staleAfter is after how many of its intervals a result is stale.
	staleAfter = 3
	// leastStale is the shortest time until then: monitoring systems are late
	// now and then.
	leastStale = 30 * time.Second
	// reconcileEvery is how often a source is read at most that tells of changes
	// by itself.
	reconcileEvery = time.Minute
	// lookEvery is how often results are looked at that may have turned stale.
	lookEvery = time.Second
	// portion is how many nodes the writer gets at a time.
	portion = 200
)

// Make makes a source of options that are valid; an error is the asker's.
type Make func(monitor.Options) (monitor.Source, error)

// Topology is what the checks are put onto.
type Topology interface {
	// Snapshot is the newest.
	Snapshot() *topology.Snapshot
	// Changed is closed when there is a newer one.
	Changed() <-chan struct{}
	// PutChecks replaces the checks of the named nodes. What names no node is left
	// out.
	PutChecks(map[string][]topology.Check) error
}

// Options of a board. All but Keep and Note are required.
type Options struct {
	Topology Topology
	Make     Make
	// Keep keeps what is declared in a source; see [Board.Know].
	Keep func(source string, d *monitor.Declared) error
	// Note is told of what is new of sources, and when it was heard. It must not
	// block, nor write to it.
	Note func(at time.Time, n mapping.News)
	Log  *slog.Logger
}

// Board has the newest results of all sources. Its methods are safe for
// concurrent use.
type Board struct {
	Options
	wake chan struct{} // holds one

	mu      sync.Mutex
	active  bool
	running context.Context //nolint:containedctx // that of Run, for the readers that start later
	readers sync.WaitGroup
	rules   *mapping.Rules
	expiry  time.Duration
	sources map[string]*source
	onNode  map[string][]*check // the checks of all sources, by node
	dirty   map[string]bool     // nodes whose checks may have to be put anew
	seen    *topology.Snapshot  // up to where changes of the topology are known
	remap   bool                // all checks are to be mapped anew
	aged    time.Time
	astray  []Astray // see [Board.Astray]
	strayed bool     // that is as it is now
}

// New makes a board that does nothing before [Board.Run]. It is not active.
func New(opt Options) *Board {
	return &Board{
		Options: opt, wake: make(chan struct{}, 1), rules: &mapping.Rules{},
		sources: map[string]*source{}, onNode: map[string][]*check{}, dirty: map[string]bool{}, expiry: 24 * time.Hour,
	}
}

// Run works until ctx ends.
func (b *Board) Run(ctx context.Context) {
	b.mu.Lock()
	b.running = ctx
	for _, s := range b.sources {
		b.start(s)
	}
	b.mu.Unlock()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		changed := b.Topology.Changed()
		b.Settle(time.Now())
		select {
		case <-changed:
		case <-b.wake:
		case <-tick.C:
		case <-ctx.Done():
			b.mu.Lock()
			b.running = nil
			b.mu.Unlock()
			b.readers.Wait()
			return
		}
	}
}

// Activate has the board read its sources, or stop doing so: of the servers that
// share a store only one reads.
func (b *Board) Activate(active bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.active == active {
		return
	}
	b.active = active
	for _, s := range b.sources {
		if active {
			s.reset()
			b.start(s)
		} else {
			s.stop()
		}
	}
	b.seen, b.remap, b.strayed = nil, true, false
	b.rouse()
}

// Configure puts rules in force, and how long results are kept that are stale.
func (b *Board) Configure(rules *mapping.Rules, expiry time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.expiry != expiry {
		for _, s := range b.sources {
			s.turns.all = true
		}
	}
	b.expiry = expiry
	if b.rules != rules {
		b.rules, b.remap = rules, true
	}
	b.rouse()
}

// Sources replaces the sources by those of the list, which is valid. One whose
// options are the same goes on.
func (b *Board) Sources(list []monitor.Options) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := map[string]*source{}
	for _, opt := range list {
		if s := b.sources[opt.Name]; s != nil && s.opt == opt {
			next[opt.Name] = s
			continue
		}
		s, err := b.source(opt)
		if err != nil {
			return err
		}
		next[opt.Name] = s
	}
	for name, s := range b.sources {
		if next[name] == s {
			continue
		}
		s.stop()
		b.forget(s)
	}
	fresh := b.sources
	b.sources = next
	for name, s := range next {
		if fresh[name] != s {
			b.start(s)
		}
	}
	b.rouse()
	return nil
}

// Refresh reads a source now; false if there is none of the name. An empty name is
// all of them.
func (b *Board) Refresh(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := false
	for _, s := range b.sources {
		if name == "" || s.opt.Name == name {
			s.refresh()
			found = true
		}
	}
	return found
}

// rouse has the board look at what changed.
func (b *Board) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
