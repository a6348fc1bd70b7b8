package weave

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// target is where a call arrives.
type target struct {
	address.End
	addr netip.Addr
	port uint16
}

// maxHops is how many translations in a row are followed.
const maxHops = 4

// target finds where a row's call arrives: at the node of the peer's address,
// or where that node's address translation sends it, if that is one place, and
// so on. A node that spreads a call over several says nothing of this one: the
// edge ends at it. What leads round in a circle, or too far, is not followed at
// all, so that to ask again from where it leads gives the same.
func (w *weaver) target(r *report.Connection) target {
	first := target{w.book.Resolve(&w.self.Node, r.Peer), r.Peer, r.Port}
	if r.Via.IsValid() {
		first.How += ", where " + w.self.Node.Name + " sends what calls " + r.Via.String()
	}
	if first.Node == w.self.Node.Name {
		return first
	}
	t := first
	for range maxHops {
		next, ok := w.behind(t, topology.Protocol(r.Protocol))
		if !ok {
			return t
		}
		t = next
	}
	return first
}

// behind is where the node of a target sends what calls it, if that is one
// place.
func (w *weaver) behind(t target, proto topology.Protocol) (next target, ok bool) {
	if t.Kind != topology.Host && t.Kind != topology.Container {
		return t, false
	}
	b := w.block(t.Node)
	called := netip.AddrPortFrom(t.addr, t.port)
	to, ok := forwarded(b.Node.Forwards, proto, called)
	if !ok {
		return t, false
	}
	next = target{w.book.Resolve(&b.Node, to.Addr()), to.Addr(), to.Port()}
	next.How += ", where " + t.Node + " sends what calls " + called.String()
	return next, true
}

// forwarded finds the one place that a call is sent to.
func forwarded(list []topology.Forward, proto topology.Protocol, called netip.AddrPort) (to netip.AddrPort, ok bool) {
	for _, f := range list {
		if f.Protocol != proto || f.From != called {
			continue
		}
		if ok {
			return netip.AddrPort{}, false
		}
		to, ok = f.To, true
	}
	return to, ok
}
