package edge

import (
	"math"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Measured sums up the health of the rows of one edge.
type Measured struct {
	report.Health
	End         string // which measured
	rtt, rttvar uint64 // sums over the measured sockets
}

// Add adds what was measured on one row.
func (m *Measured) Add(h *report.Health) {
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

// Judge says in words of the topology what was measured since the report before; since is zero if
// there was none.
func (m *Measured) Judge(before *topology.Health, now time.Time, since time.Duration) topology.Health {
	h := topology.Health{End: m.End, Connecting: m.Connecting, CloseWait: m.CloseWait}
	if n := uint64(max(m.Measured, 0)); n > 0 {
		h.RTT, h.RTTVar = round2(float64(m.rtt/n)), round2(float64(m.rttvar/n))
	}
	if seconds := since.Seconds(); seconds > 0 {
		h.Sent, h.Received = round2(float64(m.Sent)/seconds), round2(float64(m.Received)/seconds)
	}
	if m.End == "server" {
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
	return h
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
