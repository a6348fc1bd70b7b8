package view

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Delta is what changed in a view from one revision to another.
type Delta struct {
	From        string       `json:"from"`
	Revision    string       `json:"revision"`
	At          time.Time    `json:"at"`
	Width       float64      `json:"width"`
	Height      float64      `json:"height"`
	Coverage    Coverage     `json:"coverage"`
	Hidden      Hidden       `json:"hidden"`
	Ghosts      []Ghost      `json:"ghosts" doc:"all of them, if one changed; else null"`
	Lanes       []Lane       `json:"lanes" doc:"all of them, if one changed; else null"`
	Pools       []Node       `json:"pools,omitempty" doc:"added or changed"`
	Groups      []Node       `json:"groups,omitempty" doc:"added or changed"`
	Nodes       []Node       `json:"nodes" doc:"added or changed"`
	Services    []Service    `json:"services" doc:"added or changed"`
	Connections []Connection `json:"connections" doc:"added or changed"`
	Removed     Removed      `json:"removed"`
	Changed     *Changed     `json:"changed,omitempty" doc:"what a patch tells, for viewers that take those: see the stream"`
	patches     patches
}

// Removed names what is no longer in a view.
type Removed struct {
	Nodes       []string `json:"nodes" doc:"and pools and groups"`
	Services    []string `json:"services"`
	Connections []string `json:"connections"`
}

// Compare tells what differs between two answers to one question; it is nil if nothing changed but
// times that merely advance.
func Compare(a, b *Topology) *Delta {
	d := &Delta{
		From: a.Revision, Revision: b.Revision, At: b.At, Width: b.Width, Height: b.Height,
		Coverage: b.Coverage, Hidden: b.Hidden,
	}
	var p patch
	d.boxes(a.sorted(), b.sorted(), func(was, is *Node) (Node, boxPatch) {
		if was == nil {
			return *is, boxPatch{}
		}
		return *is, p.box(was, is)
	})
	if !slices.Equal(a.Lanes, b.Lanes) {
		d.Lanes = b.Lanes
	}
	if !slices.Equal(a.Ghosts, b.Ghosts) {
		d.Ghosts = b.Ghosts
	}
	d.Services, d.patches.services, d.Removed.Services = patched(a.Services, b.Services, func(s *Service) string { return s.ID }, sameService, told(p.service))
	d.Connections, d.patches.connections, d.Removed.Connections = patched(a.Connections, b.Connections, func(c *Connection) string { return c.ID }, sameConnection, told(p.connection))
	if d.Things() == 0 && d.Lanes == nil && d.Ghosts == nil && a.Coverage == b.Coverage && a.Hidden == b.Hidden && a.Width == b.Width && a.Height == b.Height {
		return nil
	}
	return d
}

// told tells of what is complete as it is.
func told[T any](patch func(was, is *T) json.RawMessage) func(was, is *T) (T, json.RawMessage) {
	return func(was, is *T) (T, json.RawMessage) {
		if was == nil {
			return *is, nil
		}
		return *is, patch(was, is)
	}
}

// boxes takes in what differs between boxes, sorted by name, and is gone.
func (d *Delta) boxes(was, is []Node, tell func(was, is *Node) (Node, boxPatch)) {
	put, patches, gone := patched(was, is, func(n *Node) string { return n.Name }, sameNode, tell)
	d.Pools, d.Groups, d.Nodes = split(put)
	for i := range put {
		list := &d.patches.nodes
		switch put[i].Kind {
		case topology.Pool:
			list = &d.patches.pools
		case topology.Group:
			list = &d.patches.groups
		default:
		}
		*list = append(*list, patches[i])
	}
	d.Removed.Nodes = gone
}

// sorted are all boxes, by name.
func (t *Topology) sorted() []Node {
	all := slices.Concat(t.Pools, t.Groups, t.Nodes)
	slices.SortFunc(all, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Things counts what it tells of: all that differs.
func (d *Delta) Things() int {
	return len(d.Pools) + len(d.Groups) + len(d.Nodes) + len(d.Services) + len(d.Connections) + len(d.Removed.Nodes) + len(d.Removed.Services) + len(d.Removed.Connections)
}

// patched is what is told of those in b that are new (was is nil) or differ, each with a
// patch from what was if that says it all, and what of a is gone from it.
func patched[T, O, P any](a, b []T, key func(*T) string, same func(a, b *T) bool, tell func(was, is *T) (O, P)) (put []O, patches []P, gone []string) {
	put, gone = []O{}, []string{}
	topology.Walk(a, b, key, func(was, is *T) {
		switch {
		case is == nil:
			gone = append(gone, key(was))
		case was == nil || !same(was, is):
			out, patch := tell(was, is)
			put, patches = append(put, out), append(patches, patch)
		}
	})
	return put, patches, gone
}

func sameNode(a, b *Node) bool {
	return a.This == b.This && a.Title == b.Title && a.Group == b.Group && a.Pool == b.Pool && a.Shared == b.Shared && sameRect(a.Layout, b.Layout) && slices.Equal(a.Rows, b.Rows) && topology.SameNode(&a.Node, &b.Node)
}

func sameRect(a, b *Rect) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameService(a, b *Service) bool {
	x := a.Service
	if x.State == topology.Seen { // its times follow those of its clients
		x.LastSeen, x.LastConnection = b.LastSeen, b.LastConnection
	}
	return a.Ignored == b.Ignored && topology.SameService(&x, &b.Service)
}

func sameConnection(a, b *Connection) bool {
	return a.Ignored == b.Ignored && topology.SameConnection(&a.Connection, &b.Connection)
}
