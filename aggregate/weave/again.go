package weave

import (
	"slices"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Most statements tell what the one before told, with other numbers. Where the rows
// are those of a statement that left all edges as they were, and everything that they
// rest on still says the same, the edges of before get their numbers, and nothing is
// woven. What is said here of a row must be what weaving would say; where that takes
// more than a look at the row, its peer and its edge, the statement is woven. Property
// tests hold both against each other.

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
