package view

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view/merge"
)

// noAddresses is an empty list that is not null in JSON.
var noAddresses = []netip.Addr{}

// builder builds one view of one snapshot.
type builder struct {
	sieve
	level Level
	snap  *topology.Snapshot
	view  *Topology
}

// Build makes the whole view of any snapshot, of now or of the past, without
// layout. Old things are hidden by the age that they have at a time.
func Build(q Question, snap *topology.Snapshot, settings *Settings, at time.Time) *Topology {
	if m := q.merger(settings.Roles); m != nil {
		snap = m.Next(snap)
	}
	view := build(q, snap, settings, at)
	view.split()
	return view
}

// build is [Build] of a snapshot that is on the level of the question, with all boxes
// among the nodes.
func build(q Question, snap *topology.Snapshot, settings *Settings, at time.Time) *Topology {
	v := &builder{sieve: newSieve(q, settings, at), level: q.Level, snap: snap, view: &Topology{
		Revision: snap.Revision().String(), At: snap.At().UTC(), Level: q.Level, Hide: q.hidden(),
		Ghosts: []Ghost{}, Lanes: []Lane{}, Nodes: []Node{}, Services: []Service{}, Connections: []Connection{},
	}}
	v.services()
	v.connections()
	v.nodes()
	if !q.Level.rows() {
		v.mergeByNode()
	}
	v.view.Coverage = v.view.covered()
	v.view.Hidden = v.hidden
	return v.view
}

func (v *builder) services() {
	var used map[string]use
	if v.anySeen() {
		used = v.usedOutside()
	}
	for s := range v.snap.Services() {
		if u, ok := used[s.ID]; ok && s.State == topology.Seen {
			s.LastSeen, s.LastConnection, s.Clients = u.last, u.last, u.open
		}
		out := Service{s, v.Ignores(s.Port, s.Process)}
		if v.serves(&s, out.Ignored) {
			v.view.Services = append(v.view.Services, out)
		}
	}
	sortByID(v.view.Services, func(s *Service) string { return s.ID })
}

// sortByID sorts a list of what is large: each item is moved once.
func sortByID[T any](list []T, id func(*T) string) {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return strings.Compare(id(&list[i]), id(&list[j])) })
	for i := range order {
		first, to := list[i], i
		for order[to] != i { // around the circle, until the first one's place is free
			from := order[to]
			list[to], order[to] = list[from], to
			to = from
		}
		list[to], order[to] = first, to
	}
}

// anySeen says whether there are services that only their clients know.
func (v *builder) anySeen() bool {
	for b := range v.snap.Blocks() {
		if slices.ContainsFunc(b.Services, func(s topology.Service) bool { return s.State == topology.Seen }) {
			return true
		}
	}
	return false
}

// use is what the clients of a service know of it.
type use struct {
	last time.Time
	open int
}

// usedOutside is the use of services of nodes that don't report: only their
// clients know.
func (v *builder) usedOutside() map[string]use {
	used := map[string]use{}
	for c := range v.snap.Connections() {
		if c.Server.Service == "" {
			continue
		}
		u := used[c.Server.Service]
		u.open += c.Count
		if c.LastSeen.After(u.last) {
			u.last = c.LastSeen
		}
		used[c.Server.Service] = u
	}
	return used
}

func (v *builder) connections() {
	for c := range v.snap.Connections() {
		out := Connection{c, v.ignores(&c)}
		if v.lets(&out.Connection, out.Ignored) {
			v.view.Connections = append(v.view.Connections, out)
		}
	}
	sortByID(v.view.Connections, func(c *Connection) string { return c.ID })
}

// nodes lists the nodes that report, and of the others those that still have
// something to show.
func (v *builder) nodes() {
	shown := map[string]bool{}
	for i := range v.view.Connections {
		c := &v.view.Connections[i]
		shown[c.Client.Node], shown[c.Server.Node] = true, true
	}
	kept := map[string]bool{}
	for b := range v.snap.Blocks() {
		if !stands(&b.Node) && !shown[b.Node.Name] {
			continue
		}
		kept[b.Node.Name] = true
		n := v.node(&b.Node)
		v.name(&n)
		v.view.Nodes = append(v.view.Nodes, n)
	}
	v.view.Services = slices.DeleteFunc(v.view.Services, func(s Service) bool { return !kept[s.Node] })
	if v.level.rows() {
		v.rows()
	}
}

// stands tells nodes that are shown whatever leads there: they report, or did, or
// stand for such.
func stands(n *topology.Node) bool { return n.OwnsAddresses() || len(n.Members) > 0 }

// split moves what stands for several nodes to lists of its own.
func (t *Topology) split() { t.Pools, t.Groups, t.Nodes = split(t.Nodes) }

// boxes are all boxes that are shown.
func (t *Topology) boxes() []*Node {
	all := make([]*Node, 0, len(t.Pools)+len(t.Groups)+len(t.Nodes))
	for _, list := range [][]Node{t.Pools, t.Groups, t.Nodes} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

func split(all []Node) (pools, groups, nodes []Node) {
	nodes = make([]Node, 0, len(all))
	for i := range all {
		switch all[i].Kind {
		case topology.Pool:
			pools = append(pools, all[i])
		case topology.Group:
			groups = append(groups, all[i])
		default:
			nodes = append(nodes, all[i])
		}
	}
	return pools, groups, nodes
}

// maxRows is how many rows a box shows; the last one counts the rest. While
// few nodes report there is room for all that a person would want to see.
func maxRows(reporting int) int {
	if reporting <= 3 {
		return 40
	}
	return 5
}

// rows fills the boxes: services by port, then clients by name. The order
// follows from names and numbers alone, so that no state ever moves a row.
func (v *builder) rows() {
	reporting := 0
	for i := range v.view.Nodes {
		if stands(&v.view.Nodes[i].Node) {
			reporting++
		}
	}
	services := map[string][]*topology.Service{}
	for i := range v.view.Services {
		s := &v.view.Services[i].Service
		services[s.Node] = append(services[s.Node], s)
	}
	clients := map[string][]string{}
	for i := range v.view.Connections {
		c := &v.view.Connections[i].Client
		clients[c.Node] = append(clients[c.Node], c.Process)
	}
	for i := range v.view.Nodes {
		n := &v.view.Nodes[i]
		if !hasRows(n.Kind) {
			continue
		}
		n.Rows = capRows(nodeRows(services[n.Name], clients[n.Name]), maxRows(reporting))
	}
}

// hasRows tells nodes that are drawn with what runs on them.
func hasRows(k topology.NodeKind) bool { return k != topology.Internet && k != topology.Network }

func nodeRows(services []*topology.Service, clients []string) []Row {
	slices.SortFunc(services, func(a, b *topology.Service) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.ID, b.ID))
	})
	serves := map[string]bool{}
	var rows []Row
	for _, s := range services {
		serves[s.Process] = true
		rows = append(rows, Row{Kind: "service", Service: s.ID, Process: s.Process, Protocol: s.Protocol, Port: s.Port})
	}
	slices.Sort(clients)
	for _, p := range slices.Compact(clients) {
		if p != "" && !serves[p] {
			rows = append(rows, Row{Kind: "client", Process: p})
		}
	}
	return rows
}

func capRows(rows []Row, limit int) []Row {
	if len(rows) <= limit {
		return rows
	}
	rest := len(rows) - limit + 1
	return append(rows[:limit-1:limit-1], Row{Kind: "more", Count: rest})
}

// isReal tells nodes that could report.
func isReal(k topology.NodeKind) bool {
	return k != topology.Internet && k != topology.Network && k != topology.Virtual
}

// coverageOf is what a node that is shown adds.
func coverageOf(n *topology.Node) (c Coverage) {
	if len(n.Members) == 0 {
		return coverageOfOne(n)
	}
	for i := range n.Members {
		m := &n.Members[i]
		c.add(coverageOfOne(&topology.Node{Kind: m.Kind, State: m.State, HiddenProcesses: m.HiddenProcesses}), 1)
	}
	return c
}

func coverageOfOne(n *topology.Node) Coverage {
	if !isReal(n.Kind) {
		return Coverage{}
	}
	if n.State.Down() {
		return Coverage{Left: 1} // nothing is there to be seen
	}
	c := Coverage{Nodes: 1, Hidden: n.HiddenProcesses}
	switch n.State {
	case topology.Reporting:
		c.Reporting = 1
	case topology.Stale:
		c.Stale = 1
	case topology.Unheard, topology.Left, topology.Rebooting, topology.Stopped:
	}
	return c
}

// add counts another coverage so many times.
func (c *Coverage) add(o Coverage, times int) {
	c.Nodes += times * o.Nodes
	c.Reporting += times * o.Reporting
	c.Stale += times * o.Stale
	c.Left += times * o.Left
	c.Connections += times * o.Connections
	c.OneSided += times * o.OneSided
	c.Hidden += times * o.Hidden
}

// mergeByNode leaves one edge for each pair of nodes and direction.
func (v *builder) mergeByNode() {
	type ends struct {
		client, server string
		directed       bool
	}
	merged := map[ends]*Connection{}
	var order []*Connection
	for i := range v.view.Connections {
		c := &v.view.Connections[i]
		if c.Client.Node == c.Server.Node {
			continue
		}
		key := ends{c.Client.Node, c.Server.Node, c.Directed}
		if old := merged[key]; old != nil {
			join(old, c)
			continue
		}
		pair := pairOf(*c)
		merged[key] = &pair
		order = append(order, &pair)
	}
	slices.SortFunc(order, func(a, b *Connection) int { return strings.Compare(a.ID, b.ID) })
	v.view.Connections = make([]Connection, 0, len(order))
	for _, c := range order {
		v.view.Connections = append(v.view.Connections, *c)
	}
	v.view.Services = []Service{}
}

// pairOf is an edge as if it were all that is between its two nodes.
func pairOf(pair Connection) Connection {
	pair.Client = topology.Client{Node: pair.Client.Node}
	pair.Server = topology.Server{Node: pair.Server.Node}
	pair.Protocol, pair.Evidence.ClientAddress, pair.Evidence.ServerAddress = "", "", ""
	pair.ID = topology.ConnectionID(&pair.Connection)
	return pair
}

// join adds an edge of the same two nodes to one that stands for them.
func join(to, c *Connection) {
	merge.Connections(&to.Connection, &c.Connection)
	to.Ignored = to.Ignored && c.Ignored
}
