package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The rhythm of the keeper.
const (
	// keepEvery is the longest time that an acknowledged change is not yet in
	// the store.
	keepEvery = time.Second
	// timesEvery is how often a node is written of which only times advanced.
	timesEvery = time.Minute
	// forgetEvery is how often the end of the history is cut off. Engines do
	// that in parts, which must keep up with what a large site appends.
	forgetEvery = time.Minute
	// maxPending bounds the events that wait for a store that fails.
	maxPending = 100_000
)

// keeper writes the topology behind the writer's back: changes are grouped, so
// that a slow disk never slows the live model. If the store fails it keeps the
// newest state, retries each second, and says so in [Server.Ready].
type keeper struct {
	store    store.Store
	log      *slog.Logger
	settings store.Patch // guarded by Server.changing

	writing sync.Mutex // one flush at a time
	written map[string]written
	forgot  time.Time

	mu        sync.Mutex
	snap      *topology.Snapshot
	events    []topology.Event
	lost      int // events dropped since the store failed
	failing   error
	retention time.Duration // of events; 0 is for ever
}

// written is what the store holds of a node.
type written struct {
	block *topology.Block
	at    time.Time
}

func newKeeper(st store.Store, log *slog.Logger, loaded *topology.Snapshot, settings store.Patch) *keeper {
	k := &keeper{
		store: st, log: log, settings: settings, snap: loaded,
		written: map[string]written{},
	}
	for b := range loaded.Blocks() {
		k.written[b.Node.Name] = written{b, loaded.At()}
	}
	return k
}

// keep takes note of a new snapshot. It never blocks.
func (k *keeper) keep(s *topology.Snapshot, events []topology.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.snap = s
	k.wait(events...)
}

// run flushes once a second until ctx ends.
func (k *keeper) run(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			_ = k.flush(ctx, now, false) // kept in k.failing, retried at the next tick
		case <-ctx.Done():
			return
		}
	}
}

// flush writes what the store doesn't hold yet; the last one also what would
// have waited for its time. It goes through even if ctx ends.
func (k *keeper) flush(ctx context.Context, now time.Time, last bool) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	snap, events := k.take()
	c := k.changeOf(snap, now, last)
	c.Append = events
	if c.Empty() {
		return nil
	}
	c.Revision = snap.Revision()
	err := k.store.Write(context.WithoutCancel(ctx), c)
	k.outcome(err, events)
	if err != nil {
		return fmt.Errorf("keeping state: %w", err)
	}
	for _, b := range c.Put {
		k.written[b.Node.Name] = written{b, now}
	}
	for _, name := range c.Delete {
		delete(k.written, name)
	}
	if c.Forget != (store.Forget{}) {
		k.forgot = now
	}
	return nil
}

// changeOf compares a snapshot with what the store holds.
func (k *keeper) changeOf(snap *topology.Snapshot, now time.Time, last bool) store.Change {
	var c store.Change
	for b := range snap.Blocks() {
		w, ok := k.written[b.Node.Name]
		if !ok || (w.block != b && (last || !onlyTimes(w.block, b) || now.Sub(w.at) >= timesEvery)) {
			c.Put = append(c.Put, b)
		}
	}
	for name := range k.written {
		if snap.Block(name) == nil {
			c.Delete = append(c.Delete, name)
		}
	}
	if keep := k.keepFor(); keep > 0 && now.Sub(k.forgot) >= forgetEvery {
		c.Forget.Before = now.Add(-keep)
	}
	return c
}

// onlyTimes says whether b differs from a in advancing times alone.
func onlyTimes(a, b *topology.Block) bool {
	return sameSlice(a.Services, b.Services) && sameSlice(a.Connections, b.Connections) && topology.SameNode(&a.Node, &b.Node)
}

func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// take removes the waiting events, to be written with the newest snapshot.
func (k *keeper) take() (*topology.Snapshot, []topology.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	events := k.events
	k.events = nil
	return k.snap, events
}

// wait puts events at the end of those that wait, and drops the oldest beyond
// the bound. The caller holds the lock.
func (k *keeper) wait(events ...topology.Event) {
	k.events = append(k.events, events...)
	if over := len(k.events) - maxPending; over > 0 {
		k.events = k.events[over:]
		k.lost += over
	}
}

// outcome records how a write went, and says so once when that changes. What
// was not written goes back in front of what came since.
func (k *keeper) outcome(err error, events []topology.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err != nil && k.failing == nil:
		k.log.Error("history is not being written; the live chart is not affected", "error", err)
	case err == nil && k.failing != nil:
		k.log.Info("history is being written again", "events lost", k.lost)
		k.lost = 0
	}
	k.failing = err
	if err != nil {
		since := k.events
		k.events = nil
		k.wait(append(events, since...)...)
	}
}

func (k *keeper) err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failing == nil {
		return nil
	}
	return fmt.Errorf("history is not being written: %w", k.failing)
}

// keepEvents sets how long events are kept; 0 is for ever.
func (k *keeper) keepEvents(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.retention = d
}

func (k *keeper) keepFor() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.retention
}

// saveSettings stores what people changed, at once.
func (k *keeper) saveSettings(ctx context.Context, p store.Patch) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if err := k.store.Write(context.WithoutCancel(ctx), store.Change{Settings: &p}); err != nil {
		return fmt.Errorf("saving settings: %w", err)
	}
	k.settings = p
	return nil
}
