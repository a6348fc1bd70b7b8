// Package agent looks at this host again and again and sends what it sees.
package agent

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
)

// Limits of the interval.
const (
	MinInterval = 100 * time.Millisecond
	MaxInterval = report.MaxInterval
)

// The rhythm of looks that events cause.
const (
	// settle is how long an event waits for others that come with it.
	settle = 200 * time.Millisecond
	// earliest is the shortest time from any look to one that an event causes;
	// it is longer where looks are dear and many, see [guard].
	earliest = time.Second
)

// HealthEvery is how often an agent asks at least for the health of many
// connections (see [scan.Options]): in every third look at the default interval
// of 10 s. Which connections there are, and what waits, every look sees.
const HealthEvery = 25 * time.Second

// patience is the longest that a delivery may take. Senders that talk over a
// network have shorter limits of their own; this one keeps a host visible
// whatever a sender waits for.
const patience = 30 * time.Second

// Looker takes looks at the host; [*scan.Scanner] is one.
type Looker interface {
	Scan(ctx context.Context) (*report.Report, error)
	// Events tells what happens between looks; see [scan.Scanner.Events].
	Events() <-chan scan.Event
}

// Sender delivers a report. When it returns nil, the server has it. It returns
// soon after ctx ended.
type Sender interface {
	Send(ctx context.Context, r *report.Report) error
}

// Options of an agent.
type Options struct {
	Looker   Looker
	Sender   Sender
	Interval time.Duration // between looks, MinInterval to MaxInterval
	Zone     string
	Version  string // of dotm
	Log      *slog.Logger
	// CPU is the processor time that the process took so far, where looking and
	// sending is all that it does ([ProcessCPU]): then deliveries and collected
	// garbage count as part of a look's cost. Where it is nil, only what looks
	// say themselves is counted ([report.Cost]).
	CPU func() time.Duration
	// Release, if set, gives back what the process doesn't need until the next
	// look, like [ReleaseProgram]. It is called between looks, but not more
	// often than every few seconds.
	Release func() error
	// Once ends after the first look; Run returns why it was not delivered.
	Once bool
	// Leaving, if set, says why the agent ends, like [WhyLeaving]: then it says so to
	// the server before Run returns, which takes [Farewell] at most.
	Leaving func(ctx context.Context) report.Leaving
	// Delivered, if set, is told of the first report, where that is delivered at
	// the first try.
	Delivered func(*report.Report)
}

// CheckInterval says what is wrong with d as an interval.
func CheckInterval(d time.Duration) error {
	if d < MinInterval || d > MaxInterval {
		return fmt.Errorf("interval must be %s to %s, is %s", MinInterval, MaxInterval, d)
	}
	return nil
}

// Agent is a scan loop.
type Agent struct {
	opt      Options
	instance string
	sequence uint64
	courier  *courier
	heard    bool // by the server, at least once
	failing  error
	backoff  time.Duration
	retry    time.Time // not before then, while the server is away
	looked   time.Time // when the last look began
	guard    *guard
	cpu      func() time.Duration
	process  usage
	released time.Time // when memory was last given back
}

// usage is what the whole process took of the processor between the last two
// looks.
type usage struct {
	since time.Time
	then  time.Duration // the processor time by then
	took  time.Duration
	over  time.Duration // how long that was
}

// New checks the options.
func New(opt Options) (*Agent, error) {
	if err := CheckInterval(opt.Interval); err != nil {
		return nil, err
	}
	a := &Agent{
		opt: opt, guard: newGuard(opt.Interval), cpu: opt.CPU, instance: newInstance(),
		courier: newCourier(opt.Sender, opt.Log),
	}
	if a.cpu == nil {
		a.cpu = func() time.Duration { return 0 }
	}
	return a, nil
}

// newInstance names a process of an agent: 128 random bits in hex.
func newInstance() string {
	var b [16]byte
	_, _ = crand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Run looks and sends until ctx ends. Looks never overlap, neither each other
// nor a delivery: what is due meanwhile is one look afterwards, however much
// happened. Looks that cost more than a hundredth of a processor come less
// often than was asked for; the reports say so. While the server is away it goes on
// looking, tries it ever less often, and keeps what it counted ([maxOwed]
// edges): the first report that gets through brings it along.
func (a *Agent) Run(ctx context.Context) error {
	err := a.run(ctx)
	if !a.opt.Once {
		a.farewell(context.WithoutCancel(ctx))
	}
	return err
}

func (a *Agent) run(ctx context.Context) error {
	events := a.opt.Looker.Events()
	next, due := time.NewTimer(0), time.Now()
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		case _, ok := <-events:
			if !ok {
				events = nil
			} else if soon := a.soon(time.Now()); a.failing == nil && soon.Before(due) {
				due = soon // what happened is seen by a look a moment later
				next.Reset(time.Until(soon))
			}
			continue
		}
		err := a.look(ctx)
		if a.opt.Once {
			return err
		}
		a.release(time.Now())
		wait := a.wait()
		due = time.Now().Add(wait)
		next.Reset(wait)
	}
}

// soon is when a look that an event at now asks for may be taken.
func (a *Agent) soon(now time.Time) time.Time {
	soon := now.Add(settle)
	return later(soon, later(a.looked.Add(earliest), a.guard.free(a.looked, now)))
}

// jitter is the part by which the time between two looks differs, one in so
// many, so that agents which were started together don't report together.
const jitter = 10

// wait is the time to the next look: the interval in force, a little more or
// less.
func (a *Agent) wait() time.Duration {
	return spread(a.guard.every*(jitter-1)/jitter, a.guard.every*2/jitter)
}

// spread is a time of at least so much, and up to so much more.
func spread(least, more time.Duration) time.Duration {
	return least + rand.N(more+1) //nolint:gosec // spreads load, keeps no secret
}

// look takes one look and sends it, or keeps what it counted while the server is
// away.
func (a *Agent) look(ctx context.Context) error {
	r, err := a.scan(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.opt.Log.Error("looking at this host failed", "error", err)
		return fmt.Errorf("looking at this host: %w", err)
	}
	a.complete(r)
	a.courier.prepare(r)
	if a.failing != nil && time.Now().Before(a.retry) {
		a.courier.keep(r)
		return nil
	}
	if err := a.send(ctx, r); err != nil {
		a.fail(ctx, err)
		return fmt.Errorf("sending report: %w", err)
	}
	switch {
	case a.failing != nil:
		a.opt.Log.Info("server takes reports again")
	case a.sequence == 1 && a.opt.Delivered != nil:
		a.opt.Delivered(r)
	}
	a.failing, a.backoff, a.heard = nil, 0, true
	a.guard.ask(a.courier.interval(a.opt.Interval))
	return nil
}

// releaseEvery is the shortest time between two releases of memory: they are for
// pauses.
const releaseEvery = 5 * time.Second

// release gives memory back if it is time.
func (a *Agent) release(now time.Time) {
	if a.opt.Release == nil || now.Sub(a.released) < releaseEvery {
		return
	}
	a.released = now
	if err := a.opt.Release(); err != nil {
		a.opt.Log.Debug("memory was not given back", "error", err)
	}
}

// scan takes one look and counts what it cost, also if it came to nothing.
func (a *Agent) scan(ctx context.Context) (*report.Report, error) {
	a.looked = time.Now()
	before := a.cpu()
	a.process.next(a.looked, before)
	r, err := a.opt.Looker.Scan(ctx)
	cost := a.cpu() - before
	if r != nil {
		cost = max(cost, time.Duration(r.Cost.CPUMicros)*time.Microsecond)
	}
	slowed := a.guard.slowed()
	a.guard.add(a.looked, cost)
	a.tell(slowed)
	return r, err
}

// next ends one period and begins another.
func (u *usage) next(now time.Time, cpu time.Duration) {
	if !u.since.IsZero() {
		u.took, u.over = cpu-u.then, now.Sub(u.since)
	}
	u.since, u.then = now, cpu
}

// tell logs that the guard stepped in or let go.
func (a *Agent) tell(before bool) {
	switch {
	case a.guard.slowed() == before:
	case before:
		a.opt.Log.Info("looks are cheap again: looking as often as asked for", "interval", a.opt.Interval)
	default:
		about := []any{"look", rough(a.guard.mean()), "asked", a.opt.Interval, "interval", a.guard.every}
		if a.process.took > 0 {
			about = append(about, "process", percent(a.process.took, a.process.over))
		}
		a.opt.Log.Warn("looks cost more than a hundredth of a processor: looking less often", about...)
	}
}

// complete adds to a look what the agent knows.
func (a *Agent) complete(r *report.Report) {
	a.sequence++
	r.Version, r.Sequence, r.Zone = report.Version, a.sequence, a.opt.Zone
	r.IntervalMS, r.Agent.Version, r.Agent.Instance = a.guard.every.Milliseconds(), a.opt.Version, a.instance
	if a.opt.Once {
		r.IntervalMS = 0
	}
	r.Cost.ProcessMicros = a.process.took.Microseconds()
	if a.guard.slowed() {
		r.Notes = append(r.Notes, a.guard.note)
	}
}

// send delivers a report. What that costs the processor is part of the look's
// cost.
func (a *Agent) send(ctx context.Context, r *report.Report) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before := a.cpu()
	defer func() { a.guard.charge(a.cpu() - before) }()
	return a.courier.deliver(ctx, r, a.looked)
}

// maxBackoff is the longest wait for a server that is away.
const maxBackoff = time.Minute

func (a *Agent) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if !a.opt.Once && (a.failing == nil || a.failing.Error() != err.Error()) {
		a.opt.Log.Error("report was not delivered; trying again", "error", err)
	}
	a.failing = err
	a.backoff = min(2*max(a.backoff, a.guard.every), max(maxBackoff, a.guard.every))
	wait := spread(a.backoff/2, a.backoff/2) // never in step with other agents
	var away *awayError
	if errors.As(err, &away) {
		wait = max(wait, spread(away.after, away.after/2))
	}
	a.retry = time.Now().Add(wait)
}
