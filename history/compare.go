package history

import (
	"slices"
	"sort"
	"strings"
	"sync"
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

// CheckChange is a check that differs; the check is as it was last. One that is
// fine appears and vanishes unnoticed.
type CheckChange struct {
	Change
	Was   topology.Status `json:"was,omitempty" doc:"empty if it was not there"`
	Is    topology.Status `json:"is,omitempty" doc:"empty if it is no more"`
	Check topology.Check  `json:"check"`
}

// Comparison is what changed between two moments.
type Comparison struct {
	From        time.Time          `json:"from"`
	To          time.Time          `json:"to"`
	Nodes       []NodeChange       `json:"nodes"`
	Services    []ServiceChange    `json:"services"`
	Connections []ConnectionChange `json:"connections"`
	Checks      []CheckChange      `json:"checks"`
}

// Known says when something was first seen, as far as that is known beside the
// topology, by the ledger say; zero if it is not. It is a node by its name, or
// anything else by its id. Several goroutines ask at a time.
type Known func(sub topology.Subject, id string) time.Time

// Compare tells what changed in structure from one moment to a later one: the
// events are the difference of the two (see [topology.Diff]).
func Compare(a, b *topology.Snapshot, events []topology.Event, known Known) *Comparison {
	c := comparer{a: renamed(a, b, events), b: b, from: a.At(), known: known}
	var nodes, services, connections, checks []*topology.Event
	for i := range events {
		switch e := &events[i]; e.Subject {
		case topology.SubjectNode:
			nodes = append(nodes, e)
		case topology.SubjectService:
			services = append(services, e)
		case topology.SubjectConnection:
			connections = append(connections, e)
		case topology.SubjectCheck:
			checks = append(checks, e)
		}
	}
	return &Comparison{
		From: a.At(), To: b.At(),
		Nodes: each(nodes, c.node), Services: each(services, c.service),
		Connections: each(connections, c.connection), Checks: each(checks, c.check),
	}
}

// alone is how many events one goroutine looks at.
const alone = 1000

// each makes changes of events, of many on all processors. Those that are about
// nothing are left out: there are none such but after a mistake.
func each[T any](events []*topology.Event, change func(*topology.Event, *T) bool) []T {
	out, found := make([]T, len(events)), make([]bool, len(events))
	var wg sync.WaitGroup
	for begin := 0; begin < len(events); begin += alone {
		part := func() {
			for i := begin; i < min(begin+alone, len(events)); i++ {
				found[i] = change(events[i], &out[i])
			}
		}
		if len(events) <= alone {
			part()
			break
		}
		wg.Go(part)
	}
	wg.Wait()
	if !slices.Contains(found, false) {
		return out
	}
	kept := out[:0]
	for i := range out {
		if found[i] {
			kept = append(kept, out[i])
		}
	}
	return kept
}

// comparer finds what events are about, complete and as it was last: what vanished
// may still be there, closed or gone, with its end.
type comparer struct {
	a, b  *topology.Snapshot
	from  time.Time
	known Known
}

// change is what an event says. What appeared is back again if it was seen before
// the first of the two moments.
func (c *comparer) change(e *topology.Event, first time.Time) Change {
	out := Change{Change: e.Kind, What: e.What}
	if e.Kind == topology.Appeared {
		out.Returned = before(first, c.from) || before(c.known(e.Subject, e.ID), c.from)
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

// sightOf is a moment at which a check was there, by its own word; zero if it tells
// of none. It may have been there before.
func sightOf(c *topology.Check) time.Time {
	if c.LastOK.IsZero() || before(c.Since, c.LastOK) {
		return c.Since
	}
	return c.LastOK
}

// holder calls find with the block of a node, of the later snapshot first.
func (c *comparer) holder(node string, find func(*topology.Snapshot, *topology.Block) bool) bool {
	for _, s := range [...]*topology.Snapshot{c.b, c.a} {
		if b := s.Block(node); b != nil && find(s, b) {
			return true
		}
	}
	return false
}

func (c *comparer) node(e *topology.Event, out *NodeChange) bool {
	return c.holder(e.ID, func(_ *topology.Snapshot, b *topology.Block) bool {
		*out = NodeChange{c.change(e, b.Node.FirstSeen), b.Node}
		return true
	})
}

func (c *comparer) service(e *topology.Event, out *ServiceChange) bool {
	return c.holder(e.Holder, func(s *topology.Snapshot, b *topology.Block) bool {
		i, ok := find(b.Services, e.ID, func(s *topology.Service) string { return s.ID })
		if ok {
			*out = ServiceChange{c.change(e, b.Services[i].FirstSeen), s.CompleteService(b, i)}
		}
		return ok
	})
}

func (c *comparer) connection(e *topology.Event, out *ConnectionChange) bool {
	return c.holder(e.Holder, func(s *topology.Snapshot, b *topology.Block) bool {
		i, ok := find(b.Connections, e.ID, connectionID)
		if ok {
			*out = ConnectionChange{c.change(e, b.Connections[i].FirstSeen), s.CompleteConnection(b, i)}
		}
		return ok
	})
}

func (c *comparer) check(e *topology.Event, out *CheckChange) bool {
	return c.holder(e.Holder, func(_ *topology.Snapshot, b *topology.Block) bool {
		i, ok := find(b.Checks, e.ID, func(c *topology.Check) string { return c.ID })
		if ok {
			*out = CheckChange{c.change(e, sightOf(&b.Checks[i])), e.Check.Was, e.Check.Status, b.Checks[i]}
		}
		return ok
	})
}

// find is where a list that is sorted by id has one.
func find[T any](list []T, id string, of func(*T) string) (int, bool) {
	return sort.Find(len(list), func(i int) int { return strings.Compare(id, of(&list[i])) })
}

func connectionID(c **topology.Connection) string { return (*c).ID }
