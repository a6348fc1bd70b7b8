package agent

import (
	"context"
	"errors"
	"time"

	"github.com/devops-trouble-map/dotm/agent/ending"
	"github.com/devops-trouble-map/dotm/report"
)

// Farewell bounds all that an agent does to say that it ends: to find out why, to look if
// it must, and to be heard. A host that goes down waits for none of its agents longer.
const Farewell = 2 * time.Second

// WhyLeaving says why this process is asked to end, as well as its host can tell:
// because that goes down, or for itself. It executes nothing, and takes less than half a
// second.
func WhyLeaving(ctx context.Context) report.Leaving { return ending.Why(ctx) }

// farewell tells the server that this agent ends, and why. It is tried once; who isn't
// heard falls silent, as a host does that dies. One that never was heard says nothing.
func (a *Agent) farewell(ctx context.Context) {
	if a.opt.Leaving == nil || !a.heard {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, Farewell)
	defer cancel()
	why := a.opt.Leaving(ctx)
	if err := a.sayFarewell(ctx, why); err != nil {
		a.opt.Log.Warn("server was not told that this agent ends", "error", err)
		return
	}
	a.opt.Log.Info("server was told that this agent ends", "why", string(why))
}

// sayFarewell delivers the last word. Where the server knows the report before, that takes
// no look: what a host shows while its services are being ended is no news of them.
func (a *Agent) sayFarewell(ctx context.Context, why report.Leaving) error {
	a.sequence++
	if sent, err := a.courier.farewell(ctx, a.sequence, why); sent {
		return err
	}
	r, err := a.opt.Looker.Scan(ctx)
	if err != nil {
		return err
	}
	a.complete(r)
	a.courier.prepare(r)
	r.Leaving = why
	return a.courier.deliver(ctx, r, time.Now())
}

// farewell tells the last word as a beat in which nothing changed. It returns false where
// the server has nothing that a beat could build on, or says that it hasn't.
func (c *courier) farewell(ctx context.Context, sequence uint64, why report.Leaving) (sent bool, err error) {
	if c.told == nil || c.doubt != nil {
		return false, nil
	}
	_, err = c.exchange(ctx, nil, c.told.farewell(sequence, time.Now(), why))
	var no *notTaken
	if errors.As(err, &no) && no.answered {
		c.told = nil
		return false, nil
	}
	return true, err
}

// farewell is a beat that says nothing but why it is the last.
func (t *told) farewell(sequence uint64, now time.Time, why report.Leaving) *report.Beat {
	r := t.report
	return &report.Beat{
		Version: r.Version, Structure: t.structure, Node: r.Node, Instance: r.Agent.Instance, Policy: r.Agent.Policy,
		Sequence: sequence, After: r.Sequence, At: now, SpanMS: max(now.Sub(r.Time).Milliseconds(), 0), IntervalMS: r.IntervalMS,
		Leaving: why, Shortages: r.Shortages, Coverage: r.Coverage, Cost: r.Cost,
	}
}
