// Package chart makes the graph and the alerts of package trouble from a snapshot.
//
// Components are nodes (by name), services (by id), and programs that only call
// (see [Program]). Services and programs sit on their node, containers on their host,
// a virtual address on its holder, hosts in their zone if there are several. Observers and dotm itself are left out, as they
// need nothing and nobody needs them.
package chart

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// Clock names the server's own clock, by which agents' reports are received.
const Clock = "server"

// Program is the id of a program that calls without having one service of its own.
// It can't be that of a node or a service.
func Program(node, process string) string { return node + "\x00" + process }

// Graph makes the dependency graph of a snapshot. pool says which pool a service is
// of, empty for none; a nil pool says that there are none.
func Graph(s *topology.Snapshot, pool func(*topology.Service) string) (*trouble.Graph, error) {
	b := &builder{snapshot: s, pool: pool, programs: map[string]bool{}, services: map[string][]string{}}
	for block := range s.Blocks() {
		b.node(block)
	}
	b.zones()
	for block := range s.Blocks() {
		for i := range block.Connections {
			b.connection(block.Connections[i])
		}
	}
	b.join()
	return trouble.NewGraph(b.components, b.edges)
}

type builder struct {
	snapshot   *topology.Snapshot
	pool       func(*topology.Service) string
	components []trouble.Component
	edges      []trouble.Edge
	programs   map[string]bool
	// services are the services of each program, by its id; order has the programs
	// in the order met.
	services map[string][]string
	order    []string
}

// node adds a node with its services, and what they sit on.
func (b *builder) node(block *topology.Block) {
	n := &block.Node
	b.components = append(b.components, trouble.Component{ID: n.Name, Kind: trouble.Node})
	if on := b.under(n); on != "" {
		b.on(n.Name, on)
	}
	for i := range block.Services {
		s := &block.Services[i]
		if s.Own {
			continue
		}
		c := trouble.Component{ID: s.ID, Kind: trouble.Service, Name: label(s)}
		if b.pool != nil {
			c.Pool = b.pool(s)
		}
		b.components = append(b.components, c)
		b.on(s.ID, n.Name)
		if s.Process != "" {
			p := Program(n.Name, s.Process)
			b.services[p] = append(b.services[p], s.ID)
		}
	}
}

// Zone is the id of a zone. It can't be that of a node, a service or a program.
func Zone(name string) string { return "\x00zone\x00" + name }

// zones puts hosts in their zone, where there are several: what cuts one off takes
// along all that is in it.
func (b *builder) zones() {
	var names []string
	for block := range b.snapshot.Blocks() {
		if n := &block.Node; n.Kind == topology.Host && !slices.Contains(names, n.Zone) {
			names = append(names, n.Zone)
		}
	}
	if len(names) < 2 {
		return
	}
	for _, name := range names {
		b.components = append(b.components, trouble.Component{ID: Zone(name), Kind: trouble.Place, Name: "zone " + cmp.Or(name, "(none)")})
	}
	for block := range b.snapshot.Blocks() {
		if n := &block.Node; n.Kind == topology.Host {
			b.on(n.Name, Zone(n.Zone))
		}
	}
}

// label is what people call a service: "db1 postgres:5432".
func label(s *topology.Service) string {
	name := s.Process
	if name == "" {
		name = string(s.Protocol)
	}
	return s.Node + " " + name + ":" + strconv.Itoa(int(s.Port))
}

// under is the node that another one sits on; empty if none is known, or several.
func (b *builder) under(n *topology.Node) string {
	on := ""
	switch n.Kind {
	case topology.Container:
		on, _, _ = strings.Cut(n.Name, "/")
	case topology.Virtual:
		for _, h := range n.Holders {
			switch {
			case !h.Until.IsZero():
			case on != "":
				return ""
			default:
				on = h.Node
			}
		}
	default: // it stands by itself
	}
	if on == n.Name || b.snapshot.Block(on) == nil {
		return ""
	}
	return on
}

func (b *builder) on(client, server string) {
	b.edges = append(b.edges, trouble.Edge{Client: client, Server: server, Kind: trouble.On})
}

// connection adds an edge between what calls and what is called.
func (b *builder) connection(c *topology.Connection) {
	if c.Own || c.Observer {
		return
	}
	server := c.Server.Service
	if server == "" || b.snapshot.Service(server) == nil {
		server = c.Server.Node
	}
	b.edges = append(b.edges, trouble.Edge{
		Client: b.client(&c.Client), Server: server,
		Idle: c.Count == 0 && c.Status == topology.Old, Undirected: !c.Directed,
	})
}

// client is the component that calls: its one service, else its program, seen or
// not; where many hide behind a node, that.
func (b *builder) client(c *topology.Client) string {
	id := caller(b.snapshot, c)
	if id == c.Service || id == c.Node {
		return id
	}
	name := c.Process
	if name == "" {
		name = "(process not seen)"
	}
	if !b.programs[id] {
		b.programs[id] = true
		b.order = append(b.order, id)
		b.components = append(b.components, trouble.Component{ID: id, Kind: trouble.Service, Name: c.Node + " " + name})
		b.on(id, c.Node)
	}
	return id
}

// caller is the id of the component that calls.
func caller(s *topology.Snapshot, c *topology.Client) string {
	if c.Service != "" && s.Service(c.Service) != nil {
		return c.Service
	}
	block := s.Block(c.Node)
	if block == nil || block.Node.Kind == topology.Internet || block.Node.Kind == topology.Network {
		return c.Node
	}
	return Program(c.Node, c.Process)
}

// join puts the services of programs that have several onto their program, so that
// what that needs is needed by them.
func (b *builder) join() {
	for _, p := range b.order {
		for _, s := range b.services[p] {
			b.on(s, p)
		}
	}
}

// Alerts are the bad checks of a snapshot, on their service or node.
func Alerts(s *topology.Snapshot) []trouble.Alert {
	var out []trouble.Alert
	for block := range s.Blocks() {
		for i := range block.Checks {
			c := &block.Checks[i]
			a, ok := trouble.AlertOf(c, about(block, c))
			switch {
			case !ok:
				continue
			case c.Signal != nil:
				a.Says = c.Signal.Title
				signal(s, &a, c.Signal)
			case reports(&block.Node, c):
				a.Disputed = "its agent reports"
			}
			out = append(out, a)
		}
	}
	return out
}

// troubles says how what is the matter there is in trouble, where that is not failing.
var troubles = map[topology.SignalKind]trouble.Trouble{
	topology.SignalSlow: trouble.Slow, topology.SignalRetransmits: trouble.Slow,
	topology.SignalQueue: trouble.Full, topology.SignalPorts: trouble.Full, topology.SignalDescriptors: trouble.Full,
	topology.SignalCloseWait: trouble.Full,
}

// graded are the signals whose figure says how bad it is; the others are so or not.
var graded = map[topology.SignalKind]bool{
	topology.SignalSlow: true, topology.SignalRetransmits: true, topology.SignalCloseWait: true,
}

// signal completes an alert by what was seen in the sockets: how bad it is, by the
// server's clock, and from whose side. What a node tells of itself has no witness.
func signal(s *topology.Snapshot, a *trouble.Alert, g *topology.Signal) {
	a.Onset.Clock = Clock
	if t := troubles[g.Kind]; t != "" {
		a.Trouble = t
	}
	if graded[g.Kind] && g.Limit > 0 {
		a.Times = g.Figure / g.Limit
	}
	if g.Client.Node == "" {
		return
	}
	switch w := caller(s, &g.Client); a.Component {
	case w, g.Client.Node, g.Client.Service:
	default:
		a.Witnesses = []string{w}
	}
}

// reports says that a node which a check calls down has reported since.
func reports(n *topology.Node, c *topology.Check) bool {
	return c.Kind == topology.HostCheck && n.State == topology.Reporting && n.LastReport.After(c.Since)
}

// about is the component of a check of a block.
func about(block *topology.Block, c *topology.Check) string {
	if c.Service != "" && block.Service(c.Service) != nil {
		return c.Service
	}
	return block.Node.Name
}

// Watched is what is known of what isn't bad: when checks last found it to be fine,
// or its agent reported; and what is silent. Blocks don't say when a check was last
// looked at: looked does, by the check's id; nil goes by the blocks.
func Watched(s *topology.Snapshot, looked map[string]time.Time) map[string]trouble.Watch {
	out := map[string]trouble.Watch{}
	for block := range s.Blocks() {
		n := &block.Node
		switch n.State {
		case topology.Reporting:
			out[n.Name] = trouble.Watch{Fine: n.LastReport, Clock: Clock}
		case topology.Stale, topology.Left, topology.Rebooting, topology.Stopped:
			out[n.Name] = trouble.Watch{Blind: true}
		case topology.Unheard:
		}
		for i := range block.Checks {
			if c := &block.Checks[i]; c.Signal == nil { // a signal says nothing of what is fine
				see(out, about(block, c), c, later(c.LastCheck, looked[c.ID]))
			}
		}
	}
	return out
}

// see takes in one check. One that still tells goes before any that is stale, and
// before the agent.
func see(out map[string]trouble.Watch, component string, c *topology.Check, looked time.Time) {
	w, known := out[component]
	switch {
	case c.Stale && !known:
		out[component] = trouble.Watch{Blind: true}
	case c.Stale || c.Status == topology.Pending:
	case !known || w.Blind || w.Clock == Clock || w.Clock == c.Source:
		fine := time.Time{}
		if !c.Status.Bad() {
			fine = looked
		}
		if w.Clock == c.Source && w.Fine.After(fine) {
			fine = w.Fine
		}
		out[component] = trouble.Watch{Fine: fine, Clock: c.Source}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
