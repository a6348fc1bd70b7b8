package look

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

// section is one network namespace of a report, arranged for a reader.
type section struct {
	name     string // of the namespace; empty for the own one
	title    string // empty for the own one
	services []service
	edges    []*edge
}

// service is a listener and what came of it.
type service struct {
	*report.Listener
	clients int // open connections
	place   string
	room    *report.Container // nil: none
	mark    byte              // of --watch: '+', '-' or ' '
}

// edge is a row of connections: one of the report, or several that the reader
// can't tell apart, or (see fold) those to many peers.
type edge struct {
	*report.Connection
	place string
	room  *report.Container // nil: none
	told  bool              // the place must be told with the process
	peers int               // how many were folded into this; 0: it is one
	mark  byte
	// urgency is the tone of its trouble, while edges are folded.
	urgency table.Tone
}

// serviceKey and edgeKey are what a row is known by from one look to the next.
// Indices of a report are not.
type serviceKey struct {
	section, process, place string
	protocol                report.Protocol
	address                 netip.Addr
	port                    uint16
}

type edgeKey struct {
	kind
	peer  netip.Addr
	port  uint16
	user  string // only with --wide, as the rest
	local netip.Addr
	via   netip.AddrPort
}

// kind is what edges have in common that differ in their peer only.
type kind struct {
	section, process, place string
	direction               report.Direction
	protocol                report.Protocol
	port                    uint16 // of the service; 0 where it isn't known
}

func (s *section) serviceKey(v *service) serviceKey {
	return serviceKey{s.name, v.Process, v.place, v.Protocol, v.Address, v.Port}
}

func (s *section) kind(c *report.Connection, place string) kind {
	k := kind{s.name, c.Process, place, c.Direction, c.Protocol, c.Port}
	if c.Direction == report.Unknown {
		k.port = 0 // either end may be the service: there is a port for each
	}
	return k
}

func (s *section) edgeKey(e *edge, wide bool) edgeKey {
	k := edgeKey{kind: s.kind(e.Connection, e.place), peer: e.Peer, port: e.Port}
	if e.Direction == report.Unknown {
		k.via = netip.AddrPortFrom(netip.Addr{}, e.LocalPort)
	}
	if wide {
		k.user, k.local = e.User, e.Local
		if e.Via.IsValid() {
			k.via = e.Via
		}
	}
	return k
}

// arrange sorts a report's rows into sections: the own namespace first, others
// by name. Unless the table is wide, rows that would look alike become one. The
// order within a section is left to [section.finish].
func arrange(r *report.Report, wide bool) []*section {
	a := arranging{Report: r, wide: wide, places: placesOf(r)}
	sections := make([]*section, len(r.Namespaces)+1)
	for i := range sections {
		sections[i] = &section{}
		if i > 0 {
			sections[i].name = r.Namespaces[i-1].Container
		}
	}
	a.addServices(sections)
	a.addEdges(sections)
	for i, s := range sections {
		s.title = a.title(i)
		if !wide {
			s.tellPlaces()
		}
	}
	slices.SortStableFunc(sections, bySection)
	return sections
}

func bySection(x, y *section) int { return cmp.Compare(x.name, y.name) }

// finish brings a section into the order in which it is read: services by port,
// connections by process, direction and peer. folded says that edges to many
// peers became one, which a wide table has none of.
func (s *section) finish(wide bool) (folded bool) {
	if !wide {
		folded = s.fold()
	}
	slices.SortFunc(s.services, func(x, y service) int { return compareServices(&x, &y) })
	slices.SortFunc(s.edges, compareEdges)
	return folded
}

// arranging is an arrange that is under way.
type arranging struct {
	*report.Report
	wide   bool
	places []string // of containers
}

// placesOf words the containers of a report.
func placesOf(r *report.Report) []string {
	places := make([]string, len(r.Containers))
	for i := range r.Containers {
		c := &r.Containers[i]
		places[i] = c.Name
		if c.Pod != "" {
			places[i] = c.Pod + "/" + c.Name
		}
	}
	return places
}

// place is the container that a process runs in, else its unit.
func (a *arranging) place(unit string, container int) (place string, room *report.Container) {
	if container > 0 && container <= len(a.places) {
		return a.places[container-1], &a.Containers[container-1]
	}
	return unit, nil
}

// door is what connections come in by.
type door struct {
	namespace int
	protocol  report.Protocol
	address   netip.Addr
	port      uint16
}

func (a *arranging) addServices(sections []*section) {
	clients := a.clients()
	for i := range a.Listeners {
		l := &a.Listeners[i]
		s := sections[min(l.Namespace, len(sections)-1)]
		v := service{Listener: l, clients: clients[door{l.Namespace, l.Protocol, l.Address, l.Port}], mark: ' '}
		v.place, v.room = a.place(l.Unit, l.Container)
		s.services = append(s.services, v)
	}
}

// clients counts the open connections by the door that they came in by. Rows of
// one door mostly come one after the other.
func (a *arranging) clients() map[door]int {
	clients := map[door]int{}
	var at door
	sum := 0
	for i := range a.Connections {
		c := &a.Connections[i]
		if c.Direction != report.In {
			continue
		}
		if d := (door{c.Namespace, c.Protocol, c.Local, c.Port}); d != at {
			clients[at] += sum
			at, sum = d, 0
		}
		sum += c.Count
	}
	clients[at] += sum
	return clients
}

func (a *arranging) addEdges(sections []*section) {
	all := make([]edge, len(a.Connections))
	for i := range a.Connections {
		c := &a.Connections[i]
		s := sections[min(c.Namespace, len(sections)-1)]
		e := &all[i]
		e.Connection, e.mark = c, ' '
		e.place, e.room = a.place(c.Unit, c.Container)
		if a.wide || !s.merge(e) {
			s.edges = append(s.edges, e)
		}
	}
}

// maxAlike bounds how many rows are compared with one.
const maxAlike = 64

// merge adds e to an edge that looks like it, if there is one: it would differ
// in its user, or in what is shown with --wide only. A report has such rows one
// after the other.
func (s *section) merge(e *edge) bool {
	if e.Direction == report.Unknown {
		return false
	}
	for i := len(s.edges) - 1; i >= max(0, len(s.edges)-maxAlike); i-- {
		o := s.edges[i]
		if o.Peer != e.Peer || o.Port != e.Port || o.Process != e.Process || o.Protocol != e.Protocol || o.Direction != e.Direction {
			return false
		}
		if o.place == e.place {
			o.add(e.Connection)
			return true
		}
	}
	return false
}

// Add adds another row's numbers. The first one's row stays as it is.
func (e *edge) add(c *report.Connection) {
	sum := *e.Connection
	if sum.Health != nil {
		h := *sum.Health
		sum.Health = &h
	}
	addNumbers(&sum, c)
	e.Connection = &sum
}

// addNumbers adds b's numbers to a, whose health is a's own.
func addNumbers(a, b *report.Connection) {
	a.Count += b.Count
	a.Opened += b.Opened
	a.Refused += b.Refused
	a.TimedOut += b.TimedOut
	a.Failed += b.Failed
	if b.Health == nil {
		return
	}
	if a.Health == nil {
		a.Health = &report.Health{}
	}
	addHealth(a.Health, b.Health)
}

func addHealth(sum, h *report.Health) {
	sum.RTT = mean(sum.RTT, sum.Measured, h.RTT, h.Measured)
	sum.RTTVar = mean(sum.RTTVar, sum.Measured, h.RTTVar, h.Measured)
	sum.Measured += h.Measured
	sum.Segments += h.Segments
	sum.Retransmits += h.Retransmits
	sum.Sent += h.Sent
	sum.Received += h.Received
	sum.Connecting += h.Connecting
	sum.ConnectingMS = max(sum.ConnectingMS, h.ConnectingMS)
	sum.CloseWait += h.CloseWait
	sum.CloseWaitMS = max(sum.CloseWaitMS, h.CloseWaitMS)
}

// mean is that of two means, by how many each is of.
func mean(a uint32, ofA int, b uint32, ofB int) uint32 {
	if ofA+ofB == 0 {
		return 0
	}
	return uint32((uint64(a)*uint64(ofA) + uint64(b)*uint64(ofB)) / uint64(ofA+ofB))
}

// tellPlaces marks the processes that are told apart by their places only.
func (s *section) tellPlaces() {
	first, several := map[string]string{}, map[string]bool{}
	for i, e := range s.edges {
		if i > 0 && e.Process == s.edges[i-1].Process && e.place == s.edges[i-1].place {
			continue
		}
		if place, there := first[e.Process]; there && place != e.place {
			several[e.Process] = true
		}
		first[e.Process] = e.place
	}
	if len(several) == 0 {
		return
	}
	for _, e := range s.edges {
		e.told = e.place != "" && e.Process != "" && several[e.Process]
	}
}

func compareServices(a, b *service) int {
	return cmp.Or(
		cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), a.Address.Compare(b.Address),
		cmp.Compare(a.Process, b.Process), cmp.Compare(a.place, b.place), cmp.Compare(b.mark, a.mark),
	)
}

// compareEdges orders by process, direction and peer; a service's port belongs
// to the process, and what was folded comes last.
func compareEdges(a, b *edge) int {
	if a.Process != b.Process {
		return cmp.Or(hidden(a.Process)-hidden(b.Process), strings.Compare(a.Process, b.Process))
	}
	if n := strings.Compare(a.place, b.place); n != 0 {
		return n
	}
	if a.Direction != b.Direction {
		return strings.Compare(string(a.Direction), string(b.Direction))
	}
	if n := cmp.Compare(a.servedPort(), b.servedPort()); n != 0 {
		return n
	}
	if n := cmp.Compare(a.peers, b.peers); n != 0 {
		return n
	}
	if n := a.Peer.Compare(b.Peer); n != 0 {
		return n
	}
	return compareAlike(a, b)
}

// compareAlike orders edges of one process to one peer.
func compareAlike(a, b *edge) int {
	return cmp.Or(
		cmp.Compare(a.Port, b.Port), strings.Compare(string(a.Protocol), string(b.Protocol)),
		cmp.Compare(a.LocalPort, b.LocalPort), a.Local.Compare(b.Local), a.Via.Compare(b.Via),
		strings.Compare(a.User, b.User), cmp.Compare(b.mark, a.mark),
	)
}

func hidden(process string) int {
	if process == "" {
		return 1
	}
	return 0
}

// servedPort is the service's port where the service is at this end.
func (e *edge) servedPort() uint16 {
	if e.Direction == report.In {
		return e.Port
	}
	return 0
}

// maxPeers is how many peers a kind of edges shows, before the rest is folded
// into one line. One more is not worth a line of its own about it.
const maxPeers = 8

// fold leaves of every kind of edges those to look at: in trouble, news, the
// busiest. The others become one edge, with the sum of their numbers.
func (s *section) fold() (folded bool) {
	if len(s.edges) <= maxPeers+1 {
		return false
	}
	kept := make([]*edge, 0, len(s.edges))
	for _, of := range s.kinds() {
		if len(of) > maxPeers+1 {
			of = foldKind(of)
			folded = true
		}
		kept = append(kept, of...)
	}
	s.edges = kept
	return folded
}

// kinds groups the edges, in the order in which they are.
func (s *section) kinds() [][]*edge {
	number := map[kind]int{}
	var kinds [][]*edge
	var last kind
	at := -1
	for _, e := range s.edges {
		k := s.kind(e.Connection, e.place)
		if at < 0 || k != last {
			var known bool
			if at, known = number[k]; !known {
				at = len(kinds)
				number[k] = at
				kinds = append(kinds, nil)
			}
			last = k
		}
		kinds[at] = append(kinds[at], e)
	}
	return kinds
}

// foldKind keeps the most interesting edges of a kind, and the sum of the rest.
func foldKind(of []*edge) []*edge {
	best := make([]*edge, 0, maxPeers+2)
	var rest fold
	for _, e := range of {
		e.urgency = troubleText(e.Connection).Tone
		if len(best) == maxPeers && compareInterest(e, best[maxPeers-1]) >= 0 {
			rest.add(e)
			continue
		}
		at, _ := slices.BinarySearchFunc(best, e, compareInterest)
		best = slices.Insert(best, at, e)
		if len(best) > maxPeers {
			rest.add(best[maxPeers])
			best = best[:maxPeers]
		}
	}
	return append(best, rest.edge())
}

// compareInterest puts first what the reader should see.
func compareInterest(a, b *edge) int {
	if n := cmp.Or(cmp.Compare(b.urgency, a.urgency), cmp.Compare(b.mark, a.mark), cmp.Compare(b.Count, a.Count)); n != 0 {
		return n
	}
	if n := cmp.Compare(b.Opened, a.Opened); n != 0 {
		return n
	}
	return compareEdges(a, b)
}

// fold is the sum of edges of one kind.
type fold struct {
	sum   edge
	edges int
	peers map[netip.Addr]struct{} // nil: each edge has its own peer
}

func (f *fold) add(e *edge) {
	if f.sum.Connection == nil {
		f.sum = *e
		f.sum.mark = ' '
		f.sum.Connection = &report.Connection{
			Namespace: e.Namespace, Direction: e.Direction, Protocol: e.Protocol, Process: e.Process, PID: e.PID, User: e.User,
			Unit: e.Unit, Container: e.Container, Port: e.Port,
		}
		if e.Direction == report.Unknown { // of these, each pair of ports has one
			f.sum.Port = 0
			f.peers = map[netip.Addr]struct{}{}
		}
	}
	addNumbers(f.sum.Connection, e.Connection)
	f.edges++
	if f.peers != nil {
		f.peers[e.Peer] = struct{}{}
	}
}

func (f *fold) edge() *edge {
	f.sum.peers = f.edges
	if f.peers != nil {
		f.sum.peers = len(f.peers)
	}
	return &f.sum
}

// Title says where a section is; empty for the own namespace.
func (a *arranging) title(namespace int) string {
	if namespace == 0 {
		return ""
	}
	name := console.Printable(a.Namespaces[namespace-1].Container)
	c, same := a.containerOf(namespace)
	switch {
	case c == nil:
		return "in network namespace " + name + ":"
	case c.Pod != "":
		return "in pod " + bracketed(console.Printable(c.Pod), c.PodNamespace, c.Runtime) + ":"
	case same:
		return "in container " + bracketed(console.Printable(c.Name), c.Runtime, c.Image) + ":"
	}
	return "in containers of " + name + ":"
}

// containerOf finds the container whose namespace it is. same says that all
// rows in it are that container's; nil if some are of none.
func (a *arranging) containerOf(namespace int) (found *report.Container, same bool) {
	same = true
	check := func(in, container int) bool {
		if in != namespace {
			return true
		}
		if container < 1 || container > len(a.Containers) {
			return false
		}
		c := &a.Containers[container-1]
		same = same && (found == nil || found == c)
		if found == nil {
			found = c
		}
		return true
	}
	for i := range a.Listeners {
		if !check(a.Listeners[i].Namespace, a.Listeners[i].Container) {
			return nil, false
		}
	}
	for i := range a.Connections {
		c := &a.Connections[i]
		if c.Process != "" && !check(c.Namespace, c.Container) { // the owner of what closed is not known
			return nil, false
		}
	}
	return found, same
}

// bracketed writes a name with details, if there are any.
func bracketed(name string, details ...string) string {
	var kept []string
	for _, d := range details {
		if d != "" {
			kept = append(kept, console.Printable(d))
		}
	}
	if len(kept) == 0 {
		return name
	}
	return name + " (" + strings.Join(kept, ", ") + ")"
}
