package aggregate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// bind is what a listener is bound to.
type bind struct {
	namespace int
	protocol  report.Protocol
	addr      netip.Addr
	port      uint16
}

// listeners finds the listener behind a local address.
type listeners struct {
	byBind map[bind]*report.Listener
	admin  map[bind]bool // owner hidden, but visible to root
}

func listenerKey(l *report.Listener) bind { return bind{l.Namespace, l.Protocol, l.Address, l.Port} }

// findListeners collects what accepts. Sockets that share one address and port
// (SO_REUSEPORT) are one listener, owned by the lowest known process id.
//
// An unconnected UDP socket on an ephemeral port is somebody's client until a
// connected socket of this host names it as its peer.
func findListeners(host Host, sockets []Socket) *listeners {
	ls := &listeners{byBind: map[bind]*report.Listener{}, admin: map[bind]bool{}}
	called := calledUDP(host, sockets)
	for i := range sockets {
		s := &sockets[i]
		switch {
		case s.State == Listen && s.Protocol == report.TCP:
		case s.State == Close && s.Protocol == report.UDP && s.Remote.Port() == 0 && s.Local.Port() != 0 &&
			(!host.Ephemeral.Contains(s.Local.Port()) || called[bind{namespace: s.Namespace, port: s.Local.Port()}]):
		default:
			continue
		}
		ls.put(s)
	}
	return ls
}

// calledUDP lists the local ports that connected UDP sockets of this host have
// as their peer, by namespace and port.
func calledUDP(host Host, sockets []Socket) map[bind]bool {
	called := map[bind]bool{}
	for i := range sockets {
		s := &sockets[i]
		if s.Protocol == report.UDP && s.Remote.Port() != 0 && isLocal(host, s.Remote.Addr()) {
			called[bind{namespace: s.Namespace, port: s.Remote.Port()}] = true
		}
	}
	return called
}

func (ls *listeners) put(s *Socket) {
	addr := s.Local.Addr().WithZone("")
	key := bind{s.Namespace, s.Protocol, addr, s.Local.Port()}
	dual := addr == netip.IPv6Unspecified() && !s.V6Only
	ls.admin[key] = ls.admin[key] || s.Owner.Admin
	if old := ls.byBind[key]; old != nil {
		old.Dual = old.Dual || dual
		if !better(s.Owner, old) {
			return
		}
		dual = old.Dual
	}
	ls.byBind[key] = &report.Listener{
		Namespace: s.Namespace, Protocol: s.Protocol,
		Address: addr, Port: s.Local.Port(), Dual: dual,
		Process: s.Owner.Process, PID: s.Owner.PID, User: s.Owner.User, Own: s.Owner.Own,
	}
}

func better(o Owner, than *report.Listener) bool {
	if (o.Process == "") != (than.Process == "") {
		return o.Process != ""
	}
	return cmp.Or(cmp.Compare(o.PID, than.PID), cmp.Compare(o.Process, than.Process), cmp.Compare(o.User, than.User)) < 0
}

// find returns the listener that would have accepted a connection to local:
// one bound to the very address, else one bound to all of its family, else a
// dual-stack one. nil if nothing listens there.
func (ls *listeners) find(ns int, proto report.Protocol, local netip.AddrPort) *report.Listener {
	key := bind{ns, proto, local.Addr().WithZone(""), local.Port()}
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
