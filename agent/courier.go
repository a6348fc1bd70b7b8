package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// Exchanger is a [Sender] whose server says what it wants of the agent.
type Exchanger interface {
	Sender
	// Exchange delivers a report, or what a beat tells of it: one of them is
	// nil. The policy is nil if the server has none.
	Exchange(ctx context.Context, r *report.Report, b *report.Beat) (*report.Policy, error)
}

// maxPolicy bounds what is read of an answer: two lists of the most networks
// that there may be.
const maxPolicy = 1 << 20

// notTaken is why a report was surely not taken in. After any other error the
// server may have it.
type notTaken struct {
	error
	answered bool // by the server, which wants it otherwise
	whole    bool // it doesn't have what a beat builds on
}

// NotTaken marks the error of an [Exchanger] that did not send at all.
func NotTaken(err error) error { return &notTaken{error: err} }

// Unwrap gives the reason.
func (e *notTaken) Unwrap() error { return e.error }

// notReached marks the error of a request that never left: no connection could
// be made.
func notReached(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return NotTaken(err)
	}
	return err
}

// policyOf reads a server's answer; nil if it is none.
func policyOf(resp *http.Response) *report.Policy {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxPolicy))
	var p report.Policy
	if err != nil || len(raw) == 0 || json.Unmarshal(raw, &p) != nil {
		return nil
	}
	return &p
}

// Exchange delivers a report, or a beat, gzipped.
func (s *HTTPSender) Exchange(ctx context.Context, r *report.Report, b *report.Beat) (*report.Policy, error) {
	var body bytes.Buffer
	if b != nil {
		if err := report.EncodeBeat(&body, b); err != nil {
			return nil, NotTaken(err)
		}
		return s.post(ctx, report.BeatType, &body)
	}
	s.sending.Lock()
	err := s.encoder.Encode(&body, r)
	s.sending.Unlock()
	if err != nil {
		return nil, NotTaken(err)
	}
	return s.post(ctx, "application/gzip", &body)
}

// courier delivers reports: whole or as beats, each event exactly once.
//
// What a report counts is a batch with a number: the sequence of the report. A
// batch that was surely not delivered goes back to what is owed. One that the
// server may have, though the answer was lost, is in doubt. It goes along with
// the next reports unchanged and under its number ([report.Report].Counted), so
// that the server counts it once; what happens meanwhile waits until it is
// known to be there.
type courier struct {
	sender Sender
	log    *slog.Logger

	told   *told     // nil: the next report must be whole
	asked  int       // how often in a row the server asked for the whole
	shun   time.Time // no beats before then
	owed   ledger
	doubt  *batch
	policy report.Policy
	folder *folder
	absurd string        // the last policy that was ignored, and why
	trip   time.Duration // of the delivery before
	looked time.Time     // the report before, by the clock of reports
}

// batch is what one report counted.
type batch struct {
	sequence uint64
	counts   ledger
}

func newCourier(s Sender, log *slog.Logger) *courier { return &courier{sender: s, log: log} }

// prepare writes a report as the policy wants it.
func (c *courier) prepare(r *report.Report) {
	if !c.looked.IsZero() {
		r.SpanMS = max(r.Time.Sub(c.looked).Milliseconds(), 0)
	}
	c.looked = r.Time
	r.Agent.Policy = c.policy.Name
	c.folder.fold(r)
	r.Steady()
}

// keep takes what a report counted, which is not sent.
func (c *courier) keep(r *report.Report) { c.owed.take(r) }

// interval is the one that the server wants, else the one that was asked for.
func (c *courier) interval(asked time.Duration) time.Duration {
	if c.policy.IntervalMS != 0 {
		return time.Duration(c.policy.IntervalMS) * time.Millisecond
	}
	return asked
}

// deliver sends a report: as a beat where the server knows the one before, else
// whole.
func (c *courier) deliver(ctx context.Context, r *report.Report, looked time.Time) error {
	r.LagMS = (time.Since(looked) + c.trip/2).Milliseconds()
	if c.doubt == nil && c.owed.empty() {
		if b := c.told.beat(r); b != nil {
			policy, err := c.exchange(ctx, nil, b)
			var why *notTaken
			if err == nil || !errors.As(err, &why) || !why.answered {
				return c.outcome(r, b, policy, err)
			}
			c.refused(why)
		}
	} else {
		c.settle(r)
	}
	c.fit(r)
	policy, err := c.exchange(ctx, r, nil)
	return c.outcome(r, nil, policy, err)
}

// The server asks for the whole when it has started anew, and has others to
// remember. One that asks again and again has no use for beats.
const (
	maxAsked = 3
	shunFor  = time.Hour
)

// refused takes note that a beat was.
func (c *courier) refused(why *notTaken) {
	if c.asked++; why.whole && c.asked < maxAsked {
		return
	}
	c.log.Warn("server takes no beats of this agent: sending whole reports for now", "error", why, "for", shunFor)
	c.asked, c.shun = 0, time.Now().Add(shunFor)
}

// settle puts what is owed into a report, or what is in doubt.
func (c *courier) settle(r *report.Report) {
	c.owed.take(r)
	if c.doubt != nil {
		c.doubt.counts.fill(r, report.MaxRows)
		r.Counted = c.doubt.sequence
		return
	}
	c.owed.fill(r, maxClosed)
}

// fit leaves out of a report what is too much. What it counts waits for the
// next; but a batch must not be divided between two.
func (c *courier) fit(r *report.Report) {
	left, _ := report.Fit(r) // one that is still too large is refused with the reason
	if c.doubt == nil {
		c.owed.put(r, left)
		return
	}
	for i := range left {
		r.Coverage.OpensLost += left[i].Opened + left[i].Refused + left[i].TimedOut + left[i].Failed
	}
}

// exchange sends one of the two, and measures how long that takes.
func (c *courier) exchange(ctx context.Context, r *report.Report, b *report.Beat) (*report.Policy, error) {
	x, ok := c.sender.(Exchanger)
	if !ok {
		return nil, c.sender.Send(ctx, r)
	}
	began := time.Now()
	policy, err := x.Exchange(ctx, r, b)
	if err == nil {
		c.trip = time.Since(began)
	}
	return policy, err
}

// outcome takes note of what became of a report that was sent, as a beat if b
// isn't nil.
func (c *courier) outcome(r *report.Report, b *report.Beat, policy *report.Policy, err error) error {
	var why *notTaken
	switch {
	case err == nil:
		c.delivered(r, b, policy)
		return nil
	case c.doubt != nil:
		c.doubt.counts.take(r)
	case errors.As(err, &why):
		c.owed.take(r)
	default:
		c.doubt = &batch{sequence: r.Sequence}
		c.doubt.counts.take(r)
	}
	c.told = nil
	return err
}

func (c *courier) delivered(r *report.Report, b *report.Beat, policy *report.Policy) {
	c.doubt = nil
	c.follow(policy)
	switch {
	case policy == nil || !policy.Beats || time.Now().Before(c.shun):
		c.told = nil
	case b == nil:
		c.told = newTold(r)
	default:
		c.asked = 0
		c.told.delivered(b)
	}
}

// follow does as a policy says, unless that makes no sense.
func (c *courier) follow(p *report.Policy) {
	if p == nil {
		return
	}
	if err := p.Validate(); err != nil {
		if c.absurd != err.Error() {
			c.absurd = err.Error()
			c.log.Warn("policy of the server makes no sense, and is ignored", "error", err)
		}
		return
	}
	c.policy.IntervalMS = p.IntervalMS
	if p.Name == c.policy.Name || len(p.InternalNetworks) == 0 {
		return // known already; or nothing would be internal
	}
	c.policy.Name, c.folder = p.Name, newFolder(p)
}
