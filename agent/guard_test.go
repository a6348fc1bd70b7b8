package agent

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
)

// warm is a guard that has its first look behind it.
func warm(set time.Duration) *guard {
	g := newGuard(set)
	g.add(time.Time{}, 0)
	return g
}

// history is what a guard did, look by look.
type history struct {
	at    []time.Time
	costs []time.Duration
	every []time.Duration // in force after the look
}

// live takes looks at the guard's own pace for so long.
func (h *history) live(g *guard, lasts time.Duration, cost func() time.Duration) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if n := len(h.at); n > 0 {
		now = h.at[n-1].Add(g.every)
	}
	for end := now.Add(lasts); now.Before(end); now = now.Add(g.every) {
		c := cost()
		g.add(now, c)
		h.at, h.costs, h.every = append(h.at, now), append(h.costs, c), append(h.every, g.every)
	}
}

// changes counts how often the interval moved.
func (h *history) changes() (n int) {
	for i := 1; i < len(h.every); i++ {
		if h.every[i] != h.every[i-1] {
			n++
		}
	}
	return n
}

func always(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func TestGuardSettles(t *testing.T) {
	for _, tt := range []struct {
		name      string
		set, cost time.Duration
		want      time.Duration
	}{
		{"nothing", 10 * time.Second, 0, 10 * time.Second},
		{"a usual look", 10 * time.Second, 3 * time.Millisecond, 10 * time.Second},
		{"just the budget", 10 * time.Second, 100 * time.Millisecond, 10 * time.Second},
		{"just above", 10 * time.Second, 101 * time.Millisecond, 13 * time.Second},
		{"four times", 10 * time.Second, 400 * time.Millisecond, 44 * time.Second},
		{"asked for often", 100 * time.Millisecond, 3 * time.Millisecond, 300 * time.Millisecond},
		{"far beyond", 10 * time.Second, 30 * time.Second, 5 * time.Minute},
		{"beyond, one a minute", time.Minute, 2 * time.Second, 200 * time.Second},
		{"dear and rare", 5 * time.Minute, 2 * time.Second, 5 * time.Minute},
		{"rarer than the guard makes it", 10 * time.Minute, 30 * time.Second, 10 * time.Minute},
		{"as rare as can be", MaxInterval, time.Hour, MaxInterval},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, h := warm(tt.set), history{}
			h.live(g, max(time.Hour, 5*tt.set), always(tt.cost))
			// Steps of the ladder are a quarter apart: no more than that above.
			if g.every < tt.want || g.every > tt.want*5/4 || tt.want == tt.set && g.every != tt.set {
				t.Errorf("interval is %s, want %s to %s", g.every, tt.want, tt.want*5/4)
			}
			if last := len(h.every); last > 40 {
				for _, e := range h.every[last*3/4:] {
					if e != g.every {
						t.Fatalf("interval swings: %v", h.every[last*3/4:])
					}
				}
			}
			for i := 1; i < len(h.every); i++ {
				if h.every[i] > 2*h.every[i-1] {
					t.Errorf("interval jumps from %s to %s", h.every[i-1], h.every[i])
				}
			}
		})
	}
}

// TestGuardWaitsForTheBudget: nothing moves before a minute's budget is spent.
func TestGuardWaitsForTheBudget(t *testing.T) {
	g := warm(time.Second)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 6 {
		g.add(now, 100*time.Millisecond)
		if g.slowed() {
			t.Fatalf("slowed after %d looks, %s spent", i+1, g.spent(now))
		}
		now = now.Add(g.every)
	}
	g.add(now, 100*time.Millisecond)
	if !g.slowed() || g.every > 2*g.set {
		t.Errorf("interval is %s after %s were spent", g.every, g.spent(now))
	}
}

func TestGuardLetsGo(t *testing.T) {
	g, h := warm(10*time.Second), history{}
	h.live(g, 10*time.Minute, always(400*time.Millisecond))
	if !g.slowed() {
		t.Fatal("dear looks are not slowed")
	}
	h.live(g, 5*time.Minute, always(2*time.Millisecond))
	if g.slowed() || g.every != g.set {
		t.Errorf("after 5 minutes of cheap looks the interval is %s", g.every)
	}
}

// TestGuardForgivesOne: the first look fills caches and moves nothing; one dear
// look among cheap ones is soon forgotten, and never leads to a long silence.
func TestGuardForgivesOne(t *testing.T) {
	g, h := newGuard(10*time.Second), history{}
	costs := map[int]time.Duration{0: 20 * time.Second, 30: 20 * time.Second}
	h.live(g, 20*time.Minute, func() time.Duration {
		if c, ok := costs[len(h.at)]; ok {
			return c
		}
		return 2 * time.Millisecond
	})
	for i, e := range h.every {
		if e > time.Minute || i < 30 && e != g.set || i > 36 && e != g.set {
			t.Errorf("after look %d the interval is %s", i, e)
		}
	}
}

// TestGuardIsSteady: looks whose costs spread by a third around what is just
// too much move the interval a few times, not at every look.
func TestGuardIsSteady(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, mean := range []time.Duration{90 * time.Millisecond, 100 * time.Millisecond, 110 * time.Millisecond, 500 * time.Millisecond} {
		g, h := warm(10*time.Second), history{}
		h.live(g, 10*time.Hour, func() time.Duration {
			return mean*2/3 + time.Duration(random.Int64N(int64(mean*2/3)))
		})
		if n := h.changes(); n > len(h.every)/50 {
			t.Errorf("looks of %s: the interval moved %d times in %d looks", mean, n, len(h.every))
		}
	}
}

// TestGuardKeepsTheBudget: whatever looks cost, the interval stays within its
// limits, and once it had time to settle the share is no more than promised,
// unless the longest interval forbids.
func TestGuardKeepsTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := time.Duration(rapid.Int64Range(int64(2*time.Second), int64(20*time.Minute)).Draw(t, "set"))
		low := time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "low"))
		spread := time.Duration(rapid.Int64Range(0, int64(low/2)).Draw(t, "spread"))
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		g, h := warm(set), history{}
		h.live(g, 2*time.Hour, func() time.Duration { return low + time.Duration(random.Int64N(int64(spread)+1)) })
		var sum time.Duration
		began := h.at[0].Add(time.Hour)
		for i, at := range h.at {
			if e := h.every[i]; e < set || e > max(set, slowest) || e > MaxInterval {
				t.Fatalf("interval is %s, asked for %s", e, set)
			}
			if !at.Before(began) {
				sum += h.costs[i]
			}
		}
		over := h.at[len(h.at)-1].Add(g.every).Sub(began)
		if allowed := over/share + over/share/20 + low + spread; sum > allowed && g.every < slowest {
			t.Errorf("looks of %s to %s took %s in %s, at %s", low, low+spread, sum, over, g.every)
		}
		if len(g.looks) > int(window/MinInterval)+few {
			t.Errorf("%d looks are remembered", len(g.looks))
		}
	})
}

// TestFree: events are looked into at once while half of the budget is left, then
// as late as the dearer of the newest look and the usual one demands, and not
// before something is left.
func TestFree(t *testing.T) {
	for _, tt := range []struct {
		name  string
		costs []time.Duration // of looks that are a second apart
		want  time.Duration   // after the newest
	}{
		{"no look yet", nil, 0},
		{"one", []time.Duration{20}, 0},
		{"up to half of the budget", []time.Duration{100, 100}, 0},
		{"beyond it", []time.Duration{100, 100, 100}, 10_000},
		{"one that is very dear", []time.Duration{200}, 20_000},
		{"getting dear", []time.Duration{10, 10, 250}, 25_000},
		{"one cheap among dear ones", []time.Duration{140, 140, 20}, 10_000},
		{"all is spent", []time.Duration{50, 100, 100, 100, 100, 100}, 55_000},
		{"more is spent", []time.Duration{50, 50, 100, 100, 100, 100, 100}, 55_000},
	} {
		g := warm(time.Minute)
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		looked := now
		for i, c := range tt.costs {
			looked = now.Add(time.Duration(i) * time.Second)
			g.add(looked, c*time.Millisecond)
		}
		if got := g.free(looked, looked.Add(time.Second)).Sub(looked); got != tt.want*time.Millisecond {
			t.Errorf("%s: %s later, want %s", tt.name, got, tt.want*time.Millisecond)
		}
	}
}

// TestSlowedWhileAway: no server is no reason to look more often.
func TestSlowedWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 10*time.Second)
		r.eye.costs = always(3 * time.Second)
		r.run(t, func() {
			pass(time.Hour)
			r.line.broken.Store(true)
			pass(time.Hour)
		})
		gaps := r.gaps()
		for _, g := range gaps[len(gaps)-8:] {
			if g < slowest*9/10 {
				t.Errorf("looks are %s apart, each costs 3 s", g)
			}
		}
	})
}

func TestGuardExplains(t *testing.T) {
	for _, tt := range []struct {
		set, cost time.Duration
		want      report.Note
	}{
		{10 * time.Second, 400 * time.Millisecond, report.Note{
			Code: "slowed", Text: "A look costs 400ms of a processor: dotm looks every 44s instead of every 10s, which takes 0.9 % of one.",
			Hint: "Accept it, or ask for no more than that: --interval 44s",
		}},
		{100 * time.Millisecond, 3171 * time.Microsecond, report.Note{
			Code: "slowed", Text: "A look costs 3.17ms of a processor: dotm looks every 350ms instead of every 100ms, which takes 0.9 % of one.",
			Hint: "Accept it, or ask for no more than that: --interval 350ms",
		}},
		{10 * time.Second, 9 * time.Second, report.Note{
			Code: "slowed", Text: "A look costs 9s of a processor: dotm looks every 5m0s instead of every 10s, which takes 3.0 % of one.",
			Hint: "Accept it, or ask for no more than that: --interval 5m0s",
		}},
	} {
		g, h := warm(tt.set), history{}
		h.live(g, time.Hour, always(tt.cost))
		if g.note != tt.want {
			t.Errorf("note is %+v\nwant    %+v", g.note, tt.want)
		}
	}
}

func TestRough(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0: 0, 1499: time.Microsecond, 123456 * time.Microsecond: 123 * time.Millisecond,
		9999 * time.Microsecond: 10 * time.Millisecond, 12345 * time.Millisecond: 12300 * time.Millisecond,
	} {
		if got := rough(d); got != want {
			t.Errorf("rough(%s) = %s, want %s", d, got, want)
		}
	}
}

// TestSlowed: an agent whose looks are dear looks less often, says so truthfully
// in every report, and stops saying so when they are cheap again.
func TestSlowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 10*time.Second)
		var cost atomic.Int64
		cost.Store(int64(400 * time.Millisecond))
		r.eye.costs = func() time.Duration { return time.Duration(cost.Load()) }
		r.run(t, func() {
			pass(20 * time.Minute)
			cost.Store(int64(time.Millisecond))
			pass(20 * time.Minute)
		})
		var slowed int
		for i, s := range r.line.sent {
			if i+1 < len(r.line.sent) {
				if gap := r.eye.looks[i+1] - r.eye.looks[i]; gap.Milliseconds() < s.IntervalMS*9/10 || gap.Milliseconds() > s.IntervalMS*11/10 {
					t.Errorf("report %d promises the next in %d ms, which comes in %s", i, s.IntervalMS, gap)
				}
			}
			said := len(s.Notes) == 1 && s.Notes[0].Code == "slowed" && strings.Contains(s.Notes[0].Text, time.Duration(s.IntervalMS*1e6).String())
			if said != (s.IntervalMS > 10_000) || len(s.Notes) > 1 {
				t.Errorf("report %d, next in %d ms, has notes %v", i, s.IntervalMS, s.Notes)
			}
			if said {
				slowed++
			}
		}
		if slowed < 20 || r.line.sent[len(r.line.sent)-1].IntervalMS != 10_000 {
			t.Errorf("%d of %d reports are slowed, the last one's interval is %d ms",
				slowed, len(r.line.sent), r.line.sent[len(r.line.sent)-1].IntervalMS)
		}
		for _, line := range []string{"looks cost more than a hundredth", "looks are cheap again"} {
			if n := strings.Count(r.log.String(), line); n != 1 {
				t.Errorf("the log says %q %d times", line, n)
			}
		}
	})
}

// TestEventsKeepTheBudget: however much happens, looks take no more than the
// budget of any minute, and one look more; the first one apart.
func TestEventsKeepTheBudget(t *testing.T) {
	for _, cost := range []time.Duration{time.Millisecond, 12 * time.Millisecond, 50 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(cost.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, time.Minute)
				r.eye.costs = always(cost)
				r.run(t, func() {
					for range 10 * 60 * 10 {
						pass(100 * time.Millisecond)
						r.eye.events <- scan.Event{}
					}
				})
				looks := r.eye.looks[1:]
				for i := range looks {
					var n time.Duration
					for j := i; j < len(looks) && looks[j] < looks[i]+window; j++ {
						n++
					}
					if n*cost > budget+cost {
						t.Fatalf("%d looks of %s in the minute from %s", n, cost, looks[i])
					}
				}
				if least := int(min(9*60, 9*budget/cost)); len(looks) < least {
					t.Errorf("%d looks of %s in ten busy minutes, %d are within the budget", len(looks), cost, least)
				}
			})
		})
	}
}

// TestProcessCounts: what the whole process takes for a look and its delivery
// counts, where the caller says that it does nothing else; what it takes
// between looks does not, for slower looks would not make that less.
func TestProcessCounts(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		looking, sending, other time.Duration
		slowed                  bool
	}{
		{"cheap", 20 * time.Millisecond, 20 * time.Millisecond, 0, false},
		{"dear looks", 120 * time.Millisecond, 0, 0, true},
		{"dear deliveries", 20 * time.Millisecond, 120 * time.Millisecond, 0, true},
		{"dear together", 60 * time.Millisecond, 60 * time.Millisecond, 0, true},
		{"dear between", 20 * time.Millisecond, 20 * time.Millisecond, 5 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 10*time.Second)
				var cpu atomic.Int64
				burn := func(d time.Duration) { cpu.Add(int64(d)) }
				r.opt.CPU = func() time.Duration { return time.Duration(cpu.Load()) }
				r.eye.costs = func() time.Duration { burn(tt.looking); return time.Millisecond }
				r.line.works = func() { burn(tt.sending) }
				a, err := New(r.opt)
				if err != nil {
					t.Fatal(err)
				}
				stop, ended := r.start(t, a)
				for range 60 {
					pass(9 * time.Second)
					burn(tt.other)
				}
				synctest.Wait()
				stop()
				<-ended
				if got := a.guard.slowed(); got != tt.slowed {
					t.Errorf("slowed: %v, looks at %v", got, r.eye.looks)
				}
				if tt.other > 0 && a.process.took < tt.other || a.process.over < 9*time.Second {
					t.Errorf("the process took %s in %s", a.process.took, a.process.over)
				}
				if tt.slowed && !strings.Contains(r.log.String(), `process="1.`) {
					t.Errorf("the log says %s", r.log.String())
				}
			})
		})
	}
}

// TestProcessCPU burns a little and looks whether that shows.
func TestProcessCPU(t *testing.T) {
	before := ProcessCPU()
	began, sum := time.Now(), 0
	for ProcessCPU() < before+20*time.Millisecond && time.Since(began) < 10*time.Second {
		for i := range 100_000 {
			sum += i
		}
	}
	if took := ProcessCPU() - before; took < 20*time.Millisecond || took > 20*time.Second {
		t.Errorf("%s in %s (%d)", took, time.Since(began), sum)
	}
}
