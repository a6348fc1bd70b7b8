package keep

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/layout/graph"
	"github.com/devops-trouble-map/dotm/layout/page"
	"github.com/devops-trouble-map/dotm/test/charts"
)

// keeperOf remembers a chart from scratch of g.
func keeperOf(t interface{ Fatal(args ...any) }, g *graph.Graph) *keeper {
	in, o, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(in, o, g.Pins)
	k.remember(page.Lay(in, o))
	return k
}

func drawRects(t *rapid.T, n int) []graph.Rect {
	var rects []graph.Rect
	for i := range rapid.IntRange(0, n).Draw(t, "rects") {
		v := func(low, high int) float64 { return float64(rapid.IntRange(low, high).Draw(t, fmt.Sprint(i))) }
		rects = append(rects, graph.Rect{X: v(0, 300), Y: v(0, 300), W: v(1, 90), H: v(1, 90)})
	}
	return rects
}

func TestNearestFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		others := drawRects(t, 70)
		r := graph.Rect{X: float64(rapid.IntRange(0, 300).Draw(t, "x")), Y: float64(rapid.IntRange(0, 300).Draw(t, "y")), W: 40, H: 30}
		got := nearestFree(r, others)
		if meets(got, others, 0, 0) || got.X < 0 || got.Y < 0 || got.W != r.W || got.H != r.H {
			t.Fatalf("%+v is not free among %+v", got, others)
		}
		if !meets(r, others, 0, 0) && got != r {
			t.Fatalf("%+v is free and moved to %+v", r, got)
		}
	})
}

func TestNearestFreeIsNear(t *testing.T) {
	wall := graph.Rect{X: 100, Y: 100, W: 200, H: 40}
	for _, c := range []struct{ x, y, wantX, wantY float64 }{
		{104, 96, 104, 62},   // above
		{104, 130, 104, 152}, // below
		{290, 110, 312, 110}, // right
	} {
		got := nearestFree(graph.Rect{X: c.x, Y: c.y, W: 50, H: 30}, []graph.Rect{wall})
		if got.X != c.wantX || got.Y != c.wantY {
			t.Errorf("from %g, %g to %g, %g, want %g, %g", c.x, c.y, got.X, got.Y, c.wantX, c.wantY)
		}
	}
}

// TestSweepDown lets boxes grow at random: afterwards none overlaps another or a pinned
// one that it came to, none went up, and the first of each column stayed.
func TestSweepDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := keeperOf(t, charts.Edges("a>x b>x c>x a>y d>y e>y f>z"))
		before := make([]graph.Rect, len(k.at))
		for i := range k.at {
			k.at[i].H += float64(rapid.IntRange(0, 9).Draw(t, "grow") * 16)
			before[i] = k.at[i]
		}
		k.sweepDown(k.order(func(int32) bool { return true }), nil)
		for i, r := range k.at {
			if r.Y < before[i].Y || r.X != before[i].X {
				t.Fatalf("%+v went to %+v", before[i], r)
			}
			moved := r.Y > before[i].Y
			for _, o := range k.at[:i] {
				if r.Near(o, 0, least) {
					t.Fatalf("%+v and %+v are too near", r, o)
				}
			}
			free := true
			for j, o := range before {
				if j != i && o.Near(before[i], 0, 1e9) && o.Y < before[i].Y {
					free = false
				}
			}
			if free && moved {
				t.Fatalf("%+v moved with nothing above it", r)
			}
		}
	})
}

func TestFreeY(t *testing.T) {
	f := &finder{
		keeper:    &keeper{o: graph.Options{GapX: 88, GapY: 24}},
		room:      graph.Rect{X: 0, Y: 0, W: 200, H: 400},
		obstacles: []graph.Rect{{X: 0, Y: 80, W: 100, H: 40}, {X: 0, Y: 280, W: 100, H: 40}, {X: 130, Y: 160, W: 60, H: 60}},
	}
	for _, c := range []struct {
		x, wish, h, bottom float64
		want               float64
		ok                 bool
	}{
		{0, 0, 40, 400, 0, true},
		{0, 100, 40, 400, 144, true},           // below the first, nearer than above it
		{0, 90, 40, 400, 144, true},            // 54 down or 74 up
		{0, 230, 40, 400, 216, true},           // above the second
		{0, 160, 120, 400, 0, false},           // no gap is so high
		{0, 160, 120, math.Inf(1), 344, true},  // below all
		{120, 160, 40, 400, 16, true},          // those beside reach over with their gaps
		{300, 160, 40, 400, 160, true},         // nothing there
		{300, 390, 40, 400, 360, true},         // not below the bottom
		{300, -50, 40, 400, 0, true},           // not above the top
		{0, 283.5, 40, math.Inf(1), 344, true}, // on the grid
		{300, 163, 40, math.Inf(1), 160, true}, // on the grid
		{300, 1000, 40, math.Inf(1), 1000, true},
	} {
		got, ok := f.freeY(graph.Rect{X: c.x, Y: c.wish, W: 100, H: c.h}, c.bottom)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("x %g, wish %g, height %g above %g: %g %v, want %g %v", c.x, c.wish, c.h, c.bottom, got, ok, c.want, c.ok)
		}
	}
}

// TestBelongs tells who may stay when its side or lane is another one.
func TestBelongs(t *testing.T) {
	g := charts.Sides(charts.Edges("i>a a>b b>x"), "i", "x")
	in, o, err := graph.Read(g)
	if err != nil {
		t.Fatal(err)
	}
	before := page.Lay(in, o)
	for _, c := range []struct {
		id   string
		side graph.Side
		lane string
		may  bool
	}{
		{"a", graph.Inside, "", true},
		{"i", graph.Entry, "", true},
		{"a", graph.Inside, "new", false},
		{"b", graph.Entry, "", false},
		{"a", graph.Exit, "", false},
		{"b", graph.Strip, "", false},
		{"x", graph.Entry, "", false},
	} {
		h := &graph.Graph{Boxes: append([]graph.Box(nil), g.Boxes...), Edges: g.Edges}
		at := -1
		for i := range h.Boxes {
			if h.Boxes[i].ID == c.id {
				h.Boxes[i].Side, h.Boxes[i].Lane, at = c.side, c.lane, i
			}
		}
		in, o, err := graph.Read(h)
		if err != nil {
			t.Fatal(err)
		}
		k := newKeeper(in, o, nil)
		k.remember(before)
		if k.has[at] != c.may {
			t.Errorf("%s as side %d of lane %q may stay: %v, want %v", c.id, c.side, c.lane, k.has[at], c.may)
		}
	}
}

// TestStripSlots fills the strip: rows from the left, gaps first, then a new row.
func TestStripSlots(t *testing.T) {
	k := &keeper{strip: &graph.Rect{X: 0, Y: 100, W: graph.StripTitle + 3*(100+graph.StripPad), H: 80}}
	var members []graph.Rect
	next := func() graph.Rect {
		k.at = []graph.Rect{{W: 100, H: 48}}
		return k.stripSlot(0, members, nil)
	}
	for i, want := range []graph.Point{{X: 112, Y: 116}, {X: 232, Y: 116}, {X: 112, Y: 184}} {
		got := next()
		if got.X != want.X || got.Y != want.Y {
			t.Fatalf("box %d stands at %g, %g, want %g, %g", i, got.X, got.Y, want.X, want.Y)
		}
		members = append(members, got)
	}
	members = members[1:] // the first is gone
	if got := next(); got.X != 112 || got.Y != 116 {
		t.Errorf("the free slot is not taken but %+v", got)
	}
}

// TestSpotKeepsThePage puts new lanes beside others: free room within the page goes
// first, then what makes the page least bigger.
func TestSpotKeepsThePage(t *testing.T) {
	k := &keeper{
		in: &graph.Input{}, o: graph.Options{GapX: 88, GapY: 24, Margin: 32, Aspect: 1.6},
		lanes: []string{"a", "b", "c"}, known: []bool{true, true, true},
		ground: []graph.Rect{{X: 32, Y: 32, W: 800, H: 200}, {X: 32, Y: 456, W: 800, H: 200}, {X: 896, Y: 32, W: 400, H: 624}},
	}
	if got := k.spot(page.Block{W: 400, H: 160}); got.X != 32 || got.Y != 256 {
		t.Errorf("a lane that fits between two stands at %+v", got)
	}
	if got := k.spot(page.Block{W: 400, H: 600}); got.X != 1360 && got.Y != 680 {
		t.Errorf("a lane that fits nowhere stands at %+v", got)
	}
	k.strip = &graph.Rect{X: 32, Y: 696, W: 900, H: 80}
	if got := k.spot(page.Block{W: 240, H: 600}); got.X != 1360 || got.Y != 32 {
		t.Errorf("a lane moves the strip: %+v", got)
	}
}

// TestUnitsGoPastPins pushes a lane down: it stops where none of its boxes lies on a
// pinned one.
func TestUnitsGoPastPins(t *testing.T) {
	g := charts.Edges("a>b c>d")
	for i, lane := range []string{"up", "up", "low", "low"} {
		g.Boxes[i].Lane = lane
	}
	g.Boxes = append(g.Boxes, charts.Boxes("pin")...)
	k := keeperOf(t, g)
	up, low := k.ground[1], k.ground[0]
	if up.Y > low.Y {
		up, low = low, up
	}
	k.pinned[4] = true
	k.at[4] = graph.Rect{X: low.X + 40, Y: low.Bottom() + 8, W: 60, H: 40}
	for i := range k.ground {
		if k.ground[i] == up {
			k.ground[i].H += 120
		}
	}
	k.pushUnits()
	for i, r := range k.at[:4] {
		if r.Near(k.at[4], 0, 0) {
			t.Errorf("box %d at %+v lies on the pinned one at %+v", i, r, k.at[4])
		}
	}
	if k.ground[0].Near(k.ground[1], 0, graph.LaneGapY) {
		t.Errorf("grounds %+v are too near", k.ground)
	}
}
