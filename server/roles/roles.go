// Package roles follows a site and keeps what its nodes are to each other: which are
// of one role, which belong together, which serve everyone. Of the servers that share
// a store the one that leads finds it out; the others take it over.
//
// Nothing here holds up the writer: the finding is made beside it.
package roles

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Kind is the kind of the documents that are kept here.
const Kind = "roles"

// The documents of [Kind].
const (
	memoryKey  = "memory"  // what the next finding builds on
	foundKey   = "found"   // the roles in force
	choicesKey = "choices" // what people decided
)

// The rhythm.
const (
	// pause is the shortest time between two looks.
	pause = 2 * time.Second
	// lookEvery is how often a site is looked at that doesn't change: what was
	// found may settle.
	lookEvery = 30 * time.Second
	// writeEvery is how often evidence is kept that changes no role yet.
	writeEvery = 5 * time.Minute
)

// Site is what is followed.
type Site interface {
	Snapshot() *topology.Snapshot
	Changed() <-chan struct{}
	// Leads says whether this server finds things out for all.
	Leads() bool
	Documents(kind string) []store.Document
	ChangeDocuments(ctx context.Context, keep []store.Document, drop []store.DocumentKey) error
	// Decided is closed when another server changed documents.
	Decided() <-chan struct{}
	// Touch makes a new revision.
	Touch()
}

// Finder has the roles of a site. Its methods are safe for concurrent use.
type Finder struct {
	site Site
	log  *slog.Logger
	now  atomic.Pointer[grouping.Roles]
	wake chan struct{} // holds one

	choosing sync.Mutex

	// Of Run alone:
	memory  *grouping.Memory // nil while another server leads
	written time.Time
	kept    []byte // the memory as the store has it
}

// New makes a finder with the roles that are kept. What can't be read is found anew.
func New(site Site, log *slog.Logger) *Finder {
	f := &Finder{site: site, log: log, wake: make(chan struct{}, 1)}
	f.now.Store(&grouping.Roles{})
	f.takeOver()
	return f
}

// Roles are those in force. They must not be written.
func (f *Finder) Roles() *grouping.Roles { return f.now.Load() }

// Choices are what people decided. They may be changed.
func (f *Finder) Choices() grouping.Choices {
	var c grouping.Choices
	f.read(choicesKey, &c)
	return c
}

// Choose changes what people decided, all of it, and puts it in force within some
// seconds. A [*grouping.ChoiceError] says what is wrong with it.
func (f *Finder) Choose(ctx context.Context, change func(*grouping.Choices) error) error {
	f.choosing.Lock()
	defer f.choosing.Unlock()
	c := f.Choices()
	if err := change(&c); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	value, err := json.Marshal(&c)
	if err != nil {
		return fmt.Errorf("keeping choices: %w", err)
	}
	if err := f.site.ChangeDocuments(ctx, []store.Document{{Kind: Kind, Key: choicesKey, Value: value}}, nil); err != nil {
		return err
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return nil
}

// Run works until ctx ends.
func (f *Finder) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed, decided := f.site.Changed(), f.site.Decided()
		f.look(ctx, time.Now())
		f.await(ctx, changed, decided)
	}
	f.write(ctx, time.Now(), false)
}

// await waits until there may be something new, and a moment at least.
func (f *Finder) await(ctx context.Context, changed, decided <-chan struct{}) {
	rest, tick := time.NewTimer(pause), time.NewTimer(lookEvery)
	defer rest.Stop()
	defer tick.Stop()
	select { // choices don't wait
	case <-rest.C:
	case <-f.wake:
		return
	case <-decided:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-tick.C:
	case <-changed:
	case <-f.wake:
	case <-decided:
	case <-ctx.Done():
	}
}

// look brings the roles up to the newest snapshot.
func (f *Finder) look(ctx context.Context, at time.Time) {
	if !f.site.Leads() {
		f.memory = nil
		f.takeOver()
		return
	}
	if f.memory == nil {
		f.memory = &grouping.Memory{}
		f.read(memoryKey, f.memory)
		f.written, f.kept = at, nil
	}
	choices := f.Choices()
	next := f.memory.Advance(f.site.Snapshot(), &choices, at)
	changed := !next.Equal(f.now.Load())
	if changed {
		f.now.Store(next)
	}
	if changed || at.Sub(f.written) >= writeEvery {
		f.write(ctx, at, changed)
	}
	if changed {
		f.site.Touch()
	}
}

// takeOver puts in force what another server found.
func (f *Finder) takeOver() {
	next := &grouping.Roles{}
	if f.read(foundKey, next) && !next.Equal(f.now.Load()) {
		f.now.Store(next)
	}
}

// read reads a document, if there is one that can be read.
func (f *Finder) read(key string, into any) bool {
	for _, d := range f.site.Documents(Kind) {
		if d.Key != key {
			continue
		}
		if err := json.Unmarshal(d.Value, into); err != nil {
			f.log.Error("what is kept of the roles of nodes can't be read; it is found anew", "document", key, "error", err)
			return false
		}
		return true
	}
	return false
}

// write keeps what was found, if this server leads.
func (f *Finder) write(ctx context.Context, at time.Time, roles bool) {
	if f.memory == nil || f.site.Snapshot().Len() == 0 {
		return
	}
	f.written = at
	memory, err := json.Marshal(f.memory)
	if err == nil && !roles && bytes.Equal(memory, f.kept) {
		return
	}
	keep := []store.Document{{Kind: Kind, Key: memoryKey, Value: memory}}
	if err == nil && roles {
		var found []byte
		found, err = json.Marshal(f.now.Load())
		keep = append(keep, store.Document{Kind: Kind, Key: foundKey, Value: found})
	}
	if err == nil {
		err = f.site.ChangeDocuments(context.WithoutCancel(ctx), keep, nil)
	}
	if f.kept = memory; err != nil {
		f.kept = nil
		f.log.Warn("the roles of nodes were not kept; they are with the next change", "error", err)
	}
}
