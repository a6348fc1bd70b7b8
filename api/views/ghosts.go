package views

import (
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/view"
)

// haunted is a graph with the ghosts whose places are still free, and the chart before
// with these places taken; and with those of boxes that are back, so that they get
// theirs again. A view that begins takes over what is kept of ghosts. Where everything
// is placed from scratch nobody knows where ghosts belong, and there are none.
func (p *placer) haunted(g *view.Graph, before *view.Chart) *view.Graph {
	out := *g
	if len(before.Places) == 0 {
		out.Ghosts, out.Left = nil, nil
		return &out
	}
	if len(p.last.Places) == 0 {
		out.Ghosts, out.Left = slices.Concat(before.Ghosts, g.Ghosts), slices.Concat(before.Left, left(before, g), g.Left)
	}
	shown := map[string]bool{}
	for i := range g.Boxes {
		shown[g.Boxes[i].ID] = true
	}
	rest, back := out.Ghosts, map[string]view.Rect{}
	out.Ghosts = nil
	taken := newOccupied(before, shown)
	for _, ghost := range rest {
		switch {
		case shown[ghost.Name]:
			back[ghost.Name] = ghost.Layout
		case taken.add(ghost.Name, ghost.Layout):
			out.Ghosts = append(out.Ghosts, ghost)
		default:
			out.Left = append(slices.Clone(out.Left), ghost)
		}
	}
	for _, l := range out.Left {
		if shown[l.Name] {
			back[l.Name] = l.Layout
		}
	}
	for i := range g.Boxes {
		if r, is := back[g.Boxes[i].ID]; is {
			taken.add(g.Boxes[i].ID, r)
		}
	}
	before.Places = taken.places
	slices.SortFunc(before.Places, func(a, b view.Place) int { return strings.Compare(a.ID, b.ID) })
	return &out
}

// left are the places of a chart whose boxes are not in a graph, and nobody saw go.
func left(c *view.Chart, g *view.Graph) (list []view.Ghost) {
	known := map[string]bool{}
	for i := range g.Boxes {
		known[g.Boxes[i].ID] = true
	}
	for i := range c.Ghosts {
		known[c.Ghosts[i].Name] = true
	}
	for i := range c.Places {
		if p := &c.Places[i]; !known[p.ID] {
			list = append(list, view.Ghost{Name: p.ID, Layout: p.Rect})
		}
	}
	return list
}

// occupied are the places of a chart before, those of ghosts included.
type occupied struct {
	places []view.Place
	has    map[string]bool
}

// newOccupied begins with the boxes that are still there.
func newOccupied(before *view.Chart, shown map[string]bool) *occupied {
	t := &occupied{has: map[string]bool{}, places: make([]view.Place, 0, len(before.Places))}
	for _, p := range before.Places {
		if shown[p.ID] {
			t.places, t.has[p.ID] = append(t.places, p), true
		}
	}
	return t
}

// add takes a place, if it is free and the box has none; it says whether the box has
// one now.
func (t *occupied) add(id string, r view.Rect) bool {
	if !t.has[id] && slices.ContainsFunc(t.places, func(p view.Place) bool { return p.Overlaps(&r) }) {
		return false
	}
	if !t.has[id] {
		t.places, t.has[id] = append(t.places, view.Place{ID: id, Rect: r}), true
	}
	return true
}

// placed is a chart as it comes from the layout.
type placed struct{ view.Chart }

// part tells ghosts from boxes, and marks the boxes that people put there.
func (c *placed) part(g *view.Graph, pins map[string]view.Point) {
	at := map[string]int{}
	for i := range g.Ghosts {
		at[g.Ghosts[i].Name] = i
	}
	c.Ghosts, c.Left = slices.Clone(g.Ghosts), g.Left
	c.Places = slices.DeleteFunc(c.Places, func(p view.Place) bool {
		i, ghost := at[p.ID]
		if ghost {
			c.Ghosts[i].Layout = p.Rect
		}
		return ghost
	})
	for i := range c.Places {
		_, c.Places[i].Pinned = pins[c.Places[i].ID]
	}
}
