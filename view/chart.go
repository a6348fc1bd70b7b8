package view

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/topology"
)

// Placer finds places for boxes.
type Placer interface {
	// Place gives every box of a graph its place, sorted by ID. The same graph
	// gets the same places, whatever its order.
	Place(g *Graph) (Chart, error)
}

// Graph is a view as far as its places depend on it. Counts and states are no
// part of it, so that none of them ever moves a box. Sizes are in chart units.
type Graph struct {
	Boxes []Box
	Edges []Edge
}

// Box is a node's; ID is its name. Entry is for what stands left of all others.
type Box struct {
	ID    string
	W, H  float64
	Entry bool
}

// Edge joins two boxes, at heights counted from their tops. Undirected ones say
// nothing of left and right.
type Edge struct {
	From, To   string
	FromY, ToY float64
	Undirected bool
}

// Place is where a box stands.
type Place struct {
	ID string
	Rect
}

// Chart is the places of all boxes, and how far they reach.
type Chart struct {
	Places        []Place
	Width, Height float64
}

// Measures of a box, in chart units. The UI and every export draw by them.
const (
	headerHeight   = 27.0
	rowHeight      = 20.0
	footHeight     = 6.0
	minWidth       = 120.0
	maxWidth       = 180.0
	charWidth      = 6.9 // of names, on average
	nameMargin     = 62.0
	rowMargin      = 46.0
	internetWidth  = 96.0
	internetHeight = 84.0
	noRows         = 14.0 // what stands under the name of a box without rows
)

// drawing remembers the last layout of a view: as long as its boxes and edges
// are the same, so are their places. Counts and states are no part of it, so
// that none of them ever moves a box.
type drawing struct {
	placer Placer
	graph  Graph
	chart  Chart
}

// place writes the layout of a view into its nodes.
func (d *drawing) place(view *Topology) error {
	g, nodes := graphOf(view)
	if !slices.Equal(g.Boxes, d.graph.Boxes) || !slices.Equal(g.Edges, d.graph.Edges) {
		chart, err := d.placer.Place(&g)
		if err != nil {
			return fmt.Errorf("placing the chart: %w", err)
		}
		d.graph, d.chart = g, chart
	}
	view.Width, view.Height = d.chart.Width, d.chart.Height
	for _, p := range d.chart.Places {
		nodes[p.ID].Layout = &Rect{p.X, p.Y, p.W, p.H}
	}
	return nil
}

// placePast writes the places of today's boxes into a view of the past. What is
// not there today is laid out by itself and stands below.
func (d *drawing) placePast(view *Topology) error {
	g, nodes := graphOf(view)
	view.Width, view.Height = d.chart.Width, d.chart.Height
	gone := Graph{}
	for _, b := range g.Boxes {
		i, found := slices.BinarySearchFunc(d.chart.Places, b.ID, func(p Place, id string) int { return strings.Compare(p.ID, id) })
		if !found {
			gone.Boxes = append(gone.Boxes, b)
			continue
		}
		p := d.chart.Places[i]
		nodes[b.ID].Layout = &Rect{p.X, p.Y, p.W, b.H} // as high as its rows of then
	}
	if len(gone.Boxes) == 0 {
		return nil
	}
	for _, e := range g.Edges {
		if nodes[e.From].Layout == nil && nodes[e.To].Layout == nil {
			gone.Edges = append(gone.Edges, e)
		}
	}
	chart, err := d.placer.Place(&gone)
	if err != nil {
		return fmt.Errorf("placing what is gone: %w", err)
	}
	for _, p := range chart.Places {
		nodes[p.ID].Layout = &Rect{p.X, p.Y + view.Height, p.W, p.H}
	}
	view.Width, view.Height = max(view.Width, chart.Width), view.Height+chart.Height
	return nil
}

// graphOf is the view as boxes and edges, with the node behind each box.
func graphOf(view *Topology) (Graph, map[string]*Node) {
	var g Graph
	nodes := map[string]*Node{}
	for i := range view.Nodes {
		n := &view.Nodes[i]
		nodes[n.Name] = n
		w, h := boxSize(n)
		g.Boxes = append(g.Boxes, Box{ID: n.Name, W: w, H: h, Entry: n.Kind == topology.Internet})
	}
	for i := range view.Connections {
		c := &view.Connections[i]
		client, server := nodes[c.Client.Node], nodes[c.Server.Node]
		if client == nil || server == nil {
			continue
		}
		g.Edges = append(g.Edges, Edge{
			From: client.Name, To: server.Name,
			FromY: rowY(client, c.Client.Service, c.Client.Process), ToY: rowY(server, c.Server.Service, ""),
			Undirected: !c.Directed,
		})
	}
	return g, nodes
}

// boxSize is as wide as its longest text, within limits.
func boxSize(n *Node) (w, h float64) {
	if n.Kind == topology.Internet {
		return internetWidth, internetHeight
	}
	longest := float64(utf8.RuneCountInString(n.Name))*charWidth + nameMargin
	for _, r := range n.Rows {
		text := r.Process
		switch r.Kind {
		case "service":
			text += fmt.Sprintf("  :%d", r.Port)
		case "client":
			text += "  client"
		}
		longest = max(longest, float64(utf8.RuneCountInString(text))*charWidth+rowMargin)
	}
	h = headerHeight + float64(len(n.Rows))*rowHeight + footHeight
	if len(n.Rows) == 0 {
		h += noRows
	}
	return min(max(longest, minWidth), maxWidth), h
}

// rowY is where an edge meets a box: at its service's row, else at its
// process's, else at the middle (a service) or the header (a client).
func rowY(n *Node, service, process string) float64 {
	at := func(i int) float64 { return headerHeight + (float64(i)+0.5)*rowHeight }
	for i, r := range n.Rows {
		if service != "" && r.Service == service {
			return at(i)
		}
	}
	for i, r := range n.Rows {
		if process != "" && r.Process == process {
			return at(i)
		}
	}
	if process != "" {
		return headerHeight / 2
	}
	_, h := boxSize(n)
	return h / 2
}
