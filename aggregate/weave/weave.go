// Package weave turns the rows of one statement, of a host or a container, into the
// connections that its node holds ([Loom]). It joins them with what the other end
// said, by address or by tuples, follows address translation, and keeps what was
// known before as far as nothing tells it better.
//
// This is one room and not several, because both ends of a connection are written
// while it is woven: a row may add an edge here, note something on one that a peer
// holds, or take that over, and rows after it must see this.
package weave

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/inference"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Loom is what the statements of a report are woven on.
type Loom struct {
	edit  *topology.Edit
	book  *address.Book
	nodes *inference.Nodes
}

// NewLoom is the one of a topology in the making.
func NewLoom(edit *topology.Edit, b *address.Book, nodes *inference.Nodes) *Loom {
	return &Loom{edit, b, nodes}
}

// weaver turns the rows of one statement into the connections that its node
// holds.
type weaver struct {
	*Loom
	self *topology.Block // in the making; its services are complete
	prev *topology.Block
	says *report.Report
	rows []report.Connection
	now  time.Time

	others   map[string]*peer                     // blocks of other nodes
	services map[string]service.Ports             // of nodes
	local    map[edge.Ends][]*topology.Connection // edges within the node, once all are there
	only     map[string]string                    // the one service of a process

	edges map[string]*topology.Connection
	ends  map[[2]string][]*topology.Connection // edges of now by their two nodes
	peers map[string]map[netip.Prefix]int      // behind edges to many, by address or network

	health map[string]*edge.Measured // of edges, by id

	explained map[edge.Ends]bool // callers without a process that other edges stand for

	sure map[string][]*topology.Connection // of before, by an address that says nothing by itself
}

// Weave makes the connections that a node holds of the rows of its statement, part
// of the report that says it, as of now. next is its block in the making, whose
// node and services are complete; prev is the block before.
func (l *Loom) Weave(next, prev *topology.Block, says *report.Report, rows []report.Connection, now time.Time) {
	w := &weaver{Loom: l, self: next, prev: prev, says: says, rows: rows, now: now}
	w.weave()
}

// weave fills self.Connections.
func (w *weaver) weave() {
	w.others, w.services = map[string]*peer{}, map[string]service.Ports{}
	w.only = service.Only(w.self.Services)
	w.edges = map[string]*topology.Connection{}
	w.peers = map[string]map[netip.Prefix]int{}
	w.health = map[string]*edge.Measured{}
	rows := slices.Clone(w.rows)
	for i := range rows {
		w.decide(&rows[i])
	}
	rows, inVain := apart(rows)
	clients := map[string]int{}
	w.outwards(rows)
	w.local = w.within()
	for i := range rows {
		if rows[i].Direction == report.In {
			w.in(&rows[i], clients)
		}
	}
	w.countClients(clients)
	w.remember()
	w.tell()
	w.countInVain(inVain)
	w.judge()
	w.observe(inVain)
	w.self.Connections = make([]topology.Connection, 0, len(w.edges))
	for _, id := range slices.Sorted(maps.Keys(w.edges)) {
		w.self.Connections = append(w.self.Connections, *w.edges[id])
	}
}

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
		if same(&w.prev.Connections[i]) {
			return &w.prev.Connections[i]
		}
	}
	return nil
}

// apart takes out the rows of attempts that all came to nothing: they prove no
// service and make no edge.
func apart(rows []report.Connection) (made, inVain []report.Connection) {
	for i := range rows {
		if r := &rows[i]; !r.Made() {
			inVain = append(inVain, *r)
		} else {
			made = append(made, *r)
		}
	}
	return made, inVain
}

// countInVain adds attempts that came to nothing to the edges that they would
// have been, where such are remembered.
func (w *weaver) countInVain(rows []report.Connection) {
	for i := range rows {
		r := &rows[i]
		if r.Direction != report.Out {
			continue
		}
		t := w.target(r)
		for _, id := range slices.Sorted(maps.Keys(w.edges)) {
			e := w.edges[id]
			if e.Directed && e.Client.Node == w.self.Node.Name && e.Client.Process == r.Process &&
				e.Server.Node == t.Node && e.Server.Port == t.port && e.Protocol == topology.Protocol(r.Protocol) {
				edge.AddInVain(e, r)
				w.measure(id, "client", r.Health)
				break
			}
		}
	}
}

// decide gives a row without direction the one that other knowledge proves: a
// port that listened here before, or that the peer's own report lists.
func (w *weaver) decide(r *report.Connection) {
	if r.Direction != report.Unknown {
		return
	}
	proto := topology.Protocol(r.Protocol)
	for i := range w.self.Services {
		s := &w.self.Services[i]
		if s.Protocol == proto && s.Port == r.LocalPort {
			r.Direction, r.Port, r.Local, r.LocalPort = report.In, r.LocalPort, s.Addresses[0], 0
			return
		}
	}
	peer := w.book.Resolve(&w.self.Node, r.Peer)
	if peer.Kind != topology.Inferred && peer.Kind != topology.Virtual && w.accepting(peer.Node, service.At(proto, r.Port), r.Peer) != nil {
		r.Direction, r.LocalPort = report.Out, 0
	}
}

// block is a node's block, with what this statement says already in it.
func (w *weaver) block(node string) *topology.Block {
	if node == w.self.Node.Name {
		return w.self
	}
	return w.edit.Block(node)
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
		if e := &p.block.Connections[i].Evidence; !e.BothEnds {
			e = &p.write(i).Evidence
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
		theirs := &p.block.Connections[i]
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
			theirs := &p.block.Connections[i]
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
		e := &p.block.Connections[i]
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

// add puts an edge, or adds a row to it: rows whose peers stand behind one
// node (the Internet) fold into one edge.
func (w *weaver) add(c topology.Connection, r *report.Connection, peer address.End, side string) {
	c.ID = topology.ConnectionID(&c)
	e := w.edges[c.ID]
	if e == nil {
		c.FirstSeen, c.LastSeen, c.LastConnection = w.now, w.now, w.now
		e = &c
		w.edges[c.ID] = e
		w.inherit(e)
	}
	edge.FoundOut(&e.Evidence, &c.Evidence)
	w.measure(c.ID, side, r.Health)
	e.Count += r.Count
	e.Opened += r.Opened
	edge.AddInVain(e, r)
	e.Own = e.Own && c.Own
	if r.Opened > 0 {
		e.LastConnection = w.now
	}
	e.Status = topology.Fresh
	if peer.Kind == topology.Internet || peer.Kind == topology.Network {
		w.countPeers(e, r)
	}
}

// countPeers counts the addresses behind an edge to many. The agent may have
// folded them into networks already.
func (w *weaver) countPeers(e *topology.Connection, r *report.Connection) {
	behind := w.peers[e.ID]
	if behind == nil {
		behind = map[netip.Prefix]int{}
		w.peers[e.ID] = behind
		e.Peers = 0
	}
	network, n := r.PeerNetwork, max(r.Peers, 1)
	if network == (netip.Prefix{}) {
		network, n = netip.PrefixFrom(r.Peer, r.Peer.BitLen()), 1
	}
	if more := n - behind[network]; more > 0 {
		behind[network] = n
		e.Peers += more
	}
}

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
	i, ok := slices.BinarySearchFunc(w.prev.Connections, id, func(c topology.Connection, id string) int { return strings.Compare(c.ID, id) })
	if !ok {
		return nil
	}
	return &w.prev.Connections[i]
}

// takeWord carries over what the other end said of an edge: it stands until
// that says otherwise.
func (w *weaver) takeWord(e, old *topology.Connection) {
	for _, s := range old.Evidence.SeenBy {
		if s.Node != w.self.Node.Name {
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
	var moved []topology.Connection
	for i := range w.prev.Connections {
		old := w.prev.Connections[i]
		switch {
		case w.edges[old.ID] != nil:
		case w.reroute(&old):
			moved = append(moved, old)
		default:
			w.keep(old)
		}
	}
	for i := range moved {
		w.keep(moved[i])
		if e := w.edges[moved[i].ID]; e != nil {
			w.confirm(*e, address.End{Node: e.Server.Node}, nil)
		}
	}
}

// keep remembers one edge that this statement doesn't list.
func (w *weaver) keep(old topology.Connection) {
	if old.Client.Process == "" && w.explained[edge.EndsOf(&old)] {
		return
	}
	if fuller := w.covers(&old); fuller != nil {
		edge.Absorb(fuller, &old)
		w.takeWord(fuller, &old)
		return
	}
	c := edge.Closed(old, w.prev.Node.LastReport)
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
// what calls it.
func (w *weaver) reroute(c *topology.Connection) bool {
	addr, err := netip.ParseAddr(c.Evidence.ServerAddress)
	if err != nil || !c.Directed || c.Client.Node != w.self.Node.Name || c.Server.Node == w.self.Node.Name {
		return false
	}
	b := w.block(c.Server.Node)
	if b == nil {
		return false
	}
	r := report.Connection{Protocol: report.Protocol(c.Protocol), Peer: addr, Port: c.Server.Port}
	t := w.target(&r)
	if t.addr == addr && t.port == c.Server.Port && (t.Kind != topology.Virtual || t.Node == c.Server.Node || b.Node.OwnsAddresses()) {
		return false
	}
	c.Server = topology.Server{Node: t.Node, Port: t.port}
	c.Evidence.ServerAddress, c.Evidence.ServerResolved = t.addr.String(), t.How
	if t.Kind == topology.Inferred || t.Kind == topology.Virtual {
		c.Server.Service = topology.ServiceID(t.Node, c.Protocol, t.port, netip.Addr{})
	} else if s := w.accepting(t.Node, service.At(c.Protocol, t.port), t.addr); s != nil {
		c.Server.Service = s.ID
	}
	c.ID = topology.ConnectionID(c)
	return true
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
