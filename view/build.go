package view

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// noAddresses is an empty list that is not null in JSON.
var noAddresses = []netip.Addr{}

// builder builds one view of one snapshot.
type builder struct {
	Question
	*Settings
	snap *topology.Snapshot
	at   time.Time // by which old things are hidden
	view *Topology
}

// Build makes the whole view of any snapshot, of now or of the past, without
// layout. Old things are hidden by the age that they have at a time.
func Build(q Question, snap *topology.Snapshot, settings *Settings, at time.Time) *Topology {
	v := &builder{Question: q, Settings: settings, snap: snap, at: at, view: &Topology{
		Revision: snap.Revision().String(), At: snap.At().UTC(), Level: q.Level, Hide: q.hidden(),
		Nodes: []Node{}, Services: []Service{}, Connections: []Connection{},
	}}
	v.services()
	v.connections()
	v.nodes()
	if q.Level == LevelNode {
		v.mergeByNode()
	}
	v.cover()
	return v.view
}

func (v *builder) services() {
	used := v.usedOutside()
	for s := range v.snap.Services() {
		if u, ok := used[s.ID]; ok && s.State == topology.Seen {
			s.LastSeen, s.LastConnection, s.Clients = u.last, u.last, u.open
		}
		out := Service{s, v.Ignores(s.Port, s.Process)}
		if v.leaveOut(out.Ignored, s.Own, s.State == topology.Gone, s.LastSeen) || v.fleeting(&s) {
			v.view.Hidden.Services++
			continue
		}
		v.view.Services = append(v.view.Services, out)
	}
	slices.SortFunc(v.view.Services, func(a, b Service) int { return strings.Compare(a.ID, b.ID) })
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

// fleeting tells services that were given any port that was free, as those of
// tests and of RPC are: once gone for longer than the ageing time they are
// counted as old and not shown, for they would crowd out what is there.
func (v *builder) fleeting(s *topology.Service) bool {
	if v.Hide == "" || s.State != topology.Gone || s.Port < firstEphemeral ||
		v.at.Sub(s.LastSeen) <= v.Ageing {
		return false
	}
	v.view.Hidden.Old++
	return true
}

// firstEphemeral is where the ports begin that the kernel gives away (the
// default of net.ipv4.ip_local_port_range).
const firstEphemeral = 32768

func (v *builder) connections() {
	for c := range v.snap.Connections() {
		out := Connection{c, v.Ignores(c.Server.Port, c.Server.Process) || v.Ignores(0, c.Client.Process)}
		if v.watches(&c) || v.leaveOut(out.Ignored, c.Own, c.Status == topology.Old, c.LastSeen) {
			v.view.Hidden.Connections++
			continue
		}
		v.view.Connections = append(v.view.Connections, out)
	}
	slices.SortFunc(v.view.Connections, func(a, b Connection) int { return strings.Compare(a.ID, b.ID) })
}

// watches tells whether a connection is to be hidden as an observer's.
func (v *builder) watches(c *topology.Connection) bool {
	if !c.Observer || !v.Hides(HideObservers) {
		return false
	}
	v.view.Hidden.Observers++
	return true
}

// leaveOut decides about one service or connection and counts why.
func (v *builder) leaveOut(ignored, own, old bool, seen time.Time) bool {
	longGone := old && v.Hide != "" && v.HideAfter > 0 && v.at.Sub(seen) > v.HideAfter
	switch {
	case longGone, old && v.Hides(HideOld):
		v.view.Hidden.Old++
	case own && v.Hides(HideInfrastructure):
		v.view.Hidden.Own++
	case ignored && v.Hides(HideIgnored):
		v.view.Hidden.Ignored++
	default:
		return false
	}
	return true
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
		if !b.Node.OwnsAddresses() && !shown[b.Node.Name] {
			continue
		}
		kept[b.Node.Name] = true
		v.view.Nodes = append(v.view.Nodes, v.node(&b.Node))
	}
	v.view.Services = slices.DeleteFunc(v.view.Services, func(s Service) bool { return !kept[s.Node] })
	if v.Level == LevelService {
		v.rows()
	}
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
		if v.view.Nodes[i].OwnsAddresses() {
			reporting++
		}
	}
	services := map[string][]*Service{}
	for i := range v.view.Services {
		s := &v.view.Services[i]
		services[s.Node] = append(services[s.Node], s)
	}
	clients := map[string][]string{}
	for i := range v.view.Connections {
		c := &v.view.Connections[i].Client
		clients[c.Node] = append(clients[c.Node], c.Process)
	}
	for i := range v.view.Nodes {
		n := &v.view.Nodes[i]
		if n.Kind == topology.Internet || n.Kind == topology.Network {
			continue
		}
		n.Rows = capRows(nodeRows(services[n.Name], clients[n.Name]), maxRows(reporting))
	}
}

func nodeRows(services []*Service, clients []string) []Row {
	slices.SortFunc(services, func(a, b *Service) int {
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

func (v *builder) cover() {
	c := &v.view.Coverage
	real := map[string]bool{}
	for i := range v.view.Nodes {
		n := &v.view.Nodes[i]
		if n.Kind == topology.Internet || n.Kind == topology.Network || n.Kind == topology.Virtual {
			continue
		}
		real[n.Name] = true
		c.Nodes++
		c.Hidden += n.HiddenProcesses
		switch n.State {
		case topology.Reporting:
			c.Reporting++
		case topology.Stale:
			c.Stale++
		case topology.Unheard:
		}
	}
	c.Connections = len(v.view.Connections)
	for i := range v.view.Connections {
		e := &v.view.Connections[i]
		if !e.Evidence.BothEnds && real[e.Client.Node] && real[e.Server.Node] {
			c.OneSided++
		}
	}
}

// mergeByNode leaves one edge for each pair of nodes and direction.
func (v *builder) mergeByNode() {
	merged := map[string]*Connection{}
	var order []*Connection
	for _, c := range v.view.Connections {
		if c.Client.Node == c.Server.Node {
			continue
		}
		pair := c
		pair.Client = topology.Client{Node: c.Client.Node}
		pair.Server = topology.Server{Node: c.Server.Node}
		pair.Protocol, pair.Evidence.ClientAddress, pair.Evidence.ServerAddress = "", "", ""
		pair.ID = topology.ConnectionID(&pair.Connection)
		if old := merged[pair.ID]; old != nil {
			join(old, &pair)
			continue
		}
		merged[pair.ID] = &pair
		order = append(order, &pair)
	}
	v.view.Connections = make([]Connection, 0, len(order))
	for _, c := range order {
		v.view.Connections = append(v.view.Connections, *c)
	}
	slices.SortFunc(v.view.Connections, func(a, b Connection) int { return strings.Compare(a.ID, b.ID) })
	v.view.Services = []Service{}
}

// join adds an edge of the same two nodes to one that stands for them.
func join(to, c *Connection) {
	to.Count += c.Count
	to.Opened += c.Opened
	to.Refused += c.Refused
	to.TimedOut += c.TimedOut
	to.Failed += c.Failed
	to.Peers = max(to.Peers, c.Peers)
	to.Own, to.Ignored, to.Observer = to.Own && c.Own, to.Ignored && c.Ignored, to.Observer && c.Observer
	to.Evidence.BothEnds = to.Evidence.BothEnds || c.Evidence.BothEnds
	if c.Status == topology.Fresh {
		to.Status = topology.Fresh
	}
	if c.FirstSeen.Before(to.FirstSeen) {
		to.FirstSeen = c.FirstSeen
	}
	if c.LastSeen.After(to.LastSeen) {
		to.LastSeen = c.LastSeen
	}
	if c.LastConnection.After(to.LastConnection) {
		to.LastConnection = c.LastConnection
	}
}
