package recent

import (
	"math"

	"github.com/devops-trouble-map/dotm/topology"
)

// measure is one of the numbers.
type measure int

const (
	open measure = iota
	failed
	retransmits
	rtt
	sent
	received
	measures
)

// none is the point of what is not known.
var none = float32(math.NaN())

// track is what is remembered of one node or service. A ring of points that never
// was known takes no room.
type track struct {
	rings [measures]*[Points]float32
	// plain ones have no measures of the kernel.
	plain bool
	// last is the slot of the newest point, vain how many attempts had failed then.
	last int64
	vain uint64
	now  sum // of the snapshot that is being taken
}

// sum is what the connections of one snapshot come to.
type sum struct {
	open           int
	vain           uint64
	weight         float64 // sockets whose times are measured
	rtt, resent    float64 // sums over them
	sent, received uint64
	measured       bool
}

// add counts a connection at one of its ends.
func (s *sum) add(c *topology.Connection, client bool) {
	s.open += c.Count
	s.vain += c.Refused + c.TimedOut + c.Failed
	h := c.Health
	if h == nil || c.Count == 0 || h.RTT == 0 {
		return
	}
	s.measured = true
	n := float64(c.Count)
	s.weight += n
	s.rtt += n * float64(h.RTT)
	s.resent += n * h.Retransmits
	if client {
		s.sent, s.received = s.sent+h.Sent, s.received+h.Received
	} else {
		s.sent, s.received = s.sent+h.Received, s.received+h.Sent
	}
}

// clear makes room for the points after a slot, up to another.
func (t *track) clear(after, to int64) {
	t.now = sum{}
	for _, r := range t.rings {
		for s := max(after, to-Points) + 1; r != nil && s <= to; s++ {
			r[s%Points] = none
		}
	}
}

// settle makes points of what was summed up.
func (t *track) settle(slot int64) {
	t.put(open, slot, float64(t.now.open))
	if t.last == slot-1 && t.now.vain >= t.vain { // else one that had counted is gone
		t.put(failed, slot, float64(t.now.vain-t.vain))
	}
	t.last, t.vain = slot, t.now.vain
	if t.plain {
		return
	}
	switch s := &t.now; {
	case s.measured:
		t.put(retransmits, slot, s.resent/s.weight)
		t.put(rtt, slot, s.rtt/s.weight)
		t.put(sent, slot, float64(s.sent))
		t.put(received, slot, float64(s.received))
	case s.open == 0 && t.rings[sent] != nil: // nothing is open, so nothing flows
		t.put(sent, slot, 0)
		t.put(received, slot, 0)
	}
}

// hold repeats the point of the slot before.
func (t *track) hold(slot int64) {
	if t.last != slot-1 {
		return
	}
	for m, r := range t.rings {
		if r != nil && measure(m) != failed {
			r[slot%Points] = r[(slot-1)%Points]
		}
	}
	t.put(failed, slot, 0)
	t.last = slot
}

func (t *track) put(m measure, slot int64, value float64) {
	if t.rings[m] == nil {
		t.rings[m] = &[Points]float32{}
		for i := range t.rings[m] {
			t.rings[m][i] = none
		}
	}
	t.rings[m][slot%Points] = float32(value)
}

// Series are the points of one node or service, the oldest first and all of one
// length. NaN is what is not known; a list is nil where nothing ever was.
type Series struct {
	// Open is how many connections were open.
	Open []float32
	// Failed is how many attempts came to nothing within the step.
	Failed []float32
	// Retransmits is the share of segments that were sent again, RTT the round-trip
	// time in microseconds, both as means over the open sockets.
	Retransmits, RTT []float32
	// Sent and Received are bytes of payload per second, as this end has it.
	Sent, Received []float32
}

func (t *track) series(from, to int64) Series {
	points := func(m measure) []float32 {
		r := t.rings[m]
		if r == nil {
			return nil
		}
		out := make([]float32, 0, to-from+1)
		for s := from; s <= to; s++ {
			out = append(out, r[s%Points])
		}
		return out
	}
	return Series{
		Open: points(open), Failed: points(failed), Retransmits: points(retransmits),
		RTT: points(rtt), Sent: points(sent), Received: points(received),
	}
}
