// Package graph holds what needs what: components, and edges from client to server.
// It is the room of package trouble that everything else there stands on; indexes are
// for walks, ids for everybody else.
package graph

import (
	"fmt"
	"slices"
	"time"
)

// Kind says what a component is.
type Kind string

// The kinds of component.
const (
	Service Kind = "service" // accepts connections, or is a client's program
	Node    Kind = "node"    // a host or container that services run on
	Place   Kind = "place"   // what nodes share: a rack, a hypervisor, a network, a zone
)

// Component is something that can fail.
type Component struct {
	// ID names it; it is compared and printed, never read.
	ID   string
	Kind Kind
	// Pool names those that stand in for each other; empty if nothing does.
	Pool string
	// Name is what sentences call it; the id if empty.
	Name string
}

// EdgeKind says how one component needs another.
type EdgeKind string

// The kinds of edge.
const (
	Calls EdgeKind = "calls" // the client opens connections to the server
	On    EdgeKind = "on"    // the client sits on the server: a service on a node, a node in a rack
)

// Edge says that a client needs a server.
type Edge struct {
	Client, Server string
	// Kind is [Calls] if empty.
	Kind EdgeKind
	// Load is how many times its usual traffic the edge carries; zero if that is
	// not known.
	Load float64
	// LoadSince is when that began, by the server's clock; zero if not known.
	LoadSince time.Time
	// Idle says that nothing was open on it for longer than the ageing time.
	Idle bool
	// Undirected says that it isn't known which end is the client.
	Undirected bool
	// Failed counts the earlier times that the server failed with the client
	// watched, Followed those of them in which the client went bad too.
	Failed, Followed int
}

// Arc is one edge, seen from one of its ends.
type Arc struct {
	// To is the index of the other end, Edge that of the edge.
	To, Edge int32
}

// Graph is what needs what. It doesn't change once made, and may be read by many.
type Graph struct {
	components []Component
	edges      []Edge
	ends       []ends // of edges, by their index
	index      map[string]int32
	clients    [][]Arc // of a server, by its index
	servers    [][]Arc // of a client, by its index
	pools      map[string]int
}

// ends are the indexes of an edge's two components.
type ends struct{ client, server int32 }

// New makes a graph. Components that only edges name are services. Edges
// from a component to itself are dropped; of two with the same ends and kind the
// first stays. The order of what is given decides nothing but the order of ties.
func New(components []Component, edges []Edge) (*Graph, error) {
	g := &Graph{index: make(map[string]int32, len(components)), pools: map[string]int{}}
	for _, c := range components {
		if _, twice := g.index[c.ID]; twice {
			return nil, fmt.Errorf("component %q is given twice: ids must be unique", c.ID)
		}
		g.add(c)
	}
	type same struct {
		ends
		kind EdgeKind
	}
	seen := make(map[same]bool, len(edges))
	g.edges, g.ends = make([]Edge, 0, len(edges)), make([]ends, 0, len(edges))
	for _, e := range edges {
		if e.Kind == "" {
			e.Kind = Calls
		}
		at := same{ends{g.ensure(e.Client), g.ensure(e.Server)}, e.Kind}
		if at.client == at.server || seen[at] {
			continue
		}
		seen[at] = true
		g.edges, g.ends = append(g.edges, e), append(g.ends, at.ends)
	}
	g.connect()
	return g, nil
}

func (g *Graph) add(c Component) int32 {
	if c.Kind == "" {
		c.Kind = Service
	}
	i := int32(len(g.components))
	g.components = append(g.components, c)
	g.clients, g.servers = append(g.clients, nil), append(g.servers, nil)
	g.index[c.ID] = i
	if c.Pool != "" {
		g.pools[c.Pool]++
	}
	return i
}

func (g *Graph) ensure(id string) int32 {
	if i, ok := g.index[id]; ok {
		return i
	}
	return g.add(Component{ID: id})
}

// connect makes the arcs of all edges: each list has the order of the edges, and all of
// one side share one piece of memory.
func (g *Graph) connect() {
	g.clients = side(len(g.components), g.ends, func(e ends) (at, to int32) { return e.server, e.client })
	g.servers = side(len(g.components), g.ends, func(e ends) (at, to int32) { return e.client, e.server })
}

// side is the arcs of n components, seen from one of their ends.
func side(n int, list []ends, seen func(ends) (at, to int32)) [][]Arc {
	count := make([]int32, n)
	for _, e := range list {
		at, _ := seen(e)
		count[at]++
	}
	arcs, all := make([][]Arc, n), make([]Arc, len(list))
	for i, c := range count {
		if c > 0 {
			arcs[i], all = all[:0:c], all[c:]
		}
	}
	for i, e := range list {
		at, to := seen(e)
		arcs[at] = append(arcs[at], Arc{to, int32(i)})
	}
	return arcs
}

// Len is how many components there are.
func (g *Graph) Len() int { return len(g.components) }

// Components are copies of all, in the order in which ties are told.
func (g *Graph) Components() []Component { return slices.Clone(g.components) }

// Edges are copies of all, in the order given.
func (g *Graph) Edges() []Edge { return slices.Clone(g.edges) }

// Component is the component of an id; false if there is none.
func (g *Graph) Component(id string) (Component, bool) {
	i, ok := g.index[id]
	if !ok {
		return Component{}, false
	}
	return g.components[i], true
}

// Clients are the ids of what needs a component directly, in the order given.
func (g *Graph) Clients(id string) []string { return g.others(id, g.clients) }

// Servers are the ids of what a component needs directly, in the order given.
func (g *Graph) Servers(id string) []string { return g.others(id, g.servers) }

func (g *Graph) others(id string, side [][]Arc) []string {
	i, ok := g.index[id]
	if !ok {
		return nil
	}
	var out []string
	for _, a := range side[i] {
		if other := g.components[a.To].ID; !slices.Contains(out, other) {
			out = append(out, other)
		}
	}
	return out
}

// Index is the index of an id, from 0 to [Graph.Len]; false if there is none.
func (g *Graph) Index(id string) (int32, bool) {
	i, ok := g.index[id]
	return i, ok
}

// At is the component of an index. It must not be written.
func (g *Graph) At(i int32) *Component { return &g.components[i] }

// Edge is the edge of an index, as [Arc] has it. It must not be written.
func (g *Graph) Edge(i int32) *Edge { return &g.edges[i] }

// ClientsOf are the edges that lead to a component, ServersOf those that lead away
// from it, in the order given. They must not be written.
func (g *Graph) ClientsOf(i int32) []Arc { return g.clients[i] }

// ServersOf see [Graph.ClientsOf].
func (g *Graph) ServersOf(i int32) []Arc { return g.servers[i] }

// Name is what sentences call the component of an index: its name, else its id.
func (g *Graph) Name(i int32) string {
	if n := g.components[i].Name; n != "" {
		return n
	}
	return g.components[i].ID
}

// PoolSize is how many components are of a pool.
func (g *Graph) PoolSize(pool string) int { return g.pools[pool] }

// Upstream marks what some components need, directly or not, over at most some edges,
// themselves included. Edges for which back is true lead both ways.
func (g *Graph) Upstream(from []int32, edges int, back func(*Edge) bool) []bool {
	met := make([]bool, g.Len())
	ring := slices.Clone(from)
	for _, i := range ring {
		met[i] = true
	}
	for hops := 0; hops < edges && len(ring) > 0; hops++ {
		var next []int32
		visit := func(i int32) {
			if !met[i] {
				met[i] = true
				next = append(next, i)
			}
		}
		for _, i := range ring {
			for _, a := range g.servers[i] {
				visit(a.To)
			}
			for _, a := range g.clients[i] {
				if back(&g.edges[a.Edge]) {
					visit(a.To)
				}
			}
		}
		ring = next
	}
	return met
}

// With is the graph with services of the ids that it doesn't know. The receiver
// stays as it is.
func (g *Graph) With(ids []string) *Graph {
	var missing []string
	for _, id := range ids {
		if _, ok := g.index[id]; !ok && !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return g
	}
	wider := &Graph{
		components: slices.Clone(g.components), edges: g.edges, ends: g.ends, pools: g.pools,
		clients: slices.Clone(g.clients), servers: slices.Clone(g.servers),
		index: make(map[string]int32, len(g.index)+len(missing)),
	}
	for i := range wider.components {
		wider.index[wider.components[i].ID] = int32(i)
	}
	for _, id := range missing {
		wider.ensure(id)
	}
	return wider
}

// Part is the graph with some of its components, by index, and the edges between them
// that lead to one of those for which served is true. Pools are as large as they were.
func (g *Graph) Part(keep, served []bool) *Graph {
	n, arcs := 0, 0
	for i, kept := range keep {
		if kept {
			n++
			arcs += len(g.servers[i])
		}
	}
	p := &Graph{index: make(map[string]int32, n), pools: g.pools, components: make([]Component, 0, n)}
	at := make([]int32, len(keep))
	for i, kept := range keep {
		if kept {
			at[i] = int32(len(p.components))
			p.index[g.components[i].ID] = at[i]
			p.components = append(p.components, g.components[i])
		}
	}
	edges := g.between(keep, served, arcs)
	p.edges, p.ends = make([]Edge, len(edges)), make([]ends, len(edges))
	for k, i := range edges {
		e := g.ends[i]
		p.edges[k], p.ends[k] = g.edges[i], ends{at[e.client], at[e.server]}
	}
	p.connect()
	return p
}

// fewArcs is how many times fewer arcs than edges there must be to be sorted, instead of
// looking through all edges.
const fewArcs = 16

// between are the edges, in their order, between components that are kept, of which the
// server is one of those served. arcs is how many lead away from those kept.
func (g *Graph) between(keep, served []bool, arcs int) []int32 {
	out := make([]int32, 0, arcs)
	if arcs*fewArcs > len(g.ends) {
		for i, e := range g.ends {
			if keep[e.client] && keep[e.server] && served[e.server] {
				out = append(out, int32(i))
			}
		}
		return out
	}
	for i, kept := range keep {
		if !kept {
			continue
		}
		for _, a := range g.servers[i] {
			if keep[a.To] && served[a.To] {
				out = append(out, a.Edge)
			}
		}
	}
	slices.Sort(out)
	return out
}
