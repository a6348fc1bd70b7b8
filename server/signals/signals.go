// Package signals follows a site and tells what trouble its sockets show, as the checks
// of a source that is built in. Of the servers that share a store the one that leads
// finds it out.
//
// Nothing here holds up the writer: it is found beside it.
package signals

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/signal"
)

// Kind is the kind of the documents that are kept here: what is usual on edges, in
// parts. Which signals there are is kept with the nodes.
const Kind = "signals"

// The rhythm.
const (
	// pause is the shortest time between two looks, and slow how many times longer than a
	// look the pause after it is.
	pause = 250 * time.Millisecond
	slow  = 4
	// lookEvery is how often a site is looked at that doesn't change: silence is told
	// by time.
	lookEvery = 5 * time.Second
	// parts are how many documents there are, and writeEvery is how often some of them
	// are written, so that each is within a quarter of an hour.
	parts      = 64
	perWrite   = 4
	writeEvery = time.Minute
)

// Site is what is followed.
type Site interface {
	Snapshot() *topology.Snapshot
	Changed() <-chan struct{}
	// Leads says whether this server finds things out for all.
	Leads() bool
	// Rules are those in force.
	Rules() signal.Rules
	// Signal takes in what was found at a moment.
	Signal(at time.Time, n signal.News)
	Documents(kind string) []store.Document
	ChangeDocuments(ctx context.Context, keep []store.Document, drop []store.DocumentKey) error
}

// Finder finds signals. Its methods are safe for concurrent use.
type Finder struct {
	site Site
	log  *slog.Logger

	mu      sync.Mutex
	memory  *signal.Memory // nil while another server leads
	written time.Time
	next    int // the part to write
}

// New makes a finder that knows nothing yet.
func New(site Site, log *slog.Logger) *Finder { return &Finder{site: site, log: log} }

// Run works until ctx ends.
func (f *Finder) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := f.site.Changed()
		now := time.Now()
		f.Look(now)
		cost := time.Since(now)
		f.write(ctx, now)
		await(ctx, changed, max(pause, slow*cost))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.memory != nil {
		f.keep(context.WithoutCancel(ctx), parts)
	}
}

// await waits until there may be something new, and a moment at least.
func await(ctx context.Context, changed <-chan struct{}, pause time.Duration) {
	rest, tick := time.NewTimer(pause), time.NewTimer(lookEvery)
	defer rest.Stop()
	defer tick.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
		return
	}
	select {
	case <-tick.C:
	case <-changed:
	case <-ctx.Done():
	}
}

// Look finds what there is to tell of the newest snapshot. It is called by
// [Finder.Run]; where that doesn't run, by whoever says which time it is.
func (f *Finder) Look(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.site.Leads() {
		f.memory = nil
		return
	}
	if f.memory == nil {
		f.memory, f.written = f.recall(), now
	}
	if n := f.memory.Look(f.site.Snapshot(), f.site.Rules(), now); len(n.Checks)+len(n.Gone) > 0 {
		f.site.Signal(now, n)
	}
}

// recall is the memory as it was kept. What can't be read is learned anew.
func (f *Finder) recall() *signal.Memory {
	m := signal.New()
	var errs []error
	for _, d := range f.site.Documents(Kind) {
		if err := m.Load(d.Value); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		f.log.Error("what is usual on connections can't be read; it is learned anew", "error", err)
	}
	return m
}

// write keeps some parts of the memory if it is time.
func (f *Finder) write(ctx context.Context, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.memory != nil && now.Sub(f.written) >= writeEvery {
		f.written = now
		f.keep(ctx, perWrite)
	}
}

// keep writes the next parts.
func (f *Finder) keep(ctx context.Context, n int) {
	there := map[string]bool{}
	for _, d := range f.site.Documents(Kind) {
		there[d.Key] = true
	}
	var keep []store.Document
	var drop []store.DocumentKey
	for range n {
		key := strconv.Itoa(f.next)
		value, err := f.memory.Save(f.next, parts)
		f.next = (f.next + 1) % parts
		switch {
		case err != nil:
			f.log.Error("what is usual on connections was not kept", "error", err)
		case value != nil:
			keep = append(keep, store.Document{Kind: Kind, Key: key, Value: value})
		case there[key]:
			drop = append(drop, store.DocumentKey{Kind: Kind, Key: key})
		}
	}
	if len(keep)+len(drop) == 0 {
		return
	}
	if err := f.site.ChangeDocuments(ctx, keep, drop); err != nil {
		f.log.Warn("what is usual on connections was not kept; it is tried again", "error", err)
	}
}
