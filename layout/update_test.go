package layout

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/test/charts"
)

// checkChart holds a chart to what is promised of each, however it came about.
func checkChart(t *rapid.T, g *Graph, c *Chart) {
	t.Helper()
	if len(c.Placements) != len(g.Boxes) {
		t.Fatalf("%d boxes, %d placements", len(g.Boxes), len(c.Placements))
	}
	boxes := make(map[string]Box)
	for _, b := range g.Boxes {
		boxes[b.ID] = b
	}
	for i, p := range c.Placements {
		b := boxes[p.ID]
		if i > 0 && c.Placements[i-1].ID >= p.ID {
			t.Fatalf("placements are not sorted: %q, %q", c.Placements[i-1].ID, p.ID)
		}
		if b.W != p.W || b.H != p.H {
			t.Fatalf("box %+v is placed as %+v", b, p)
		}
		if p.X < 0 || p.Y < 0 || p.X+p.W > c.Width || p.Y+p.H > c.Height {
			t.Fatalf("%+v is not inside %g by %g", p, c.Width, c.Height)
		}
		for _, q := range c.Placements[i+1:] {
			if p.Rect().Near(q.Rect(), 0, 0) {
				t.Fatalf("%+v and %+v overlap\n%s\n%+v %v", p, q, charts.Text(c), g.Boxes, g.Pins)
			}
		}
	}
	checkPins(t, g, c)
	checkLanes(t, g, c, boxes)
	checkSides(t, g, c, boxes)
}

// checkPins fails if a pinned box is not where it was put, unless another one that
// goes first is in the way there.
func checkPins(t *rapid.T, g *Graph, c *Chart) {
	t.Helper()
	var taken []Rect
	for _, p := range c.Placements {
		pin, pinned := g.Pins[p.ID]
		if !pinned {
			continue
		}
		want := Rect{X: pin.X, Y: pin.Y, W: p.W, H: p.H}
		near := func(r Rect) bool { return r.Near(want, 0, 0) }
		if p.Rect() != want && !slices.ContainsFunc(taken, near) {
			t.Fatalf("%+v is pinned to %+v", p, pin)
		}
		taken = append(taken, p.Rect())
	}
}

// checkLanes fails unless each lane has one ground which holds its boxes and nothing
// else that is not pinned.
func checkLanes(t *rapid.T, g *Graph, c *Chart, boxes map[string]Box) {
	t.Helper()
	want := make(map[string]bool)
	for _, b := range g.Boxes {
		if b.Side == Inside && b.Lane != "" {
			want[b.Lane] = true
		}
	}
	grounds := make(map[string]Rect)
	for i, l := range c.Lanes {
		if i > 0 && c.Lanes[i-1].ID >= l.ID || !want[l.ID] {
			t.Fatalf("lane %+v is not in order, or has no boxes: %+v", l, c.Lanes)
		}
		grounds[l.ID] = l.Rect()
		for _, o := range c.Lanes[i+1:] {
			if l.Rect().Near(o.Rect(), 0, 0) {
				t.Fatalf("lanes %+v and %+v overlap\n%s", l, o, charts.Text(c))
			}
		}
	}
	if len(grounds) != len(want) {
		t.Fatalf("lanes are %+v, want %v", c.Lanes, want)
	}
	for _, p := range c.Placements {
		if _, pinned := g.Pins[p.ID]; pinned {
			continue
		}
		b := boxes[p.ID]
		for id, ground := range grounds {
			switch own := b.Side == Inside && b.Lane == id; {
			case own && (!ground.Holds(p.Rect()) || p.Y < ground.Y+LaneTop):
				t.Fatalf("%+v is not in its lane %q %+v\n%s", p, id, ground, charts.Text(c))
			case !own && ground.Near(p.Rect(), 0, 0):
				t.Fatalf("%+v stands on lane %q %+v\n%s", p, id, ground, charts.Text(c))
			}
		}
	}
}

// checkSides fails unless what is not pinned stands on its side, and the strip under
// everything.
func checkSides(t *rapid.T, g *Graph, c *Chart, boxes map[string]Box) {
	t.Helper()
	column := map[Side]int{Entry: 0, Inside: 1, Exit: 2}
	var rects []Rect
	var columns []int
	for _, p := range c.Placements {
		if _, pinned := g.Pins[p.ID]; pinned {
			continue
		}
		if b := boxes[p.ID]; b.Side != Strip {
			rects, columns = append(rects, p.Rect()), append(columns, column[b.Side])
		} else if c.Strip == nil || !c.Strip.Holds(p.Rect()) {
			t.Fatalf("%+v is not in the strip %+v\n%s\n%+v %v", p, c.Strip, charts.Text(c), g.Boxes, g.Pins)
		}
	}
	for _, l := range c.Lanes {
		rects, columns = append(rects, l.Rect()), append(columns, 1)
	}
	for i, a := range rects {
		for k, b := range rects {
			if columns[i] < columns[k] && a.Right() > b.X {
				t.Fatalf("%+v does not stand left of %+v\n%s", a, b, charts.Text(c))
			}
		}
		if c.Strip != nil && a.Bottom() > c.Strip.Y {
			t.Fatalf("%+v reaches below the strip %+v\n%s", a, c.Strip, charts.Text(c))
		}
	}
}

func TestPropertyLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.DrawLanes(t)
		g.Options = charts.DrawOptions(t)
		checkChart(t, g, place(t, g, g.Options))
	})
}

func TestPropertyPinsInPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.DrawLanes(t)
		drawPins(t, g)
		checkChart(t, g, place(t, g, g.Options))
	})
}

// drawPins pins some of the boxes, also on top of each other.
func drawPins(t *rapid.T, g *Graph) {
	g.Pins = make(map[string]Point)
	for _, b := range g.Boxes {
		if rapid.IntRange(0, 5).Draw(t, "pin") == 0 {
			g.Pins[b.ID] = Point{X: float64(rapid.IntRange(0, 2000).Draw(t, "x")), Y: float64(rapid.IntRange(0, 2000).Draw(t, "y"))}
		}
	}
}

func TestPropertyNothingMovesWithoutChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.DrawLanes(t)
		drawPins(t, g)
		c := place(t, g, g.Options)
		if got := updated(t, c, g); !reflect.DeepEqual(got, c) {
			t.Fatalf("the same graph moved:\n%s\n%s\n%+v %v", charts.Text(c), charts.Text(got), g.Boxes, g.Pins)
		}
	})
}

func TestPropertyWhatVanishesMovesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.DrawLanes(t)
		c := place(t, g, g.Options)
		checkStay(t, c, updated(t, c, without(t, g)))
	})
}

// without returns g with some of its boxes and their edges gone.
func without(t *rapid.T, g *Graph) *Graph {
	h, left := &Graph{Options: g.Options, Pins: g.Pins}, make(map[string]bool)
	for _, b := range g.Boxes {
		if rapid.IntRange(0, 3).Draw(t, "gone") > 0 {
			h.Boxes = append(h.Boxes, b)
			left[b.ID] = true
		}
	}
	for _, e := range g.Edges {
		if left[e.From] && left[e.To] {
			h.Edges = append(h.Edges, e)
		}
	}
	return h
}

// checkStay fails if a box that is in both charts moved.
func checkStay(t *rapid.T, before, after *Chart) {
	t.Helper()
	was := make(map[string]Placement)
	for _, p := range before.Placements {
		was[p.ID] = p
	}
	for _, p := range after.Placements {
		if w, found := was[p.ID]; found && (w.X != p.X || w.Y != p.Y) {
			t.Fatalf("%+v moved to %+v\n%s\n%s", w, p, charts.Text(before), charts.Text(after))
		}
	}
}

// TestPropertyWhatComesMovesNobody adds boxes that have no lane: nothing is
// in their way that would have to move.
func TestPropertyWhatComesMovesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		for i := range g.Boxes {
			g.Boxes[i].Side = Inside
			g.Boxes[i].Lane = rapid.SampledFrom([]string{"", "red", "blue"}).Draw(t, "lane")
		}
		c := place(t, g, g.Options)
		h := *g
		h.Boxes = slices.Clone(g.Boxes)
		for i := range rapid.IntRange(1, 5).Draw(t, "new") {
			h.Boxes = append(h.Boxes, Box{ID: fmt.Sprintf("new%d", i), W: 138, H: float64(rapid.IntRange(20, 300).Draw(t, "h"))})
		}
		for range rapid.IntRange(0, 8).Draw(t, "calls") {
			h.Edges = append(h.Edges, charts.DrawEdge(t, h.Boxes))
		}
		got := updated(t, c, &h)
		checkChart(t, &h, got)
		checkStay(t, c, got)
	})
}

// TestPropertyAnyChangeKeepsThePromises changes everything that can be changed, again
// and again.
func TestPropertyAnyChangeKeepsThePromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.DrawLanes(t)
		c := place(t, g, g.Options)
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			g = changed(t, g)
			next := updated(t, c, g)
			checkChart(t, g, next)
			rnd := rand.New(rand.NewPCG(1, 2))
			rnd.Shuffle(len(g.Boxes), func(i, j int) { g.Boxes[i], g.Boxes[j] = g.Boxes[j], g.Boxes[i] })
			rnd.Shuffle(len(g.Edges), func(i, j int) { g.Edges[i], g.Edges[j] = g.Edges[j], g.Edges[i] })
			if again := updated(t, c, g); !reflect.DeepEqual(again, next) {
				t.Fatalf("another order gives another chart:\n%s\n%s", charts.Text(next), charts.Text(again))
			}
			c = next
		}
	})
}

// changed is g after some time.
func changed(t *rapid.T, g *Graph) *Graph {
	h := without(t, g)
	h.Edges = nil
	for i := range h.Boxes {
		b := &h.Boxes[i]
		switch rapid.IntRange(0, 9).Draw(t, "change") {
		case 0:
			b.H += float64(rapid.IntRange(1, 100).Draw(t, "grow"))
		case 1:
			b.W = float64(rapid.IntRange(1, 300).Draw(t, "width"))
		case 2:
			b.Lane = rapid.SampledFrom([]string{"", "red", "green", "new"}).Draw(t, "lane")
		case 3:
			b.Side = rapid.SampledFrom([]Side{Inside, Entry, Exit, Strip}).Draw(t, "side")
		}
	}
	fresh := charts.DrawLanes(t)
	for _, b := range fresh.Boxes[:min(len(fresh.Boxes), 8)] {
		b.ID = "n" + b.ID
		if !slices.ContainsFunc(h.Boxes, func(o Box) bool { return o.ID == b.ID }) {
			h.Boxes = append(h.Boxes, b)
		}
	}
	for range rapid.IntRange(0, 40).Draw(t, "edges") {
		if len(h.Boxes) > 0 {
			h.Edges = append(h.Edges, charts.DrawEdge(t, h.Boxes))
		}
	}
	drawPins(t, h)
	return h
}

func updated(t *rapid.T, prev *Chart, g *Graph) *Chart {
	before := charts.Text(prev)
	c, err := Update(prev, g)
	if err != nil {
		t.Fatal(err)
	}
	if charts.Text(prev) != before {
		t.Fatal("Update changed the chart before")
	}
	return c
}
