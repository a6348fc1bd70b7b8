package weave

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Most statements tell what the one before told, with other numbers. Where the rows
// are those of a statement that left all edges as they were, and everything that they
// rest on still says the same, the edges of before get their numbers, and nothing is
// woven. What is said here of a row must be what weaving would say; where that takes
// more than a look at the row, its peer and its edge, the statement is woven. Property
// tests hold both against each other.

// place is where a row of a statement ends up.
type place struct {
	row     uint64 // hash of the row without its numbers
	edge    int32  // of the block's connections; or held, or within
	service int32  // of the node's services, that the row calls; -1 for none
}

const (
	held   = -1 // the edge of a row is the other end's node's
	within = -2 // a row tells of edges that the client's end tells of, on this node too
)

// meaning is what a row of plain sense says, beside numbers: its edge, or what is to be
// found of it elsewhere.
type meaning struct {
	client, server string // nodes
	called         string // the service, if there is one
	addr           netip.Addr
	how            string
	service        int32
	own            bool
	held, within   bool // the edge is the peer's; it is this node's, told of by the client's end already
}

var seed = maphash.MakeSeed()

// rowHash is a hash of what of a row is no number.
func rowHash(r *report.Connection) uint64 { return maphash.Comparable(seed, r.Edge()) }

// again gives the edges of before the numbers of now, if that is all that there is to
// do; else it has done nothing.
func (w *weaver) again() bool {
	m := memoOf(w.prev)
	if m == nil || m.places == nil || !w.sameSelf() {
		return false
	}
	a := &repetition{weaver: w, sums: w.room(len(w.prev.Connections)), clients: make([]int, len(w.self.Services))}
	if !a.read(m.places) || !a.note(m) || !a.rest() || !a.quiet() {
		return false
	}
	w.self.Connections = a.edges()
	w.countClients(a.byService())
	w.self.Memo = m.of(w.self.Connections)
	return true
}

// room is for so many sums.
func (l *Loom) room(n int) []sum {
	if cap(l.sums) < n {
		l.sums = make([]sum, n, n+n/4)
	}
	l.sums = l.sums[:n]
	clear(l.sums)
	return l.sums
}

// sameSelf says whether the node and its services are what they were, but for numbers.
func (w *weaver) sameSelf() bool {
	x, y := &w.prev.Node, &w.self.Node
	return x.State == topology.Reporting && x.Kind == y.Kind && x.Zone == y.Zone && x.Name == y.Name &&
		len(x.VirtualAddresses) == 0 && len(y.VirtualAddresses) == 0 && slices.Equal(x.Addresses, y.Addresses) &&
		slices.Equal(x.ContainerNetworks, y.ContainerNetworks) && slices.Equal(x.Forwards, y.Forwards) && len(y.Sources) == 0 &&
		slices.EqualFunc(w.prev.Services, w.self.Services, func(a, b topology.Service) bool {
			return a.ID == b.ID && a.Process == b.Process && a.State == b.State && a.Own == b.Own && a.Scope == b.Scope && slices.Equal(a.Addresses, b.Addresses)
		})
}

// repetition is a statement that is read again.
type repetition struct {
	*weaver
	sums    []sum   // by edge
	clients []int   // by service
	at      []int32 // edges of the rows, or held, or within
	inside  []call  // of the rows within
	judged  topology.Health
}

// call is what a row within tells of.
type call struct {
	ends    edge.Ends
	service string
}

// sum is what the rows of an edge say together.
type sum struct {
	first                             *report.Connection // that tells of it
	noted                             bool               // by the server's end, where both are here
	measured                          bool
	count                             int
	opened, refused, timedOut, failed uint64
	health                            edge.Measured
}

// read takes in the rows. It is false where one says something new.
func (a *repetition) read(places []place) bool {
	for i := range a.rows {
		r := &a.rows[i]
		hash := rowHash(r)
		for len(places) > 0 && places[0].row != hash {
			places = places[1:]
		}
		if len(places) == 0 || !r.Made() {
			return false
		}
		says, plain := a.meaning(r)
		if !plain || !a.take(&places[0], r, &says) {
			return false
		}
		places = places[1:]
	}
	return true
}

// take takes in one row that is to end up at a place.
func (a *repetition) take(p *place, r *report.Connection, says *meaning) bool {
	if says.service >= 0 {
		a.clients[says.service] += r.Count
	}
	if p.service != says.service || says.held != (p.edge == held) || says.within != (p.edge == within) {
		return false
	}
	a.at = append(a.at, p.edge)
	if says.within {
		a.inside = append(a.inside, call{edge.Between(says.client, says.server, topology.Protocol(r.Protocol), r.Port), says.called})
	}
	if p.edge < 0 {
		return true
	}
	e, s := a.prev.Connections[p.edge], &a.sums[p.edge]
	if !a.stands(e, r, says) || r.Direction == report.Out && (e.Client.Process != r.Process || a.confirms(e, r)) {
		return false
	}
	if s.first == nil {
		if s.first = r; !a.begins(e, r, says) {
			return false
		}
	}
	s.count, s.opened = s.count+r.Count, s.opened+r.Opened
	s.refused, s.timedOut, s.failed = s.refused+r.Refused, s.timedOut+r.TimedOut, s.failed+r.Failed
	if r.Health != nil {
		if !s.measured {
			s.measured, s.health.End = true, endOf(r)
		}
		s.health.Add(r.Health)
	}
	return true
}

// confirms says whether the server's node names the sockets of an edge that is not known
// to be the same at both ends.
func (a *repetition) confirms(e *topology.Connection, r *report.Connection) bool {
	node := e.Server.Node
	return a.peer(node) != nil && (!e.Evidence.Confirmed || !edge.Seen(e.Evidence.SeenBy, node)) && a.sameSockets(node, r)
}

func endOf(r *report.Connection) string {
	if r.Direction == report.In {
		return "server"
	}
	return "client"
}

// stands says whether an edge is that of a row.
func (a *repetition) stands(e *topology.Connection, r *report.Connection, says *meaning) bool {
	return e.Directed && e.Client.Node == says.client && e.Server.Node == says.server && e.Server.Port == r.Port &&
		e.Server.Service == says.called && e.Protocol == topology.Protocol(r.Protocol) && (e.Own || !says.own) &&
		(says.own || r.Own || !e.Own)
}

// begins says whether the first row that tells of an edge tells what the edge knows.
func (a *repetition) begins(e *topology.Connection, r *report.Connection, says *meaning) bool {
	if r.Direction == report.In {
		return e.Client.Process == "" && e.Evidence.ClientResolved == says.how
	}
	return e.Client.Unit == r.Unit && e.Client.Container == a.says.Container(r.Container).Name && e.Client.Service == a.only[r.Process] &&
		e.Evidence.ServerResolved == says.how
}

// note notes on the edges within the node that both of their ends tell of them. It is
// false where the client's end tells of none.
func (a *repetition) note(m *memo) bool {
	for _, c := range a.inside {
		told := false
		for _, i := range m.between(c.ends) {
			if e, s := a.prev.Connections[i], &a.sums[i]; e.Directed && e.Server.Service == c.service && s.first != nil {
				s.noted, told = true, true
			}
		}
		if !told {
			return false
		}
	}
	return true
}

// rest looks after the edges that no row tells of. It is false where there is more to do
// than to close them.
func (a *repetition) rest() bool {
	for i, e := range a.prev.Connections {
		switch s := &a.sums[i]; {
		case s.first == nil:
			told := e.Directed && e.Client.Process != "" && (e.Server.Service != "" || e.Server.Node == topology.InternetName)
			if !told && (e.Count > 0 || e.Health != nil || a.covered(e)) || a.reroute(e) != nil {
				return false
			}
		case s.noted && !edge.Seen(e.Evidence.SeenBy, a.self.Node.Name):
			return false // its other end tells of it for the first time
		}
	}
	return true
}

// covered says whether one of the edges that rows tell of tells better what another told.
func (a *repetition) covered(old *topology.Connection) bool {
	for i, e := range a.prev.Connections {
		if a.sums[i].first != nil && edge.Partial(old, e) {
			return true
		}
	}
	return false
}

// quiet says whether no process of the node begins or ceases to be an observer, or is
// one whose edges differ in that.
func (a *repetition) quiet() bool {
	calls := map[string]int{}
	for _, e := range a.prev.Connections {
		if e.Directed && e.Client.Process != "" && e.Client.Node == a.self.Node.Name && e.Server.Node != a.self.Node.Name {
			if calls[e.Client.Process]++; e.Observer && !isObserver(e.Client.Process) {
				return false
			}
		}
	}
	for process, n := range calls {
		if n >= observesFrom && !isObserver(process) && !a.serves(process) && a.watching(process) {
			return false
		}
	}
	return true
}

// serves says whether a process of the node accepts connections of others.
func (w *weaver) serves(process string) bool {
	return slices.ContainsFunc(w.self.Services, func(s topology.Service) bool {
		return s.Process == process && s.State == topology.Listening && s.Scope != topology.ScopeLoopback
	})
}

// watching says whether a process that serves nobody looks at services now.
func (a *repetition) watching(process string) bool {
	fresh, lasting := 0, 0
	for i, e := range a.prev.Connections {
		if !e.Directed || e.Client.Process != process || e.Client.Node != a.self.Node.Name || e.Server.Node == a.self.Node.Name {
			continue
		}
		s := &a.sums[i]
		if s.first != nil || e.Status == topology.Fresh {
			fresh++
		}
		if s.first == nil {
			continue
		}
		if h := a.health(e, s); h != nil && h.Sent+h.Received > carries || s.count > 0 && e.Count > 0 {
			lasting++
		}
	}
	return glances(fresh, lasting)
}

// edges are those of before with the numbers of now.
func (a *repetition) edges() []*topology.Connection {
	out := a.prev.Connections
	for i, e := range a.prev.Connections {
		now := a.numbered(i)
		if now == e || topology.SameConnection(e, now) {
			continue
		}
		if &out[0] == &a.prev.Connections[0] {
			out = slices.Clone(out)
		}
		out[i] = now
	}
	return out
}

// numbered is the i-th edge with the numbers of now.
func (a *repetition) numbered(i int) *topology.Connection {
	old, s := a.prev.Connections[i], &a.sums[i]
	if s.first == nil {
		if old.Count == 0 && old.Health == nil {
			return old
		}
		return edge.Closed(*old, a.prev.Node.LastReport)
	}
	health := a.health(old, s)
	if s.count == old.Count && s.count > 0 && s.opened+s.refused+s.timedOut+s.failed == 0 && old.Status == topology.Fresh &&
		old.Peers == 0 && topology.SameHealth(old.Health, health) {
		return old
	}
	e := new(*old)
	e.Count, e.Opened, e.Status, e.LastSeen = s.count, old.Opened+s.opened, topology.Fresh, a.now
	if e.Health = nil; health != nil {
		e.Health = new(*health)
	}
	e.Refused, e.TimedOut, e.Failed = old.Refused+s.refused, old.TimedOut+s.timedOut, old.Failed+s.failed
	if s.opened > 0 {
		e.LastConnection = a.now
	}
	a.resight(e, s)
	if e.Peers > 0 {
		a.countRows(e, i)
	}
	return e
}

// health is what was measured on an edge; nil if nothing was. It is good until the next
// is asked for.
func (a *repetition) health(old *topology.Connection, s *sum) *topology.Health {
	if !s.measured {
		return nil
	}
	a.judged = s.health.Judge(old.Health, a.now, a.elapsed())
	return &a.judged
}

// resight brings what an edge rests on up to date.
func (a *repetition) resight(e *topology.Connection, s *sum) {
	v := &e.Evidence
	v.SeenBy = slices.Clone(v.SeenBy)
	for i := range v.SeenBy {
		if mine := &v.SeenBy[i]; mine.Node == a.self.Node.Name && (mine.End == endOf(s.first) || s.noted) {
			mine.At = a.now
		}
	}
	if s.first.Direction != report.In {
		v.ServerAddress = s.first.Peer.String()
		return
	}
	if v.ClientAddress, v.ServerAddress = s.first.Peer.String(), ""; s.first.Called.IsValid() {
		v.ServerAddress = s.first.Called.String()
	}
}

// countRows counts the addresses behind an edge to many.
func (a *repetition) countRows(e *topology.Connection, i int) {
	e.Peers = 0
	delete(a.peers, e.ID)
	for k := range a.rows {
		if r := &a.rows[k]; a.at[k] == int32(i) {
			a.countPeers(e, r)
		}
	}
}

// byService are the clients by the ids of services.
func (a *repetition) byService() map[string]int {
	out := make(map[string]int, len(a.clients))
	for i, n := range a.clients {
		if n > 0 {
			out[a.self.Services[i].ID] = n
		}
	}
	return out
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
	says := meaning{client: w.self.Node.Name, server: t.Node, addr: t.addr, how: t.How, service: -1}
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
	says := meaning{client: e.Node, server: w.self.Node.Name, addr: r.Peer, how: e.How, service: -1}
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

// settled says whether weaving has left everything but numbers as it was: then the next
// statement with these rows may be read again.
func (w *weaver) settled() bool {
	for _, p := range w.others {
		if p != nil && p.copied {
			return false
		}
	}
	return len(w.explained) == 0 && slices.EqualFunc(w.prev.Connections, w.self.Connections, sameButNumbers)
}

func sameButNumbers(x, y *topology.Connection) bool {
	v, u := &x.Evidence, &y.Evidence
	return x == y || x.ID == y.ID && x.Client == y.Client && x.Server == y.Server && x.Directed == y.Directed && x.Own == y.Own &&
		x.Observer == y.Observer && (x.Peers > 0) == (y.Peers > 0) && v.BothEnds == u.BothEnds && v.Confirmed == u.Confirmed &&
		v.ClientResolved == u.ClientResolved && v.ServerResolved == u.ServerResolved &&
		slices.EqualFunc(v.SeenBy, u.SeenBy, func(a, b topology.Sighting) bool { return a.Node == b.Node && a.End == b.End })
}

// learn remembers where the rows of a statement ended up that was woven, for the next.
func (w *weaver) learn() {
	m := newMemo(w.self.Connections)
	w.self.Memo = m
	if !w.sameSelf() || !w.settled() {
		return
	}
	places, listed := make([]place, 0, len(w.rows)), w.listed()
	for i := range w.rows {
		r := &w.rows[i]
		if !r.Made() {
			return
		}
		says, plain := w.meaning(r)
		p := place{rowHash(r), held, says.service}
		switch {
		case says.within:
			p.edge = within
		case plain && !says.held:
			p.edge, plain = w.edgeOf(r, &says)
		}
		if !plain || p.edge >= 0 && !listed[w.self.Connections[p.edge].ID] {
			return
		}
		places = append(places, p)
	}
	m.places = places
	if before := memoOf(w.prev); before != nil {
		m.places = united(before.places, places)
	}
}

// listed are the edges that rows of now tell of.
func (w *weaver) listed() map[string]bool {
	ids := make(map[string]bool, len(w.edges))
	for _, list := range w.ends {
		for _, e := range list {
			ids[e.ID] = true
		}
	}
	return ids
}

// edgeOf is where the edge of a row is.
func (w *weaver) edgeOf(r *report.Connection, says *meaning) (int32, bool) {
	c := topology.Connection{
		Client: topology.Client{Node: says.client}, Directed: true, Protocol: topology.Protocol(r.Protocol),
		Server: topology.Server{Node: says.server, Port: r.Port, Service: says.called},
	}
	if r.Direction == report.Out {
		c.Client.Process = r.Process
	}
	i, ok := slices.BinarySearchFunc(w.self.Connections, topology.ConnectionID(&c), func(e *topology.Connection, id string) int { return strings.Compare(e.ID, id) })
	return int32(i), ok
}

// united are the places of now among those of before, of rows that say nothing now:
// they may come back.
func united(before, now []place) []place {
	if len(before) == 0 || len(before) > 2*len(now)+64 {
		return now
	}
	known := make(map[uint64]bool, len(now))
	for _, p := range now {
		known[p.row] = true
	}
	out := make([]place, 0, len(before)+len(now))
	for _, p := range now {
		at := slices.IndexFunc(before, func(o place) bool { return o.row == p.row })
		if at >= 0 {
			for _, o := range before[:at] {
				if !known[o.row] {
					out = append(out, o)
				}
			}
			before = before[at+1:]
		}
		out = append(out, p)
	}
	for _, o := range before {
		if !known[o.row] {
			out = append(out, o)
		}
	}
	return out
}
