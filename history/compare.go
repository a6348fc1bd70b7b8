package history

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Change is how a thing differs between two moments.
type Change struct {
	Change topology.EventKind `json:"change" enum:"appeared,vanished,changed"`
	// Returned says of what appeared that it had been there before: it is back
	// again, not new.
	Returned bool `json:"returned"`
	// What names the fields that changed.
	What []string `json:"what,omitempty"`
}

// NodeChange is a node that differs; the node is as it was last.
type NodeChange struct {
	Change
	Node topology.Node `json:"node"`
}

// ServiceChange is a service that differs.
type ServiceChange struct {
	Change
	Service topology.Service `json:"service"`
}

// ConnectionChange is a connection that differs.
type ConnectionChange struct {
	Change
	Connection topology.Connection `json:"connection"`
}

// Comparison is what changed between two moments.
type Comparison struct {
	From        time.Time          `json:"from"`
	To          time.Time          `json:"to"`
	Nodes       []NodeChange       `json:"nodes"`
	Services    []ServiceChange    `json:"services"`
	Connections []ConnectionChange `json:"connections"`
}

// Known says when something was first seen, as far as that is known beside the
// topology, by the ledger say; zero if it is not. It is a node by its name, or a
// service or a connection by its id.
type Known func(sub topology.Subject, id string) time.Time

// Compare tells what changed in structure from one moment to a later one.
func Compare(a, b *topology.Snapshot, known Known) *Comparison {
	c := &Comparison{From: a.At(), To: b.At(), Nodes: []NodeChange{}, Services: []ServiceChange{}, Connections: []ConnectionChange{}}
	events := topology.Diff(a, b)
	a = renamed(a, b, events)
	for i := range events {
		e := &events[i]
		switch e.Subject {
		case topology.SubjectNode:
			if n := nodeOf(a, b, e); n != nil {
				c.Nodes = append(c.Nodes, NodeChange{c.change(e, n.FirstSeen, known), *n})
			}
		case topology.SubjectService:
			if s, ok := serviceOf(a, b, e); ok {
				c.Services = append(c.Services, ServiceChange{c.change(e, s.FirstSeen, known), s})
			}
		case topology.SubjectConnection:
			if conn, ok := connectionOf(a, b, e); ok {
				c.Connections = append(c.Connections, ConnectionChange{c.change(e, conn.FirstSeen, known), conn})
			}
		}
	}
	return c
}

// change is what an event says. What appeared is back again if it was seen before
// the first of the two moments.
func (c *Comparison) change(e *topology.Event, first time.Time, known Known) Change {
	out := Change{Change: e.Kind, What: e.What}
	if e.Kind == topology.Appeared {
		out.Returned = before(first, c.From) || before(known(e.Subject, e.ID), c.From)
	}
	return out
}

func before(t, limit time.Time) bool { return !t.IsZero() && t.Before(limit) }

// renamed is a with its nodes under the names that they have in b, as events name
// them.
func renamed(a, b *topology.Snapshot, events []topology.Event) *topology.Snapshot {
	var blocks []*topology.Block
	for i := range events {
		e := &events[i]
		if e.Subject != topology.SubjectNode || !slices.Equal(e.What, []string{"name"}) {
			continue
		}
		if blocks == nil {
			blocks = slices.Collect(a.Blocks())
		}
		blocks = topology.RenameAll(blocks, b.Block(e.ID).Node.Formerly[0].Name, e.ID)
	}
	if blocks == nil {
		return a
	}
	again, err := topology.FromBlocks(a.Revision(), a.At(), blocks)
	if err != nil {
		return a // cannot be: renaming leaves each name once
	}
	return again
}

// The next three find what an event is about, complete and as it was last: what
// vanished may still be there, closed or gone, with its end.

func nodeOf(a, b *topology.Snapshot, e *topology.Event) *topology.Node {
	for _, s := range []*topology.Snapshot{b, a} {
		if block := s.Block(e.ID); block != nil {
			return &block.Node
		}
	}
	return nil
}

func serviceOf(a, b *topology.Snapshot, e *topology.Event) (topology.Service, bool) {
	for _, s := range []*topology.Snapshot{b, a} {
		if block := s.Block(e.Holder); block != nil {
			for i := range block.Services {
				if block.Services[i].ID == e.ID {
					return s.CompleteService(block, i), true
				}
			}
		}
	}
	return topology.Service{}, false
}

func connectionOf(a, b *topology.Snapshot, e *topology.Event) (topology.Connection, bool) {
	for _, s := range []*topology.Snapshot{b, a} {
		if block := s.Block(e.Holder); block != nil {
			if i, ok := find(block, e.ID); ok {
				return s.CompleteConnection(block, i), true
			}
		}
	}
	return topology.Connection{}, false
}

// find is where a block holds a connection.
func find(b *topology.Block, id string) (int, bool) {
	return sort.Find(len(b.Connections), func(i int) int { return strings.Compare(id, b.Connections[i].ID) })
}
