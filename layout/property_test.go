package layout

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// drawGraph draws graphs of up to 40 boxes of all sides and sizes, with edges
// of all kinds: cycles, self edges, several between the same boxes.
func drawGraph(t *rapid.T) Graph {
	var g Graph
	sides := []Side{Inside, Inside, Inside, Inside, Entry, Exit}
	for i := range rapid.IntRange(0, 40).Draw(t, "boxes") {
		g.Boxes = append(g.Boxes, Box{
			ID:   fmt.Sprintf("b%d", i),
			W:    rapid.Float64Range(1, 300).Draw(t, "w"),
			H:    rapid.Float64Range(1, 400).Draw(t, "h"),
			Side: rapid.SampledFrom(sides).Draw(t, "side"),
		})
	}
	if len(g.Boxes) == 0 {
		return g
	}
	for range rapid.IntRange(0, 80).Draw(t, "edges") {
		g.Edges = append(g.Edges, drawEdge(t, g.Boxes))
	}
	return g
}

func drawEdge(t *rapid.T, boxes []Box) Edge {
	from := rapid.SampledFrom(boxes).Draw(t, "from")
	to := rapid.SampledFrom(boxes).Draw(t, "to")
	return Edge{
		From: from.ID, To: to.ID,
		FromY:      rapid.Float64Range(0, from.H).Draw(t, "fromY"),
		ToY:        rapid.Float64Range(0, to.H).Draw(t, "toY"),
		Weight:     rapid.Float64Range(0, 1e6).Draw(t, "weight"),
		Undirected: rapid.IntRange(0, 5).Draw(t, "undirected") == 0,
	}
}

// drawOptions draws options that wrap often.
func drawOptions(t *rapid.T) Options {
	return Options{
		GapX:   rapid.Float64Range(0, 100).Draw(t, "gapX"),
		GapY:   rapid.Float64Range(0, 50).Draw(t, "gapY"),
		Margin: rapid.Float64Range(0, 50).Draw(t, "margin"),
		Aspect: rapid.Float64Range(0.1, 10).Draw(t, "aspect"),
		Height: rapid.Float64Range(0, 2000).Draw(t, "height"),
	}
}

func TestPropertyEveryBoxHasAPlaceOfItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, o := drawGraph(t), drawOptions(t)
		c := place(t, g, o)
		full, _ := o.withDefaults()
		checkPlaces(t, g, c, full)
		checkGaps(t, c, full)
	})
}

// checkPlaces fails unless each box is placed once, in the order of IDs, in
// its size, on the grid and inside the extent less the margin.
func checkPlaces(t *rapid.T, g Graph, c Chart, o Options) {
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
		if p.X != gridRound(p.X) || p.Y != gridRound(p.Y) {
			t.Fatalf("%+v is off the grid", p)
		}
		if p.X < o.Margin || p.Y < o.Margin || p.X+p.W > c.Width-o.Margin || p.Y+p.H > c.Height-o.Margin {
			t.Fatalf("%+v is not inside %g by %g less margin %g", p, c.Width, c.Height, o.Margin)
		}
	}
}

// checkGaps fails if two boxes come nearer than the smallest of the gaps.
func checkGaps(t *rapid.T, c Chart, o Options) {
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
		g, o := drawGraph(t), drawOptions(t)
		want := place(t, g, o)
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rnd.Shuffle(len(g.Boxes), func(i, j int) { g.Boxes[i], g.Boxes[j] = g.Boxes[j], g.Boxes[i] })
		rnd.Shuffle(len(g.Edges), func(i, j int) { g.Edges[i], g.Edges[j] = g.Edges[j], g.Edges[i] })
		if got := place(t, g, o); !reflect.DeepEqual(got, want) {
			t.Fatalf("another order of the same graph gives another chart:\n%s\n%s", text(want), text(got))
		}
	})
}

func TestPropertySidesStandOutside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		c := place(t, g, drawOptions(t))
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
		g := drawGraph(t)
		c := place(t, g, drawOptions(t))
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
func goesRight(g Graph, e Edge) bool {
	inside := make(map[string]bool)
	for _, b := range g.Boxes {
		inside[b.ID] = b.Side == Inside
	}
	return !e.Undirected && inside[e.From] && inside[e.To] && e.From != e.To
}

// reachable holds the pairs of boxes between which directed edges inside lead
// (Warshall).
func reachable(g Graph) map[[2]string]bool {
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

func TestPropertyUndirectedEdgesRankNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		in, err := read(g)
		if err != nil {
			t.Fatal(err)
		}
		want := in.rank()
		e := drawEdge(t, append(boxes("none"), g.Boxes...)[min(1, len(g.Boxes)):])
		if len(g.Boxes) == 0 {
			return
		}
		e.Undirected = true
		g.Edges = append(g.Edges, e)
		in, err = read(g)
		if err != nil {
			t.Fatal(err)
		}
		got := in.rank()
		for i, b := range in.boxes {
			if ranked(g, b.ID) && got[i] != want[i] && b.Side == Inside {
				t.Fatalf("undirected edge %+v moves %q from rank %d to %d", e, b.ID, want[i], got[i])
			}
		}
	})
}

// ranked reports whether a directed edge inside touches the box.
func ranked(g Graph, id string) bool {
	for _, e := range g.Edges {
		if (e.From == id || e.To == id) && goesRight(g, e) {
			return true
		}
	}
	return false
}

func place(t *rapid.T, g Graph, o Options) Chart {
	c, err := Place(g, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
