package notify

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// clerk tells one receiver. A receiver that hangs holds up no other.
type clerk struct {
	Receiver
	desk   *Desk
	writer *Writer
	repeat time.Duration // 0: once is enough
	wake   chan struct{}

	// What follows is of the goroutine in run.
	marks map[string]Mark
	told  map[string]time.Time // when an open incident was sent last, by this server
	after map[string]time.Time // what was refused is not tried before
	fails int                  // in a row
	until time.Time            // nothing is tried before

	mu    sync.Mutex
	state Delivery
}

func (c *clerk) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *clerk) run(ctx context.Context) {
	c.marks, c.told, c.after, c.fails, c.until = nil, map[string]time.Time{}, map[string]time.Time{}, 0, time.Time{}
	for ctx.Err() == nil {
		next := c.round(ctx)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round tells what is due, and returns when to look again.
func (c *clerk) round(ctx context.Context) time.Duration {
	now := time.Now()
	if wait := c.until.Sub(now); wait > 0 {
		return wait
	}
	if !c.remember() {
		return c.failed(now)
	}
	list := c.desk.current(now)
	c.tidy(ctx, list, now)
	next := maxAgain
	var due []*Notice
	for _, in := range list {
		news, wait := c.due(in, now)
		wait = max(wait, c.after[in.ID].Sub(now))
		switch {
		case news == "":
		case wait > 0:
			next = min(next, wait)
		default:
			due = append(due, &Notice{News: news, At: now, Incident: *in})
		}
	}
	for i, n := range due {
		c.waiting(len(due) - i)
		if !c.tell(ctx, n) {
			return c.failed(time.Now())
		}
	}
	c.waiting(0)
	if len(due) > 0 {
		return 0 // what changed meanwhile
	}
	return next
}

// remember reads what was told before this server told anything.
func (c *clerk) remember() bool {
	if c.marks != nil {
		return true
	}
	marks, err := c.desk.ledger.Marks(c.Options.Name)
	if err != nil {
		c.note(err)
		return false
	}
	if c.marks = maps.Clone(marks); c.marks == nil {
		c.marks = map[string]Mark{}
	}
	return true
}

// tidy forgets marks of what ended and was told long ago.
func (c *clerk) tidy(ctx context.Context, list []*Incident, now time.Time) {
	known := make(map[string]bool, len(list))
	for _, in := range list {
		known[in.ID] = true
	}
	for id, m := range c.marks {
		if !known[id] && m.News == Resolved && now.Sub(m.At) > endedFor {
			if c.desk.ledger.Keep(ctx, c.Options.Name, id, nil) == nil {
				delete(c.marks, id)
				delete(c.told, id)
			}
		}
	}
	for id := range c.after {
		if !known[id] {
			delete(c.after, id)
		}
	}
}

// due is what there is to tell of an incident, and in how long; no news if nothing.
func (c *clerk) due(in *Incident, now time.Time) (News, time.Duration) {
	m, told := c.marks[in.ID]
	wait := c.Options.Wait()
	switch {
	case !in.Ended.IsZero():
		if told && m.News != Resolved {
			return Resolved, 0
		}
		return "", 0
	case in.Acknowledged && (!told || m.News == Resolved || c.repeat == 0):
		return "", 0
	case !told:
		return Opened, in.Opened.Add(wait).Sub(now)
	case m.News == Resolved:
		return Reopened, in.Opened.Add(wait).Sub(now)
	case in.cause() != m.Cause && in.cause() != "" && !in.Acknowledged:
		if left := in.CauseSince.Add(wait).Sub(now); left <= 0 || c.repeat == 0 {
			return CauseChanged, left
		}
	}
	if c.repeat > 0 {
		return m.News, c.told[in.ID].Add(c.repeat).Sub(now)
	}
	return "", 0
}

// tell sends a notice and remembers that. It returns false if the receiver, or the
// ledger, seems to be away.
func (c *clerk) tell(ctx context.Context, n *Notice) bool {
	id := n.Incident.ID
	err := c.write(n)
	if err == nil {
		n.Picture = c.desk.picture(ctx, &n.Incident)
		sending, cancel := context.WithTimeout(ctx, sendTime)
		err = c.Sender.Send(sending, n)
		cancel()
	} else {
		err = &Refused{err}
	}
	c.note(err)
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		c.after[id] = n.At.Add(maxAgain)
		return true
	case err != nil:
		return false
	}
	c.fails = 0
	c.told[id] = n.At
	m := Mark{News: n.News, Cause: n.Incident.cause(), At: n.At, Opened: n.Incident.Opened}
	if old, ok := c.marks[id]; ok && old.News == m.News && old.Cause == m.Cause { // repeated
		return true
	}
	c.marks[id] = m // though it may not be kept: this server doesn't tell it twice
	if err := c.desk.ledger.Keep(context.WithoutCancel(ctx), c.Options.Name, id, &m); err != nil {
		c.desk.log.Warn("that somebody was told of an incident is not kept: it may be told again after a restart", "receiver", c.Options.Name, "incident", id, "error", err)
	}
	return true
}

// write makes the notice's text.
func (c *clerk) write(n *Notice) (err error) {
	n.Text = Card(n)
	if c.writer != nil {
		n.Text, err = c.writer.Write(n)
	}
	return err
}

// note keeps how a delivery went.
func (c *clerk) note(err error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.state.Sent++
		c.state.LastSent, c.state.Error, c.state.Since = now, "", time.Time{}
		return
	}
	if c.state.Failed++; c.state.Error == "" {
		c.state.Since = now
		c.desk.log.Warn("a receiver can't be told", "receiver", c.Options.Name, "error", err)
	}
	c.state.Error = err.Error()
}

func (c *clerk) waiting(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Waiting = n
}

// failed is how long to wait after a failure: longer each time, and not the same for
// all.
func (c *clerk) failed(now time.Time) time.Duration {
	c.fails++
	wait := min(minAgain<<min(c.fails-1, 10), maxAgain)
	wait += rand.N(wait / 5) //nolint:gosec // nobody gains by guessing it
	c.until = now.Add(wait)
	return wait
}
