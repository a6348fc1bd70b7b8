package signal

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// key names what may be a signal: a kind, and the id of the edge or service, or the
// name of the node.
type key struct {
	kind  topology.SignalKind
	about string
}

// leastLooks is how many looks in a row say something before it is believed.
const leastLooks = 2

// latch is one thing that is, or was a moment ago, over its limit. It goes on and off
// by what looks say in a row for long enough, and so not to and fro.
type latch struct {
	holder string // the node whose reports tell of it
	on     bool

	began time.Time // the first look that was over the limit
	fine  time.Time // the last look before that; zero if there was none
	over  int       // looks over the limit in a row, while it is not on
	under int       // looks under the limit in a row, while it is on
	eased time.Time // the first of them

	check  topology.Check
	hidden bool // on, and not told: there are too many
}

// step takes in what a look says, and the time of the one before.
func (l *latch) step(over bool, at, before time.Time, hold time.Duration) {
	switch {
	case l.on && over:
		l.under = 0
	case l.on:
		if l.under == 0 {
			l.eased = at
		}
		l.under++
		if l.under >= leastLooks && at.Sub(l.eased) >= min(3*hold, settleMost) {
			l.on, l.over = false, 0
		}
	case over:
		if l.over == 0 {
			l.began, l.fine = at, before
		}
		l.over++
		l.on = l.over >= leastLooks && at.Sub(l.began) >= hold
		l.under = 0
	default:
		l.over = 0
	}
}

// idle says that nothing is to be remembered of it.
func (l *latch) idle() bool { return !l.on && l.over == 0 }
