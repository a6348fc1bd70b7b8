package layers

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/measure"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// drawBoard draws boxes at spots no three of which are on one line, some spots free,
// and edges between them.
func drawBoard(t *rapid.T) *board {
	at := make([]graph.Point, rapid.IntRange(3, 80).Draw(t, "spots"))
	for i := range at { // points of a parabola, turned about in y by what is no fraction
		at[i] = graph.Point{X: float64(i / 3), Y: float64(i%3)*1000*math.Sqrt2 + float64(i*i)}
	}
	boxes := rapid.IntRange(2, len(at)).Draw(t, "boxes")
	spots := make([]int32, len(at))
	for i := range spots {
		spots[i] = int32(i)
	}
	spots = rapid.Permutation(spots).Draw(t, "order")[:boxes]
	var edges []graph.Call
	for range rapid.IntRange(0, 60).Draw(t, "edges") {
		from, to := rapid.IntRange(0, boxes-1).Draw(t, "from"), rapid.IntRange(0, boxes-1).Draw(t, "to")
		if from != to && at[spots[from]].X != at[spots[to]].X {
			edges = append(edges, graph.Call{From: int32(from), To: int32(to)})
		}
	}
	return newBoard(edges, newSpots(at, false), spots)
}

// ruled counts the crossings of a board by the ruler.
func ruled(b *board) int {
	lines := make([]measure.Line, 0, len(b.edges))
	for _, e := range b.edges {
		lines = append(lines, measure.NewLine(b.at[b.spot[e.From]], b.at[b.spot[e.To]], e.From, e.To))
	}
	return measure.Crossings(lines)
}

// TestBoardCountsExactly compares what a board counts with the ruler, before and after
// boxes moved to free spots, or changed places.
func TestBoardCountsExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBoard(t)
		if got, want := b.crossings(), ruled(b); got != want {
			t.Fatalf("%d crossings, drawn %d", got, want)
		}
		for range 5 {
			p := int32(rapid.IntRange(0, len(b.spot)-1).Draw(t, "box"))
			s := int32(rapid.IntRange(0, len(b.at)-1).Draw(t, "spot"))
			if q := b.who[s]; q == p || q != noBox && slices.Contains(b.near[p], q) || upright(b, p, s) || q != noBox && upright(b, q, b.spot[p]) {
				continue
			}
			b.move(p, s)
			if got, want := b.crossings(), ruled(b); got != want {
				t.Fatalf("%d crossings after a move, drawn %d", got, want)
			}
		}
		for p := range b.spot {
			sum := 0
			for _, u := range b.near[p] {
				sum += int(b.line(b.spot[p], b.spot[u]))
			}
			if got := int(b.now(int32(p))); got != sum {
				t.Fatalf("box %d crosses %d, as seen from the other side %d", p, sum, got)
			}
		}
	})
}

// upright reports whether a box would have an edge within a column: there is none in a
// chart.
func upright(b *board, p, spot int32) bool {
	return slices.ContainsFunc(b.near[p], func(u int32) bool { return b.at[b.spot[u]].X == b.at[spot].X })
}

// TestImproveSavesCrossings lets boxes move: each that does leaves fewer crossings.
func TestImproveSavesCrossings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBoard(t)
		b.work, b.least = 1<<40, int32(rapid.IntRange(0, 3).Draw(t, "least"))
		for p := range int32(len(b.spot)) {
			s := b.spot[p]
			first, end := s/3*3, min(s/3*3+3, int32(len(b.at))) // its column
			before := ruled(b)
			moved := b.improve(p, first, end, func(q, _ int32) bool { return true })
			if after := ruled(b); moved && after > before-1-int(b.least) || !moved && after != before {
				t.Fatalf("box %d moved: %v, crossings from %d to %d", p, moved, before, after)
			}
		}
	})
}

// TestSpotsOnALine: an edge that passes through the middle of a box crosses what the box
// has on the one side, but not on both.
func TestSpotsOnALine(t *testing.T) {
	at := []graph.Point{{X: 0, Y: 1}, {X: 1, Y: 1}, {X: 2, Y: 0}, {X: 2, Y: 1}, {X: 2, Y: 2}}
	b := newBoard([]graph.Call{{From: 0, To: 3}, {From: 1, To: 2}, {From: 1, To: 4}}, newSpots(at, false), []int32{0, 1, 2, 3, 4})
	if got := b.crossings(); got != 1 {
		t.Errorf("%d crossings, want 1", got)
	}
}

// TestScatterKeepsDirections scatters nets of all kinds: every box stands on the grid at
// a place of its own, clients left of servers.
func TestScatterKeepsDirections(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := charts.Draw(t)
		if len(g.Boxes) == 0 {
			return
		}
		o, err := charts.DrawOptions(t).WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		n := netOf(t, g)
		n.page = NewPage(rapid.IntRange(1, 9).Draw(t, "among"))
		s := n.scatter(o)
		if s == nil {
			t.Fatal("too many spots for a small net")
		}
		pc := s.piece(o)
		for _, e := range n.edges {
			a, b := pc.At[e.From], pc.At[e.To]
			if n.layer[e.From] < n.layer[e.To] && a.X+n.in.Boxes[pc.Boxes[e.From]].W+o.GapX/2 > b.X {
				t.Fatalf("box at %v calls one at %v", a, b)
			}
		}
		for p := range pc.Boxes {
			for q := range p {
				if near(n, pc, p, q, o) {
					t.Fatalf("boxes at %v and %v are too near", pc.At[p], pc.At[q])
				}
			}
			if pc.At[p].X != graph.Round(pc.At[p].X) || pc.At[p].Y != graph.Round(pc.At[p].Y) {
				t.Fatalf("%v is off the grid", pc.At[p])
			}
		}
	})
}

func near(n *net, pc Piece, p, q int, o graph.Options) bool {
	rect := func(i int) graph.Rect {
		b := n.in.Boxes[pc.Boxes[i]]
		return graph.Rect{X: pc.At[i].X, Y: pc.At[i].Y, W: b.W, H: b.H}
	}
	return rect(p).Near(rect(q), o.GapX/2, o.GapY)
}

// TestScatterSavesCrossings holds a dense product to far fewer crossings than columns
// have, in little more room.
func TestScatterSavesCrossings(t *testing.T) {
	o, _ := graph.Options{}.WithDefaults()
	for seed := range uint64(4) {
		n := netOf(t, charts.Hosts(seed, 52, 200))
		n.order(newSifter(n).crossings)
		columns := n.settle(o)
		wide := n.scatter(o).piece(o)
		was, is := n.straightCrossings(columns), n.straightCrossings(wide)
		if float64(is) > 0.85*float64(was) || n.area(wide) > 2*n.area(columns) {
			t.Errorf("seed %d: %d crossings in %.0f, columns have %d in %.0f", seed, is, n.area(wide), was, n.area(columns))
		}
	}
}

// TestShapeSavesCrossings holds blocks to fewer crossings than columns have that merely
// fit.
func TestShapeSavesCrossings(t *testing.T) {
	o, _ := graph.Options{}.WithDefaults()
	for seed := range uint64(4) {
		n := netOf(t, charts.Hosts(seed, 52, 200))
		n.order(newSifter(n).crossings)
		fits := n.straightCrossings(n.settle(o))
		if got := n.straightCrossings(n.shape(o)); float64(got) > 0.95*float64(fits) {
			t.Errorf("seed %d: %d crossings, %d before", seed, got, fits)
		}
	}
}

// TestBoardsAreBounded: a layer too large for the others makes no board.
func TestBoardsAreBounded(t *testing.T) {
	g := &graph.Graph{Boxes: charts.Boxes("a")}
	for i := range 250 { // a chain, and many beside its first link
		id := "b" + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
		g.Boxes = append(g.Boxes, charts.Boxes(id)...)
		from := "a"
		if i > 200 {
			from = g.Boxes[i].ID
		}
		g.Edges = append(g.Edges, graph.Edge{From: from, To: id})
	}
	o, _ := graph.Options{}.WithDefaults()
	if s := netOf(t, g).scatter(o); s != nil {
		t.Errorf("%d columns of %d rows for 251 boxes", s.cols, s.rows)
	}
}
