package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// share is the part of the rows that a beat tells: one in so many.
const share = 5

// script is what an agent says in its beats, encoded beforehand as far as it stays: its
// rows with the numbers of its last whole report. Other numbers are near these.
type script struct {
	head   []byte // of each beat, up to the policy
	tail   []byte // what comes behind the rows
	rows   []row
	tuples []byte // of all rows, as JSON
}

// row is one of connections; see [report.Connection].
type row struct {
	pid, peers, count, measured int32
	opened, rtt                 uint32
	segments, sent, received    uint64
	from, to                    uint32 // its tuples
}

// newScript makes one of a whole report that is of a server.
func newScript(r *report.Report) (*script, error) {
	node, err := json.Marshal(r.Node)
	if err != nil {
		return nil, err
	}
	tail, err := json.Marshal(struct {
		Coverage report.Coverage `json:"coverage"`
		Cost     report.Cost     `json:"cost"`
	}{r.Coverage, r.Cost})
	if err != nil {
		return nil, err
	}
	s := &script{rows: make([]row, len(r.Connections))}
	s.head = append(s.head, `{"version":"`+r.Version+`","structure":"`+report.Structure(r)+`","node":`...)
	s.head = append(s.head, node...)
	s.head = append(s.head, `,"instance":"`+r.Agent.Instance+`","policy":"`...)
	s.tail = append([]byte(`],`), tail[1:]...)
	for i := range r.Connections {
		c := &r.Connections[i]
		w := &s.rows[i]
		*w = row{pid: int32(c.PID), peers: int32(c.Peers), count: int32(c.Count), opened: uint32(c.Opened), from: uint32(len(s.tuples))}
		if h := c.Health; h != nil {
			w.measured, w.rtt, w.segments, w.sent, w.received = int32(h.Measured), h.RTT, h.Segments, h.Sent, h.Received
		}
		for k, t := range c.Tuples {
			if k > 0 {
				s.tuples = append(s.tuples, ',')
			}
			s.tuples = strconv.AppendUint(s.tuples, t, 10)
		}
		w.to = uint32(len(s.tuples))
	}
	return s, nil
}

// moment is what a beat says beside its rows.
type moment struct {
	policy          string
	sequence, after uint64
	at              time.Time
	span, interval  time.Duration
}

// beat appends the JSON of a [report.Beat] that tells every fifth row with numbers of its
// own. It returns how many rows that are.
func (s *script) beat(to []byte, m moment, r *rand.PCG) (text []byte, told int) {
	to = append(append(to, s.head...), m.policy...)
	to = strconv.AppendUint(append(to, `","sequence":`...), m.sequence, 10)
	to = strconv.AppendUint(append(to, `,"after":`...), m.after, 10)
	to = m.at.UTC().AppendFormat(append(to, `,"at":"`...), time.RFC3339Nano)
	to = strconv.AppendInt(append(to, `","span_ms":`...), m.span.Milliseconds(), 10)
	to = strconv.AppendInt(append(to, `,"interval_ms":`...), m.interval.Milliseconds(), 10)
	to = append(to, `,"connections":[`...)
	for i := int(r.Uint64() % share); i < len(s.rows); i += share {
		if told > 0 {
			to = append(to, ',')
		}
		to = s.rows[i].append(to, i, s.tuples, r.Uint64())
		told++
	}
	return append(to, s.tail...), told
}

// packed is a beat as agents send it. The packer goes back before the beat is sent: while
// a server is slow very many wait for its answer.
func (s *script) packed(m moment, r *rand.PCG) (body []byte, told int, err error) {
	p := packers.Get().(*packer)
	defer packers.Put(p)
	p.text, told = s.beat(p.text[:0], m, r)
	body, err = p.pack(p.text)
	return bytes.Clone(body), told, err
}

// append writes one [report.ConnectionNumbers]; chance says which numbers.
func (w *row) append(to []byte, i int, tuples []byte, chance uint64) []byte {
	f := 0.6 + 0.8*float64(chance&1023)/1023 // how busy the row is now
	field := func(name string, n uint64) {
		if n != 0 {
			to = append(append(append(to, `,"`...), name...), `":`...)
			to = strconv.AppendUint(to, n, 10)
		}
	}
	count := uint64(float64(w.count)*f + 0.5)
	if w.count > 0 {
		count = max(count, 1)
	}
	to = strconv.AppendInt(append(to, `{"row":`...), int64(i), 10)
	field("pid", uint64(w.pid))
	field("peers", uint64(w.peers))
	field("count", count)
	field("opened", uint64(w.opened)/2+chance>>10&3)
	if w.measured > 0 {
		to = strconv.AppendUint(append(to, `,"health":{"measured":`...), count, 10)
		field("rtt_us", uint64(float64(w.rtt)*f))
		field("rttvar_us", uint64(float64(w.rtt)*f/4))
		field("segments", uint64(float64(w.segments)*f))
		field("retransmits", w.segments>>12)
		field("sent_bytes", uint64(float64(w.sent)*f))
		field("received_bytes", uint64(float64(w.received)*f))
		to = append(to, '}')
	}
	if w.to > w.from {
		to = append(append(append(to, `,"tuples":[`...), tuples[w.from:w.to]...), ']')
	}
	return append(to, '}')
}
