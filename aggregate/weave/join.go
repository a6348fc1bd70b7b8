package weave

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Rows are those of a statement's rows that name their connections.
func Rows(list []report.Connection) []topology.Row {
	n := 0
	for i := range list {
		if len(list[i].Tuples) > 0 {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	rows := make([]topology.Row, 0, n)
	for i := range list {
		r := &list[i]
		if len(r.Tuples) > 0 {
			rows = append(rows, topology.Row{
				Out: r.Direction != report.In, Protocol: topology.Protocol(r.Protocol), Peer: r.Peer, Port: r.Port,
				Called: r.Called, Process: r.Process, Tuples: r.Tuples,
			})
		}
	}
	return rows
}

// sameSockets tells whether a node's last report names a connection that is the
// same as one of the row's. The node is the other end.
func (w *weaver) sameSockets(node string, r *report.Connection) bool {
	for range w.sameRows(node, r) {
		return true
	}
	return false
}

// sameRows yields the rows by which a node's last report names connections that
// are the same as some of the row's.
func (w *weaver) sameRows(node string, r *report.Connection) iter.Seq[*topology.Row] {
	return func(yield func(*topology.Row) bool) {
		if len(r.Tuples) == 0 {
			return
		}
		block := w.block(node)
		if block == nil {
			return
		}
		called := r.Direction == report.In // the other end called
		for i := range block.Rows {
			row := &block.Rows[i]
			if row.Out == called && row.Port == r.Port && row.Protocol == topology.Protocol(r.Protocol) && meet(row.Tuples, r.Tuples) && !yield(row) {
				return
			}
		}
	}
}

// certain says which node a call arrives at whose address says nothing by
// itself: the one that names the same sockets, now or when that was found out.
func (w *weaver) certain(t target, r *report.Connection) target {
	if t.Kind != topology.Inferred || r.Direction != report.Out {
		return t
	}
	sure := ""
	for _, node := range t.Several {
		if w.sameSockets(node, r) {
			sure = node
			break
		}
	}
	if sure == "" {
		sure = w.wasSure(t, r)
	}
	if b := w.edit.Block(sure); b != nil {
		t.End = address.End{Node: sure, Kind: b.Node.Kind, How: t.How + "; " + sure + edge.NamesSame}
	}
	return t
}

// wasSure is the node that the same row's connections were found to arrive at.
func (w *weaver) wasSure(t target, r *report.Connection) string {
	if w.sure == nil {
		w.sure = map[string][]*topology.Connection{}
		for i := range w.prev.Connections {
			c := w.prev.Connections[i]
			if c.Directed && c.Evidence.Confirmed && c.Client.Node == w.self.Node.Name {
				w.sure[c.Evidence.ServerAddress] = append(w.sure[c.Evidence.ServerAddress], c)
			}
		}
	}
	if len(w.sure) == 0 {
		return ""
	}
	for _, c := range w.sure[t.addr.String()] {
		found := strings.HasSuffix(c.Evidence.ServerResolved, edge.NamesSame) || slices.Contains(t.Several, c.Server.Node)
		if found && c.Server.Port == t.port && c.Protocol == topology.Protocol(r.Protocol) && c.Client.Process == r.Process {
			return c.Server.Node
		}
	}
	return ""
}

// caller finds the node behind a row whose service is here.
func (w *weaver) caller(r *report.Connection) address.End {
	e := w.book.Resolve(&w.self.Node, r.Peer)
	switch {
	case e.Kind == topology.Virtual:
		return w.callerAt(e, w.book.Holders(e.Node), r)
	case len(e.Several) > 0:
		return w.callerAt(e, e.Several, r)
	}
	return w.nodes.Gathered(&w.self.Node, e, r.Peer)
}

// callerAt finds which of several nodes called: this one, if it is one of them;
// the one that names the same sockets, now or before.
func (w *weaver) callerAt(e address.End, nodes []string, r *report.Connection) address.End {
	if slices.Contains(nodes, w.self.Node.Name) {
		return address.End{Node: w.self.Node.Name, Kind: w.self.Node.Kind, How: "its own address"}
	}
	found := ""
	if e.Kind == topology.Virtual && len(nodes) == 1 {
		found = nodes[0]
	}
	for _, node := range nodes {
		if found == "" && (w.sameSockets(node, r) || w.knownCaller(node, r)) {
			found = node
		}
	}
	if b := w.edit.Block(found); b != nil {
		for _, node := range nodes { // one may have been the only one that was known
			if node != found && e.Kind != topology.Virtual {
				w.explain(address.End{Node: node}, topology.Server{Node: w.self.Node.Name, Port: r.Port}, r)
			}
		}
		how := e.How + "; " + found + edge.NamesSame
		if e.Kind == topology.Virtual {
			how = address.VirtualHow + " of " + found
		}
		return address.End{Node: found, Kind: b.Node.Kind, How: how}
	}
	return e
}

// knownCaller tells whether a node holds an edge that this one was found to be
// the other end of, under the row's address.
func (w *weaver) knownCaller(node string, r *report.Connection) bool {
	p := w.peer(node)
	for _, i := range p.find(edge.Between(node, w.self.Node.Name, topology.Protocol(r.Protocol), r.Port)) {
		if e := &p.block.Connections[i].Evidence; e.Confirmed && e.ClientAddress == r.Peer.String() {
			return true
		}
	}
	return false
}

// hidden lists the callers behind a node that lets their connections out under
// its own address, with how many of them there are; zero if it can't tell.
type hidden struct {
	address.End
	count int
}

// behindSource finds who really called, where the peer's node says whose
// connections leave under its address. Containers of the peer's host may do so
// without being told.
func (w *weaver) behindSource(peer address.End, r *report.Connection) (list []hidden) {
	b := w.peer(peer.Node).block
	for _, s := range b.Node.Sources {
		if s.As != r.Peer || string(s.Protocol) != string(r.Protocol) || s.Server.Port() != r.Port || !w.calledBy(s.Server.Addr(), r) {
			continue
		}
		e := w.book.Resolve(&b.Node, s.Client)
		e.How += ", whose connections " + b.Node.Name + " lets out as " + s.As.String()
		list = append(list, hidden{e, s.Count})
	}
	return list
}

// calledBy tells whether a row's peer may have called an address.
func (w *weaver) calledBy(a netip.Addr, r *report.Connection) bool {
	if r.Called.IsValid() {
		return r.Called == a
	}
	return w.has(a)
}

// has tells whether this node has an address now.
func (w *weaver) has(a netip.Addr) bool {
	return slices.Contains(w.self.Node.Addresses, a) || slices.Contains(w.self.Node.VirtualAddresses, a)
}

// throughSource adds what really called where the peer says whose connections
// it lets out. It is false if nothing is known of that.
func (w *weaver) throughSource(peer address.End, server topology.Server, own bool, r *report.Connection, seen topology.Sighting) (found bool) {
	if p := w.peer(peer.Node); p == nil || len(p.block.Node.Sources) == 0 {
		return false
	}
	rest, clients := *r, w.behindSource(peer, r)
	if len(clients) > 1 { // whose it was can't be told
		rest.Opened, rest.Refused, rest.TimedOut, rest.Failed, rest.Health = 0, 0, 0, 0, nil
	}
	for _, h := range clients {
		found = true
		if w.sawAtClient(h.End, server, r, seen) {
			continue
		}
		part := rest
		part.Count = min(rest.Count, h.count)
		rest.Count -= part.Count
		w.accept(h.End, server, own, &part, seen)
	}
	return found
}

// throughNAT is throughSource for a peer that has no such connection itself. Its
// containers leave under its address without being told.
func (w *weaver) throughNAT(peer address.End, server topology.Server, own bool, r *report.Connection, seen topology.Sighting) bool {
	if peer.Kind != topology.Host || peer.Node == w.self.Node.Name {
		return false
	}
	found := w.throughSource(peer, server, own, r, seen)
	if !found {
		for inside := range w.edit.Inside(peer.Node) {
			e := address.End{Node: inside.Node.Name, Kind: topology.Container, How: "container on " + peer.Node + ", which has no such connection itself"}
			found = w.sawAtClient(e, server, r, seen) || found
		}
	}
	if found {
		w.explain(peer, server, r)
	}
	return found
}

// explain notes that another edge tells what was said of a peer without its
// process: it only lets others out, or was taken for who has the same address.
func (w *weaver) explain(peer address.End, server topology.Server, r *report.Connection) {
	if w.explained == nil {
		w.explained = map[edge.Ends]bool{}
	}
	w.explained[edge.Between(peer.Node, server.Node, topology.Protocol(r.Protocol), server.Port)] = true
}

// elsewhere finds the edge of a caller that leads to the address that it called,
// or to another node that has that too, though its sockets are those of this
// row: it leads here.
func (w *weaver) elsewhere(peer address.End, server topology.Server, r *report.Connection, note func(*topology.Connection)) bool {
	if peer.Kind != topology.Host && peer.Kind != topology.Container || peer.Node == w.self.Node.Name {
		return false
	}
	found := false
	for row := range w.sameRows(peer.Node, r) {
		found = w.rowElsewhere(peer.Node, row, server, note) || found
	}
	return found
}

// rowElsewhere is elsewhere for one row of the caller.
func (w *weaver) rowElsewhere(caller string, row *topology.Row, server topology.Server, note func(*topology.Connection)) (found bool) {
	p := w.peer(caller)
	zone := p.block.Node.Zone
	if w.book.Resolve(&p.block.Node, row.Peer).Kind != topology.Inferred {
		return false // the address says which is meant
	}
	for _, node := range append(slices.Clone(w.edit.Owners(zone, row.Peer)), address.InferredName(zone, row.Peer)) {
		for _, i := range p.find(edge.Between(caller, node, row.Protocol, row.Port)) {
			if e := p.block.Connections[i]; node != w.self.Node.Name && e.Directed &&
				e.Evidence.ServerAddress == row.Peer.String() && e.Client.Process == row.Process {
				e = p.write(i)
				leadHere(e, server, note)
				w.handOver(e)
				p.leaves, found = true, true
			}
		}
	}
	return found
}

// leadHere lets an edge end at the node that names the same sockets.
func leadHere(e *topology.Connection, server topology.Server, note func(*topology.Connection)) {
	e.Server = server
	how, _, _ := strings.Cut(e.Evidence.ServerResolved, "; ")
	e.Evidence.ServerResolved = how + "; " + server.Node + edge.NamesSame
	e.Evidence.SeenBy = slices.DeleteFunc(slices.Clone(e.Evidence.SeenBy), func(s topology.Sighting) bool { return s.End == "server" })
	e.Evidence.Confirmed = true
	note(e)
	e.ID = topology.ConnectionID(e)
}

// handOver gives an edge of a client what this node held of it while that was
// taken to lead elsewhere.
func (w *weaver) handOver(e *topology.Connection) {
	at := edge.EndsOf(e)
	for i := range w.prev.Connections {
		if old := w.prev.Connections[i]; old.Client.Process == "" && old.Directed && edge.EndsOf(old) == at {
			edge.Absorb(e, old)
			if w.explained == nil {
				w.explained = map[edge.Ends]bool{}
			}
			w.explained[at] = true
		}
	}
}

// meet tells whether two ends name a connection that is the same.
func meet(a, b []uint64) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			return true
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return false
}
