// Package server is the live model: it takes reports in, keeps the topology
// up to date, and keeps the store up to date with it.
//
// One goroutine writes; everybody else reads immutable snapshots and never
// waits for it. It publishes at once when idle and at most every
// [PublishEvery] under load.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server/charts"
	"github.com/devops-trouble-map/dotm/server/incidents"
	"github.com/devops-trouble-map/dotm/server/keep"
	"github.com/devops-trouble-map/dotm/server/past"
	"github.com/devops-trouble-map/dotm/server/replica"
	"github.com/devops-trouble-map/dotm/server/roles"
	"github.com/devops-trouble-map/dotm/server/sampler"
	"github.com/devops-trouble-map/dotm/server/signals"
	"github.com/devops-trouble-map/dotm/server/tell"
	"github.com/devops-trouble-map/dotm/server/watch"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The rhythm of the server.
const (
	// PublishEvery is the shortest time between two snapshots.
	PublishEvery = 250 * time.Millisecond
	// ageEvery is how often ageing and silence are looked at.
	ageEvery = time.Second
	// queue is how many reports may wait for the writer.
	queue = 64
)

// ErrStopped is returned to callers of a server that no longer runs.
var ErrStopped = errors.New("server is stopping")

// errNotLeading gives a report back that another server is to apply.
var errNotLeading = errors.New("another server leads")

// LockedError refuses a change of settings that dotm.yaml fixes.
type LockedError struct{ Field string }

// Error names the field and says where to change it.
func (e *LockedError) Error() string {
	return e.Field + " is set in dotm.yaml: change it there and restart"
}

// LockedField names the setting.
func (e *LockedError) LockedField() string { return e.Field }

// Shared is what servers of one store share beside it; see [replica.Shared].
type Shared = replica.Shared

// LeaderLease is the lease that the server holds which leads those of a store.
const LeaderLease = replica.LeaderLease

// Options of a server.
type Options struct {
	// Store keeps the state; required. The server does not close it.
	Store store.Store
	// Version is dotm's, for backups to say.
	Version string
	// Fixed are the settings that come from the configuration file; nobody may
	// change them while it runs.
	Fixed store.Patch
	// Pollers ask nodes that don't report by themselves, by the scheme of their
	// addresses; without one of its scheme a target is refused.
	Pollers map[string]collect.Poller
	// Targets are the nodes to ask that come from the configuration file.
	Targets []collect.Target
	// Sources are the monitoring instances that come from the configuration file.
	// Monitors makes any, and Detect finds out of which kind one is; without them
	// there are passive ones only.
	Sources  []monitor.Options
	Monitors watch.Make
	Detect   func(context.Context, monitor.Options) (monitor.Kind, error)
	// Country and Owner tell of a public address whose it is, "" if that is not
	// known, for the setting internet_split; nil knows nothing.
	Country, Owner func(netip.Addr) string
	// Shared is what the servers of one store have in common; nil if this is the
	// only one. Name tells this one from the others, and changes with each start.
	Shared Shared
	Name   string
	// Receivers are told about incidents; PublicURL is where people reach the UI, and
	// Paint draws the piece of chart around a node or service. The last two may be
	// empty.
	Receivers []notify.Receiver
	PublicURL string
	Paint     func(ctx context.Context, of string) ([]byte, error)
	// Recorder, if set, takes note of what is taken in.
	Recorder Recorder
	// Meter, if set, takes note of how long things take.
	Meter Meter
	// Relives has the server begin as of a moment of the past, to relive what was
	// taken in since ([Server.Relive]), until [Server.Live]. Its store must be
	// empty, and its alone. Zero is the present.
	Relives time.Time
	// Log is required.
	Log *slog.Logger
}

// Server is the live model.
type Server struct {
	opt     Options
	started time.Time

	snapshot atomic.Pointer[topology.Snapshot]
	settings atomic.Pointer[store.Settings]
	beacon   beacon

	pace     pace
	puts     chan put
	changing sync.Mutex  // one change of settings at a time
	changed  store.Patch // what people changed; guarded by changing
	orders   chan order
	done     chan struct{} // closed when the writer has ended

	keeper    *keep.Keeper
	past      *past.Reader
	member    *replica.Member // nil if the store is this server's alone
	declaring sync.Mutex      // held while a version of the declaration is kept
	documents *documents
	decided   beacon // another server changed documents
	poller    *poller
	board     *watch.Board
	roles     *roles.Finder
	charts    *charts.Book
	sampler   *sampler.Sampler
	signals   *signals.Finder
	incidents *incidents.Desk
	teller    *tell.Teller
	rules     *mapping.Rules // of the settings in force
	sourcing  sync.Mutex     // one change of sources at a time
	clock     clock
	mirrored  atomic.Int64 // how old what was mirrored last was then, in ns
	reliving  sync.Mutex   // one moment at a time
	flushed   time.Time    // guarded by reliving: up to when the past is kept
	relived   time.Time    // guarded by reliving: up to when the past was relived
}

// order is something else that the writer is to do.
type order struct {
	do   func(w *writer)
	done chan<- struct{}
}

// put is one report on its way to the writer.
type put struct {
	report *report.Report
	at     time.Time
	asked  time.Time    // when it came, by the real clock
	done   chan<- error // takes one without waiting
}

// New loads the state from the store. Nothing runs before [Server.Run].
func New(ctx context.Context, opt Options) (*Server, error) {
	if opt.Monitors == nil {
		opt.Monitors = noMonitoring
	}
	if opt.Meter == nil {
		opt.Meter = noMeter{}
	}
	state, err := opt.Store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading state: %w", err)
	}
	s := &Server{opt: opt}
	if !opt.Relives.IsZero() {
		s.clock.hold(opt.Relives)
	}
	now := s.now()
	// The states of the last moment before a kill had names but are not in the
	// store. An epoch for each process keeps their names from being given again.
	rev := topology.Revision{Epoch: epoch(now), Number: state.Revision.Number}
	snap, err := topology.FromBlocks(rev, now, judged(state.Blocks))
	if err != nil {
		return nil, fmt.Errorf("loading state: %w", err)
	}
	s.started = now
	s.puts, s.orders, s.done = make(chan put, queue), make(chan order), make(chan struct{})
	s.keeper = keep.New(opt.Store, opt.Log, opt.Meter, snap, state.Alive)
	s.past = past.New(opt.Store)
	s.documents, s.changed = newDocuments(state.Documents), state.Settings
	s.keeper.OnLapse(s.keepAgain)
	if opt.Shared != nil {
		s.member = replica.New(replica.Options{Name: opt.Name, Shared: opt.Shared, Server: group{s}, Log: opt.Log})
		s.keeper.Standby()
	}
	s.snapshot.Store(snap)
	in, err := s.inForce(state.Settings)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if err := s.loadSources(); err != nil {
		return nil, err
	}
	if s.member == nil {
		s.board.Activate(true)
		s.recall()
	}
	s.enforce(in)
	s.roles, s.charts = roles.New(followed{s}, opt.Log), charts.New(followed{s}, opt.Log)
	s.sampler, s.signals = sampler.New(s), signals.New(followed{s}, opt.Log)
	s.incidents = incidents.New(followed{s}, opt.Log)
	s.teller = tell.New(followed{s}, tell.Options{Receivers: opt.Receivers, PublicURL: opt.PublicURL, Paint: opt.Paint, Log: opt.Log})
	return s, s.loadTargets()
}

// judged gives blocks that were written before there were checks the verdicts that
// all have.
func judged(blocks []*topology.Block) []*topology.Block {
	for _, b := range blocks {
		if b != nil && b.Node.OpenStatus == "" {
			b.Judge()
		}
	}
	return blocks
}

// epoch names the numbers of revisions that begin at a time.
func epoch(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 36) }

// Run works until ctx ends, then writes what is left to the store. It must be
// called once.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.poller.run(ctx) })
	wg.Go(func() { s.charts.Run(ctx) })
	for _, run := range []func(context.Context){s.keeper.Run, s.board.Run, s.roles.Run, s.sampler.Run, s.signals.Run, s.incidents.Run, s.teller.Run} {
		wg.Go(func() {
			if s.awaitLive(ctx) {
				run(ctx)
			}
		})
	}
	member, leave := context.WithCancel(context.WithoutCancel(ctx))
	left := make(chan struct{})
	go func() {
		defer close(left)
		if s.member != nil {
			s.member.Run(member)
		}
	}()
	s.write(ctx)
	close(s.done)
	wg.Wait()
	err := s.keeper.Flush(ctx, s.now(), true)
	leave() // another one leads only when all is written
	<-left
	return err
}

// Put takes a report in. When it returns nil the report is applied: it is part
// of a snapshot within [PublishEvery], and of the store within a second. Errors about the report itself
// are those of [report.Report.Validate]; one that is older than what was taken in
// wraps [collect.ErrReplayed].
func (s *Server) Put(ctx context.Context, r *report.Report) error {
	if s.clock.held() {
		return ErrRelives
	}
	now := s.now()
	if err := r.Validate(now); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("taking in report of %s: %w", r.Node.Name, err)
	}
	data := func() ([]byte, error) { return json.Marshal(r) }
	for {
		_, err := s.handOver(ctx, askReport, data, func() error { return s.put(ctx, r, now) })
		if !errors.Is(err, errNotLeading) {
			return err
		}
	}
}

// put hands a report to the writer, and waits until it is applied.
func (s *Server) put(ctx context.Context, r *report.Report, now time.Time) error {
	done := make(chan error, 1)
	select {
	case s.puts <- put{r, now, time.Now(), done}:
	case <-s.done:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("taking in report of %s: %w", r.Node.Name, ctx.Err())
	}
	select {
	case err := <-done:
		return err
	case <-s.done:
		return ErrStopped
	}
}

// order has the writer do something, and returns when that is done.
func (s *Server) order(do func(w *writer)) error {
	done := make(chan struct{})
	select {
	case s.orders <- order{do, done}:
	case <-s.done:
		return ErrStopped
	}
	select {
	case <-done:
		return nil
	case <-s.done:
		return ErrStopped
	}
}

// Snapshot is the newest topology. It never blocks.
func (s *Server) Snapshot() *topology.Snapshot { return s.snapshot.Load() }

// Changed returns a channel that is closed when the next snapshot is there.
// Take it before the snapshot to miss none.
func (s *Server) Changed() <-chan struct{} { return s.beacon.wait() }

// Started is when this server process began; history before it comes from the
// store.
func (s *Server) Started() time.Time { return s.started }

// Ready returns nil when reports are taken in and kept, else what is wrong.
func (s *Server) Ready() error {
	select {
	case <-s.done:
		return ErrStopped
	default:
	}
	if s.member != nil {
		if err := s.member.Err(); err != nil {
			return err
		}
	}
	return s.keeper.Err()
}

// beacon wakes any number of waiters, and never blocks the one who lights it.
type beacon struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *beacon) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *beacon) light() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
