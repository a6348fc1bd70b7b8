package layout

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestPropertyEveryBoxHasAPlaceOfItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, o := charts.Draw(t), charts.DrawOptions(t)
		c := place(t, g, o)
		full, _ := o.WithDefaults()
		checkPlaces(t, g, c, full)
		checkGaps(t, c, full)
	})
}

// checkPlaces fails unless each box is placed once, in the order of IDs, in
// its size, on the grid and inside the extent less the margin.
func checkPlaces(t *rapid.T, g *Graph, c *Chart, o Options) {
	if len(c.Placements) != len(g.Boxes) {
		t.Fatalf("%d boxes, %d placements", len(g.Boxes), len(c.Placements))
	}
	size := make(map[string]Box)
	for _, b := range g.Boxes {
		size[b.ID] = b
	}
	for i, p := range c.Placements {
		if i > 0 && c.Placements[i-1].ID >= p.ID {
			t.Fatalf("placements are not sorted: %q, %q", c.Placements[i-1].ID, p.ID)
		}
		if b := size[p.ID]; b.W != p.W || b.H != p.H {
			t.Fatalf("box %+v is placed as %+v", b, p)
		}
		if p.X != graph.Round(p.X) || p.Y != graph.Round(p.Y) {
			t.Fatalf("%+v is off the grid", p)
		}
		if p.X < o.Margin || p.Y < o.Margin || p.X+p.W > c.Width-o.Margin || p.Y+p.H > c.Height-o.Margin {
			t.Fatalf("%+v is not inside %g by %g less margin %g", p, c.Width, c.Height, o.Margin)
		}
	}
}

// checkGaps fails if two boxes come nearer than the smallest of the gaps.
func checkGaps(t *rapid.T, c *Chart, o Options) {
	x, y := min(o.GapX/4, o.GapX), o.GapY
	for i, a := range c.Placements {
		for _, b := range c.Placements[i+1:] {
			if a.X < b.X+b.W+x && b.X < a.X+a.W+x && a.Y < b.Y+b.H+y && b.Y < a.Y+a.H+y {
				t.Fatalf("%+v and %+v are nearer than %g and %g", a, b, x, y)
			}
		}
	}
}

func TestPropertyOrderOfInputDoesNotShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, o := charts.Draw(t), charts.DrawOptions(t)
		want := place(t, g, o)
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rnd.Shuffle(len(g.Boxes), func(i, j int) { g.Boxes[i], g.Boxes[j] = g.Boxes[j], g.Boxes[i] })
		rnd.Shuffle(len(g.Edges), func(i, j int) { g.Edges[i], g.Edges[j] = g.Edges[j], g.Edges[i] })
		if got := place(t, g, o); !reflect.DeepEqual(got, want) {
			t.Fatalf("another order of the same graph gives another chart:\n%s\n%s", charts.Text(want), charts.Text(got))
		}
	})
}

func TestPropertySidesStandOutside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		c := place(t, g, charts.DrawOptions(t))
		side := make(map[string]Side)
		for _, b := range g.Boxes {
			side[b.ID] = b.Side
		}
		for _, a := range c.Placements {
			for _, b := range c.Placements {
				if leftOf(side[a.ID], side[b.ID]) && a.X+a.W >= b.X {
					t.Fatalf("%+v of side %d does not stand left of %+v of side %d", a, side[a.ID], b, side[b.ID])
				}
			}
		}
	})
}

// leftOf reports whether boxes of side a belong left of those of side b.
func leftOf(a, b Side) bool {
	column := map[Side]int{Entry: 0, Inside: 1, Exit: 2}
	return column[a] < column[b]
}

func TestPropertyEdgesOfNoCycleGoRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		c := place(t, g, charts.DrawOptions(t))
		reach := reachable(g)
		at := make(map[string]Placement)
		for _, p := range c.Placements {
			at[p.ID] = p
		}
		for _, e := range g.Edges {
			if !goesRight(g, e) || reach[[2]string{e.To, e.From}] {
				continue
			}
			if a, b := at[e.From], at[e.To]; a.X+a.W >= b.X {
				t.Fatalf("edge from %+v to %+v is part of no cycle and does not go right", a, b)
			}
		}
	})
}

// goesRight reports whether e is a directed edge between Inside boxes.
func goesRight(g *Graph, e Edge) bool {
	inside := make(map[string]bool)
	for _, b := range g.Boxes {
		inside[b.ID] = b.Side == Inside
	}
	return !e.Undirected && inside[e.From] && inside[e.To] && e.From != e.To
}

// TestPropertyDensePieces holds pieces whose boxes leave the columns of their layers to
// what is promised of all.
func TestPropertyDensePieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.DrawDense(t)
		c := place(t, g, Options{})
		full, _ := Options{}.WithDefaults()
		checkPlaces(t, g, c, full)
		checkGaps(t, c, full)
		if q := Measure(g, c); q.Edges != len(g.Edges) || q.LeftToRight != 1 {
			t.Fatalf("of %d edges, %d are drawn, of which %g go right", len(g.Edges), q.Edges, q.LeftToRight)
		}
		slices.Reverse(g.Boxes)
		slices.Reverse(g.Edges)
		if got := place(t, g, Options{}); !reflect.DeepEqual(got, c) {
			t.Fatalf("another order of the same graph gives another chart:\n%s\n%s", charts.Text(c), charts.Text(got))
		}
		h := charts.Change(g, rapid.Uint64().Draw(t, "day"), 0.05)
		checkStay(t, c, updated(t, c, h))
	})
}

// reachable holds the pairs of boxes between which directed edges inside lead
// (Warshall).
func reachable(g *Graph) map[[2]string]bool {
	reach := make(map[[2]string]bool)
	for _, e := range g.Edges {
		if goesRight(g, e) {
			reach[[2]string{e.From, e.To}] = true
		}
	}
	for _, via := range g.Boxes {
		for _, a := range g.Boxes {
			if !reach[[2]string{a.ID, via.ID}] {
				continue
			}
			for _, b := range g.Boxes {
				if reach[[2]string{via.ID, b.ID}] {
					reach[[2]string{a.ID, b.ID}] = true
				}
			}
		}
	}
	return reach
}

func place(t *rapid.T, g *Graph, o Options) *Chart {
	c, err := Place(with(g, o))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
