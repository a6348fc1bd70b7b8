// Package trouble says what is likely behind an incident and what it breaks.
//
// It knows a directed graph of components (client → server, and what sits on
// what) and the alerts of one incident. [Ranker.Rank] orders the likely causes;
// [Predict] says what fails with a component, would fail next, or is spared
// because something stands in for it.
//
// Failure travels from server to client, overload from client to server. Every
// rule has its reason in docs/trouble.md, none looks at a name: ids are compared
// for equality and printed, and nothing else. What is said quotes observations;
// where they don't suffice, that is said.
//
// The package is pure: no I/O, no clock, no randomness.
package trouble

import "github.com/devops-trouble-map/dotm/trouble/graph"

// The graph is made and held by a room of this package; these are its words.
type (
	// Graph is what needs what. It doesn't change once made, and may be read by many.
	Graph = graph.Graph
	// Component is something that can fail.
	Component = graph.Component
	// Kind says what a component is.
	Kind = graph.Kind
	// Edge says that a client needs a server.
	Edge = graph.Edge
	// EdgeKind says how one component needs another.
	EdgeKind = graph.EdgeKind
)

// The kinds of component and of edge.
const (
	Service = graph.Service // accepts connections, or is a client's program
	Node    = graph.Node    // a host or container that services run on
	Place   = graph.Place   // what nodes share: a rack, a hypervisor, a network, a zone
	Calls   = graph.Calls   // the client opens connections to the server
	On      = graph.On      // the client sits on the server: a service on a node, a node in a rack
)

// NewGraph makes a graph. Components that only edges name are services. Edges from
// a component to itself are dropped; of two with the same ends and kind the first
// stays. The order of what is given decides nothing but the order of ties.
func NewGraph(components []Component, edges []Edge) (*Graph, error) {
	return graph.New(components, edges)
}
