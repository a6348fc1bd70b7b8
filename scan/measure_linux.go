package scan

import (
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// fewSockets is how many may be measured in every look: that costs less than a
// millisecond.
const fewSockets = 2000

// rhythm decides in which looks the kernel is asked for what it measures on
// connections, which is a quarter of what a look costs where there are many:
// the kernel locks each socket for it, and tells 250 bytes more.
type rhythm struct {
	every  time.Duration // see [Options].HealthEvery
	last   time.Time     // the last look that was measured; zero: none
	looked time.Time     // the last look
	always bool          // every look is measured: there are few sockets
	due    bool          // this look is measured
	few    int           // so many sockets are measured in every look

	measured map[report.Edge]report.Health // by the last measured look
	over     time.Duration                 // the time that its counters were brought to
}

// begin decides about the look at now, of about so many sockets. The first one
// is measured, for all others count from there.
func (y *rhythm) begin(now time.Time, sockets int) {
	y.always = sockets <= y.few && !y.last.IsZero()
	y.due = y.last.IsZero() || sockets <= y.few || now.Sub(y.last) >= y.every || now.Before(y.last)
}

// end completes a look's report: what was measured lasts until the next measured
// look, as if it went on like that. Counters of bytes are spread over the looks
// that they count for; those of segments say something only beside each other.
func (y *rhythm) end(r *report.Report) {
	span := max(r.Time.Sub(y.looked), 0)
	if y.due {
		y.keep(r, span)
	} else {
		y.repeat(r, span)
	}
	y.looked = r.Time
}

// keep notes what was measured, per second.
func (y *rhythm) keep(r *report.Report, span time.Duration) {
	over := r.Time.Sub(y.last)
	spread := !y.last.IsZero() && over > span && span > 0
	y.last = r.Time
	if y.always && !spread {
		y.measured = nil
		return
	}
	y.measured = make(map[report.Edge]report.Health, len(r.Connections))
	for i := range r.Connections {
		c := &r.Connections[i]
		if c.Health == nil || c.Health.Measured == 0 {
			continue
		}
		h := *c.Health
		h.Connecting, h.ConnectingMS, h.CloseWait, h.CloseWaitMS = 0, 0, 0, 0
		if spread {
			h.Sent, h.Received = share(h.Sent, span, over), share(h.Received, span, over)
			c.Health.Sent, c.Health.Received = h.Sent, h.Received
		}
		y.measured[c.Edge()] = h
	}
	y.over = span
}

// repeat tells again what was measured last, for the time since the last look.
func (y *rhythm) repeat(r *report.Report, span time.Duration) {
	for i := range r.Connections {
		c := &r.Connections[i]
		h, ok := y.measured[c.Edge()]
		if !ok || c.Count == 0 {
			continue
		}
		if y.over > 0 {
			h.Sent, h.Received = share(h.Sent, span, y.over), share(h.Received, span, y.over)
		}
		if c.Health != nil {
			h.Connecting, h.ConnectingMS = c.Health.Connecting, c.Health.ConnectingMS
			h.CloseWait, h.CloseWaitMS = c.Health.CloseWait, c.Health.CloseWaitMS
		}
		c.Health = &h
	}
}

// share is the part of a counter that belongs to a part of its time.
func share(n uint64, part, whole time.Duration) uint64 {
	return uint64(float64(n) * (float64(part) / float64(whole)))
}
