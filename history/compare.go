package history

import (
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

// Compare tells what changed in structure from one moment to a later one. first
// says when an edge was first seen, as far as is known beside the edge itself;
// zero if it is not known.
func Compare(a, b *topology.Snapshot, first func(*topology.Connection) time.Time) *Comparison {
	c := &Comparison{From: a.At(), To: b.At(), Nodes: []NodeChange{}, Services: []ServiceChange{}, Connections: []ConnectionChange{}}
	for _, e := range topology.Diff(a, b) {
		change := Change{Change: e.Kind, What: e.What}
		side := b
		if e.Kind == topology.Vanished {
			side = a
		}
		switch e.Subject {
		case topology.SubjectNode:
			if block := side.Block(e.ID); block != nil {
				change.Returned = e.Kind == topology.Appeared && block.Node.FirstSeen.Before(c.From)
				c.Nodes = append(c.Nodes, NodeChange{change, block.Node})
			}
		case topology.SubjectService:
			if s := side.Service(e.ID); s != nil {
				change.Returned = e.Kind == topology.Appeared && s.FirstSeen.Before(c.From)
				c.Services = append(c.Services, ServiceChange{change, *s})
			}
		case topology.SubjectConnection:
			if conn := side.Connection(e.Holder, e.ID); conn != nil {
				change.Returned = e.Kind == topology.Appeared && (conn.FirstSeen.Before(c.From) || before(first(conn), c.From))
				c.Connections = append(c.Connections, ConnectionChange{change, *conn})
			}
		}
	}
	return c
}

func before(t, limit time.Time) bool { return !t.IsZero() && t.Before(limit) }
