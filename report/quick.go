package report

import (
	"math"
	"time"
)

// quickBeat decodes a beat in the form in which [EncodeBeat] writes it: fields in their
// order, no spaces, names of plain ASCII, whole numbers that fit. It takes a tenth of what
// encoding/json takes, and gives the same. Of anything else it says false: then
// encoding/json decides what that is, or what is wrong with it.
func quickBeat(raw []byte) (*Beat, bool) {
	q := quick{raw: raw, ok: true}
	var b Beat
	members(&q, &b, beatMembers)
	if q.ok && q.at < len(raw) && raw[q.at] == '\n' {
		q.at++
	}
	return &b, q.ok && q.at == len(raw)
}

// quick reads JSON. The first thing that it doesn't know ends that: ok is false then, and
// what it gives means nothing.
type quick struct {
	raw     []byte
	at      int
	ok      bool
	tuples  []uint64 // of all rows
	healths []Health // likewise
}

// member is one field of an object.
type member[T any] struct {
	name string
	read func(q *quick, to *T)
}

// members reads an object whose fields are some of a list, in its order: so none comes
// twice.
func members[T any](q *quick, to *T, list []member[T]) {
	q.take('{')
	if q.next('}') {
		return
	}
	for i := 0; q.ok; i++ {
		name := q.plain()
		q.take(':')
		for i < len(list) && list[i].name != string(name) {
			i++
		}
		if i == len(list) {
			q.ok = false
			return
		}
		list[i].read(q, to)
		if q.next('}') {
			return
		}
		q.take(',')
	}
}

// list reads a list of objects.
func list[T any](q *quick, fields []member[T]) []T {
	out := []T{}
	q.take('[')
	if q.next(']') {
		return out
	}
	for q.ok && len(out) < MaxRows {
		var one T
		members(q, &one, fields)
		out = append(out, one)
		if q.next(']') {
			return out
		}
		q.take(',')
	}
	q.ok = false
	return nil
}

// take reads a byte that must be there.
func (q *quick) take(c byte) {
	if !q.next(c) {
		q.ok = false
	}
}

// next reads a byte if it is there.
func (q *quick) next(c byte) bool {
	if q.ok && q.at < len(q.raw) && q.raw[q.at] == c {
		q.at++
		return true
	}
	return false
}

// plain reads a string of printable ASCII without escapes. It is part of what is read.
func (q *quick) plain() []byte {
	q.take('"')
	for i := q.at; q.ok && i < len(q.raw); i++ {
		switch c := q.raw[i]; {
		case c == '"':
			s := q.raw[q.at:i]
			q.at = i + 1
			return s
		case c < ' ' || c > '~' || c == '\\':
			q.ok = false
		}
	}
	q.ok = false
	return nil
}

func (q *quick) text() string { return string(q.plain()) }

// number reads a whole number of at most so much.
func (q *quick) number(most uint64) (n uint64) {
	from := q.at
	for ; q.at < len(q.raw); q.at++ {
		d := uint64(q.raw[q.at] - '0')
		if d > 9 {
			break
		}
		if n > (most-d)/10 {
			q.ok = false
			return 0
		}
		n = n*10 + d
	}
	if digits := q.at - from; digits == 0 || digits > 1 && q.raw[from] == '0' {
		q.ok = false
	}
	return n
}

func (q *quick) integer() int    { return int(q.number(math.MaxInt)) }       //nolint:gosec // it fits
func (q *quick) long() int64     { return int64(q.number(math.MaxInt64)) }   //nolint:gosec // it fits
func (q *quick) small() uint32   { return uint32(q.number(math.MaxUint32)) } //nolint:gosec // it fits
func (q *quick) counter() uint64 { return q.number(math.MaxUint64) }

// moment reads a time.
func (q *quick) moment() (t time.Time) {
	if s := q.plain(); !q.ok || t.UnmarshalText(s) != nil {
		q.ok = false
	}
	return t
}

// hashes reads a list of numbers.
func (q *quick) hashes() []uint64 {
	q.take('[')
	from := len(q.tuples)
	if q.next(']') {
		return []uint64{}
	}
	for q.ok {
		q.tuples = append(q.tuples, q.counter())
		if q.next(']') {
			return q.tuples[from:len(q.tuples):len(q.tuples)]
		}
		q.take(',')
	}
	return nil
}

// health reads what is measured. Many share one piece of memory, as those of a report
// live and die together.
func (q *quick) health() *Health {
	const together = 16
	if len(q.healths) == cap(q.healths) {
		q.healths = make([]Health, 0, together)
	}
	q.healths = append(q.healths, Health{})
	h := &q.healths[len(q.healths)-1]
	members(q, h, healthMembers)
	return h
}

var beatMembers = []member[Beat]{
	{"version", func(q *quick, b *Beat) { b.Version = q.text() }},
	{"structure", func(q *quick, b *Beat) { b.Structure = q.text() }},
	{"node", func(q *quick, b *Beat) { members(q, &b.Node, nodeMembers) }},
	{"instance", func(q *quick, b *Beat) { b.Instance = q.text() }},
	{"policy", func(q *quick, b *Beat) { b.Policy = q.text() }},
	{"sequence", func(q *quick, b *Beat) { b.Sequence = q.counter() }},
	{"after", func(q *quick, b *Beat) { b.After = q.counter() }},
	{"at", func(q *quick, b *Beat) { b.At = q.moment() }},
	{"lag_ms", func(q *quick, b *Beat) { b.LagMS = q.long() }},
	{"span_ms", func(q *quick, b *Beat) { b.SpanMS = q.long() }},
	{"interval_ms", func(q *quick, b *Beat) { b.IntervalMS = q.long() }},
	{"listeners", func(q *quick, b *Beat) { b.Listeners = list(q, listenerMembers) }},
	{"connections", func(q *quick, b *Beat) { b.Connections = list(q, connectionMembers) }},
	{"forwards", func(q *quick, b *Beat) { b.Forwards = list(q, forwardMembers) }},
	{"coverage", func(q *quick, b *Beat) { members(q, &b.Coverage, coverageMembers) }},
	{"cost", func(q *quick, b *Beat) { members(q, &b.Cost, costMembers) }},
}

var nodeMembers = []member[Node]{
	{"name", func(q *quick, n *Node) { n.Name = q.text() }},
	{"identity", func(q *quick, n *Node) { members(q, &n.Identity, identityMembers) }},
}

var identityMembers = []member[Identity]{
	{"kind", func(q *quick, i *Identity) { i.Kind = q.text() }},
	{"value", func(q *quick, i *Identity) { i.Value = q.text() }},
}

var listenerMembers = []member[ListenerNumbers]{
	{"row", func(q *quick, l *ListenerNumbers) { l.Row = q.integer() }},
	{"pid", func(q *quick, l *ListenerNumbers) { l.PID = q.integer() }},
	{"queue", func(q *quick, l *ListenerNumbers) { l.Queue = q.small() }},
	{"queue_max", func(q *quick, l *ListenerNumbers) { l.QueueMax = q.small() }},
	{"drops", func(q *quick, l *ListenerNumbers) { l.Drops = q.counter() }},
}

var connectionMembers = []member[ConnectionNumbers]{
	{"row", func(q *quick, c *ConnectionNumbers) { c.Row = q.integer() }},
	{"pid", func(q *quick, c *ConnectionNumbers) { c.PID = q.integer() }},
	{"peers", func(q *quick, c *ConnectionNumbers) { c.Peers = q.integer() }},
	{"count", func(q *quick, c *ConnectionNumbers) { c.Count = q.integer() }},
	{"opened", func(q *quick, c *ConnectionNumbers) { c.Opened = q.counter() }},
	{"refused", func(q *quick, c *ConnectionNumbers) { c.Refused = q.counter() }},
	{"timed_out", func(q *quick, c *ConnectionNumbers) { c.TimedOut = q.counter() }},
	{"failed", func(q *quick, c *ConnectionNumbers) { c.Failed = q.counter() }},
	{"health", func(q *quick, c *ConnectionNumbers) { c.Health = q.health() }},
	{"tuples", func(q *quick, c *ConnectionNumbers) { c.Tuples = q.hashes() }},
}

var healthMembers = []member[Health]{
	{"measured", func(q *quick, h *Health) { h.Measured = q.integer() }},
	{"rtt_us", func(q *quick, h *Health) { h.RTT = q.small() }},
	{"rttvar_us", func(q *quick, h *Health) { h.RTTVar = q.small() }},
	{"segments", func(q *quick, h *Health) { h.Segments = q.counter() }},
	{"retransmits", func(q *quick, h *Health) { h.Retransmits = q.counter() }},
	{"sent_bytes", func(q *quick, h *Health) { h.Sent = q.counter() }},
	{"received_bytes", func(q *quick, h *Health) { h.Received = q.counter() }},
	{"connecting", func(q *quick, h *Health) { h.Connecting = q.integer() }},
	{"connecting_ms", func(q *quick, h *Health) { h.ConnectingMS = q.long() }},
	{"close_wait", func(q *quick, h *Health) { h.CloseWait = q.integer() }},
	{"close_wait_ms", func(q *quick, h *Health) { h.CloseWaitMS = q.long() }},
}

var forwardMembers = []member[ForwardNumbers]{
	{"row", func(q *quick, f *ForwardNumbers) { f.Row = q.integer() }},
	{"count", func(q *quick, f *ForwardNumbers) { f.Count = q.integer() }},
}

var coverageMembers = []member[Coverage]{
	{"sockets", func(q *quick, c *Coverage) { c.Sockets = q.integer() }},
	{"hidden_processes", func(q *quick, c *Coverage) { c.HiddenProcesses = q.integer() }},
	{"hidden_as_user", func(q *quick, c *Coverage) { c.HiddenAsUser = q.integer() }},
	{"opens_by", func(q *quick, c *Coverage) { c.OpensBy = q.text() }},
	{"opens_seen", func(q *quick, c *Coverage) { c.OpensSeen = q.counter() }},
	{"opens_kernel", func(q *quick, c *Coverage) { c.OpensKernel = q.counter() }},
	{"opens_lost", func(q *quick, c *Coverage) { c.OpensLost = q.counter() }},
	{"truncated", func(q *quick, c *Coverage) { c.Truncated = q.integer() }},
}

var costMembers = []member[Cost]{
	{"cpu_us", func(q *quick, c *Cost) { c.CPUMicros = q.long() }},
	{"wall_us", func(q *quick, c *Cost) { c.WallMicros = q.long() }},
	{"process_cpu_us", func(q *quick, c *Cost) { c.ProcessMicros = q.long() }},
	{"rss_bytes", func(q *quick, c *Cost) { c.RSSBytes = q.long() }},
}
