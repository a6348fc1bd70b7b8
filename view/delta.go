package view

import (
	"slices"
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
	Nodes       []Node       `json:"nodes" doc:"added or changed"`
	Services    []Service    `json:"services" doc:"added or changed"`
	Connections []Connection `json:"connections" doc:"added or changed"`
	Removed     Removed      `json:"removed"`
}

// Removed names what is no longer in a view.
type Removed struct {
	Nodes       []string `json:"nodes"`
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
	d.Nodes, d.Removed.Nodes = compare(a.Nodes, b.Nodes, func(n *Node) string { return n.Name }, sameNode)
	d.Services, d.Removed.Services = compare(a.Services, b.Services, func(s *Service) string { return s.ID }, sameService)
	d.Connections, d.Removed.Connections = compare(a.Connections, b.Connections, func(c *Connection) string { return c.ID }, sameConnection)
	changes := len(d.Nodes) + len(d.Services) + len(d.Connections) +
		len(d.Removed.Nodes) + len(d.Removed.Services) + len(d.Removed.Connections)
	if changes == 0 && a.Coverage == b.Coverage && a.Hidden == b.Hidden && a.Width == b.Width && a.Height == b.Height {
		return nil
	}
	return d
}

// compare finds what is new or different in b, and what of a is gone from it.
func compare[T any](a, b []T, key func(*T) string, same func(a, b *T) bool) (put []T, gone []string) {
	put, gone = []T{}, []string{}
	topology.Walk(a, b, key, func(was, is *T) {
		switch {
		case is == nil:
			gone = append(gone, key(was))
		case was == nil || !same(was, is):
			put = append(put, *is)
		}
	})
	return put, gone
}

func sameNode(a, b *Node) bool {
	return a.This == b.This && sameRect(a.Layout, b.Layout) && slices.Equal(a.Rows, b.Rows) && topology.SameNode(&a.Node, &b.Node)
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
