package fold

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// bind is what a listener is bound to.
type bind struct {
	addr      netip.Addr
	namespace int
	port      uint16
	protocol  uint8
}

// listeners finds the listener behind a local address.
type listeners struct {
	byBind map[bind]*report.Listener
	admin  map[bind]bool // owner hidden, but visible to root
	// ports are those with a listener, whatever it is bound to: a socket on
	// any other needs no search.
	ports [1 << 16]bool
}

func listenerKey(l *report.Listener) bind {
	return bind{l.Address, l.Namespace, l.Port, protocolNumber(l.Protocol)}
}

// findListeners collects what accepts. Sockets that share one address and port
// (SO_REUSEPORT) are one listener, owned by the lowest known process id.
//
// An unconnected UDP socket on an ephemeral port is somebody's client until a
// connected socket of this host names it as its peer.
func findListeners(at *surroundings, sockets []Socket) *listeners {
	ls := &listeners{byBind: map[bind]*report.Listener{}, admin: map[bind]bool{}}
	called := calledUDP(at, sockets)
	for i := range sockets {
		s := &sockets[i]
		switch {
		case s.State == Listen && s.Protocol == report.TCP:
		case s.State == Close && s.Protocol == report.UDP && s.Remote.Port() == 0 && s.Local.Port() != 0 &&
			(!at.ephemeral.Contains(s.Local.Port()) || called[bind{namespace: s.Namespace, port: s.Local.Port()}]):
		default:
			continue
		}
		ls.put(s)
	}
	return ls
}

// calledUDP lists the local ports that connected UDP sockets of this host have
// as their peer, by namespace and port.
func calledUDP(at *surroundings, sockets []Socket) map[bind]bool {
	called := map[bind]bool{}
	for i := range sockets {
		s := &sockets[i]
		if s.Protocol == report.UDP && s.Remote.Port() != 0 && at.isLocal(s.Namespace, s.Remote.Addr()) {
			called[bind{namespace: s.Namespace, port: s.Remote.Port()}] = true
		}
	}
	return called
}

// keyOfSocket is what a socket that accepts is bound to.
func keyOfSocket(s *Socket) bind {
	return bind{s.Local.Addr().WithZone(""), s.Namespace, s.Local.Port(), protocolNumber(s.Protocol)}
}

func (ls *listeners) put(s *Socket) {
	key, o := keyOfSocket(s), s.owner()
	dual := key.addr == netip.IPv6Unspecified() && !s.V6Only
	ls.admin[key] = ls.admin[key] || o.Admin
	ls.ports[key.port] = true
	l := ls.byBind[key]
	if l == nil {
		l = &report.Listener{Namespace: s.Namespace, Protocol: s.Protocol, Address: key.addr, Port: key.port}
		ls.byBind[key] = l
	} else if !better(o, l) {
		l.Dual = l.Dual || dual
		return
	}
	l.Dual = l.Dual || dual
	l.Process, l.PID, l.User, l.Unit, l.Container, l.Own = o.Process, o.PID, o.User, o.Unit, o.Container, o.Own
}

func better(o *Owner, than *report.Listener) bool {
	if (o.Process == "") != (than.Process == "") {
		return o.Process != ""
	}
	return cmp.Or(cmp.Compare(o.PID, than.PID), cmp.Compare(o.Process, than.Process), cmp.Compare(o.User, than.User)) < 0
}

// measure adds what waits at a listener's socket, and what it turned away since
// the look before; whole says that on a socket that was not there before,
// everything counts.
func (ls *listeners) measure(s *Socket, before *memory, whole bool) {
	l := ls.byBind[keyOfSocket(s)]
	if l == nil || s.Remote.Port() != 0 {
		return
	}
	if s.State == Listen {
		l.Queue += s.Queue
		l.QueueMax += s.QueueMax
	}
	switch {
	case before != nil:
		l.Drops += uint64(s.Drops - before.drops)
	case whole:
		l.Drops += uint64(s.Drops)
	}
}

// find returns the listener that would have accepted a connection to local:
// one bound to the very address, else one bound to all of its family, else a
// dual-stack one. nil if nothing listens there.
func (ls *listeners) find(ns int, proto report.Protocol, local netip.AddrPort) *report.Listener {
	if !ls.ports[local.Port()] {
		return nil
	}
	key := bind{local.Addr().WithZone(""), ns, local.Port(), protocolNumber(proto)}
	if l := ls.byBind[key]; l != nil {
		return l
	}
	if local.Addr().Is4() {
		key.addr = netip.IPv4Unspecified()
		if l := ls.byBind[key]; l != nil {
			return l
		}
	}
	key.addr = netip.IPv6Unspecified()
	l := ls.byBind[key]
	if l == nil || (local.Addr().Is4() && !l.Dual) {
		return nil
	}
	return l
}

func (ls *listeners) rows() []report.Listener {
	out := make([]report.Listener, 0, len(ls.byBind))
	for _, l := range ls.byBind {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b report.Listener) int {
		return cmp.Or(
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Protocol, b.Protocol),
			cmp.Compare(a.Port, b.Port),
			a.Address.Compare(b.Address),
		)
	})
	return out[:min(len(out), report.MaxRows)]
}
