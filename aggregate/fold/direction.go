package fold

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/report"
)

// surroundings are what decides direction beside the listeners.
type surroundings struct {
	ephemeral PortRange
	own       map[hostAddr]bool
}

type hostAddr struct {
	namespace int
	addr      netip.Addr
}

func newSurroundings(h Host) *surroundings {
	s := &surroundings{ephemeral: h.Ephemeral, own: map[hostAddr]bool{}}
	for ns, addrs := range h.Addresses {
		for _, a := range addrs {
			s.own[hostAddr{ns, a}] = true
		}
	}
	return s
}

// isLocal tells whether an address is the namespace's own.
func (s *surroundings) isLocal(namespace int, a netip.Addr) bool {
	return a.IsLoopback() || s.own[hostAddr{namespace, a}]
}

// The ways of a connection, seen from this host.
const (
	undecided uint8 = iota
	inward
	outward
)

// direction is which end of a socket's connection is the service.
type direction struct {
	way      uint8
	port     uint16           // the service's; the peer's where it is undecided
	listener *report.Listener // inward: it came through this one
	// bound is, inward without a listener, the address that was called.
	bound     netip.Addr
	localPort uint16 // undecided: the other that may be the service's
}

// direct decides which end of an open socket is the service.
//
// A complete list of listeners decides both ways: a local port that is
// listened on accepted the connection; a peer that is this host and listens
// there was called. What asks for an answer, or goes through address
// translation without a listener, calls. Else counts which way the kernel saw connections between
// these ends open. Otherwise a local port from the ephemeral range with a
// peer's port outside it (or known as a service's) called out. Whatever is
// left has no direction: a false arrow is worse than none.
func (l *look) direct(s *Socket) direction {
	out := direction{way: outward, port: s.peer().Port()}
	if s.State == SynSent {
		return out
	}
	if at := l.listeners.find(s.Namespace, s.Protocol, s.Local); at != nil {
		return direction{way: inward, port: at.Port, listener: at}
	}
	if s.Real != nil {
		return out
	}
	if l.place.isLocal(s.Namespace, s.Remote.Addr()) && l.listeners.find(s.Namespace, s.Protocol, s.Remote) != nil {
		return out
	}
	switch l.routes.way(s) {
	case outward:
		return out
	case inward:
		return direction{way: inward, port: s.Local.Port(), bound: s.Local.Addr().WithZone("")}
	}
	p := s.Remote.Port()
	if l.place.ephemeral.Contains(s.Local.Port()) && (!l.place.ephemeral.Contains(p) || knownService(p)) {
		return out
	}
	return direction{way: undecided, port: p, localPort: s.Local.Port()}
}

// row is the row that the socket belongs to.
func (d direction) row(s *Socket) report.Connection {
	o := s.owner()
	r := report.Connection{
		Namespace: s.Namespace, Protocol: s.Protocol, Peer: s.peer().Addr().WithZone(""), Port: d.port,
		Process: o.Process, PID: o.PID, User: o.User, Unit: o.Unit, Container: o.Container, Own: o.Own,
	}
	switch d.way {
	case inward:
		r.Direction, r.Local = report.In, d.bound
		if d.listener != nil {
			accept(&r, d.listener)
			r.Called = calledAt(d.listener, s.Local.Addr().WithZone(""))
		}
	case outward:
		r.Direction = report.Out
		if s.Real != nil && *s.Real != s.Remote {
			r.Via = s.Remote
		}
	default:
		r.Direction, r.LocalPort = report.Unknown, d.localPort
	}
	return r
}

// accept gives a row the name of the listener it came through: a connection is
// made to a service, whichever of its processes serves it. A socket that waits
// to be accepted has no owner of its own yet.
func accept(r *report.Connection, l *report.Listener) {
	r.Local = l.Address
	if l.Process != "" {
		r.Process, r.PID, r.Own, r.Unit, r.Container = l.Process, l.PID, l.Own, l.Unit, l.Container
	}
	r.User = l.User
}

// calledAt is the address that a peer called, where the listener's doesn't tell:
// that is on all of them. Loopback ones need no telling apart.
func calledAt(l *report.Listener, local netip.Addr) netip.Addr {
	if !l.Address.IsUnspecified() || local.IsLoopback() {
		return netip.Addr{}
	}
	return local.WithZone("")
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

// routes remembers which way the kernel saw TCP connections open: who sent the
// SYN.
type routes struct{ seen map[route]uint8 }

// route is the service's end of a connection.
type route struct {
	namespace int
	service   netip.AddrPort
}

// maxRoutes bounds what is remembered; beyond it everything is learnt anew.
const maxRoutes = 1 << 16

func (r *routes) learn(opens *Opens) {
	if opens == nil {
		return
	}
	if len(r.seen)+len(opens.Edges) > maxRoutes {
		clear(r.seen)
	}
	if r.seen == nil {
		r.seen = map[route]uint8{}
	}
	for i := range opens.Edges {
		e := &opens.Edges[i]
		if e.Opened == 0 || len(r.seen) >= maxRoutes {
			continue
		}
		if e.Active {
			r.seen[route{e.Namespace, e.called()}] |= 1 << outward
		} else {
			r.seen[route{e.Namespace, netip.AddrPortFrom(e.Local, e.Port)}] |= 1 << inward
		}
	}
}

// way tells in which direction connections to one of a socket's two ends
// opened; undecided where none did, or both.
func (r *routes) way(s *Socket) uint8 {
	if len(r.seen) == 0 || s.Protocol != report.TCP {
		return undecided
	}
	called := r.seen[route{s.Namespace, s.Remote}]&(1<<outward) != 0
	accepted := r.seen[route{s.Namespace, s.Local}]&(1<<inward) != 0
	switch {
	case called && !accepted:
		return outward
	case accepted && !called:
		return inward
	}
	return undecided
}
