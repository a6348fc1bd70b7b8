package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// wholeType is the media type of a whole report.
const wholeType = "application/gzip"

// The rhythm of agents, as package agent has it.
const (
	jitter     = 10 // the time between two reports differs by one in so many
	maxBackoff = time.Minute
)

// agent is one of the crowd: it reports what the site says of its host.
type agent struct {
	*crowd
	name    string
	line    line
	rng     *rand.PCG
	stirred atomic.Bool // its next report is whole

	instance string
	policy   string
	script   *script // nil: the server doesn't know a report that beats could build on
	sequence uint64
	last     time.Time // when it looked last
	tried    time.Time // when it first tried to report
	backoff  time.Duration
	in       bool // its last report was taken in

	caller, called string // the call that was its last change
	ready          []byte // its first report, made beforehand
	first          *report.Report
}

func newAgent(c *crowd, name string, i uint64) *agent {
	return &agent{crowd: c, name: name, rng: rand.NewPCG(c.seed, i)}
}

// run reports until ctx ends, the first time after a while.
func (a *agent) run(ctx context.Context, first time.Duration) {
	defer a.line.close()
	next := time.NewTimer(first)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			next.Reset(a.round(ctx))
		case <-ctx.Done():
			return
		}
	}
}

// round reports once, and returns for how long to wait then.
func (a *agent) round(ctx context.Context) time.Duration {
	began := time.Now()
	if a.tried.IsZero() {
		a.tried = began
	}
	err := a.report(ctx)
	switch {
	case ctx.Err() != nil:
		return time.Hour
	case err == nil:
		a.backoff = 0
		return max(a.spread(a.interval*(jitter-1)/jitter, a.interval*2/jitter)-time.Since(began), 0)
	}
	var r *refusal
	if errors.As(err, &r) || errors.Is(err, errWhole) {
		a.refused.Add(1)
	} else {
		a.failed.Add(1)
	}
	a.complain(err)
	a.taken(false)
	a.script = nil
	a.backoff = min(2*max(a.backoff, a.interval), max(maxBackoff, a.interval))
	return a.spread(a.backoff/2, a.backoff/2)
}

// spread is a time of at least so much, and up to so much more.
func (a *agent) spread(least, more time.Duration) time.Duration {
	return least + time.Duration(a.rng.Uint64()%uint64(more+1))
}

// taken takes note of whether the last report was taken in.
func (a *agent) taken(in bool) {
	if in && !a.in {
		a.reporting.Add(1)
		if a.sequence > 0 && !a.tried.IsZero() {
			a.silence.add(time.Since(a.tried))
			a.tried = time.Now()
		}
	} else if !in && a.in {
		a.reporting.Add(-1)
	}
	a.in = in
}

// changes draws whether the structure of this report is another. A call shows at both of
// its ends, so that half as many are needed.
func (a *agent) changes() bool {
	return float64(a.rng.Uint64()>>11)/(1<<53)*100 < a.structure/2
}

// report delivers a report: a beat where that says all.
func (a *agent) report(ctx context.Context) error {
	mark := 0
	if a.script != nil && a.changes() {
		mark = a.change(a)
	}
	if stirred := a.stirred.Swap(false); a.script != nil && !stirred {
		err := a.beat(ctx)
		if !errors.Is(err, errWhole) {
			return err
		}
		a.asked.Add(1)
	}
	return a.whole(ctx, mark)
}

// beat tells what changed.
func (a *agent) beat(ctx context.Context) error {
	now := time.Now()
	m := moment{a.policy, a.sequence + 1, a.sequence, now, now.Sub(a.last), a.interval}
	body, told, err := a.script.packed(m, a.rng)
	if err != nil {
		return err
	}
	sent := time.Now()
	answer, err := a.line.post(ctx, report.BeatType, body)
	if err != nil {
		return err
	}
	a.took.add(time.Since(sent))
	a.beats.Add(1)
	a.told.Add(int64(told))
	a.beatBytes.Add(int64(len(body)))
	a.sequence, a.last = a.sequence+1, now
	a.follow(answer)
	return nil
}

// prepare looks, and encodes the whole report. It returns nil where the host doesn't run.
func (a *agent) prepare() (*report.Report, []byte, error) {
	span := time.Duration(0)
	if !a.last.IsZero() {
		span = time.Since(a.last)
	}
	r := a.look(a.name, span)
	if r == nil {
		return nil, nil, nil
	}
	if r.Agent.Instance != a.instance {
		a.instance, a.sequence, a.policy = r.Agent.Instance, 0, ""
	}
	r.Sequence, r.Time, r.IntervalMS, r.Agent.Policy = a.sequence+1, time.Now(), a.interval.Milliseconds(), a.policy
	body, err := packReport(r)
	return r, body, err
}

// whole tells all.
func (a *agent) whole(ctx context.Context, mark int) error {
	r, body := a.first, a.ready
	if a.first, a.ready = nil, nil; r == nil {
		var err error
		if r, body, err = a.prepare(); err != nil {
			return err
		}
	}
	if r == nil { // the host is off, and so is its agent
		a.off()
		return nil
	}
	sent := time.Now()
	a.marks.sent(mark, sent)
	answer, err := a.line.post(ctx, wholeType, body)
	if err != nil {
		return err
	}
	a.took.add(time.Since(sent))
	a.crowd.whole.Add(1)
	a.rows.Add(int64(len(r.Connections)))
	a.bytes.Add(int64(len(body)))
	a.sequence, a.last = r.Sequence, r.Time
	if r.Leaving != "" {
		a.off()
		return nil
	}
	a.script, err = newScript(r)
	a.follow(answer)
	return err
}

// off ends what was between the agent and the server.
func (a *agent) off() {
	a.line.close()
	a.script, a.last, a.tried = nil, time.Time{}, time.Time{}
	a.taken(false)
}

// follow takes note of what the server wants.
func (a *agent) follow(answer []byte) {
	name, beats := policyOf(answer)
	a.policy = name
	if !beats {
		a.script = nil
	}
	a.taken(true)
}
