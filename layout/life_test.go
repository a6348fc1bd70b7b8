package layout

import (
	"fmt"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/test/charts"
)

func mustUpdate(t testing.TB, prev *Chart, g *Graph) *Chart {
	t.Helper()
	c, err := Update(prev, g)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// moved returns the boxes of both charts that do not stand where they stood.
func moved(before, after *Chart) []string {
	var ids []string
	for _, p := range after.Placements {
		i := slices.IndexFunc(before.Placements, func(q Placement) bool { return q.ID == p.ID })
		if i >= 0 && (before.Placements[i].X != p.X || before.Placements[i].Y != p.Y) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// drop returns g without a box.
func drop(g *Graph, id string) *Graph {
	h := &Graph{Options: g.Options, Pins: g.Pins}
	for _, b := range g.Boxes {
		if b.ID != id {
			h.Boxes = append(h.Boxes, b)
		}
	}
	for _, e := range g.Edges {
		if e.From != id && e.To != id {
			h.Edges = append(h.Edges, e)
		}
	}
	return h
}

// join returns g with another box and a call to it.
func join(g *Graph, b Box, client string) *Graph {
	h := &Graph{Options: g.Options, Pins: g.Pins, Boxes: slices.Clone(g.Boxes), Edges: slices.Clone(g.Edges)}
	h.Boxes = append(h.Boxes, b)
	if client != "" {
		h.Edges = append(h.Edges, Edge{From: client, To: b.ID})
	}
	return h
}

func TestNewcomerTakesTheFreeSlot(t *testing.T) {
	for _, lane := range []string{"", "shop"} {
		g := charts.Edges("lb>web1 lb>web2 lb>web3 web1>app web2>app web3>app")
		for i := range g.Boxes {
			g.Boxes[i].Lane = lane
		}
		before := mustPlace(t, g, Options{})
		slot := placed(t, before, "web2")
		gone := mustUpdate(t, before, drop(g, "web2"))
		if m := moved(before, gone); m != nil || gone.Height != before.Height {
			t.Errorf("%v moved when web2 went", m)
		}
		next := join(drop(g, "web2"), Box{ID: "web4", W: 120, H: 56, Lane: lane}, "lb")
		after := mustUpdate(t, gone, next)
		if got := placed(t, after, "web4"); got.X != slot.X || got.Y != slot.Y {
			t.Errorf("web4 stands at %g, %g, the free slot is at %g, %g", got.X, got.Y, slot.X, slot.Y)
		}
		if m := moved(before, after); m != nil {
			t.Errorf("%v moved when web4 came", m)
		}
	}
}

func TestNewcomerStandsInItsColumn(t *testing.T) {
	g := shop()
	before := mustPlace(t, g, Options{})
	h := join(g, Box{ID: "db2", W: 120, H: 56, Lane: "shop"}, "app")
	h.Edges = append(h.Edges, Edge{From: "app", To: "db2"})
	after := mustUpdate(t, before, h)
	if got, want := placed(t, after, "db2"), placed(t, before, "db"); got.X != want.X {
		t.Errorf("db2 stands at x=%g, db at %g", got.X, want.X)
	}
	last := mustUpdate(t, after, join(h, Box{ID: "es2", W: 120, H: 56, Lane: "search"}, "es"))
	if es, es2 := placed(t, last, "es"), placed(t, last, "es2"); es2.X <= es.X+es.W {
		t.Errorf("es2, which es calls, stands at %g, not right of it at %g", es2.X, es.X)
	}
}

func TestGrownBoxMovesOnlyWhatIsBelow(t *testing.T) {
	g := charts.Edges("lb>web1 lb>web2 lb>web3 lb>web4 web1>app web2>app web3>app web4>app")
	before := mustPlace(t, g, Options{})
	column := []string{"web1", "web2", "web3", "web4"}
	slices.SortFunc(column, func(a, b string) int { return int(placed(t, before, a).Y - placed(t, before, b).Y) })
	grow := func(by float64) *Chart {
		h := &Graph{Boxes: slices.Clone(g.Boxes), Edges: g.Edges}
		for i := range h.Boxes {
			if h.Boxes[i].ID == column[1] {
				h.Boxes[i].H += by
			}
		}
		return mustUpdate(t, before, h)
	}
	if m := moved(before, grow(16)); m != nil {
		t.Errorf("%v moved for a row that has room in the gap", m)
	}
	after := grow(40)
	if m := moved(before, after); !slices.Equal(m, slices.Sorted(slices.Values(column[2:]))) {
		t.Errorf("%v moved, want %v, which are below", m, column[2:])
	}
	for i, want := range []float64{24, 8} { // what is missing, as gaps give way first
		id := column[2+i]
		if got := placed(t, after, id).Y - placed(t, before, id).Y; got != want {
			t.Errorf("%s moved by %g, want %g", id, got, want)
		}
	}
}

func TestPinsWin(t *testing.T) {
	g := charts.Edges("lb>web1 lb>web2 lb>web3 web1>app web2>app web3>app")
	before := mustPlace(t, g, Options{})
	at := placed(t, before, "web1")
	h := &Graph{Boxes: g.Boxes, Edges: g.Edges, Pins: map[string]Point{"app": {X: at.X + 3, Y: at.Y + 5}, "nobody": {X: 1, Y: 1}}}
	after := mustUpdate(t, before, h)
	if got := placed(t, after, "app"); got.X != at.X+3 || got.Y != at.Y+5 {
		t.Errorf("app stands at %g, %g, is pinned to %g, %g", got.X, got.Y, at.X+3, at.Y+5)
	}
	if m := moved(before, after); !slices.Equal(m, []string{"app", "web1"}) {
		t.Errorf("%v moved, want app, which was moved by hand, and web1, which makes room", m)
	}
	if got := placed(t, after, "web1"); got.X != at.X {
		t.Errorf("web1 makes room at x=%g, its column is at %g", got.X, at.X)
	}
	free := mustUpdate(t, after, g)
	if m := moved(after, free); m != nil {
		t.Errorf("%v moved when the pin went", m)
	}
	if q := Measure(h, mustPlace(t, h, Options{})); q.Overlaps != 0 {
		t.Errorf("%d boxes overlap in a new chart with the pin", q.Overlaps)
	}
}

func TestPinsOnEachOther(t *testing.T) {
	g := &Graph{Boxes: charts.Boxes("a", "b", "c"), Pins: map[string]Point{"a": {X: 80, Y: 80}, "b": {X: 84, Y: 80}, "c": {X: 90, Y: 90}}}
	c := mustPlace(t, g, Options{})
	if a := placed(t, c, "a"); a.X != 80 || a.Y != 80 {
		t.Errorf("a, which is first, stands at %g, %g", a.X, a.Y)
	}
	for _, id := range []string{"b", "c"} {
		if p := placed(t, c, id); p.X < 0 || p.X > 400 || p.Y < 0 || p.Y > 400 {
			t.Errorf("%s stands at %g, %g, far from its pin", id, p.X, p.Y)
		}
	}
	if q := Measure(g, c); q.Overlaps != 0 {
		t.Errorf("%d overlap", q.Overlaps)
	}
}

func TestGroundFollowsPin(t *testing.T) {
	g := drop(shop(), "cron")
	before := mustPlace(t, g, Options{})
	ground := func(c *Chart, lane string) Rect {
		i := slices.IndexFunc(c.Lanes, func(l LanePlacement) bool { return l.ID == lane })
		return c.Lanes[i].Rect()
	}
	es, search := placed(t, before, "es"), ground(before, "search")
	h := *g
	h.Pins = map[string]Point{"es": {X: es.X, Y: search.Bottom() + 8}}
	after := mustUpdate(t, before, &h)
	if g := ground(after, "search"); !g.Holds(placed(t, after, "es").Rect()) {
		t.Errorf("ground %+v does not hold es, which is pinned right below it", g)
	}
	billing := ground(before, "billing")
	h.Pins = map[string]Point{"es": {X: billing.X + 400, Y: billing.Y + 60}}
	foreign := mustUpdate(t, before, &h)
	if got := ground(foreign, "search"); got != search {
		t.Errorf("ground of search became %+v for a box that stands on another lane", got)
	}
}

func TestLaneGrowsWhereThereIsRoom(t *testing.T) {
	g := shop()
	c := mustPlace(t, g, Options{})
	start := c
	for i := range 12 {
		g = join(g, Box{ID: fmt.Sprintf("es%d", i+2), W: 120, H: 56, Lane: "search"}, "find")
		c = mustUpdate(t, c, g)
	}
	for _, id := range moved(start, c) {
		if id != "dns" && id != "ntp" && id != "cron" && id != "pay" {
			t.Errorf("%s moved, though the lowest lane could grow down", id)
		}
	}
	for i := range 12 {
		g = join(g, Box{ID: fmt.Sprintf("pg%d", i), W: 120, H: 56, Lane: "billing"}, "bill")
	}
	last := mustUpdate(t, c, g)
	if q := Measure(g, last); q.Overlaps != 0 {
		t.Errorf("%d boxes overlap", q.Overlaps)
	}
	for _, id := range []string{"edge", "bill", "billdb"} {
		if slices.Contains(moved(c, last), id) {
			t.Errorf("%s moved for newcomers of its own lane", id)
		}
	}
}

func TestFirstEntryMovesAllAlike(t *testing.T) {
	g := shop()
	before := mustPlace(t, drop(g, "net"), Options{})
	after := mustUpdate(t, before, g)
	by := placed(t, after, "lb").X - placed(t, before, "lb").X
	for _, p := range before.Placements {
		if q := placed(t, after, p.ID); q.X-p.X != by || q.Y != p.Y {
			t.Errorf("%s moved by %g, %g, lb by %g, 0", p.ID, q.X-p.X, q.Y-p.Y, by)
		}
	}
	if net := placed(t, after, "net"); net.X < 0 || net.X+net.W > placed(t, after, "lb").X {
		t.Errorf("net stands at %g", net.X)
	}
}

func TestBoxOfAnotherLaneMovesThere(t *testing.T) {
	g := shop()
	before := mustPlace(t, g, Options{})
	h := &Graph{Boxes: slices.Clone(g.Boxes), Edges: g.Edges}
	for i, b := range h.Boxes {
		if b.ID == "find" {
			h.Boxes[i].Lane = "shop"
		}
	}
	after := mustUpdate(t, before, h)
	for _, id := range moved(before, after) {
		if placed(t, before, id).Y < placed(t, before, "es").Y {
			t.Errorf("%s moved, which stands above the lane that makes room", id)
		}
	}
	shop := after.Lanes[slices.IndexFunc(after.Lanes, func(l LanePlacement) bool { return l.ID == "shop" })]
	if find := placed(t, after, "find"); !shop.Rect().Holds(find.Rect()) || find.X <= placed(t, after, "app").X {
		t.Errorf("find stands at %+v, want it in %+v, right of app", find, shop)
	}
}

// TestLaneThatIsGoneLeavesItsPlace to the next new one, if that fits.
func TestLaneThatIsGoneLeavesItsPlace(t *testing.T) {
	g := shop()
	before := mustPlace(t, g, Options{})
	h := drop(drop(drop(g, "edge"), "bill"), "billdb")
	gone := mustUpdate(t, before, h)
	if m := moved(before, gone); m != nil || len(gone.Lanes) != 2 {
		t.Errorf("%v moved, lanes are %+v", m, gone.Lanes)
	}
	h = join(h, Box{ID: "mail", W: 120, H: 56, Lane: "mail"}, "app")
	after := mustUpdate(t, gone, h)
	if m := moved(before, after); m != nil || after.Lanes[0].ID != "mail" || after.Lanes[0].Y >= after.Lanes[1].Y {
		t.Errorf("%v moved, lanes are %+v", m, after.Lanes)
	}
}

// TestSitesStay changes whole sites again and again: boxes that stay hardly move.
func TestSitesStay(t *testing.T) {
	for _, c := range []struct {
		name   string
		graph  *Graph
		rounds int
		most   float64 // percent of the diagonal
	}{
		{"100 hosts", charts.Hubs(charts.Lanes(charts.Hosts(1, 101, 380))), 20, 1},
		{"pools", charts.Hubs(charts.Lanes(charts.Pools(1, 209, 210))), 20, 2},
		{"971 hosts", charts.Hubs(charts.Lanes(charts.Hosts(1, 971, 3782))), 5, 0.3},
		{"without lanes", charts.Hosts(1, 301, 1100), 20, 0.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := mustPlace(t, c.graph, Options{})
			at, g := start, c.graph
			for i := range c.rounds {
				g = charts.Change(g, uint64(i), 0.01)
				at = mustUpdate(t, at, g)
				if q := Measure(g, at); q.Overlaps != 0 {
					t.Fatalf("round %d: %d boxes overlap", i, q.Overlaps)
				}
				if s := Shift(start, at); i == 0 && s > 0.3 {
					t.Errorf("after one change the shift is %.2f %%, want 0.3 at most", s)
				}
			}
			if s := Shift(start, at); s > c.most {
				t.Errorf("after %d rounds the shift is %.2f %%, want %g at most", c.rounds, s, c.most)
			}
		})
	}
}

func TestUpdateOfNothingIsPlace(t *testing.T) {
	g := shop()
	want := charts.Text(mustPlace(t, g, Options{}))
	for _, prev := range []*Chart{nil, {}} {
		if got := charts.Text(mustUpdate(t, prev, g)); got != want {
			t.Errorf("Update of %v gives\n%s\nwant\n%s", prev, got, want)
		}
	}
	if c := mustUpdate(t, mustPlace(t, g, Options{}), &Graph{}); len(c.Placements)+len(c.Lanes) != 0 || c.Strip != nil || c.Width != 0 {
		t.Errorf("a chart without boxes is %+v", c)
	}
	if _, err := Update(nil, &Graph{Pins: map[string]Point{"a": {X: -1}}}); err == nil {
		t.Error("a pin outside of the chart is taken")
	}
}

// TestLanesOfSites holds charts in lanes to what a reader expects.
func TestLanesOfSites(t *testing.T) {
	for _, c := range []struct {
		name      string
		graph     *Graph
		crossings float64
		right     float64
	}{
		{"pools", charts.Hubs(charts.Lanes(charts.Pools(1, 209, 210))), 0.38, 0.94},
		{"971 hosts", charts.Hubs(charts.Lanes(charts.Hosts(1, 971, 3782))), 11.5, 0.98},
	} {
		t.Run(c.name, func(t *testing.T) {
			chart := mustPlace(t, c.graph, Options{})
			q := Measure(c.graph, chart)
			if got := float64(q.Crossings) / float64(q.Edges); q.Overlaps != 0 || got > c.crossings || q.LeftToRight < c.right {
				t.Errorf("quality is %+v, %.2f crossings per edge, want %g at most", q, got, c.crossings)
			}
			if a := chart.Width / chart.Height; a < 1.2 || a > 2.2 {
				t.Errorf("aspect is %.2f, want about 1.6", a)
			}
		})
	}
}
