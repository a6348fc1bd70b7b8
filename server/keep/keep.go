// Package keep writes the topology into the store behind the writer's back:
// changes are grouped, so that a slow disk never slows the live model. It also
// keeps what the history is made of: events, the states of nodes, who used what,
// and when nothing was seen.
package keep

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The rhythm of the keeper.
const (
	// Every is the longest time that a change is not yet in the store, but where
	// more nodes changed than are written at once.
	Every = time.Second
	// atOnce is how many of the nodes that the store has are written at once, those
	// that wait longest, of which more than numbers changed; and as many of which only
	// numbers did. structureWait and numbersWait are for how long they wait at most. All
	// of a large site's numbers change with each report, while it starts all of its
	// structure does, again and again; and who starts again is told all of that within
	// seconds.
	atOnce        = 200
	structureWait = 20 * time.Second
	numbersWait   = 30 * time.Second
	// perWrite bounds one transaction: so many services, connections and checks, about
	// ten megabytes with what is recorded of them.
	perWrite = 100_000
	// timesEvery is how often a node is written of which only times advanced,
	// and how often the store is told that the server runs.
	timesEvery = time.Minute
	// forgetEvery is how often the end of the history is cut off. Engines do
	// that in parts, which must keep up with what a large site appends.
	forgetEvery = time.Minute
	// maxPending bounds the events that wait for a store that fails.
	maxPending = 100_000
)

// Keeper keeps a topology in a store. If the store fails it keeps the newest
// state, retries each second, and says so in [Keeper.Err]. Its methods are safe
// for concurrent use.
type Keeper struct {
	store store.Store
	log   *slog.Logger
	meter Meter

	writing sync.Mutex // one flush at a time
	written map[string]written
	forgot  time.Time
	alive   time.Time
	started time.Time
	begun   bool // whether the store was asked if it holds any records
	records *history.Recorder
	sweep   history.Sweep
	standby bool
	ring    []seen // while on standby: what was shown lately, oldest first
	lapses  uint64 // of the store, as far as they are mended
	lapsed  func()

	mu       sync.Mutex
	snap     *topology.Snapshot
	events   []topology.Event
	gaps     []store.Gap
	lost     uint64 // events dropped
	failing  error
	settings store.Settings
	renewed  bool // since the last flush the settings changed
	// since is when the oldest change came that waits, writingSince that of those which
	// are being written now; zero if there are none. By the real clock.
	since, writingSince time.Time
	resting             bool // another server writes
}

// written is what the store holds of a node.
type written struct {
	block *topology.Block // as it is there, or in nothing but numbers otherwise
	at    time.Time
	older bool      // the numbers there are older than the block's
	since time.Time // when more than that changed, and waits; zero if nothing does
}

// New makes a keeper of a topology that was loaded from the store, which was
// alive until then.
func New(st store.Store, log *slog.Logger, meter Meter, loaded *topology.Snapshot, alive time.Time) *Keeper {
	k := &Keeper{store: st, log: log, meter: meter, snap: loaded, written: map[string]written{}, settings: store.Defaults(), started: loaded.At(), records: history.NewRecorder()}
	for b := range loaded.Blocks() {
		k.written[b.Node.Name] = written{block: b, at: loaded.At()}
	}
	if !alive.IsZero() && loaded.At().Sub(alive) > blindAfter {
		k.gaps = append(k.gaps, store.Gap{From: alive, To: loaded.At(), Why: "the server did not run"})
	}
	return k
}

// Configure puts settings in force. The next flush writes something in any case:
// an engine may have to write by the new settings what it holds.
func (k *Keeper) Configure(s store.Settings) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.settings, k.renewed = s, true
}

// Keep takes note of a new snapshot and the events that lead to it. It never
// blocks.
func (k *Keeper) Keep(s *topology.Snapshot, events []topology.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gaps = append(k.gaps, gaps(k.snap, s, events)...)
	k.snap = s
	if k.since.IsZero() {
		k.since = time.Now()
	}
	k.wait(events...)
}

// Losses are what was lost since the start.
func (k *Keeper) Losses() store.Losses {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := store.Losses{Events: k.lost}
	if s, ok := k.store.(forgetful); ok {
		l.Lapses = s.Lapses()
	}
	if s, ok := k.store.(copied); ok {
		l.Unconfirmed = s.Unconfirmed()
	}
	return l
}

// Run flushes once a second until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			_ = k.flush(ctx, now, byAndBy) // kept in k.failing, retried at the next tick
		case <-ctx.Done():
			return
		}
	}
}

// Flush writes what the store doesn't hold yet, but for numbers and times that wait for
// their turn; the last one these, too. It goes through even if ctx ends.
func (k *Keeper) Flush(ctx context.Context, now time.Time, last bool) error {
	if last {
		return k.flush(ctx, now, everything)
	}
	return k.flush(ctx, now, changes)
}

// flush writes in as many transactions as it takes.
func (k *Keeper) flush(ctx context.Context, now time.Time, all haste) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if k.standby {
		k.watch(now)
		return nil
	}
	if err := k.begin(ctx); err != nil {
		return fmt.Errorf("keeping state: %w", err)
	}
	for {
		more, err := k.write(ctx, now, all)
		if err != nil {
			return fmt.Errorf("keeping state: %w", err)
		}
		if !more || all == byAndBy && ctx.Err() != nil {
			return nil
		}
	}
}

// write writes one transaction, and says whether there is more to write now.
func (k *Keeper) write(ctx context.Context, now time.Time, all haste) (more bool, err error) {
	t := k.take()
	c, left := k.changeOf(&t, now, all)
	if c.Empty() {
		k.settled()
		return false, nil
	}
	c.Revision = t.snap.Revision()
	begin := time.Now()
	err = k.store.Write(context.WithoutCancel(ctx), c)
	k.meter.Wrote(time.Since(begin), len(c.Append), err)
	k.outcome(err, &t, left.behind(now))
	if err != nil {
		k.unrecord(&c)
		return false, err
	}
	for _, b := range c.Put {
		k.written[b.Node.Name] = written{block: b, at: now}
	}
	for _, name := range c.Delete {
		delete(k.written, name)
	}
	k.mend()
	if c.Forget != (store.Forget{}) {
		k.forgot = now
	}
	if !c.Alive.IsZero() {
		k.alive = now
	}
	return left.more, nil
}

// changeOf compares a snapshot with what the store holds, and takes what is due.
func (k *Keeper) changeOf(t *taken, now time.Time, all haste) (store.Change, left) {
	c := store.Change{Append: t.events, Gaps: t.gaps}
	due := k.due(t, now, all)
	for _, w := range due.put {
		if w.record {
			c.Records = k.record(c.Records, &t.settings, k.written[w.block.Node.Name].block, w.block, t.snap.At())
		}
		c.Put = append(c.Put, w.block)
	}
	for _, name := range due.gone {
		c.Delete = append(c.Delete, name)
		c.Records = append(c.Records, k.records.Gone(name, t.snap.At()))
	}
	c.Uses = append(k.sweep.Changed(t.snap, t.events, now), k.sweep.Next(t.snap, now, perSweep(t.snap))...)
	if now.Sub(k.forgot) >= forgetEvery {
		c.Forget = forget(&t.settings, now)
	}
	if all == everything || t.renewed || now.Sub(k.alive) >= timesEvery || !c.Empty() {
		c.Alive = now
	}
	return c, due.left
}

// forget says what the history may lose by the settings.
func forget(s *store.Settings, now time.Time) store.Forget {
	f := store.Forget{Bytes: s.RetentionBytes}
	if s.Retention > 0 {
		f.Before = now.Add(-time.Duration(s.Retention))
	}
	if s.LedgerRetention > 0 {
		f.Uses = now.Add(-time.Duration(s.LedgerRetention))
	}
	if s.AuditRetention > 0 {
		f.Audit = now.Add(-time.Duration(s.AuditRetention))
	}
	return f
}

// taken is what waits to be written, and under which settings.
type taken struct {
	snap     *topology.Snapshot
	events   []topology.Event
	gaps     []store.Gap
	settings store.Settings
	renewed  bool
}

// take removes what waits, to be written with the newest snapshot.
func (k *Keeper) take() taken {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := taken{k.snap, k.events, k.gaps, k.settings, k.renewed}
	k.events, k.gaps, k.renewed = nil, nil, false
	if k.writingSince.IsZero() {
		k.writingSince = k.since
	}
	k.since = time.Time{}
	return t
}

// settled says that there was nothing to write in what was taken.
func (k *Keeper) settled() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writingSince = time.Time{}
}

// wait puts events at the end of those that wait, and drops the oldest beyond
// the bound. The caller holds the lock.
func (k *Keeper) wait(events ...topology.Event) {
	k.events = append(k.events, events...)
	if over := len(k.events) - maxPending; over > 0 {
		k.events = k.events[over:]
		k.lost += uint64(over)
	}
}

// outcome records how a write went, and says so once when that changes. What
// was not written goes back in front of what came since. behind is how long ago the
// oldest change was that waits all the same.
func (k *Keeper) outcome(err error, t *taken, behind time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err != nil && k.failing == nil:
		k.log.Error("history is not being written; the live chart is not affected", "error", err)
	case err == nil && k.failing != nil:
		k.log.Info("history is being written again", "events lost so far", k.lost)
	}
	k.failing = err
	if err != nil {
		since := k.events
		k.events = nil
		k.wait(append(t.events, since...)...)
		k.gaps = append(t.gaps, k.gaps...)
		k.renewed = k.renewed || t.renewed
		return
	}
	k.writingSince = time.Time{}
	if behind > 0 {
		k.writingSince = time.Now().Add(-behind)
	}
}

// Err is why the last write failed; nil if it didn't.
func (k *Keeper) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failing == nil {
		return nil
	}
	return fmt.Errorf("history is not being written: %w", k.failing)
}
