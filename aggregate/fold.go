package aggregate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// State is a socket's state, numbered as in the kernel's tcp_states.h. A UDP
// socket is [Established] when it is connected to one peer, else [Close].
type State uint8

// The states that a look keeps. Every other state belongs to a socket that is
// not open yet or no longer held by a process.
const (
	Established State = 1
	Close       State = 7
	CloseWait   State = 8
	Listen      State = 10
)

// Owner is the process that holds a socket.
type Owner struct {
	PID     int
	Process string // empty: not seen
	User    string // empty: not seen
	Own     bool   // dotm itself
	// Admin says that the process could not be seen but would be by root.
	Admin bool
}

// Socket is one kernel socket, as every way of looking (sock_diag, ss,
// netstat) can tell it.
type Socket struct {
	Namespace int
	Protocol  report.Protocol
	State     State
	V6Only    bool           // meaningful for listeners on ::
	Local     netip.AddrPort // IPv4-mapped addresses unmapped
	Remote    netip.AddrPort // zero port: none
	Cookie    uint64         // tells sockets apart between looks; 0: unknown
	Owner     Owner
}

// PortRange is inclusive at both ends, as net.ipv4.ip_local_port_range is.
type PortRange struct{ Low, High uint16 }

// DefaultEphemeral is the kernel's default for net.ipv4.ip_local_port_range.
var DefaultEphemeral = PortRange{32768, 60999}

// Contains reports whether p lies in the range.
func (r PortRange) Contains(p uint16) bool { return p >= r.Low && p <= r.High }

// Host is what a look must know of the host beside its sockets.
type Host struct {
	Addresses []netip.Addr // the host's own; loopback is implied
	Ephemeral PortRange

	own map[netip.Addr]bool // of Addresses, while folding
}

// Look is one host's sockets folded into the rows of a report.
type Look struct {
	Listeners   []report.Listener
	Connections []report.Connection
	Coverage    report.Coverage
}

// Folder turns sockets into rows. It remembers which sockets the last look
// saw, to count those that opened since. Not safe for concurrent use.
type Folder struct {
	looks int
	seen  map[uint64]struct{} // cookies of the last look
	now   map[uint64]struct{} // cookies of this look
}

// NewFolder returns a Folder that has seen nothing yet.
func NewFolder() *Folder {
	return &Folder{seen: map[uint64]struct{}{}, now: map[uint64]struct{}{}}
}

// rowKey is what sockets of one row have in common.
type rowKey struct {
	namespace int
	direction report.Direction
	protocol  report.Protocol
	process   string
	user      string
	own       bool
	peer      netip.Addr
	port      uint16
	local     netip.Addr
	localPort uint16
}

// Fold aggregates one look. sockets must be complete in its listeners, for
// they decide the direction of everything else. opens is what the kernel
// counted since the last look; nil where it doesn't count, and sockets that
// are seen for the first time have opened. The result is sorted and does not
// depend on the order of sockets.
func (f *Folder) Fold(host Host, sockets []Socket, opens *Opens) Look {
	host.own = make(map[netip.Addr]bool, len(host.Addresses))
	for _, a := range host.Addresses {
		host.own[a] = true
	}
	ls := findListeners(host, sockets)
	rows := map[rowKey]*row{}
	var look Look
	for i := range sockets {
		s := &sockets[i]
		look.Coverage.Sockets++
		if s.Remote.Port() == 0 || (s.State != Established && s.State != CloseWait) {
			continue
		}
		f.add(rows, classify(host, ls, s), s, opens == nil)
	}
	f.turn()
	if opens != nil {
		opens.fold(rows, ls)
	}
	look.Listeners = ls.rows()
	look.Connections, look.Coverage.Truncated = sorted(rows, report.MaxRows-min(len(look.Listeners), report.MaxRows))
	for i := range look.Listeners {
		count(&look.Coverage, look.Listeners[i].Process, ls.admin[listenerKey(&look.Listeners[i])])
	}
	for i := range look.Connections {
		c := &look.Connections[i]
		if c.Direction != report.In {
			count(&look.Coverage, c.Process, rows[keyOf(c)].admin)
		}
	}
	return look
}

// row is a report's row in the making.
type row struct {
	report.Connection
	admin bool // the owner of one of its sockets is hidden, but visible to root
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

// add counts one socket into its row.
func (f *Folder) add(rows map[rowKey]*row, seen report.Connection, s *Socket, countNew bool) {
	key := keyOf(&seen)
	c := rows[key]
	if c == nil {
		c = &row{Connection: seen}
		rows[key] = c
	}
	c.Count++
	c.admin = c.admin || s.Owner.Admin
	if first(&seen, &c.Connection) {
		c.PID, c.User = seen.PID, seen.User
	}
	if f.isNew(s.Cookie) && (countNew || s.Protocol != report.TCP) {
		c.Opened++
	}
}

// first picks the process that stands for a row of several: the lowest known id.
func first(a, b *report.Connection) bool {
	if (a.PID == 0) != (b.PID == 0) {
		return a.PID != 0
	}
	return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.User, b.User)) < 0
}

func keyOf(c *report.Connection) rowKey {
	return rowKey{
		c.Namespace, c.Direction, c.Protocol, c.Process, c.User, c.Own,
		c.Peer, c.Port, c.Local, c.LocalPort,
	}
}

// isNew tells whether a socket opened since the last look. Those of the first
// look were open before it and don't count.
func (f *Folder) isNew(cookie uint64) bool {
	if cookie == 0 {
		return false
	}
	f.now[cookie] = struct{}{}
	_, before := f.seen[cookie]
	return !before && f.looks > 0
}

func (f *Folder) turn() {
	f.looks++
	f.seen, f.now = f.now, f.seen
	clear(f.now)
}

// classify decides which end of an open socket is the service.
//
// A complete list of listeners decides both ways: a local port that is
// listened on accepted the connection; a peer that is this host and listens
// there was called. Otherwise a local port from the ephemeral range with a
// peer's port outside it (or known as a service's) called out. Whatever is
// left has no direction: a false arrow is worse than none.
func classify(host Host, ls *listeners, s *Socket) report.Connection {
	row := report.Connection{
		Namespace: s.Namespace, Protocol: s.Protocol, Peer: s.Remote.Addr().WithZone(""),
		Process: s.Owner.Process, PID: s.Owner.PID, User: s.Owner.User, Own: s.Owner.Own,
	}
	if l := ls.find(s.Namespace, s.Protocol, s.Local); l != nil {
		row.Direction, row.Port, row.Local = report.In, l.Port, l.Address
		accept(&row, l)
		return row
	}
	row.Direction, row.Port = report.Out, s.Remote.Port()
	if isLocal(host, s.Remote.Addr()) && ls.find(s.Namespace, s.Protocol, s.Remote) != nil {
		return row
	}
	p := s.Remote.Port()
	if host.Ephemeral.Contains(s.Local.Port()) && (!host.Ephemeral.Contains(p) || knownService(p)) {
		return row
	}
	row.Direction, row.LocalPort = report.Unknown, s.Local.Port()
	return row
}

// accept gives a row the name of the listener it came through: a connection is
// made to a service, whichever of its processes serves it. A socket that waits
// to be accepted has no owner of its own yet.
func accept(row *report.Connection, l *report.Listener) {
	if l.Process != "" {
		row.Process, row.PID, row.Own = l.Process, l.PID, l.Own
	}
	row.User = l.User
}

// knownService lists registered ports of common servers that lie inside the
// default ephemeral range (IANA service names and the projects' own docs).
func knownService(p uint16) bool {
	switch p {
	case 33060, // MySQL X protocol
		35357,               // OpenStack Keystone
		50000, 50051, 50070, // Db2, gRPC's customary port, HDFS
		51820: // WireGuard
		return true
	}
	return false
}

func isLocal(host Host, a netip.Addr) bool {
	return a.IsLoopback() || host.own[a]
}

// sorted orders the rows and keeps at most limit of them, the busiest.
func sorted(rows map[rowKey]*row, limit int) (kept []report.Connection, truncated int) {
	kept = make([]report.Connection, 0, len(rows))
	for _, c := range rows {
		kept = append(kept, c.Connection)
	}
	if len(kept) > limit {
		slices.SortFunc(kept, func(a, b report.Connection) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), compareRows(a, b))
		})
		kept, truncated = kept[:limit], len(kept)-limit
	}
	slices.SortFunc(kept, compareRows)
	return kept, truncated
}

func compareRows(a, b report.Connection) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Port, b.Port),
		a.Peer.Compare(b.Peer),
		cmp.Compare(a.Process, b.Process),
		cmp.Compare(a.User, b.User),
		cmp.Compare(a.LocalPort, b.LocalPort),
		a.Local.Compare(b.Local),
		cmp.Compare(boolInt(a.Own), boolInt(b.Own)),
	)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
