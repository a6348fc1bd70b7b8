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

// in adds a row whose service is on this node, unless the client's end already
// tells it better.
func (w *weaver) in(r *report.Connection, clients map[string]int) {
	key := service.At(topology.Protocol(r.Protocol), r.Port)
	s := w.accepting(w.self.Node.Name, key, r.Local)
	server := topology.Server{Node: w.self.Node.Name, Port: r.Port}
	own := r.Own
	if s != nil {
		server.Service = s.ID
		clients[s.ID] += r.Count
		own = own || s.Own
	}
	peer := w.caller(r)
	seen := topology.Sighting{Node: w.self.Node.Name, End: "server", At: w.now}
	if v := w.calledVirtual(r); v != "" {
		at := topology.Server{Node: v, Port: r.Port, Service: topology.ServiceID(v, key.Protocol, r.Port, netip.Addr{})}
		if w.sawAtClient(peer, at, r, seen) {
			return
		}
		left := !w.has(calledAddress(r))
		if left && w.toldByHolder(peer, at, r) {
			return
		}
		if left || len(w.book.Holders(v)) == 1 {
			server = at
		}
	}
	if w.sawAtClient(peer, server, r, seen) {
		w.throughSource(peer, server, own, r, seen)
		if len(w.edit.Owners(w.self.Node.Zone, calledAddress(r))) > 1 {
			w.elsewhere(peer, server, r, w.noter(peer, server, r, seen))
		}
		return
	}
	if w.throughNAT(peer, server, own, r, seen) || w.elsewhere(peer, server, r, w.noter(peer, server, r, seen)) {
		return
	}
	w.accept(peer, server, own, r, seen)
}

// calledVirtual is the node of the virtual address that a row's peer called;
// empty if it called another. This node may have lost the address since: sockets
// that nobody closes outlive it.
func (w *weaver) calledVirtual(r *report.Connection) string {
	called := calledAddress(r)
	if !called.IsValid() || slices.Contains(w.self.Node.Addresses, called) {
		return ""
	}
	v := w.edit.VirtualAt(w.self.Node.Zone, called)
	if w.has(called) || slices.Contains(w.book.EverHeld(v), w.self.Node.Name) {
		return v
	}
	return ""
}

// toldByHolder says whether who holds a virtual address now tells of calls from
// a peer to it.
func (w *weaver) toldByHolder(peer address.End, at topology.Server, r *report.Connection) bool {
	for _, h := range w.book.Holders(at.Node) {
		if h != w.self.Node.Name && len(w.peer(h).find(edge.Between(peer.Node, at.Node, topology.Protocol(r.Protocol), at.Port))) > 0 {
			return true
		}
	}
	return false
}

// calledAddress is the address that a row's peer called, as far as it is known.
func calledAddress(r *report.Connection) netip.Addr {
	if !r.Called.IsValid() && r.Local.IsValid() && !r.Local.IsUnspecified() {
		return r.Local
	}
	return r.Called
}

// accept adds an edge that its client's end doesn't tell.
func (w *weaver) accept(peer address.End, server topology.Server, own bool, r *report.Connection, seen topology.Sighting) {
	c := topology.Connection{
		Client: topology.Client{Node: peer.Node}, Server: server,
		Protocol: topology.Protocol(r.Protocol), Directed: true, Own: own,
		Evidence: topology.Evidence{
			ClientAddress: r.Peer.String(), ClientResolved: peer.How,
			ServerResolved: "reports itself", SeenBy: []topology.Sighting{seen},
		},
	}
	if r.Called.IsValid() {
		c.Evidence.ServerAddress = r.Called.String()
	}
	w.add(c, r, peer, "server")
	if server.Node != w.self.Node.Name {
		w.takeOver(&c)
	}
}

// takeOver takes an edge to a virtual address from those that held the address
// before.
func (w *weaver) takeOver(c *topology.Connection) {
	id := topology.ConnectionID(c)
	if w.remembered(id) != nil {
		return
	}
	for _, h := range w.book.EverHeld(c.Server.Node) {
		if h == w.self.Node.Name {
			continue
		}
		p := w.peer(h)
		for _, i := range p.find(edge.EndsOf(c)) {
			theirs := p.block.Connections[i]
			if theirs.ID != id {
				continue
			}
			edge.Absorb(w.edges[id], theirs)
			p.drop(i)
			p.leaves = true
		}
	}
}

// sawAtClient finds the edges that the client's end holds for a row and notes
// there that the server's end sees them too, with the direction and the service
// that the client's end could not know.
func (w *weaver) sawAtClient(peer address.End, server topology.Server, r *report.Connection, seen topology.Sighting) bool {
	note := w.noter(peer, server, r, seen)
	at := edge.Between(peer.Node, server.Node, topology.Protocol(r.Protocol), server.Port)
	if peer.Node != w.self.Node.Name {
		return w.sawAtPeer(at, server.Service, note, r)
	}
	found := false
	for _, c := range w.local[at] {
		if c.Directed && c.Server.Service == server.Service {
			note(c)
			found = true
		}
	}
	return found
}

// noter writes on an edge what the server's end knows of it.
func (w *weaver) noter(peer address.End, server topology.Server, r *report.Connection, seen topology.Sighting) func(*topology.Connection) {
	return func(c *topology.Connection) {
		if server.Service != "" {
			c.Directed, c.Server.Service = true, server.Service
			c.ID = topology.ConnectionID(c)
		}
		c.Evidence.BothEnds = true
		c.Evidence.Confirmed = c.Evidence.Confirmed || w.sameSockets(peer.Node, r)
		c.Evidence.ClientAddress, c.Evidence.ClientResolved = r.Peer.String(), peer.How
		c.Evidence.SeenBy = edge.See(c.Evidence.SeenBy, seen)
	}
}

// within lists the edges whose ends are both on this node, be it by a virtual
// address.
func (w *weaver) within() map[edge.Ends][]*topology.Connection {
	local, virtual := map[edge.Ends][]*topology.Connection{}, map[string]bool{}
	for _, a := range w.self.Node.VirtualAddresses {
		virtual[w.edit.VirtualAt(w.self.Node.Zone, a)] = true
	}
	for _, c := range w.edges {
		if c.Client.Node == c.Server.Node || c.Client.Node == w.self.Node.Name && virtual[c.Server.Node] {
			local[edge.EndsOf(c)] = append(local[edge.EndsOf(c)], c)
		}
	}
	return local
}

// sawAtPeer is sawAtClient for a client on another node. That node's block is
// written only when it learns something new.
func (w *weaver) sawAtPeer(at edge.Ends, service string, note func(*topology.Connection), r *report.Connection) (found bool) {
	p := w.peer(at.Client)
	for _, i := range p.find(at) {
		e := p.block.Connections[i]
		if e.Server.Service != service && e.Server.Service != "" {
			continue
		}
		found = true
		complete := e.Evidence.BothEnds && (e.Evidence.Confirmed || !w.sameSockets(at.Client, r)) &&
			edge.Seen(e.Evidence.SeenBy, w.self.Node.Name) && (service == "" || (e.Directed && e.Server.Service == service))
		p.hear(i, r)
		if !complete {
			note(p.write(i))
			p.leaves = p.leaves || at.Server != w.self.Node.Name
		}
	}
	return found
}

// countClients writes how many sockets are connected to each service.
func (w *weaver) countClients(clients map[string]int) {
	for i := range w.self.Services {
		s := &w.self.Services[i]
		n := clients[s.ID]
		switch {
		case n > 0:
			s.LastConnection = w.now
		case s.Clients > 0:
			s.LastConnection = w.prev.Node.LastReport
		}
		s.Clients = n
	}
}
