package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/topology"
)

// Placer finds places for boxes.
type Placer interface {
	// Epoch changes when the same graph gets other places than before.
	Epoch() uint64
	// Place gives every box of a graph its place, sorted by ID. The same graph
	// gets the same places, whatever its order, as long as the epoch is the same.
	Place(g *Graph) (Chart, error)
}

// Graph is a view as far as its places depend on it. Counts and states are no
// part of it, so that none of them ever moves a box. Sizes are in chart units.
type Graph struct {
	Boxes []Box
	Edges []Edge
	// Ghosts are boxes that are gone and keep their places, Left is where others stood
	// that don't; what is back among the boxes may be in both, for its place of before.
	Ghosts, Left []Ghost
}

// Box is a node's; ID is its name. Entry is for what stands left of all others, of
// those with a lane each stands among the others of it.
type Box struct {
	ID    string
	W, H  float64
	Entry bool
	Lane  string // the group that it is in
	Strip bool   // it serves everyone: it stands below the lanes
}

// Edge joins two boxes, at heights counted from their tops. Undirected ones say
// nothing of left and right.
type Edge struct {
	From, To   string
	FromY, ToY float64
	Undirected bool
}

// Point is the top left corner of a box, in chart units.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Place is where a box stands.
type Place struct {
	ID string `json:"id"`
	Rect
}

// Chart is the places of all boxes, and how far they reach.
type Chart struct {
	Places []Place `json:"places"`
	// Lanes are the grounds of the boxes' lanes, by id; the strip has no id, and is
	// not there if no box stands in it.
	Lanes []Place `json:"lanes,omitempty"`
	// Ghosts and Left are those of the graph; who gives places may drop some.
	Ghosts []Ghost `json:"ghosts,omitempty"`
	Left   []Ghost `json:"left,omitempty"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
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
	stripHeight    = 12.0 // the members of a pool, under its rows
)

// find is the place of a box, if it has one.
func (c *Chart) find(id string) (Place, bool) {
	i, found := slices.BinarySearchFunc(c.Places, id, func(p Place, id string) int { return strings.Compare(p.ID, id) })
	if !found {
		return Place{}, false
	}
	return c.Places[i], true
}

// Overlaps says whether two places share any room.
func (r *Rect) Overlaps(o *Rect) bool {
	return r.X < o.X+o.W && o.X < r.X+r.W && r.Y < o.Y+o.H && o.Y < r.Y+r.H
}

// placePast writes the places of today's chart into a view of the past, and those
// where boxes stood last that are gone. What has none, or none that is free, is laid
// out by itself and stands below.
func placePast(view *Topology, today *Chart, placer Placer) error {
	left := today.last()
	g, nodes := graphOf(view)
	view.Width, view.Height = today.Width, today.Height
	var placed []*Rect
	place := func(b *Box, r Rect) {
		r.H = b.H // as high as its rows of then
		nodes[b.ID].Layout = &r
		placed = append(placed, &r)
	}
	var gone Graph
	for i := range g.Boxes {
		if p, there := today.find(g.Boxes[i].ID); there {
			place(&g.Boxes[i], p.Rect)
		}
	}
	for i := range g.Boxes {
		b := &g.Boxes[i]
		if nodes[b.ID].Layout != nil {
			continue
		}
		last, known := left[b.ID]
		last.H = b.H
		if known && !slices.ContainsFunc(placed, last.Overlaps) {
			place(b, last)
			view.Width, view.Height = max(view.Width, last.X+last.W), max(view.Height, last.Y+last.H)
		} else {
			gone.Boxes = append(gone.Boxes, *b)
		}
	}
	if len(gone.Boxes) == 0 {
		return nil
	}
	for _, e := range g.Edges {
		if nodes[e.From].Layout == nil && nodes[e.To].Layout == nil {
			gone.Edges = append(gone.Edges, e)
		}
	}
	chart, err := placer.Place(&gone)
	if err != nil {
		return fmt.Errorf("placing what is gone: %w", err)
	}
	for _, p := range chart.Places {
		nodes[p.ID].Layout = &Rect{X: p.X, Y: p.Y + view.Height, W: p.W, H: p.H}
	}
	view.Width, view.Height = max(view.Width, chart.Width), view.Height+chart.Height
	return nil
}

// graphOf is the view as boxes and edges, with the node behind each box.
func graphOf(view *Topology) (Graph, map[string]*Node) {
	all := view.boxes()
	g := Graph{Boxes: make([]Box, 0, len(all))}
	nodes, boxes := map[string]*Node{}, map[string]*Box{}
	for i, n := range all {
		g.Boxes = append(g.Boxes, boxOf(n))
		nodes[n.Name], boxes[n.Name] = n, &g.Boxes[i]
	}
	for i := range view.Connections {
		c := &view.Connections[i].Connection
		client, server := nodes[c.Client.Node], nodes[c.Server.Node]
		if client != nil && server != nil {
			g.Edges = append(g.Edges, edgeOf(c, boxes[client.Name], boxes[server.Name], client.Rows, server.Rows))
		}
	}
	return g, nodes
}

// boxOf is the box of a node as it is shown, with its rows.
func boxOf(n *Node) Box {
	b := Box{ID: n.Name, Entry: n.Kind == topology.Internet, Strip: n.Shared}
	b.W, b.H = boxSize(n)
	if !n.Shared && n.Kind != topology.Group {
		b.Lane = n.Group
	}
	return b
}

// lanes are the grounds of a chart with what people call them.
func (s *Settings) lanes(c *Chart) []Lane {
	out := make([]Lane, 0, len(c.Lanes))
	for _, p := range c.Lanes {
		l := Lane{ID: p.ID, Layout: p.Rect}
		if p.ID != "" && s.Roles != nil {
			l.Title = s.Roles.Title(p.ID)
		}
		out = append(out, l)
	}
	return out
}

// boxSize is as wide as its longest text, within limits.
func boxSize(n *Node) (w, h float64) {
	if n.Kind == topology.Internet {
		return internetWidth, internetHeight
	}
	longest := float64(utf8.RuneCountInString(cmp.Or(n.Title, n.Name)))*charWidth + nameMargin
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
	if n.Kind == topology.Pool {
		h += stripHeight
	}
	return min(max(longest, minWidth), maxWidth), h
}

// rowY is where an edge meets a box of a height: at its service's row, else at its
// process's, else at the middle (a service) or the header (a client).
func rowY(rows []Row, height float64, service, process string) float64 {
	at := func(i int) float64 { return headerHeight + (float64(i)+0.5)*rowHeight }
	for i := range rows {
		if service != "" && rows[i].Service == service {
			return at(i)
		}
	}
	for i := range rows {
		if process != "" && rows[i].Process == process {
			return at(i)
		}
	}
	if process != "" {
		return headerHeight / 2
	}
	return height / 2
}

// edgeOf is a connection between two boxes with their rows.
func edgeOf(c *topology.Connection, client, server *Box, from, to []Row) Edge {
	return Edge{
		From: client.ID, To: server.ID,
		FromY: rowY(from, client.H, c.Client.Service, c.Client.Process), ToY: rowY(to, server.H, c.Server.Service, ""),
		Undirected: !c.Directed,
	}
}
