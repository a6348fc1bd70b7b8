package conntrack

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math/bits"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
)

// Table holds the translated connections of one network namespace at one
// moment. The zero value is empty; [Reader.Read] fills it. Once filled, it may
// be asked from several goroutines.
type Table struct {
	// Tracked is how many connections the kernel tracked, translated or not.
	Tracked int
	// LeftOut is how many translated connections found no room; see
	// [Options.Limit].
	LeftOut int
	// Incomplete says that the kernel's answer was disturbed every time that
	// it was asked for: some connections may be missing.
	Incomplete bool

	limit  int
	rows   []row
	chains [2]chain // by what the pairs of the same number are
}

// The directions of a connection, and the index of what is known of them.
const (
	original = 0 // the client's socket: who called, what it called
	reply    = 1 // the server's socket: who answers, to whom
)

// row is one connection, without pointers, so that many cost little.
type row struct {
	pairs    [2]pair
	status   uint32
	protocol uint8
	state    State
}

// pair is the source and the destination of one direction: what a socket at
// its beginning has for its own address and its peer's.
type pair [2]end

// end is an address, those of IPv4 mapped into IPv6, and a port, all in
// network byte order.
type end [16 + 2]byte

func endOf(a netip.AddrPort) (e end) {
	as16 := a.Addr().As16()
	copy(e[:], as16[:])
	binary.BigEndian.PutUint16(e[16:], a.Port())
	return e
}

func (e *end) set4(a [4]byte) {
	e[10], e[11] = 0xff, 0xff
	copy(e[12:], a[:])
}

func (e *end) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(e[:16])).Unmap(), binary.BigEndian.Uint16(e[16:]))
}

// translated tells whether an answer goes another way than the call came.
func (w *row) translated() bool {
	return w.pairs[original][0] != w.pairs[reply][1] || w.pairs[original][1] != w.pairs[reply][0]
}

func (w *row) flow() Flow {
	call, answer := &w.pairs[original], &w.pairs[reply]
	return Flow{
		Protocol: protocolOf(w.protocol),
		From:     call[0].addrPort(), Called: call[1].addrPort(),
		Server: answer[0].addrPort(), Seen: answer[1].addrPort(),
		State:    w.state,
		Answered: w.status&ipsSeenReply != 0, Assured: w.status&ipsAssured != 0,
	}
}

func protocolOf(number uint8) report.Protocol {
	if number == unix.IPPROTO_UDP {
		return report.UDP
	}
	return report.TCP
}

// numberOf is 0 for a protocol that no row has.
func numberOf(p report.Protocol) uint8 {
	switch p {
	case report.TCP:
		return unix.IPPROTO_TCP
	case report.UDP:
		return unix.IPPROTO_UDP
	}
	return 0
}

// reset forgets everything; limit is how many rows there may be from now on.
func (t *Table) reset(limit int) {
	t.Tracked, t.Incomplete, t.limit = 0, false, limit
	t.clear()
}

// clear forgets the rows.
func (t *Table) clear() {
	t.LeftOut, t.rows = 0, t.rows[:0]
	t.index()
}

// add takes a row, or counts it where there is no room.
func (t *Table) add(w *row) {
	if len(t.rows) >= t.limit {
		t.LeftOut++
		return
	}
	t.rows = append(t.rows, *w)
}

// index makes the rows findable, and drops those that are there twice: the
// kernel may tell one again when the table changes while it is told.
func (t *Table) index() {
	rows := t.rows
	t.rows = rows[:0]
	for i := range t.chains {
		t.chains[i].reset(len(rows))
	}
	for i := range rows {
		if w := &rows[i]; !t.has(w) {
			for d := range t.chains {
				t.chains[d].add(&w.pairs[d])
			}
			t.rows = append(t.rows, *w) // never beyond i
		}
	}
}

func (t *Table) has(w *row) bool {
	c := &t.chains[original]
	for i := c.first(&w.pairs[original]); i > 0; i = c.next[i-1] {
		if o := &t.rows[i-1]; o.pairs == w.pairs && o.protocol == w.protocol {
			return true
		}
	}
	return false
}

// Len returns the number of translated connections in the table.
func (t *Table) Len() int { return len(t.rows) }

// All yields the translated connections, in no order.
func (t *Table) All() iter.Seq[Flow] {
	return func(yield func(Flow) bool) {
		for i := range t.rows {
			if !yield(t.rows[i].flow()) {
				return
			}
		}
	}
}

// Behind finds who really answers a client, by the client's socket: its own
// address, and the one that it called. It is not ok where that one answers
// itself, and where several connections of that name lead to different servers
// (in zones of the tracking, as Open vSwitch has them).
func (t *Table) Behind(p report.Protocol, client, called netip.AddrPort) (server netip.AddrPort, ok bool) {
	return t.other(original, p, client, called)
}

// Caller finds who really called a server, by the server's socket: its own
// address, and that of the peer that it sees. It is not ok where that peer
// called itself, and where several connections of that name come from
// different callers.
func (t *Table) Caller(p report.Protocol, server, seen netip.AddrPort) (client netip.AddrPort, ok bool) {
	return t.other(reply, p, server, seen)
}

// other returns who is really at the other end of a socket, if that is another
// than the socket's peer.
func (t *Table) other(direction int, p report.Protocol, local, peer netip.AddrPort) (netip.AddrPort, bool) {
	if len(t.rows) == 0 || !local.IsValid() || !peer.IsValid() {
		return netip.AddrPort{}, false
	}
	socket := pair{endOf(local), endOf(peer)}
	number := numberOf(p)
	var found *end
	c := &t.chains[direction]
	for i := c.first(&socket); i > 0; i = c.next[i-1] {
		w := &t.rows[i-1]
		if w.protocol != number || w.pairs[direction] != socket {
			continue
		}
		if found != nil && *found != w.pairs[1-direction][0] {
			return netip.AddrPort{}, false
		}
		found = &w.pairs[1-direction][0]
	}
	if found == nil || *found == socket[1] {
		return netip.AddrPort{}, false
	}
	return found.addrPort(), true
}

// Forwards lists what is called in place of what, sorted, with the number of
// tracked connections, those among them that closed a short while ago. Only
// called addresses that own accepts count, all of them if own is nil. Of more
// than [report.MaxForwards] the busiest are kept.
func (t *Table) Forwards(own func(netip.Addr) bool) []report.Forward {
	counts := map[forward]int{}
	for i := range t.rows {
		w := &t.rows[i]
		if f := (forward{w.protocol, w.pairs[original][1], w.pairs[reply][0]}); f.called != f.server {
			counts[f]++
		}
	}
	list := make([]report.Forward, 0, len(counts))
	for f, n := range counts {
		r := report.Forward{Protocol: protocolOf(f.protocol), From: f.called.addrPort(), To: f.server.addrPort(), Count: n}
		if isOnePort(r.From) && isOnePort(r.To) && (own == nil || own(r.From.Addr())) {
			list = append(list, r)
		}
	}
	return busiest(list, report.MaxForwards)
}

// Sources lists whose connections leave under another address than their own,
// sorted, with the number of tracked connections. Only such addresses count that
// own accepts, and only clients that it doesn't, all of them if own is nil: those
// of others, that pass through here. Of more than [report.MaxSources] the busiest
// are kept.
func (t *Table) Sources(own func(netip.Addr) bool) []report.Source {
	counts := map[report.Source]int{}
	for i := range t.rows {
		w := &t.rows[i]
		call, answer := &w.pairs[original], &w.pairs[reply]
		if call[0] == answer[1] {
			continue
		}
		s := report.Source{
			Protocol: protocolOf(w.protocol), Client: call[0].addrPort().Addr(), As: answer[1].addrPort().Addr(), Server: answer[0].addrPort(),
		}
		if s.Client != s.As && isOnePort(s.Server) && !s.Client.IsUnspecified() && !s.As.IsUnspecified() &&
			(own == nil || own(s.As) && !own(s.Client)) {
			counts[s]++
		}
	}
	list := make([]report.Source, 0, len(counts))
	for s, n := range counts {
		s.Count = n
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b report.Source) int { return cmp.Or(cmp.Compare(b.Count, a.Count), compareSources(a, b)) })
	list = list[:min(report.MaxSources, len(list))]
	slices.SortFunc(list, compareSources)
	return list
}

func compareSources(a, b report.Source) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), a.As.Compare(b.As), a.Server.Compare(b.Server), a.Client.Compare(b.Client))
}

type forward struct {
	protocol       uint8
	called, server end
}

// isOnePort tells whether a report may name a.
func isOnePort(a netip.AddrPort) bool { return !a.Addr().IsUnspecified() && a.Port() != 0 }

// busiest returns the n entries with the highest counts, sorted by what they
// are, so that the same table always gives the same list.
func busiest(list []report.Forward, n int) []report.Forward {
	slices.SortFunc(list, func(a, b report.Forward) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), compareForwards(a, b))
	})
	list = list[:min(n, len(list))]
	slices.SortFunc(list, compareForwards)
	return list
}

func compareForwards(a, b report.Forward) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), a.From.Compare(b.From), a.To.Compare(b.To))
}

// chain finds rows by one of their pairs: a hash table whose slots begin lists
// of rows. It numbers rows from 1, so that 0 ends a list.
type chain struct {
	slots []int32
	next  []int32 // of the row of that index + 1
}

// seed keeps who chooses ports and addresses from choosing slots.
var seed = maphash.MakeSeed()

// reset empties the chain and makes room for so many rows.
func (c *chain) reset(rows int) {
	c.next = slices.Grow(c.next[:0], rows)
	c.slots = c.slots[:0]
	if rows > 0 {
		n := 1 << bits.Len(uint(rows))
		c.slots = slices.Grow(c.slots, n)[:n]
		clear(c.slots)
	}
}

// first returns the number of the row that p's list begins with.
func (c *chain) first(p *pair) int32 { return c.slots[c.slot(p)] }

// add puts the next row on p's list.
func (c *chain) add(p *pair) {
	i := c.slot(p)
	c.next = append(c.next, c.slots[i])
	c.slots[i] = int32(len(c.next))
}

func (c *chain) slot(p *pair) uint64 {
	var key [2 * len(end{})]byte
	copy(key[copy(key[:], p[0][:]):], p[1][:])
	return maphash.Bytes(seed, key[:]) & uint64(len(c.slots)-1)
}
