package weave

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// outwards adds the rows whose service is elsewhere. Those without a process
// and without an open socket come last: they only prove what another row may
// tell better.
func (w *weaver) outwards(rows []report.Connection) {
	var proofs []*report.Connection
	for i := range rows {
		switch r := &rows[i]; {
		case r.Direction == report.In:
		case r.Process == "" && r.Count == 0 && r.Direction == report.Out:
			proofs = append(proofs, r)
		default:
			w.outLike(r, nil)
		}
	}
	for _, r := range proofs {
		w.outLike(r, w.named(r))
	}
}

// named finds, for a row without a process, the edge of one between the same
// ends, of now or else of before, so that it doesn't stand as a second one.
func (w *weaver) named(r *report.Connection) *topology.Connection {
	t := w.target(r)
	same := func(c *topology.Connection) bool {
		return c.Directed && c.Client.Process != "" && c.Client.Node == w.self.Node.Name && c.Server.Node == t.Node &&
			c.Server.Port == t.port && c.Protocol == topology.Protocol(r.Protocol)
	}
	for _, id := range slices.Sorted(maps.Keys(w.edges)) {
		if same(w.edges[id]) {
			return w.edges[id]
		}
	}
	for i := range w.prev.Connections {
		if same(w.prev.Connections[i]) {
			return w.prev.Connections[i]
		}
	}
	return nil
}

// outLike adds a row whose service is at the peer, or whose direction is
// unknown. If like is not nil, its client is the row's.
func (w *weaver) outLike(r *report.Connection, like *topology.Connection) {
	t := w.certain(w.target(r), r)
	if r.Direction == report.Unknown && w.saidBefore(r, t.End) {
		return
	}
	proto := topology.Protocol(r.Protocol)
	c := topology.Connection{
		Client: topology.Client{
			Node: w.self.Node.Name, Process: r.Process, Service: w.only[r.Process],
			Unit: r.Unit, Container: w.says.Container(r.Container).Name,
		},
		Server:   topology.Server{Node: t.Node, Port: t.port},
		Protocol: proto, Directed: r.Direction != report.Unknown, Own: r.Own,
		Evidence: topology.Evidence{
			ServerAddress: t.addr.String(), ServerResolved: t.How,
			ClientResolved: "reports itself",
			SeenBy:         []topology.Sighting{{Node: w.self.Node.Name, End: "client", At: w.now}},
		},
	}
	if like != nil {
		c.Client, c.Own = like.Client, like.Own
		c.Client.Service = w.only[c.Client.Process]
	}
	switch {
	case !c.Directed:
	case t.Kind == topology.Inferred, t.Kind == topology.Virtual:
		c.Server.Service = topology.ServiceID(t.Node, proto, t.port, netip.Addr{})
	default:
		if s := w.accepting(t.Node, service.At(proto, t.port), t.addr); s != nil {
			c.Server.Service = s.ID
			c.Own = c.Own || s.Own
		}
	}
	w.add(c, r, t.End, "client")
	w.confirm(c, t.End, r)
}

// saidBefore tells whether the other of the two sockets of a connection without
// direction stands for it: of a local one that with the lower port, else the
// one whose node told of it first.
func (w *weaver) saidBefore(r *report.Connection, peer address.End) bool {
	if peer.Node == w.self.Node.Name {
		return r.LocalPort > r.Port
	}
	p := w.peer(peer.Node)
	for _, i := range p.find(edge.Between(peer.Node, w.self.Node.Name, topology.Protocol(r.Protocol), r.LocalPort)) {
		if p.block.Connections[i].Directed {
			continue
		}
		if !p.block.Connections[i].Evidence.BothEnds {
			e := &p.write(i).Evidence
			e.BothEnds = true
			e.SeenBy = edge.See(e.SeenBy, topology.Sighting{Node: w.self.Node.Name, End: "server", At: w.now})
		}
		return true
	}
	return false
}

// confirm notes that the server's node sees the edge too, if it does, and
// takes over what it held of it while the client's end was unknown. Behind a
// virtual address those that hold it see the edge.
func (w *weaver) confirm(c topology.Connection, peer address.End, r *report.Connection) {
	if !c.Directed {
		return
	}
	id := topology.ConnectionID(&c)
	if peer.Kind != topology.Virtual {
		w.confirmAt(id, peer.Node, edge.EndsOf(&c), c.Server.Service, r)
		return
	}
	for _, h := range w.book.EverHeld(peer.Node) {
		w.confirmAt(id, h, edge.EndsOf(&c), c.Server.Service, r)
	}
}

// confirmAt is confirm for one node that may see the edge. r is the client's row,
// if there is one.
func (w *weaver) confirmAt(id, node string, at edge.Ends, service string, r *report.Connection) {
	p := w.peer(node)
	if p == nil {
		return
	}
	mine := w.edges[id]
	if e := &mine.Evidence; r != nil && (!e.Confirmed || !edge.Seen(e.SeenBy, node)) && w.sameSockets(node, r) {
		e.Confirmed, e.BothEnds = true, true
		e.SeenBy = edge.See(e.SeenBy, topology.Sighting{Node: node, End: "server", At: p.block.Node.LastReport})
	}
	places := p.find(at)
	if at.Server != node {
		places = append(places, w.calledAs(p, at, mine)...)
	}
	for _, i := range places {
		theirs := p.block.Connections[i]
		if theirs.Client.Process != "" || !theirs.Directed || at.Server == node && theirs.Server.Service != service {
			continue
		}
		mine.FirstSeen = edge.Earlier(mine.FirstSeen, theirs.FirstSeen)
		for _, s := range theirs.Evidence.SeenBy {
			mine.Evidence.SeenBy = edge.See(mine.Evidence.SeenBy, s)
		}
		mine.Evidence.ClientAddress, mine.Evidence.ClientResolved = theirs.Evidence.ClientAddress, theirs.Evidence.ClientResolved
		mine.Evidence.BothEnds = true
		p.drop(i)
		return
	}
}

// calledAs lists the edges of a virtual address's holder that came in through
// it, as far as it is known.
func (w *weaver) calledAs(p *peer, at edge.Ends, mine *topology.Connection) []int {
	at.Server = p.block.Node.Name
	return slices.DeleteFunc(p.find(at), func(i int) bool {
		return p.block.Connections[i].Evidence.ServerAddress != mine.Evidence.ServerAddress
	})
}
