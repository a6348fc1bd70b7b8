package agent

import (
	"fmt"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// The budget of looks: one part in share of a processor, over a window.
const (
	share  = 100
	window = time.Minute
	budget = window / share
	// few is how many looks are remembered however long ago they were: one
	// dear look is no habit.
	few = 5
	// slowest is the longest interval that the guard makes of a shorter one.
	// A server calls a node stale that is silent for three intervals: longer
	// ones would hide for more than a quarter of an hour that a host is dead,
	// and show connections that are long gone. Where even that costs more than
	// the budget, the note says how much.
	slowest = 5 * time.Minute
)

// codeSlowed marks the note of a report whose interval the guard made longer.
const codeSlowed = "slowed"

// guard keeps looks within their budget: it knows what they cost, and makes the
// interval longer while they cost too much.
type guard struct {
	set   time.Duration // the interval that was asked for
	every time.Duration // the interval in force, never shorter
	cold  bool          // the first look is still to come
	looks []spending    // of the last window, oldest first, but at least the newest few
	owed  time.Duration // what the delivery of the last look cost
	note  report.Note   // of the interval in force
}

// spending is what one look cost the processor, and the delivery before it.
type spending struct {
	at   time.Time
	cost time.Duration
}

func newGuard(set time.Duration) *guard { return &guard{set: set, every: set, cold: true} }

// add counts a look that began at and decides what the interval is from now
// on. The first look is not counted: it fills the memory that makes all others
// cheap, and is paid once.
func (g *guard) add(at time.Time, cost time.Duration) {
	if g.cold {
		g.cold = false
		return
	}
	g.looks = append(g.looks, spending{at, cost + g.owed})
	g.owed = 0
	old := 0
	for len(g.looks)-old > few && at.Sub(g.looks[old].at) >= window {
		old++
	}
	g.looks = append(g.looks[:0], g.looks[old:]...)
	g.decide(at)
}

// ask asks for another interval.
func (g *guard) ask(d time.Duration) {
	if d != g.set {
		g.set, g.every = d, d
	}
}

// charge counts what a delivery cost, with the look that follows: the interval
// is decided on, and told, before a report is delivered.
func (g *guard) charge(cost time.Duration) { g.owed += cost }

// spent is the sum over the window that ends at now.
func (g *guard) spent(now time.Time) (sum time.Duration) {
	for _, l := range g.looks {
		if now.Sub(l.at) < window {
			sum += l.cost
		}
	}
	return sum
}

// mean is what a look costs.
func (g *guard) mean() (mean time.Duration) {
	for _, l := range g.looks {
		mean += l.cost
	}
	return mean / time.Duration(max(len(g.looks), 1))
}

// free is when another look may follow the one at looked, for what happens at now,
// so that looks keep the budget: at once while half of the window's is left, for a
// few looks more are paid from that; else so late that there may be any number of
// them, and never before there is something left.
func (g *guard) free(looked, now time.Time) time.Time {
	cost := max(g.mean(), g.last())
	left := budget - g.spent(now) - cost
	if left >= budget/2 {
		return looked
	}
	free := looked.Add(share * cost)
	for _, l := range g.looks {
		if left >= 0 {
			break
		}
		if gone := l.at.Add(window); gone.After(now) {
			left += l.cost
			free = later(free, gone)
		}
	}
	return free
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// last is what the newest look cost.
func (g *guard) last() time.Duration {
	if len(g.looks) == 0 {
		return 0
	}
	return g.looks[len(g.looks)-1].cost
}

// decide moves the interval. It leaves the one that was asked for once a
// window's budget is spent. It at most doubles from one look to the next, and
// only after a look that was dear itself, so that a single one makes no long
// silence. It comes back by a wider margin than it went: an interval that swings
// would be a change of the node at every report.
func (g *guard) decide(now time.Time) {
	wanted, before := share*g.mean(), g.every
	switch {
	case g.every == g.set && g.spent(now) <= budget:
	case wanted > g.every && share*g.last() > g.every:
		g.every = min(g.step(wanted), g.step(g.every*8/5)) // a step is a quarter
	default:
		g.every = min(g.every, g.step(wanted*3/2))
	}
	if g.every != before {
		g.note = g.explain()
	}
}

// step is the first interval that is not shorter than wanted, of a ladder that
// begins with the one that was asked for and grows by quarters.
func (g *guard) step(wanted time.Duration) time.Duration {
	d := g.set
	for d < wanted && d < slowest {
		d = min(readable(d+d/4), slowest)
	}
	return d
}

// readable rounds up to what people would write.
func readable(d time.Duration) time.Duration {
	unit := 10 * time.Millisecond
	for unit < time.Second && d >= 100*unit {
		unit *= 10
	}
	return (d + unit - 1) / unit * unit
}

// slowed reports whether the interval is longer than was asked for.
func (g *guard) slowed() bool { return g.every > g.set }

// explain puts the interval in force into a note. It is made once for each
// interval: a text that changed with every look would be news with every report.
func (g *guard) explain() report.Note {
	cost := g.mean()
	text := fmt.Sprintf("A look costs %s of a processor: dotm looks every %s instead of every %s, which takes %s of one.",
		rough(cost), g.every, g.set, percent(cost, g.every))
	return report.Note{
		Code: codeSlowed, Text: text,
		Hint: fmt.Sprintf("Accept it, or ask for no more than that: --interval %s", g.every),
	}
}

// rough cuts a duration to two or three digits.
func rough(d time.Duration) time.Duration {
	unit := time.Microsecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit)
}

// percent is the part of a processor that a cost takes in every interval.
func percent(cost, every time.Duration) string {
	return strconv.FormatFloat(100*float64(cost)/float64(every), 'f', 1, 64) + " %"
}
