package scan

import "time"

// fewSockets is how many may be measured in every look: that costs less than a
// millisecond.
const fewSockets = 2000

// rhythm decides in which looks the kernel is asked for what it measures on
// connections, which is a quarter of what a look costs where there are many:
// the kernel locks each socket for it, and tells 250 bytes more.
type rhythm struct {
	every time.Duration // see [Options].HealthEvery
	last  time.Time     // the last look that was measured; zero: none
	due   bool          // this look is measured
	few   int           // so many sockets are measured in every look
}

// begin decides about the look at now, of about so many sockets. The first one
// is measured, for all others count from there.
func (y *rhythm) begin(now time.Time, sockets int) {
	y.due = y.last.IsZero() || sockets <= y.few || now.Sub(y.last) >= y.every || now.Before(y.last)
}

// end says over what time the counters of this look count, in milliseconds; 0
// if it was not measured, or was the first.
func (y *rhythm) end(now time.Time) int64 {
	if !y.due {
		return 0
	}
	before := y.last
	y.last = now
	if before.IsZero() {
		return 0
	}
	return max(now.Sub(before).Milliseconds(), 0)
}
