// Package fold turns the sockets of one look at a host into the rows of a report
// ([Folder]): one per process, peer, service port and direction.
//
// It is for every way of looking, be it sock_diag, /proc/net or what programs
// print, so that all of them tell direction, health and what has opened by one
// set of rules. It knows nothing of the topology that reports become. It is pure:
// no clock, no I/O, and the same sockets in any order give the same rows.
package fold

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// Host is what a look must know of the host beside its sockets.
type Host struct {
	// Addresses are the host's own, by namespace; loopback is implied.
	Addresses [][]netip.Addr
	Ephemeral PortRange
	Now       time.Time
	// Unmeasured says that the kernel was not asked for what it measures on
	// connections (see [Measures]): the rows tell of their health only what
	// waits, and the next look that is measured counts for this one too. A
	// Folder's first look must be measured, to count from there.
	Unmeasured bool
}

// Look is one host's sockets folded into the rows of a report.
type Look struct {
	Listeners   []report.Listener
	Connections []report.Connection
	Coverage    report.Coverage
}

// Folder turns sockets into rows. It remembers the sockets of the last look, to
// count what happened since, and in which direction the kernel saw connections
// open. Not safe for concurrent use.
type Folder struct {
	once   bool
	past   past
	routes routes
	// fast finds the row of a socket without looking at names.
	fast map[fastKey]*row
}

// NewFolder returns a Folder that has seen nothing yet.
func NewFolder() *Folder { return &Folder{fast: map[fastKey]*row{}} }

// Once folds the only look of a program: counters of open sockets count
// since they opened, and what has closed counts as long as the kernel remembers
// it.
func Once(host Host, sockets []Socket) Look {
	f := NewFolder()
	f.once, f.past.forgetful = true, true
	return f.Fold(host, sockets, nil)
}

// Fold aggregates one look. sockets must be complete in its listeners, for
// they decide the direction of everything else. opens is what the kernel
// counted since the last look; nil where it doesn't count, and sockets that
// are seen for the first time have opened. The result is sorted and does not
// depend on the order of sockets.
func (f *Folder) Fold(host Host, sockets []Socket, opens *Opens) Look {
	f.past.turn(len(sockets))
	f.routes.learn(opens)
	clear(f.fast)
	l := &look{
		Folder: f, place: newSurroundings(host), now: host.Now,
		rows: map[rowKey]*row{}, countNew: opens == nil, measured: !host.Unmeasured,
	}
	l.listeners = findListeners(l.place, sockets)
	for i := range sockets {
		l.socket(&sockets[i])
	}
	l.prove()
	opens.fold(l.rows, l.listeners)
	return l.report()
}

// look is a Fold that is under way.
type look struct {
	*Folder
	place     *surroundings
	listeners *listeners
	now       time.Time
	rows      map[rowKey]*row
	countNew  bool // sockets that are new have opened
	measured  bool // the kernel was asked for the measures of connections
	proofs    []*Socket
	out       Look
}

// row is a report's row in the making.
type row struct {
	report.Connection
	health health
	tuples tuples
	admin  bool // the owner of one of its sockets is hidden, but visible to root
}

// rowKey is what sockets of one row have in common.
type rowKey struct {
	namespace int
	direction report.Direction
	protocol  report.Protocol
	process   string
	user      string
	unit      string
	container int
	own       bool
	peer      netip.Addr
	port      uint16
	local     netip.Addr
	called    netip.Addr
	localPort uint16
	via       netip.AddrPort
}

func keyOf(c *report.Connection) rowKey {
	return rowKey{
		c.Namespace, c.Direction, c.Protocol, c.Process, c.User, c.Unit, c.Container, c.Own,
		c.Peer, c.Port, c.Local, c.Called, c.LocalPort, c.Via,
	}
}

// fastKey is what sockets of one row have in common, by pointers: rows of
// several keys may turn out to be one.
type fastKey struct {
	owner         *Owner
	listener      *report.Listener
	peer, called  netip.Addr
	port, local   uint16
	namespace     int32
	direction, tp uint8
}

// socket takes one socket.
func (l *look) socket(s *Socket) {
	before, since := l.past.recall(s, l.now, l.measured)
	switch {
	case s.State.ends():
		if !before.met() && l.countNew && (s.Cookie != 0 && l.past.looks > 1 || l.once) {
			l.proofs = append(l.proofs, s)
		}
		return
	case s.State == Listen || s.State == Close:
		l.out.Coverage.Sockets++
		l.listeners.measure(s, before, l.whole())
		return
	case s.Remote.Port() == 0:
		return
	}
	l.out.Coverage.Sockets++
	d := l.direct(s)
	r := l.rowOf(s, d)
	age := l.now.UnixMilli() - since
	if s.State == SynSent {
		r.health.connecting(s, age)
		return
	}
	r.Count++
	r.tuples.add(s)
	r.admin = r.admin || s.owner().Admin
	if !before.met() && s.Cookie != 0 && l.past.looks > 1 && (l.countNew || s.Protocol != report.TCP) {
		r.Opened++
	}
	if l.measured {
		r.health.add(s, before, l.whole())
	}
	if s.State == CloseWait {
		r.health.closeWait(age)
	}
}

// whole says that what happened on a new socket since it opened counts.
func (l *look) whole() bool { return l.past.looks > 1 || l.once }

// rowOf finds the row that a socket belongs to, or makes it.
func (l *look) rowOf(s *Socket, d direction) *row {
	key := fastKey{
		owner: s.owner(), listener: d.listener, peer: s.Remote.Addr(), port: d.port, local: d.localPort,
		namespace: int32(s.Namespace), direction: d.way, tp: protocolNumber(s.Protocol),
	}
	if d.listener != nil {
		key.called = calledAt(d.listener, s.Local.Addr())
		if d.listener.Process != "" {
			key.owner = nil // the listener's process stands for it
		}
	}
	plain := s.Real == nil && s.State != SynSent && d.bound == (netip.Addr{})
	if r := l.fast[key]; r != nil && plain {
		return r
	}
	seen := d.row(s)
	r := l.rows[keyOf(&seen)]
	if r == nil {
		r = &row{Connection: seen}
		l.rows[keyOf(&seen)] = r
	}
	if first(&seen, &r.Connection) {
		r.PID, r.User = seen.PID, seen.User
	}
	if plain {
		l.fast[key] = r
	}
	return r
}

// protocolNumber is a protocol as its number (RFC 790).
func protocolNumber(p report.Protocol) uint8 {
	if p == report.TCP {
		return 6
	}
	return 17
}

// first picks the process that stands for a row of several: the lowest known id.
func first(a, b *report.Connection) bool {
	if (a.PID == 0) != (b.PID == 0) {
		return a.PID != 0
	}
	return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.User, b.User)) < 0
}

// prove counts the sockets that opened and were closed since the last look:
// they prove an edge, but have no process any more. They belong to the row of
// the same ends, whoever's it is, and make one of their own only where there is
// none.
func (l *look) prove() {
	if len(l.proofs) == 0 {
		return
	}
	seen := make([]report.Connection, 0, len(l.proofs))
	for _, s := range l.proofs {
		if d := l.direct(s); d.way != undecided {
			r := d.row(s)
			r.Opened = 1
			seen = append(seen, r)
		}
	}
	byPlace(l.rows).addAll(l.rows, seen)
}

// report ends the look.
func (l *look) report() Look {
	out := &l.out
	out.Listeners = l.listeners.rows()
	for _, r := range l.rows {
		r.Health, r.Tuples = r.health.sum(), r.tuples.list()
	}
	out.Connections, out.Coverage.Truncated = sorted(l.rows, report.MaxRows-min(len(out.Listeners), report.MaxRows))
	for i := range out.Listeners {
		count(&out.Coverage, out.Listeners[i].Process, l.listeners.admin[listenerKey(&out.Listeners[i])])
	}
	for i := range out.Connections {
		c := &out.Connections[i]
		if c.Direction != report.In && c.Count > 0 {
			count(&out.Coverage, c.Process, l.rows[keyOf(c)].admin)
		}
	}
	return *out
}

func count(c *report.Coverage, process string, admin bool) {
	if process != "" {
		return
	}
	c.HiddenProcesses++
	if admin {
		c.HiddenAsUser++
	}
}

// sorted orders the rows and keeps at most limit of them, the busiest.
func sorted(rows map[rowKey]*row, limit int) (kept []report.Connection, truncated int) {
	kept = make([]report.Connection, 0, len(rows))
	for _, c := range rows {
		kept = append(kept, c.Connection)
	}
	if len(kept) > limit {
		slices.SortFunc(kept, func(a, b report.Connection) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), compareRows(&a, &b))
		})
		kept, truncated = kept[:limit], len(kept)-limit
	}
	slices.SortFunc(kept, func(a, b report.Connection) int { return compareRows(&a, &b) })
	return kept, truncated
}

func compareRows(a, b *report.Connection) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Port, b.Port),
		a.Peer.Compare(b.Peer),
		cmp.Compare(a.Process, b.Process),
		cmp.Compare(a.User, b.User),
		cmp.Compare(a.Unit, b.Unit),
		cmp.Compare(a.Container, b.Container),
		cmp.Compare(a.LocalPort, b.LocalPort),
		a.Local.Compare(b.Local),
		a.Called.Compare(b.Called),
		a.Via.Compare(b.Via),
		cmp.Compare(boolInt(a.Own), boolInt(b.Own)),
	)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
