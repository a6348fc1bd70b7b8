package api

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// Level is how far the chart is zoomed out in content.
type Level string

// The levels there are so far.
const (
	LevelService Level = "service" // every service is a row in its node's box
	LevelNode    Level = "node"    // boxes without rows, one edge per pair
)

// Hide names what a view leaves out.
type Hide string

// What can be hidden.
const (
	HideOld            Hide = "old"            // connections past the ageing time, gone services
	HideIgnored        Hide = "ignored"        // ports and names that the settings ignore
	HideInfrastructure Hide = "infrastructure" // dotm's own services and connections
	HideObservers      Hide = "observers"      // clients that touch many nodes briefly
)

// Topology is the answer of GET /topology.
type Topology struct {
	Revision    string       `json:"revision" doc:"names this state of the view"`
	At          time.Time    `json:"at"`
	Level       Level        `json:"level"`
	Hide        []Hide       `json:"hide"`
	Hidden      Hidden       `json:"hidden"`
	Width       float64      `json:"width" doc:"extent of the layout in chart units"`
	Height      float64      `json:"height"`
	Coverage    Coverage     `json:"coverage"`
	Nodes       []Node       `json:"nodes"`
	Services    []Service    `json:"services"`
	Connections []Connection `json:"connections"`
	// Past says that this is how it was, not how it is.
	Past bool `json:"past,omitempty" doc:"how it was at a moment gone by"`
	// Gaps are the times around a moment gone by in which nothing was seen, so
	// that it shows what was seen last.
	Gaps []store.Gap `json:"gaps,omitempty" doc:"what could not be seen at a moment gone by"`
}

// Hidden counts what the view leaves out.
type Hidden struct {
	Services    int `json:"services"`
	Connections int `json:"connections"`
	Ignored     int `json:"ignored" doc:"services and connections hidden because they are ignored"`
	Own         int `json:"infrastructure" doc:"services and connections of dotm itself"`
	Old         int `json:"old" doc:"old connections and gone services"`
	Observers   int `json:"observers" doc:"connections of clients that only look at many nodes"`
}

// Coverage says how much of the truth was seen.
type Coverage struct {
	Nodes       int `json:"nodes" doc:"hosts and containers, reporting or inferred"`
	Reporting   int `json:"reporting"`
	Stale       int `json:"stale"`
	Connections int `json:"connections"`
	OneSided    int `json:"one_sided" doc:"connections between two nodes that only one of them reports"`
	Hidden      int `json:"process_names_hidden"`
}

// Node is a node with its place on the chart.
type Node struct {
	topology.Node
	This bool `json:"this" doc:"the node that this dotm runs on"`
	// KnownAs is what others call a node that is known by its address alone.
	KnownAs string `json:"known_as,omitempty" doc:"a name for the address: by the settings, the hosts file, or DNS if it may be asked"`
	Layout  *Rect  `json:"layout,omitempty"`
	Rows    []Row  `json:"rows,omitempty"`
}

// Rect is a place on the chart, in chart units.
type Rect struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
	W float64 `json:"w"`
	H float64 `json:"h"`
}

// Row is one line inside a node's box, from top to bottom.
type Row struct {
	Kind     string            `json:"kind" enum:"service,client,more"`
	Service  string            `json:"service,omitempty"`
	Process  string            `json:"process" doc:"empty if it could not be seen"`
	Protocol topology.Protocol `json:"protocol,omitempty"`
	Port     uint16            `json:"port,omitempty"`
	Count    int               `json:"count,omitempty" doc:"for more: rows that did not fit"`
}

// Service is a service as the settings make it look.
type Service struct {
	topology.Service
	Ignored bool `json:"ignored"`
}

// Connection is a connection as the settings make it look.
type Connection struct {
	topology.Connection
	Ignored bool `json:"ignored"`
}

// request is what a view is of.
type request struct {
	level Level
	hide  string // sorted, comma-separated
}

func (r request) hides(h Hide) bool {
	return slices.Contains(strings.Split(r.hide, ","), string(h))
}

// viewer builds one view of one snapshot.
type viewer struct {
	request
	snap     *topology.Snapshot
	settings store.Settings
	this     string
	at       time.Time // by which old things are hidden
	view     *Topology
}

// build makes the view of a snapshot, without layout.
func build(req request, snap *topology.Snapshot, settings store.Settings, this string, at time.Time) *Topology {
	v := &viewer{request: req, snap: snap, settings: settings, this: this, at: at, view: &Topology{
		Revision: snap.Revision().String(), At: snap.At().UTC(), Level: req.level, Hide: []Hide{},
		Nodes: []Node{}, Services: []Service{}, Connections: []Connection{},
	}}
	for h := range strings.SplitSeq(req.hide, ",") {
		if h != "" {
			v.view.Hide = append(v.view.Hide, Hide(h))
		}
	}
	v.services()
	v.connections()
	v.nodes()
	if req.level == LevelNode {
		v.mergeByNode()
	}
	v.cover()
	return v.view
}

func (v *viewer) services() {
	used := v.usedOutside()
	for s := range v.snap.Services() {
		if u, ok := used[s.ID]; ok && s.State == topology.Seen {
			s.LastSeen, s.LastConnection, s.Clients = u.last, u.last, u.open
		}
		out := Service{s, v.ignored(s.Port, s.Process)}
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
func (v *viewer) usedOutside() map[string]use {
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
func (v *viewer) fleeting(s *topology.Service) bool {
	if v.hide == "" || s.State != topology.Gone || s.Port < firstEphemeral ||
		v.at.Sub(s.LastSeen) <= time.Duration(v.settings.Ageing) {
		return false
	}
	v.view.Hidden.Old++
	return true
}

// firstEphemeral is where the ports begin that the kernel gives away (the
// default of net.ipv4.ip_local_port_range).
const firstEphemeral = 32768

func (v *viewer) connections() {
	for c := range v.snap.Connections() {
		out := Connection{c, v.ignored(c.Server.Port, c.Server.Process) || v.ignored(0, c.Client.Process)}
		if v.watches(&c) || v.leaveOut(out.Ignored, c.Own, c.Status == topology.Old, c.LastSeen) {
			v.view.Hidden.Connections++
			continue
		}
		v.view.Connections = append(v.view.Connections, out)
	}
	slices.SortFunc(v.view.Connections, func(a, b Connection) int { return strings.Compare(a.ID, b.ID) })
}

// watches tells whether a connection is to be hidden as an observer's.
func (v *viewer) watches(c *topology.Connection) bool {
	if !c.Observer || !v.hides(HideObservers) {
		return false
	}
	v.view.Hidden.Observers++
	return true
}

func (v *viewer) ignored(port uint16, process string) bool {
	return slices.Contains(v.settings.IgnoredPorts, port) || slices.Contains(v.settings.IgnoredNames, process)
}

// leaveOut decides about one service or connection and counts why.
func (v *viewer) leaveOut(ignored, own, old bool, seen time.Time) bool {
	longGone := old && v.hide != "" && v.settings.HideAfter > 0 && v.at.Sub(seen) > time.Duration(v.settings.HideAfter)
	switch {
	case longGone, old && v.hides(HideOld):
		v.view.Hidden.Old++
	case own && v.hides(HideInfrastructure):
		v.view.Hidden.Own++
	case ignored && v.hides(HideIgnored):
		v.view.Hidden.Ignored++
	default:
		return false
	}
	return true
}

// nodes lists the nodes that report, and of the others those that still have
// something to show.
func (v *viewer) nodes() {
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
		n := Node{Node: b.Node, This: b.Node.Name == v.this}
		if n.Addresses == nil {
			n.Addresses = noAddresses
		}
		v.view.Nodes = append(v.view.Nodes, n)
	}
	v.view.Services = slices.DeleteFunc(v.view.Services, func(s Service) bool { return !kept[s.Node] })
	if v.level == LevelService {
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
func (v *viewer) rows() {
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

func (v *viewer) cover() {
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
func (v *viewer) mergeByNode() {
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
