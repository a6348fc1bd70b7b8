// Package agent looks at this host again and again and sends what it sees.
package agent

import (
	"context"
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
	// earliest is the shortest time from any look to one that an event causes.
	earliest = time.Second
	// share bounds what such looks cost: no more than one part in so many of a
	// processor.
	share = 100
)

// Looker takes looks at the host; [*scan.Scanner] is one.
type Looker interface {
	Scan(ctx context.Context) (*report.Report, error)
	// Events tells what happens between looks; see [scan.Scanner.Events].
	Events() <-chan scan.Event
}

// Sender delivers a report. When it returns nil, the server has it.
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
	// Once ends after the first look; Run returns why it was not delivered.
	Once bool
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
	sequence uint64
	unsent   *report.Report // the newest report that was not delivered
	failing  error
	backoff  time.Duration
	looked   time.Time     // when the last look began
	cost     time.Duration // what it cost the processor
}

// New checks the options.
func New(opt Options) (*Agent, error) {
	if err := CheckInterval(opt.Interval); err != nil {
		return nil, err
	}
	return &Agent{opt: opt}, nil
}

// Run looks and sends until ctx ends. Looks never overlap. A server that can't
// be reached costs no evidence: the counters of what was not delivered go on
// with the next report.
func (a *Agent) Run(ctx context.Context) error {
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
		wait := a.wait()
		due = time.Now().Add(wait)
		next.Reset(wait)
	}
}

// soon is when a look that an event at now asks for may be taken.
func (a *Agent) soon(now time.Time) time.Time {
	soon := now.Add(settle)
	if min := a.looked.Add(max(earliest, share*a.cost)); soon.Before(min) {
		return min
	}
	return soon
}

// wait is the time to the next look: the interval, or longer while the server
// is away, never in step with other agents then.
func (a *Agent) wait() time.Duration {
	if a.failing == nil {
		return a.opt.Interval
	}
	return max(a.opt.Interval, a.backoff/2+rand.N(a.backoff/2+1)) //nolint:gosec // spreads load, keeps no secret
}

// look takes one look and sends it.
func (a *Agent) look(ctx context.Context) error {
	a.looked = time.Now()
	r, err := a.opt.Looker.Scan(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.opt.Log.Error("looking at this host failed", "error", err)
		return fmt.Errorf("looking at this host: %w", err)
	}
	a.cost = time.Duration(r.Cost.CPUMicros) * time.Microsecond
	a.sequence++
	r.Version, r.Sequence, r.Zone = report.Version, a.sequence, a.opt.Zone
	r.IntervalMS, r.Agent.Version = a.opt.Interval.Milliseconds(), a.opt.Version
	if a.opt.Once {
		r.IntervalMS = 0
	}
	if a.unsent != nil {
		report.Carry(a.unsent, r)
	}
	report.Fit(r) // one that is still too large is refused with the reason
	if err := a.opt.Sender.Send(ctx, r); err != nil {
		a.fail(ctx, r, err)
		return fmt.Errorf("sending report: %w", err)
	}
	switch {
	case a.failing != nil:
		a.opt.Log.Info("server takes reports again")
	case a.sequence == 1 && a.opt.Delivered != nil:
		a.opt.Delivered(r)
	}
	a.unsent, a.failing, a.backoff = nil, nil, 0
	return nil
}

// maxBackoff is the longest wait for a server that is away.
const maxBackoff = time.Minute

func (a *Agent) fail(ctx context.Context, r *report.Report, err error) {
	if ctx.Err() != nil {
		return
	}
	if !a.opt.Once && (a.failing == nil || a.failing.Error() != err.Error()) {
		a.opt.Log.Error("report was not delivered; trying again", "error", err)
	}
	a.unsent, a.failing = r, err
	a.backoff = min(2*max(a.backoff, a.opt.Interval), max(maxBackoff, a.opt.Interval))
}
