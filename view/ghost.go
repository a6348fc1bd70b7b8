package view

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// GhostFor is how long what is gone keeps its place free, and is shown there.
const GhostFor = 10 * time.Minute

// maxLeft bounds how many boxes are remembered that stand there no more.
const maxLeft = 2_000

// Ghost is a box that is gone from the chart, at its last place.
type Ghost struct {
	Name   string            `json:"name"`
	Title  string            `json:"title,omitempty"`
	Kind   topology.NodeKind `json:"kind,omitempty"`
	Group  string            `json:"group,omitempty"`
	Shared bool              `json:"shared,omitempty"`
	// Since is when it was gone from the site; zero if it is not, and only stands in
	// another box now, or if nobody saw it go.
	Since  time.Time `json:"since,omitzero"`
	Layout Rect      `json:"layout"`
}

// Box is the box that a ghost was.
func (g *Ghost) Box() Box {
	n := Node{Node: topology.Node{Name: g.Name, Kind: g.Kind}, Group: g.Group, Shared: g.Shared}
	b := boxOf(&n)
	b.W, b.H = g.Layout.W, g.Layout.H
	return b
}

// stands says whether a ghost still keeps its place.
func (g *Ghost) stands(at time.Time) bool { return !g.Since.IsZero() && at.Sub(g.Since) < GhostFor }

// haunt gives a graph the ghosts that keep their places, and what else is remembered of
// boxes that are gone; the ghosts of those that are back are still among them, so that
// they can have their places again.
func (c *change) haunt(g *Graph) {
	for _, list := range [][]Ghost{c.chart.Left, c.chart.Ghosts} {
		for i := range list {
			g.remember(list[i], c.at)
		}
	}
	for _, b := range c.touched {
		if b.was.kept && !b.kept && b.was.place != nil {
			g.remember(c.ghostOf(b), c.at)
		}
	}
	g.Left = g.Left[max(0, len(g.Left)+len(g.Ghosts)-maxLeft):]
}

func (g *Graph) remember(ghost Ghost, at time.Time) {
	if ghost.stands(at) {
		g.Ghosts = append(g.Ghosts, ghost)
	} else {
		g.Left = append(g.Left, ghost)
	}
}

// ghostOf is what is left of a box that was shown.
func (c *change) ghostOf(b *box) Ghost {
	n := nodeOf(c.before.settings, b.was)
	ghost := Ghost{Name: n.Name, Title: n.Title, Kind: n.Kind, Group: n.Group, Shared: n.Shared, Layout: *b.was.place}
	ghost.Layout.Pinned = false
	there := c.there(&n.Node)
	for i := range n.Members {
		there = there || c.source.Block(n.Members[i].Name) != nil
	}
	if !there {
		ghost.Since = c.at.UTC()
	}
	return ghost
}

// there says whether a node is still on the site: under its name, under another one,
// or as part of one that turned out to have its addresses.
func (c *change) there(n *topology.Node) bool {
	if c.source.Block(n.Name) != nil {
		return true
	}
	for b := range c.source.Blocks() {
		has := len(n.Addresses) > 0
		for _, a := range n.Addresses {
			has = has && slices.Contains(b.Node.Addresses, a)
		}
		if has || slices.ContainsFunc(b.Node.Formerly, func(f topology.Former) bool { return f.Name == n.Name }) {
			return true
		}
	}
	return false
}

// lay takes over the ghosts of a new chart, but those of boxes that are back.
func (c *Chart) lay() {
	back := func(g Ghost) bool {
		_, there := c.find(g.Name)
		return there
	}
	c.Ghosts, c.Left = slices.DeleteFunc(slices.Clone(c.Ghosts), back), slices.DeleteFunc(slices.Clone(c.Left), back)
}

// last is where boxes stood that stand there no more, by name.
func (c *Chart) last() map[string]Rect {
	out := make(map[string]Rect, len(c.Left)+len(c.Ghosts))
	for _, list := range [][]Ghost{c.Left, c.Ghosts} {
		for i := range list {
			out[list[i].Name] = list[i].Layout
		}
	}
	return out
}
