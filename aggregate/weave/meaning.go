package weave

import (
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// meaning is what a row of plain sense says, beside numbers: its edge, or what is to be
// found of it elsewhere.
type meaning struct {
	client, server string // nodes
	called         string // the service, if there is one
	how            string
	service        int32
	own            bool
	held, within   bool // the edge is the peer's; it is this node's, told of by the client's end already
}

// meaning is what a row says; it is false where that takes weaving.
func (w *weaver) meaning(r *report.Connection) (meaning, bool) {
	switch r.Direction {
	case report.Out:
		return w.meaningOut(r)
	case report.In:
		return w.meaningIn(r)
	case report.Unknown:
	}
	return meaning{}, false
}

func (w *weaver) meaningOut(r *report.Connection) (meaning, bool) {
	t := w.target(r)
	if t.Kind == topology.Virtual || len(t.Several) > 0 || t.addr != r.Peer || t.port != r.Port || r.Via.IsValid() ||
		r.Process == "" && r.Count == 0 {
		return meaning{}, false
	}
	says := meaning{client: w.self.Node.Name, server: t.Node, how: t.How, service: -1}
	proto := topology.Protocol(r.Protocol)
	if t.Kind == topology.Inferred {
		says.called = topology.ServiceID(t.Node, proto, t.port, netip.Addr{})
	} else if s := w.accepting(t.Node, service.At(proto, t.port), t.addr); s != nil {
		says.called, says.own = s.ID, s.Own
	}
	return says, w.unclaimed(t.Node, r, says.called)
}

// unclaimed says whether the server's node has nothing to add to what a client's row
// says of an edge: it holds none itself, and no sockets that would confirm it.
func (w *weaver) unclaimed(node string, r *report.Connection, called string) bool {
	p := w.peer(node)
	if p == nil {
		return true
	}
	if p.block.Node.State == topology.Stale {
		return false
	}
	for _, i := range p.find(edge.Between(w.self.Node.Name, node, topology.Protocol(r.Protocol), r.Port)) {
		if e := p.block.Connections[i]; e.Client.Process == "" && e.Directed && e.Server.Service == called {
			return false
		}
	}
	return true
}

func (w *weaver) meaningIn(r *report.Connection) (meaning, bool) {
	if w.calledVirtual(r) != "" || len(w.edit.Owners(w.self.Node.Zone, calledAddress(r))) > 1 {
		return meaning{}, false
	}
	e := w.book.Resolve(&w.self.Node, r.Peer)
	if e.Kind == topology.Virtual || len(e.Several) > 0 {
		return meaning{}, false
	}
	e = w.nodes.Gathered(&w.self.Node, e, r.Peer)
	says := meaning{client: e.Node, server: w.self.Node.Name, how: e.How, service: -1}
	if s := w.accepting(says.server, service.At(topology.Protocol(r.Protocol), r.Port), r.Local); s != nil {
		says.called, says.own = s.ID, s.Own
		says.service = int32(slices.IndexFunc(w.self.Services, func(o topology.Service) bool { return o.ID == s.ID }))
	}
	if e.Node == w.self.Node.Name {
		says.within = true
		return says, true
	}
	p := w.peer(e.Node)
	if p == nil {
		return says, e.Kind != topology.Host && e.Kind != topology.Container
	}
	says.held = true
	return says, len(p.block.Node.Sources) == 0 && p.block.Node.State != topology.Stale && w.toldBy(p, r, e, says.called)
}

// toldBy says whether the client's node holds the edge of a row, and knows all that the
// row says.
func (w *weaver) toldBy(p *peer, r *report.Connection, from address.End, called string) (found bool) {
	for _, i := range p.find(edge.Between(from.Node, w.self.Node.Name, topology.Protocol(r.Protocol), r.Port)) {
		e := p.block.Connections[i]
		if e.Server.Service != called && e.Server.Service != "" {
			continue
		}
		found = true
		if !e.Evidence.BothEnds || !edge.Seen(e.Evidence.SeenBy, w.self.Node.Name) || called != "" && (!e.Directed || e.Server.Service != called) ||
			!e.Evidence.Confirmed && w.sameSockets(from.Node, r) {
			return false
		}
	}
	return found
}
