package weave

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// inherit carries over what is remembered of an edge.
func (w *weaver) inherit(e *topology.Connection) {
	old := w.remembered(e.ID)
	if old == nil {
		return
	}
	e.FirstSeen, e.LastConnection, e.Opened = old.FirstSeen, old.LastConnection, old.Opened
	e.Refused, e.TimedOut, e.Failed = old.Refused, old.TimedOut, old.Failed
	w.takeWord(e, old)
}

// remembered is the edge as it was before, or nil.
func (w *weaver) remembered(id string) *topology.Connection {
	return topology.FindConnection(w.prev.Connections, id)
}

// takeWord carries over what the other end said of an edge, which may be on the same
// node: it stands until that says otherwise.
func (w *weaver) takeWord(e, old *topology.Connection) {
	for _, s := range old.Evidence.SeenBy {
		if s.Node != w.self.Node.Name || s.End == "server" && e.Client.Node == w.self.Node.Name {
			e.Evidence.SeenBy = edge.See(e.Evidence.SeenBy, s)
			e.Evidence.BothEnds, e.Evidence.Confirmed = true, e.Evidence.Confirmed || old.Evidence.Confirmed
			e.Evidence.ClientAddress = old.Evidence.ClientAddress
			e.Evidence.ClientResolved = old.Evidence.ClientResolved
		}
	}
}

// remember keeps the edges of before that this statement doesn't list: closed,
// unless a fuller edge now stands for them.
func (w *weaver) remember() {
	w.ends = make(map[[2]string][]*topology.Connection, len(w.edges))
	for _, e := range w.edges {
		w.ends[edge.Nodes(e)] = append(w.ends[edge.Nodes(e)], e)
	}
	var moved []*topology.Connection
	for _, old := range w.prev.Connections {
		if w.edges[old.ID] != nil {
			continue
		}
		if c := w.reroute(old); c != nil {
			moved = append(moved, c)
		} else {
			w.keep(old)
		}
	}
	for _, c := range moved {
		w.keep(c)
		if e := w.edges[c.ID]; e != nil {
			w.confirm(*e, address.End{Node: e.Server.Node}, nil)
		}
	}
}

// keep remembers one edge that this statement doesn't list.
func (w *weaver) keep(old *topology.Connection) {
	if old.Client.Process == "" && w.explained[edge.EndsOf(old)] {
		return
	}
	if fuller := w.covers(old); fuller != nil {
		edge.Absorb(fuller, old)
		w.takeWord(fuller, old)
		return
	}
	c := edge.Closed(*old, w.prev.Node.LastReport)
	e := w.edges[old.ID]
	if e == nil {
		w.edges[old.ID] = c
		return
	}
	edge.Absorb(e, c)
	if e.Count == 0 {
		e.LastSeen = edge.Later(e.LastSeen, c.LastSeen)
		if c.Status == topology.Fresh {
			e.Status = topology.Fresh
		}
	}
}

// reroute leads an edge of before on, from a node that turned out to forward
// what calls it; nil if there is no such.
func (w *weaver) reroute(old *topology.Connection) *topology.Connection {
	addr, err := netip.ParseAddr(old.Evidence.ServerAddress)
	if err != nil || !old.Directed || old.Client.Node != w.self.Node.Name || old.Server.Node == w.self.Node.Name {
		return nil
	}
	b := w.block(old.Server.Node)
	if b == nil {
		return nil
	}
	c := new(*old)
	r := report.Connection{Protocol: report.Protocol(c.Protocol), Peer: addr, Port: c.Server.Port}
	t := w.target(&r)
	if t.addr == addr && t.port == c.Server.Port && (t.Kind != topology.Virtual || t.Node == c.Server.Node || b.Node.OwnsAddresses()) {
		return nil
	}
	c.Server = topology.Server{Node: t.Node, Port: t.port}
	c.Evidence.ServerAddress, c.Evidence.ServerResolved = t.addr.String(), t.How
	if t.Kind == topology.Inferred || t.Kind == topology.Virtual {
		c.Server.Service = topology.ServiceID(t.Node, c.Protocol, t.port, netip.Addr{})
	} else if s := w.accepting(t.Node, service.At(c.Protocol, t.port), t.addr); s != nil {
		c.Server.Service = s.ID
	}
	c.ID = topology.ConnectionID(c)
	return c
}

// covers finds an edge of now that tells an edge of before better: the same
// two nodes and port, but with the process, the direction, the service, or the
// node that an address turned out to be.
func (w *weaver) covers(old *topology.Connection) *topology.Connection {
	var best *topology.Connection
	if old.Directed && old.Client.Process != "" && (old.Server.Service != "" || old.Server.Node == topology.InternetName) {
		return nil // nothing can be told better
	}
	for _, e := range w.ends[edge.Nodes(old)] {
		if edge.Partial(old, e) && (best == nil || e.ID < best.ID) {
			best = e
		}
	}
	return best
}
