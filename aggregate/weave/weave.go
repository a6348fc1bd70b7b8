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
	sums  []sum // room for the next statement's
}

// NewLoom is the one of a topology in the making.
func NewLoom(edit *topology.Edit, b *address.Book, nodes *inference.Nodes) *Loom {
	return &Loom{edit: edit, book: b, nodes: nodes}
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
// node and services are complete; prev is the block before. It is true if nothing but
// numbers changed, so that nothing that rests on the connections does.
func (l *Loom) Weave(next, prev *topology.Block, says *report.Report, rows []report.Connection, now time.Time) (again bool) {
	w := &weaver{Loom: l, self: next, prev: prev, says: says, rows: rows, now: now}
	return w.weave()
}

// weave fills self.Connections. It is true if nothing but numbers changed.
func (w *weaver) weave() (again bool) {
	w.others, w.services = map[string]*peer{}, map[string]service.Ports{}
	w.only = service.Only(w.self.Services)
	w.peers = map[string]map[netip.Prefix]int{}
	if w.again() {
		return true
	}
	w.edges = map[string]*topology.Connection{}
	w.peers = map[string]map[netip.Prefix]int{}
	w.health = map[string]*edge.Measured{}
	rows, inVain := apart(w.decided())
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
	w.self.Connections = make([]*topology.Connection, 0, len(w.edges))
	for _, id := range slices.Sorted(maps.Keys(w.edges)) {
		e := w.edges[id]
		if old := w.remembered(id); old != nil && topology.SameConnection(old, e) {
			e = old
		}
		w.self.Connections = append(w.self.Connections, e)
	}
	if topology.SameConnections(w.prev.Connections, w.self.Connections) {
		w.self.Connections = w.prev.Connections
	}
	w.learn()
	return false
}

// decided are the rows, those without direction with the one that other knowledge
// proves. They belong to the report: what is written is a copy.
func (w *weaver) decided() []report.Connection {
	rows, own := w.rows, false
	for i := range rows {
		if rows[i].Direction != report.Unknown {
			continue
		}
		if !own {
			rows, own = slices.Clone(rows), true
		}
		w.decide(&rows[i])
	}
	return rows
}

// apart takes out the rows of attempts that all came to nothing: they prove no
// service and make no edge.
func apart(rows []report.Connection) (made, inVain []report.Connection) {
	first := 0
	for first < len(rows) && rows[first].Made() {
		first++
	}
	if first == len(rows) {
		return rows, nil
	}
	made = append(make([]report.Connection, 0, len(rows)), rows[:first]...)
	for i := range rows[first:] {
		if r := &rows[first+i]; !r.Made() {
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
