package views

import (
	"sync/atomic"
	"time"
)

const (
	// short is what computing a view may take without a rest after it.
	short = 20 * time.Millisecond
	// rests is how many times longer than it took a view is left as it is, at most
	// for longest: on a site where it takes long a fifth of a processor follows it.
	rests   = 4
	longest = 3 * time.Second
)

// rest is the time after something that took long in which it is not done again, so that
// who looks at a large site leaves most of the server to those who report.
type rest struct{ until atomic.Int64 } // nanoseconds of the Unix time

// after begins the rest that follows from what was done since a moment.
func (r *rest) after(began time.Time) {
	now := time.Now()
	if took := now.Sub(began); took >= short {
		r.until.Store(now.Add(min(rests*took, longest)).UnixNano())
	}
}

// left is for how long the rest still is; not above zero if it is over.
func (r *rest) left() time.Duration { return time.Duration(r.until.Load() - time.Now().UnixNano()) }
