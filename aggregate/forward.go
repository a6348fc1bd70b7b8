package aggregate

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// forwards are those of a report, in order.
func forwards(list []report.Forward) []topology.Forward {
	out := make([]topology.Forward, 0, len(list))
	for _, f := range list {
		out = append(out, topology.Forward{Protocol: topology.Protocol(f.Protocol), From: f.From, To: f.To})
	}
	slices.SortFunc(out, func(a, b topology.Forward) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), a.From.Compare(b.From), a.To.Compare(b.To))
	})
	if out = slices.Compact(out); len(out) == 0 {
		return nil
	}
	return out
}

// target is where a call arrives.
type target struct {
	end
	addr netip.Addr
	port uint16
}

// target finds where a row's call arrives: at the node of the peer's address,
// or where that node's address translation sends it, if that is one place. A
// node that spreads a call over several says nothing of this one: the edge ends
// at it.
func (w *weaver) target(r *report.Connection) target {
	t := target{w.batch.resolve(&w.self.Node, r.Peer), r.Peer, r.Port}
	if r.Via.IsValid() {
		t.how += ", where " + w.self.Node.Name + " sends what calls " + r.Via.String()
		return t
	}
	if t.node == w.self.Node.Name || (t.kind != topology.Host && t.kind != topology.Container) {
		return t
	}
	b := w.block(t.node)
	called := netip.AddrPortFrom(r.Peer, r.Port)
	to, ok := forwarded(b.Node.Forwards, topology.Protocol(r.Protocol), called)
	if !ok {
		return t
	}
	behind := w.batch.resolve(&b.Node, to.Addr())
	how := behind.how + ", where " + t.node + " sends what calls " + called.String()
	return target{end{behind.node, behind.kind, how}, to.Addr(), to.Port()}
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
