package report

import (
	"bytes"
	"math"
	"net/netip"
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
	return &b, q.ended()
}

// quickReport is [quickBeat] for whole reports, as [Encode] writes them.
func quickReport(raw []byte) (*Report, bool) {
	q := quick{raw: raw, ok: true, names: map[string]string{}}
	var r Report
	members(&q, &r, reportMembers)
	return &r, q.ended()
}

// quick reads JSON. The first thing that it doesn't know ends that: ok is false then, and
// what it gives means nothing.
type quick struct {
	raw     []byte
	at      int
	ok      bool
	tuples  []uint64          // of all rows
	healths []Health          // likewise
	names   map[string]string // those read, so that equal ones are one
}

// ended tells whether all was read, but for the end of the line.
func (q *quick) ended() bool {
	q.next('\n')
	return q.ok && q.at == len(q.raw)
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

// text reads a string.
func (q *quick) text() string { return string(q.plain()) }

// name reads a string that may come often.
func (q *quick) name() string {
	s := q.plain()
	known, ok := q.names[string(s)]
	if !ok {
		known = string(s)
		q.names[known] = known
	}
	return known
}

// addressed reads an address of some kind.
func addressed[T any, P interface {
	*T
	UnmarshalText(text []byte) error
}](q *quick) (a T) {
	if s := q.plain(); q.ok && P(&a).UnmarshalText(s) != nil {
		q.ok = false
	}
	return a
}

// flag reads what is true or false.
func (q *quick) flag() bool {
	switch rest := q.raw[q.at:]; {
	case bytes.HasPrefix(rest, []byte("true")):
		q.at += len("true")
		return true
	case bytes.HasPrefix(rest, []byte("false")):
		q.at += len("false")
		return false
	}
	q.ok = false
	return false
}

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

func (q *quick) integer() int    { return int(q.number(math.MaxInt)) }
func (q *quick) long() int64     { return int64(q.number(math.MaxInt64)) }
func (q *quick) port() uint16    { return uint16(q.number(math.MaxUint16)) }
func (q *quick) small() uint32   { return uint32(q.number(math.MaxUint32)) }
func (q *quick) counter() uint64 { return q.number(math.MaxUint64) }

// moment reads a time.
func (q *quick) moment() (t time.Time) {
	if s := q.plain(); !q.ok || t.UnmarshalText(s) != nil {
		q.ok = false
	}
	return t
}

// hashes reads a list of numbers. Those of many rows share one piece of memory.
func (q *quick) hashes() []uint64 {
	from := len(q.tuples)
	if q.tuples = values(q, q.tuples, (*quick).counter); len(q.tuples) == from {
		return []uint64{}
	}
	return q.tuples[from:len(q.tuples):len(q.tuples)]
}

// values reads a list behind what is there.
func values[T any](q *quick, to []T, one func(*quick) T) []T {
	q.take('[')
	if q.next(']') {
		return to
	}
	for q.ok {
		to = append(to, one(q))
		if q.next(']') {
			return to
		}
		q.take(',')
	}
	return to
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
	{"leaving", func(q *quick, b *Beat) { b.Leaving = Leaving(q.text()) }},
	{"listeners", func(q *quick, b *Beat) { b.Listeners = list(q, listenerMembers) }},
	{"connections", func(q *quick, b *Beat) { b.Connections = list(q, connectionMembers) }},
	{"forwards", func(q *quick, b *Beat) { b.Forwards = list(q, forwardMembers) }},
	{"shortages", func(q *quick, b *Beat) { b.Shortages = list(q, shortageMembers) }},
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

var reportMembers = []member[Report]{
	{"version", func(q *quick, r *Report) { r.Version = q.text() }},
	{"node", func(q *quick, r *Report) { members(q, &r.Node, nodeMembers) }},
	{"zone", func(q *quick, r *Report) { r.Zone = q.text() }},
	{"agent", func(q *quick, r *Report) { members(q, &r.Agent, agentMembers) }},
	{"sequence", func(q *quick, r *Report) { r.Sequence = q.counter() }},
	{"counted", func(q *quick, r *Report) { r.Counted = q.counter() }},
	{"time", func(q *quick, r *Report) { r.Time = q.moment() }},
	{"lag_ms", func(q *quick, r *Report) { r.LagMS = q.long() }},
	{"span_ms", func(q *quick, r *Report) { r.SpanMS = q.long() }},
	{"interval_ms", func(q *quick, r *Report) { r.IntervalMS = q.long() }},
	{"leaving", func(q *quick, r *Report) { r.Leaving = Leaving(q.text()) }},
	{"interfaces", func(q *quick, r *Report) { r.Interfaces = list(q, interfaceMembers) }},
	{"namespaces", func(q *quick, r *Report) { r.Namespaces = list(q, namespaceMembers) }},
	{"containers", func(q *quick, r *Report) { r.Containers = list(q, containerMembers) }},
	{"listeners", func(q *quick, r *Report) { r.Listeners = list(q, wholeListenerMembers) }},
	{"connections", func(q *quick, r *Report) { r.Connections = list(q, wholeConnectionMembers) }},
	{"forwards", func(q *quick, r *Report) { r.Forwards = list(q, wholeForwardMembers) }},
	{"sources", func(q *quick, r *Report) { r.Sources = list(q, sourceMembers) }},
	{"shortages", func(q *quick, r *Report) { r.Shortages = list(q, shortageMembers) }},
	{"notes", func(q *quick, r *Report) { r.Notes = list(q, noteMembers) }},
	{"coverage", func(q *quick, r *Report) { members(q, &r.Coverage, coverageMembers) }},
	{"cost", func(q *quick, r *Report) { members(q, &r.Cost, costMembers) }},
}

var agentMembers = []member[Agent]{
	{"version", func(q *quick, a *Agent) { a.Version = q.text() }},
	{"method", func(q *quick, a *Agent) { a.Method = q.text() }},
	{"instance", func(q *quick, a *Agent) { a.Instance = q.text() }},
	{"policy", func(q *quick, a *Agent) { a.Policy = q.text() }},
}

var interfaceMembers = []member[Interface]{
	{"name", func(q *quick, i *Interface) { i.Name = q.text() }},
	{"addresses", func(q *quick, i *Interface) { i.Addresses = values(q, []netip.Prefix{}, addressed[netip.Prefix]) }},
}

var namespaceMembers = []member[Namespace]{
	{"container", func(q *quick, n *Namespace) { n.Container = q.text() }},
	{"addresses", func(q *quick, n *Namespace) { n.Addresses = values(q, []netip.Addr{}, addressed[netip.Addr]) }},
}

var containerMembers = []member[Container]{
	{"name", func(q *quick, c *Container) { c.Name = q.text() }},
	{"id", func(q *quick, c *Container) { c.ID = q.text() }},
	{"runtime", func(q *quick, c *Container) { c.Runtime = q.name() }},
	{"image", func(q *quick, c *Container) { c.Image = q.name() }},
	{"pod", func(q *quick, c *Container) { c.Pod = q.text() }},
	{"pod_namespace", func(q *quick, c *Container) { c.PodNamespace = q.name() }},
}

var wholeListenerMembers = []member[Listener]{
	{"namespace", func(q *quick, l *Listener) { l.Namespace = q.integer() }},
	{"protocol", func(q *quick, l *Listener) { l.Protocol = Protocol(q.name()) }},
	{"address", func(q *quick, l *Listener) { l.Address = addressed[netip.Addr](q) }},
	{"dual", func(q *quick, l *Listener) { l.Dual = q.flag() }},
	{"port", func(q *quick, l *Listener) { l.Port = q.port() }},
	{"process", func(q *quick, l *Listener) { l.Process = q.name() }},
	{"pid", func(q *quick, l *Listener) { l.PID = q.integer() }},
	{"user", func(q *quick, l *Listener) { l.User = q.name() }},
	{"unit", func(q *quick, l *Listener) { l.Unit = q.name() }},
	{"container", func(q *quick, l *Listener) { l.Container = q.integer() }},
	{"queue", func(q *quick, l *Listener) { l.Queue = q.small() }},
	{"queue_max", func(q *quick, l *Listener) { l.QueueMax = q.small() }},
	{"drops", func(q *quick, l *Listener) { l.Drops = q.counter() }},
	{"own", func(q *quick, l *Listener) { l.Own = q.flag() }},
}

var wholeConnectionMembers = []member[Connection]{
	{"namespace", func(q *quick, c *Connection) { c.Namespace = q.integer() }},
	{"direction", func(q *quick, c *Connection) { c.Direction = Direction(q.name()) }},
	{"protocol", func(q *quick, c *Connection) { c.Protocol = Protocol(q.name()) }},
	{"process", func(q *quick, c *Connection) { c.Process = q.name() }},
	{"pid", func(q *quick, c *Connection) { c.PID = q.integer() }},
	{"user", func(q *quick, c *Connection) { c.User = q.name() }},
	{"unit", func(q *quick, c *Connection) { c.Unit = q.name() }},
	{"container", func(q *quick, c *Connection) { c.Container = q.integer() }},
	{"peer", func(q *quick, c *Connection) { c.Peer = addressed[netip.Addr](q) }},
	{"peer_network", func(q *quick, c *Connection) { c.PeerNetwork = addressed[netip.Prefix](q) }},
	{"peers", func(q *quick, c *Connection) { c.Peers = q.integer() }},
	{"port", func(q *quick, c *Connection) { c.Port = q.port() }},
	{"local", func(q *quick, c *Connection) { c.Local = addressed[netip.Addr](q) }},
	{"called", func(q *quick, c *Connection) { c.Called = addressed[netip.Addr](q) }},
	{"tuples", func(q *quick, c *Connection) { c.Tuples = q.hashes() }},
	{"local_port", func(q *quick, c *Connection) { c.LocalPort = q.port() }},
	{"via", func(q *quick, c *Connection) { c.Via = addressed[netip.AddrPort](q) }},
	{"count", func(q *quick, c *Connection) { c.Count = q.integer() }},
	{"opened", func(q *quick, c *Connection) { c.Opened = q.counter() }},
	{"refused", func(q *quick, c *Connection) { c.Refused = q.counter() }},
	{"timed_out", func(q *quick, c *Connection) { c.TimedOut = q.counter() }},
	{"failed", func(q *quick, c *Connection) { c.Failed = q.counter() }},
	{"health", func(q *quick, c *Connection) { c.Health = q.health() }},
	{"own", func(q *quick, c *Connection) { c.Own = q.flag() }},
}

var wholeForwardMembers = []member[Forward]{
	{"protocol", func(q *quick, f *Forward) { f.Protocol = Protocol(q.name()) }},
	{"from", func(q *quick, f *Forward) { f.From = addressed[netip.AddrPort](q) }},
	{"to", func(q *quick, f *Forward) { f.To = addressed[netip.AddrPort](q) }},
	{"count", func(q *quick, f *Forward) { f.Count = q.integer() }},
}

var sourceMembers = []member[Source]{
	{"protocol", func(q *quick, s *Source) { s.Protocol = Protocol(q.name()) }},
	{"client", func(q *quick, s *Source) { s.Client = addressed[netip.Addr](q) }},
	{"as", func(q *quick, s *Source) { s.As = addressed[netip.Addr](q) }},
	{"server", func(q *quick, s *Source) { s.Server = addressed[netip.AddrPort](q) }},
	{"count", func(q *quick, s *Source) { s.Count = q.integer() }},
}

var shortageMembers = []member[Shortage]{
	{"kind", func(q *quick, s *Shortage) { s.Kind = q.text() }},
	{"process", func(q *quick, s *Shortage) { s.Process = q.text() }},
	{"pid", func(q *quick, s *Shortage) { s.PID = q.integer() }},
	{"server", func(q *quick, s *Shortage) { s.Server = addressed[netip.AddrPort](q) }},
	{"used", func(q *quick, s *Shortage) { s.Used = q.counter() }},
	{"max", func(q *quick, s *Shortage) { s.Max = q.counter() }},
}

var noteMembers = []member[Note]{
	{"code", func(q *quick, n *Note) { n.Code = q.text() }},
	{"text", func(q *quick, n *Note) { n.Text = q.text() }},
	{"hint", func(q *quick, n *Note) { n.Hint = q.text() }},
}
