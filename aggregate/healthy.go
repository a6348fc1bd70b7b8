package aggregate

import (
	"math"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// measured sums up the health of the rows of one edge.
type measured struct {
	report.Health
	end         string // which measured
	rtt, rttvar uint64 // sums over the measured sockets
}

// measure adds a row's health to its edge.
func (w *weaver) measure(id, end string, h *report.Health) {
	if h == nil {
		return
	}
	m := w.health[id]
	if m == nil {
		m = &measured{end: end}
		w.health[id] = m
	}
	m.add(h)
}

func (m *measured) add(h *report.Health) {
	m.Measured += h.Measured
	m.rtt += uint64(h.RTT) * uint64(h.Measured)
	m.rttvar += uint64(h.RTTVar) * uint64(h.Measured)
	m.Segments += h.Segments
	m.Retransmits += h.Retransmits
	m.Sent += h.Sent
	m.Received += h.Received
	m.Connecting += h.Connecting
	m.ConnectingMS = max(m.ConnectingMS, h.ConnectingMS)
	m.CloseWait += h.CloseWait
	m.CloseWaitMS = max(m.CloseWaitMS, h.CloseWaitMS)
}

// elapsed is what the report's measures count over: since the look before, or
// since the node's report before, where it doesn't say; zero if there was none.
func (w *weaver) elapsed() time.Duration {
	if span := w.says.report.SpanMS; span > 0 {
		return time.Duration(span) * time.Millisecond
	}
	if w.prev.Node.LastReport.IsZero() {
		return 0
	}
	return w.now.Sub(w.prev.Node.LastReport)
}

// judge writes what was measured on the edges.
func (w *weaver) judge() {
	since := w.elapsed()
	for id, m := range w.health {
		if e := w.edges[id]; e != nil {
			e.Health = m.health(w.before(id), w.now, since)
		}
	}
}

// before is what was known of an edge's health.
func (w *weaver) before(id string) *topology.Health {
	if old := w.remembered(id); old != nil {
		return old.Health
	}
	return nil
}

// health words what was measured since the report before; since is zero if
// there was none.
func (m *measured) health(before *topology.Health, now time.Time, since time.Duration) *topology.Health {
	h := topology.Health{End: m.end, Connecting: m.Connecting, CloseWait: m.CloseWait}
	if n := uint64(max(m.Measured, 0)); n > 0 {
		h.RTT, h.RTTVar = round2(float64(m.rtt/n)), round2(float64(m.rttvar/n))
	}
	if seconds := since.Seconds(); seconds > 0 {
		h.Sent, h.Received = round2(float64(m.Sent)/seconds), round2(float64(m.Received)/seconds)
	}
	if m.end == "server" {
		h.Sent, h.Received = h.Received, h.Sent
	}
	if m.Segments > 0 {
		h.Retransmits = math.Round(min(float64(m.Retransmits)/float64(m.Segments), 1)*1000) / 1000
	}
	if before == nil {
		before = &topology.Health{}
	}
	h.ConnectingSince = sinceWhen(m.Connecting, m.ConnectingMS, before.ConnectingSince, now)
	h.CloseWaitSince = sinceWhen(m.CloseWait, m.CloseWaitMS, before.CloseWaitSince, now)
	return &h
}

// slack is how far two reports may differ on the beginning of one thing.
const slack = 5 * time.Second

// sinceWhen is when something began that is so old now. The time that was said
// before stands as long as it means the same.
func sinceWhen(count int, ms int64, before, now time.Time) time.Time {
	if count == 0 {
		return time.Time{}
	}
	began := now.Add(-time.Duration(ms) * time.Millisecond).Round(time.Second)
	if began.Sub(before).Abs() <= slack {
		return before
	}
	return began
}

// round2 rounds to two digits.
func round2(v float64) uint64 {
	if v < 100 {
		return uint64(math.Round(v))
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return uint64(math.Round(v/unit) * unit)
}
