// Package role finds which nodes are of one role and which serve everyone. It
// goes from what is certain to what follows from it: agents, then classes of
// nodes that serve the same, then hubs by what those classes call, then pools by
// whom the nodes of a class exchange with.
package role

import (
	"github.com/devops-trouble-map/dotm/grouping/census"
	"github.com/devops-trouble-map/dotm/grouping/lane"
)

// Finding is what there is. Indexes are those of the census.
type Finding struct {
	// Hub marks the nodes that serve everyone.
	Hub []bool
	// Pool numbers the pools; -1 for a node that is in none.
	Pool []int32
	// Main is the word of the process that a node is there for; 0 if unknown.
	Main []int32
	// Links say who belongs together, each once, sorted: without hubs, agents,
	// observers and what is outside.
	Links []lane.Link
}

// Find looks at a site. Shared is what people say about a node being a hub; ok
// is false if they say nothing.
func Find(c *census.Census, shared func(node string) (is, ok bool)) *Finding {
	s := newSite(c)
	s.markCalled()
	s.markAgents()
	s.classify(false)
	s.findHubs()
	for i := range c.Nodes {
		if is, ok := shared(c.Nodes[i].Name); ok {
			s.hub[i] = is
		}
	}
	s.link()
	s.classify(true)
	return &Finding{Hub: s.hub, Pool: s.pools(), Main: s.main(), Links: s.links}
}

// site is a census under examination.
type site struct {
	*census.Census
	stems   []int32        // by node: the word of its name without digits; 0 for none
	callers *callers       // how many nodes call a service
	called  map[trait]bool // what services go by that are called somewhere
	agents  map[int32]bool // words of processes that run everywhere
	traits  [][]trait      // by node: what it serves, or does if it serves nothing
	class   []int32        // by node; -1 for none
	classes int
	leader  [][]trait // by class: the traits of most of its nodes
	hub     []bool
	links   []lane.Link
}

// callers counts the nodes that call each service.
type callers struct {
	nodes []census.Node
	start []int32 // of each node's services
	count []int32
}

func countCallers(c *census.Census) *callers {
	k := &callers{nodes: c.Nodes, start: make([]int32, len(c.Nodes)+1)}
	for i := range c.Nodes {
		k.start[i+1] = k.start[i] + int32(len(c.Nodes[i].Services))
	}
	k.count = make([]int32, k.start[len(c.Nodes)])
	for i := range c.Edges {
		if e := &c.Edges[i]; !e.Watching && !e.Undirected {
			if at := k.find(e.To, e.Key); at >= 0 {
				k.count[at]++
			}
		}
	}
	return k
}

// find is where the first service of a key is counted; -1 if there is none.
func (k *callers) find(node int32, key census.Key) int32 {
	for i, v := range k.nodes[node].Services {
		if v.Key == key {
			return k.start[node] + int32(i)
		}
	}
	return -1
}

// of is how many nodes call a service.
func (k *callers) of(node int32, key census.Key) int {
	if at := k.find(node, key); at >= 0 {
		return int(k.count[at])
	}
	return 0
}

func newSite(c *census.Census) *site {
	n := len(c.Nodes)
	s := &site{
		Census: c, stems: make([]int32, n), callers: countCallers(c), called: map[trait]bool{}, agents: map[int32]bool{},
		traits: make([][]trait, n), class: make([]int32, n), hub: make([]bool, n),
	}
	seen := map[string]int32{"": 0}
	for i := range c.Nodes {
		stem := census.Stem(c.Nodes[i].Name)
		k, ok := seen[stem]
		if !ok {
			k = int32(len(seen))
			seen[stem] = k
		}
		s.stems[i] = k
	}
	return s
}
