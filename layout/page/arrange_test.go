package page

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// chain is blocks of one box each, which call each other in a row.
func chain(n int, w, h float64) (*graph.Input, []Block) {
	in := &graph.Input{}
	var blocks []Block
	for i := range n {
		in.Boxes = append(in.Boxes, graph.Box{ID: fmt.Sprint(i), W: w, H: h})
		blocks = append(blocks, Block{Boxes: []int32{int32(i)}, At: make([]graph.Point, 1), W: w, H: h})
		if i > 0 {
			in.Calls = append(in.Calls, graph.Call{From: int32(i - 1), To: int32(i), Weight: 1})
		}
	}
	return in, blocks
}

func TestBlocksFillThePage(t *testing.T) {
	for _, aspect := range []float64{0.5, 1, 1.6, 3} {
		in, blocks := chain(40, 400, 240)
		var all graph.Rect
		rects := arrange(in, blocks, graph.Options{Aspect: aspect})
		for i, r := range rects {
			all = all.Union(r)
			for _, o := range rects[i+1:] {
				if r.Near(o, graph.LaneGapY, graph.LaneGapY) && r.Near(o, 0, 0) {
					t.Fatalf("%+v and %+v overlap", r, o)
				}
			}
		}
		if got := all.W / all.H; got < aspect*0.6 || got > aspect*1.7 {
			t.Errorf("aspect is %.2f, want about %.2f", got, aspect)
		}
	}
}

func TestClientsStandBeforeServers(t *testing.T) {
	in, blocks := chain(12, 300, 300)
	rnd := rand.New(rand.NewPCG(1, 1))
	rnd.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	rects := arrange(in, blocks, graph.Options{Aspect: 1.6})
	at := make(map[int32]graph.Rect)
	for i, r := range rects {
		at[blocks[i].Boxes[0]] = r
	}
	for i := int32(1); i < 12; i++ {
		if at[i].X < at[i-1].X {
			t.Errorf("block %d stands left of its client: %+v, %+v", i, at[i], at[i-1])
		}
	}
}

func TestBlocksOfAColumnAreOfOneWidth(t *testing.T) {
	in, blocks := chain(9, 300, 300)
	for i := range blocks {
		blocks[i].W += float64(i % 3 * 80)
	}
	widths := make(map[float64]float64)
	for i, r := range arrange(in, blocks, graph.Options{Aspect: 1}) {
		if w, seen := widths[r.X]; seen && w != r.W {
			t.Errorf("column at %g has widths %g and %g", r.X, w, r.W)
		}
		if r.W < blocks[i].W {
			t.Errorf("block of width %g got %g", blocks[i].W, r.W)
		}
		widths[r.X] = r.W
	}
}

// TestImproveShortensCalls: no pass leaves calls longer, as long as blocks are of one
// size.
func TestImproveShortensCalls(t *testing.T) {
	in, blocks := chain(30, 300, 300)
	rnd := rand.New(rand.NewPCG(2, 2))
	for range 40 {
		in.Calls = append(in.Calls, graph.Call{From: rnd.Int32N(30), To: rnd.Int32N(30), Weight: 1})
	}
	a := &arrangement{blocks: blocks, o: graph.Options{Aspect: 1.6}, at: make([]graph.Rect, len(blocks))}
	a.read(in)
	a.start()
	a.stack()
	for range 5 {
		before := a.cost()
		a.improve()
		if after := a.cost(); after > before+1e-6 {
			t.Fatalf("cost rose from %g to %g", before, after)
		}
	}
}

func TestStripWraps(t *testing.T) {
	g := &graph.Graph{Boxes: charts.Boxes("a")}
	for i := range 30 {
		g.Boxes = append(g.Boxes, graph.Box{ID: fmt.Sprintf("s%02d", i), W: 138, H: 48, Side: graph.Strip})
	}
	in, o, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	c := Lay(in, o)
	rows := make(map[float64]int)
	for _, p := range c.Placements[1:] {
		rows[p.Y]++
		if p.X < c.Strip.X+graph.StripTitle {
			t.Errorf("%+v stands where the strip's title is", p)
		}
	}
	if len(rows) < 2 || c.Strip == nil || c.Width > 1100 {
		t.Errorf("30 boxes stand in %d rows, strip %+v, chart %g wide", len(rows), c.Strip, c.Width)
	}
}

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 7, 1000} {
		done := make([]int, n)
		each(n, func(i int) { done[i]++ })
		for i, d := range done {
			if d != 1 {
				t.Fatalf("%d of %d was done %d times", i, n, d)
			}
		}
	}
}
