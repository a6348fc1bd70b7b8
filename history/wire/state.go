package wire

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// State are the fields of a node as it is now, for a start from a store: all that a
// record has, and what is not of the past: how far counters were counted, verdicts,
// and times to the nanosecond. They are good until the next node is written.
func (w *Encoder) State(b *topology.Block) []byte {
	w.begin(time.Time{}, true)
	w.string(b.Counted.Instance)
	w.uint(b.Counted.Sequence)
	w.verdict(&b.Node.Verdict)
	w.uint(uint64(len(b.Services)))
	for i := range b.Services {
		w.verdict(&b.Services[i].Verdict)
	}
	w.whole(b)
	return w.buf
}

// State reads what [Encoder.State] wrote. Of what is out of order, or has no name, it is
// not the judge: nothing here builds on that, and a start must not fail for it.
func (d *Decoder) State(version byte, fields string) (*topology.Block, error) {
	in := &decoder{known: d.known[:0], version: version, names: d.names[:0], texts: &d.texts, fine: true}
	in.text = fields
	defer d.tidy(in)
	b := new(topology.Block)
	b.Counted.Instance = in.string()
	b.Counted.Sequence = in.uint()
	verdict := in.verdict()
	services := decodeItems(in, nil, 1, func(d *decoder, v *topology.Verdict) { *v = d.verdict() })
	in.node(&b.Node)
	d.connections = in.lists(b, &Decoder{connections: d.connections})
	b.Connections = apart(d.connections)
	if in.err == nil && len(services) != len(b.Services) {
		in.fail()
	}
	if in.err != nil {
		return nil, in.err
	}
	b.Node.Verdict = verdict
	for i := range services {
		b.Services[i].Verdict = services[i]
	}
	return b, nil
}

// apart are copies of connections, each for itself: they go their own ways from now on,
// and what is replaced must not be held by what stays.
func apart(list []topology.Connection) []*topology.Connection {
	if len(list) == 0 {
		return nil
	}
	out := make([]*topology.Connection, len(list))
	for i := range list {
		c := list[i]
		out[i] = &c
	}
	return out
}

// What there is of a verdict.
const (
	verdictEmpty = iota
	verdictNone  // [topology.NoVerdict]
	verdictFull  // its fields follow
)

func (e *encoder) verdict(v *topology.Verdict) {
	switch *v {
	case topology.Verdict{}:
		e.byte(verdictEmpty)
		return
	case topology.NoVerdict:
		e.byte(verdictNone)
		return
	}
	e.byte(verdictFull)
	e.string(string(v.Status))
	e.string(string(v.OpenStatus))
	e.bool(v.StatusStale)
	e.int(int64(v.Checks))
	e.int(int64(v.Open))
	e.int(int64(v.Handled))
	e.time(v.StatusChanged)
}

func (d *decoder) verdict() (v topology.Verdict) {
	switch d.byte() {
	case verdictEmpty:
	case verdictNone:
		return topology.NoVerdict
	case verdictFull:
		v.Status, v.OpenStatus = topology.Status(d.string()), topology.Status(d.string())
		v.StatusStale = d.byte() != 0
		v.Checks, v.Open, v.Handled = int(d.int()), int(d.int()), int(d.int())
		v.StatusChanged = d.time()
	default:
		d.fail()
	}
	return v
}

// moments are the times that were written or read last: most of those of a node are
// among them.
type moments struct {
	list [16]moment
	next int // the place that the next new one takes
	last int64
}

// moment is a time: seconds since 1970, and nanoseconds.
type moment struct {
	sec  int64
	nano uint32
}

// The numbers that begin a time in a state: none, one that is new, and from the third on
// the places of those that were new lately.
const (
	momentNew = 1 + iota
	momentKnown
)

// moment writes a time to the nanosecond: a new one as the seconds since the last new
// one, and nanoseconds.
func (e *encoder) moment(t time.Time) {
	is := moment{t.Unix(), uint32(t.Nanosecond())}
	for i, m := range e.moments.list {
		if m == is && (is != moment{}) {
			e.uint(momentKnown + uint64(i))
			return
		}
	}
	e.uint(momentNew)
	e.int(is.sec - e.moments.last)
	e.uint(uint64(is.nano))
	e.moments.add(is)
}

func (m *moments) add(is moment) {
	m.list[m.next], m.last = is, is.sec
	m.next = (m.next + 1) % len(m.list)
}

// moment reads a time that begins with a number.
func (d *decoder) moment(begin uint64) time.Time {
	var is moment
	switch i := begin - momentKnown; {
	case begin == momentNew:
		sec, nano := d.moments.last+d.int(), d.uint()
		if nano >= uint64(time.Second) {
			d.fail()
			return time.Time{}
		}
		is = moment{sec, uint32(nano)}
		d.moments.add(is)
	case i < uint64(len(d.moments.list)):
		is = d.moments.list[i]
	default:
		d.fail()
		return time.Time{}
	}
	return time.Unix(is.sec, int64(is.nano)).UTC()
}
