package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
)

// eye is a looker that sees one connection open at each look.
type eye struct {
	began  time.Time
	events chan scan.Event
	takes  time.Duration // of a look
	costs  func() time.Duration
	err    error
	looks  []time.Duration // when they began, since the start
	busy   atomic.Int32
	t      *testing.T
}

func (e *eye) Scan(ctx context.Context) (*report.Report, error) {
	if e.busy.Add(1) != 1 {
		e.t.Error("two looks overlap")
	}
	defer e.busy.Add(-1)
	e.looks = append(e.looks, time.Since(e.began))
	select {
	case <-time.After(e.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e.err != nil {
		return nil, e.err
	}
	var cost report.Cost
	if e.costs != nil {
		cost.CPUMicros = e.costs().Microseconds()
	}
	return &report.Report{
		Cost: cost,
		Time: time.Now(), Node: report.Node{Name: "web", Identity: report.Identity{Kind: report.IdentityMachine, Value: "1"}},
		Connections: []report.Connection{{
			Direction: report.Out, Protocol: report.TCP, Process: "curl", Peer: netip.MustParseAddr("10.0.0.1"), Port: 80, Count: 1, Opened: 1,
		}},
	}, nil
}

func (e *eye) Events() <-chan scan.Event { return e.events }

// line is a sender that fails for a while, or hangs.
type line struct {
	broken atomic.Bool
	hangs  atomic.Bool
	takes  time.Duration // of a delivery
	after  time.Duration // when to try again, says a broken one
	works  func()
	sent   []report.Report // delivered
	tried  int
	tries  []time.Time
	busy   atomic.Int32
	t      *testing.T
}

func (l *line) Send(ctx context.Context, r *report.Report) error {
	if l.busy.Add(1) != 1 {
		l.t.Error("two deliveries overlap")
	}
	defer l.busy.Add(-1)
	l.tried++
	l.tries = append(l.tries, time.Now())
	if l.works != nil {
		l.works()
	}
	if l.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(l.takes) //nolint:forbidigo // the bubble's clock
	if l.broken.Load() && l.after > 0 {
		return &notTaken{error: &awayError{errors.New("too many requests"), l.after}}
	}
	if l.broken.Load() {
		return &notTaken{error: errors.New("connection refused")}
	}
	l.sent = append(l.sent, *r)
	return nil
}

// rig is an agent under test, in a bubble.
type rig struct {
	eye  *eye
	line *line
	log  strings.Builder
	opt  Options
}

func newRig(t *testing.T, interval time.Duration) *rig {
	r := &rig{eye: &eye{began: time.Now(), events: make(chan scan.Event), t: t}, line: &line{t: t}}
	r.opt = Options{
		Looker: r.eye, Sender: r.line, Interval: interval, Zone: "dc1", Version: "1.2.3",
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	return r
}

// start lets the agent work until stop is called.
func (r *rig) start(t *testing.T, a *Agent) (stop func(), ended chan error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended = make(chan error)
	go func() { ended <- a.Run(ctx) }()
	return cancel, ended
}

// run lets the agent work while f runs, and stops it.
func (r *rig) run(t *testing.T, f func()) {
	t.Helper()
	a, err := New(r.opt)
	if err != nil {
		t.Fatal(err)
	}
	cancel, ended := r.start(t, a)
	f()
	synctest.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run returns %v", err)
	}
}

func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // the bubble's clock

// gaps are the times between looks.
func (r *rig) gaps() (list []time.Duration) {
	for i := 1; i < len(r.eye.looks); i++ {
		list = append(list, r.eye.looks[i]-r.eye.looks[i-1])
	}
	return list
}

func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 10*time.Second)
		r.run(t, func() { pass(35 * time.Second) })
		if len(r.eye.looks) != 4 || r.eye.looks[0] != 0 {
			t.Errorf("looks at %v", r.eye.looks)
		}
		for i, s := range r.line.sent {
			if s.Sequence != uint64(i+1) || s.IntervalMS != 10_000 || s.Zone != "dc1" || s.Agent.Version != "1.2.3" || s.Version != report.Version {
				t.Errorf("report %d is %+v", i, s)
			}
			if s.Connections[0].Opened != 1 {
				t.Errorf("report %d opened %d", i, s.Connections[0].Opened)
			}
		}
	})
}

// TestSlowLooks: a look that takes longer than the interval delays the next.
func TestSlowLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Second)
		r.eye.takes = 5 * time.Second
		r.run(t, func() { pass(30 * time.Second) })
		if n := len(r.eye.looks); n < 4 || n > 6 {
			t.Errorf("%d looks of 5 s in 30 s", n)
		}
	})
}

func TestEventsCauseEarlyLooks(t *testing.T) {
	for _, tt := range []struct {
		name         string
		every, lasts time.Duration
		least, most  int // looks
	}{
		{"one", time.Minute, 5 * time.Second, 2, 2},
		{"a flood", 10 * time.Millisecond, 8 * time.Second, 7, 9},
		{"just under a second", 900 * time.Millisecond, 9 * time.Second, 8, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, time.Minute)
				r.run(t, func() {
					pass(time.Millisecond)
					for began := time.Now(); time.Since(began) < tt.lasts; pass(min(tt.every, tt.lasts)) {
						r.eye.events <- scan.Event{}
					}
				})
				if n := len(r.eye.looks); n < tt.least || n > tt.most {
					t.Errorf("looks at %v", r.eye.looks)
				}
				for _, g := range r.gaps() {
					if g < earliest {
						t.Errorf("looks at %v are %s apart", r.eye.looks, g)
					}
				}
			})
		})
	}
}

// TestSoon: an event is looked into at once, but neither more often than once a
// second nor at the price of more than a hundredth of a processor.
func TestSoon(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name        string
		since, cost time.Duration
		want        time.Duration
	}{
		{"long ago", 8 * time.Second, 2 * time.Millisecond, settle},
		{"just now", 0, 2 * time.Millisecond, earliest},
		{"half a second ago", 500 * time.Millisecond, 2 * time.Millisecond, 500 * time.Millisecond},
		{"a look of some cost", time.Second, 30 * time.Millisecond, settle},
		{"a dear look", time.Second, 200 * time.Millisecond, 19 * time.Second},
		{"a dear look, long ago", 20 * time.Second, 200 * time.Millisecond, settle},
	} {
		a := &Agent{looked: now.Add(-tt.since), guard: warm(time.Minute)}
		a.guard.add(a.looked, tt.cost)
		if got := a.soon(now).Sub(now); got != tt.want {
			t.Errorf("%s: in %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestEventsDelayNothing: a look that is due sooner stays so.
func TestEventsDelayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 200*time.Millisecond)
		r.run(t, func() {
			for range 20 {
				pass(50 * time.Millisecond)
				r.eye.events <- scan.Event{}
			}
		})
		if n := len(r.eye.looks); n < 5 {
			t.Errorf("looks at %v", r.eye.looks)
		}
	})
}

// TestSlowSender: deliveries that take long delay looks, and nothing piles up
// behind them, though the interval is short and much happens.
func TestSlowSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 500*time.Millisecond)
		r.eye.events = make(chan scan.Event, 64)
		r.line.takes = 7 * time.Second
		r.run(t, func() { r.flood(2 * time.Minute) })
		if n := len(r.eye.looks); n < 15 || n > 18 {
			t.Errorf("%d looks in two minutes with deliveries of 7 s: %v", n, r.eye.looks)
		}
		for _, g := range r.gaps() {
			if g < 7*time.Second+settle || g > 8*time.Second {
				t.Errorf("looks are %s apart: %v", g, r.eye.looks)
			}
		}
	})
}

// flood makes events for so long, and drops them as a scanner does when nobody
// takes them.
func (r *rig) flood(lasts time.Duration) {
	for began := time.Now(); time.Since(began) < lasts; pass(50 * time.Millisecond) {
		select {
		case r.eye.events <- scan.Event{}:
		default:
		}
	}
}

// TestHangingSender: a delivery that never ends is given up, looks go on, and
// nothing that was counted meanwhile is lost.
func TestHangingSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Second)
		r.line.hangs.Store(true)
		const hung = 10 * time.Minute
		r.run(t, func() {
			pass(hung)
			r.line.hangs.Store(false)
			pass(patience + maxBackoff + 10*time.Second)
		})
		hangs := 0
		for _, g := range r.gaps() {
			switch {
			case g >= patience:
				hangs++
				if g > patience+2*time.Second {
					t.Errorf("looks are %s apart", g)
				}
			case g < 900*time.Millisecond || g > 1100*time.Millisecond:
				t.Errorf("looks are %s apart", g)
			}
		}
		if hangs < 7 || hangs > 20 {
			t.Errorf("%d deliveries hung in ten minutes", hangs)
		}
		var opened uint64
		for _, s := range r.line.sent {
			opened += s.Connections[0].Opened
		}
		if int(opened) != len(r.eye.looks) {
			t.Errorf("%d of %d openings delivered", opened, len(r.eye.looks))
		}
		if n := strings.Count(r.log.String(), "was not delivered"); n != 1 || !strings.Contains(r.log.String(), "deadline exceeded") {
			t.Errorf("it says %d times: %s", n, r.log.String())
		}
	})
}

// TestSlowEverything: looks and deliveries that both take longer than the
// interval still come one after the other.
func TestSlowEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, MinInterval)
		r.eye.events = make(chan scan.Event, 64)
		r.eye.takes, r.line.takes = 3*time.Second, 4*time.Second
		r.run(t, func() { r.flood(time.Minute) })
		for _, g := range r.gaps() {
			if g < 7*time.Second+MinInterval*9/10 || g > 7*time.Second+settle {
				t.Errorf("looks are %s apart: %v", g, r.eye.looks)
			}
		}
		if n := len(r.line.sent); n < 7 || n > 9 {
			t.Errorf("%d reports in a minute", n)
		}
	})
}

func TestEventsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 10*time.Second)
		close(r.eye.events)
		r.run(t, func() { pass(25 * time.Second) })
		if len(r.eye.looks) != 3 {
			t.Errorf("looks at %v", r.eye.looks)
		}
	})
}

// TestBackoff: while the server is away the agent asks ever less often, never
// more often than usual, also if much happens; and it says so once. It goes on
// looking all the while.
func TestBackoff(t *testing.T) {
	for _, interval := range []time.Duration{MinInterval, 10 * time.Second, 5 * time.Minute} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, interval)
				r.line.broken.Store(true)
				r.run(t, func() {
					for range 600 {
						pass(3 * time.Second)
						r.eye.events <- scan.Event{}
					}
				})
				longest := max(maxBackoff, interval) + interval*11/10
				var last time.Duration
				for i := 1; i < len(r.line.tries); i++ {
					last = r.line.tries[i].Sub(r.line.tries[i-1])
					if last < interval*9/10 || last > longest {
						t.Errorf("try %d comes %s after the one before", i+1, last)
					}
				}
				if last < max(maxBackoff, interval)/2 {
					t.Errorf("after half an hour it still tries every %s", last)
				}
				if n, least := len(r.eye.looks), int(30*time.Minute/interval); n < least*9/10 || n > least*10/9+1 {
					t.Errorf("%d looks in half an hour", n)
				}
				if n := strings.Count(r.log.String(), "was not delivered"); n != 1 {
					t.Errorf("it says so %d times", n)
				}
			})
		})
	}
}

// TestJitter: agents that began together are soon out of step, and none is
// ever far from its interval.
func TestJitter(t *testing.T) {
	a := &Agent{guard: newGuard(10 * time.Second)}
	waits := map[time.Duration]bool{}
	for range 50 {
		w := a.wait()
		if w < 9*time.Second || w > 11*time.Second {
			t.Errorf("waits %s", w)
		}
		waits[w] = true
	}
	if len(waits) < 40 {
		t.Errorf("%d different waits of 50", len(waits))
	}
}

func TestBackoffIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Agent{guard: newGuard(time.Second), opt: Options{Log: slog.New(slog.DiscardHandler)}, backoff: maxBackoff}
		waits := map[time.Duration]bool{}
		for range 50 {
			a.fail(t.Context(), errors.New("away"))
			w := time.Until(a.retry)
			if w < maxBackoff/2 || w > maxBackoff {
				t.Errorf("waits %s", w)
			}
			waits[w] = true
		}
		if len(waits) < 40 {
			t.Errorf("%d different waits of 50", len(waits))
		}
	})
}

// TestStaysAway: an agent that is told when to come again doesn't come before, and
// goes on looking.
func TestStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 10*time.Second)
		r.line.broken.Store(true)
		r.line.after = 5 * time.Minute
		r.run(t, func() { pass(12 * time.Minute) })
		for i := 1; i < len(r.line.tries); i++ {
			if gap := r.line.tries[i].Sub(r.line.tries[i-1]); gap < 5*time.Minute || gap > 5*time.Minute*3/2+11*time.Second {
				t.Errorf("try %d comes %s after the one before", i+1, gap)
			}
		}
		if len(r.line.tries) < 2 || len(r.eye.looks) < 60 {
			t.Errorf("%d tries, %d looks", len(r.line.tries), len(r.eye.looks))
		}
	})
}

// TestCarry: what opened while the server was away is counted when it is back.
func TestCarry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 10*time.Second)
		r.line.broken.Store(true)
		r.run(t, func() {
			pass(5 * time.Minute)
			synctest.Wait()
			r.line.broken.Store(false)
			pass(3 * time.Minute)
		})
		var opened uint64
		for _, s := range r.line.sent {
			opened += s.Connections[0].Opened
		}
		if int(opened) != len(r.eye.looks) || len(r.line.sent) >= r.line.tried {
			t.Errorf("%d of %d openings delivered in %d reports", opened, len(r.eye.looks), len(r.line.sent))
		}
		if got := r.line.sent[1].Connections[0].Opened; got != 1 {
			t.Errorf("the second delivery counts %d", got)
		}
		if !strings.Contains(r.log.String(), "server takes reports again") {
			t.Error("it doesn't say that all is well again")
		}
	})
}

func TestLookFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 10*time.Second)
		r.eye.err = errors.New("no /proc")
		r.run(t, func() { pass(25 * time.Second) })
		if len(r.eye.looks) != 3 || r.line.tried != 0 {
			t.Errorf("looks at %v, %d tried", r.eye.looks, r.line.tried)
		}
	})
}

func TestOnce(t *testing.T) {
	broken := errors.New("no /proc")
	for _, tt := range []struct {
		name  string
		spoil func(*rig)
		want  string
	}{
		{"delivered", func(*rig) {}, ""},
		{"not delivered", func(r *rig) { r.line.broken.Store(true) }, "sending report: connection refused"},
		{"not seen", func(r *rig) { r.eye.err = broken }, "looking at this host: no /proc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 10*time.Second)
				r.opt.Once = true
				tt.spoil(r)
				a, err := New(r.opt)
				if err != nil {
					t.Fatal(err)
				}
				err = a.Run(t.Context())
				if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
					t.Errorf("Run returns %v, want %q", err, tt.want)
				}
				if len(r.eye.looks) != 1 || tt.want == "" && r.line.sent[0].IntervalMS != 0 {
					t.Errorf("looks at %v, sent %+v", r.eye.looks, r.line.sent)
				}
			})
		})
	}
}

// TestCancelledLook: a look that is cut short is no failure to speak of.
func TestCancelledLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Second)
		r.eye.takes = time.Hour
		r.run(t, func() { pass(time.Minute) })
		if r.line.tried != 0 || strings.Contains(r.log.String(), "ERROR") {
			t.Errorf("%d tried, the log says %s", r.line.tried, r.log.String())
		}
	})
}

func TestCheckInterval(t *testing.T) {
	for d, want := range map[time.Duration]bool{
		MinInterval: true, MaxInterval: true, time.Second: true,
		0: false, -time.Second: false, MinInterval - 1: false, MaxInterval + 1: false,
	} {
		if err := CheckInterval(d); (err == nil) != want {
			t.Errorf("%s: %v", d, err)
		}
		if _, err := New(Options{Interval: d}); (err == nil) != want {
			t.Errorf("New with %s: %v", d, err)
		}
	}
}

// TestDelivered: the first report that gets through is told of, once.
func TestDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Second)
		told := 0
		r.opt.Delivered = func(*report.Report) { told++ }
		r.run(t, func() { pass(5 * time.Second) })
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}

// TestRelease: memory is given back between looks, whether reports are delivered
// or not, but not all the time.
func TestRelease(t *testing.T) {
	for interval, want := range map[time.Duration]int{time.Second: 5, 10 * time.Second: 3} {
		for _, broken := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, interval)
				r.line.broken.Store(broken)
				released := 0
				r.opt.Release = func() error { released++; return errors.New("no") }
				r.run(t, func() { pass(24 * time.Second) })
				if !broken && released != want || released == 0 || released > want {
					t.Errorf("every %s, broken %t: released %d times, want %d", interval, broken, released, want)
				}
			})
		}
	}
}
