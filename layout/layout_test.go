package layout

import (
	"math"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/charts"
)

func TestPlaceRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	ab := charts.Boxes("a", "b")
	for _, c := range []struct {
		name  string
		graph *Graph
		opt   Options
		want  string
	}{
		{"no id", &Graph{Boxes: []Box{{W: 1, H: 1}}}, Options{}, `box: ID must not be empty`},
		{"same id", &Graph{Boxes: charts.Boxes("a", "a")}, Options{}, `box "a": ID must be unique, is given twice`},
		{"no width", &Graph{Boxes: []Box{{ID: "a", H: 1}}}, Options{}, `box "a": W must be above 0 and at most 1e+06, is 0`},
		{"negative height", &Graph{Boxes: []Box{{ID: "a", W: 1, H: -2}}}, Options{}, `box "a": H must be above 0 and at most 1e+06, is -2`},
		{"NaN width", &Graph{Boxes: []Box{{ID: "a", W: nan, H: 1}}}, Options{}, `box "a": W must be above 0 and at most 1e+06, is NaN`},
		{"infinite height", &Graph{Boxes: []Box{{ID: "a", W: 1, H: inf}}}, Options{}, `box "a": H must be above 0 and at most 1e+06, is +Inf`},
		{"unknown side", &Graph{Boxes: []Box{{ID: "a", W: 1, H: 1, Side: 7}}}, Options{}, `box "a": Side must be Inside, Entry, Exit or Strip, is 7`},
		{"unknown client", &Graph{Boxes: ab, Edges: []Edge{{From: "x", To: "a"}}}, Options{}, `edge "x" to "a": client From must be the ID of a box, is "x"`},
		{"unknown server", &Graph{Boxes: ab, Edges: []Edge{{From: "a", To: "y"}}}, Options{}, `edge "a" to "y": server To must be the ID of a box, is "y"`},
		{"port below box", &Graph{Boxes: ab, Edges: []Edge{{From: "a", To: "b", FromY: 57}}}, Options{}, `edge "a" to "b": FromY must be from 0 to 56, is 57`},
		{"port above box", &Graph{Boxes: ab, Edges: []Edge{{From: "a", To: "b", ToY: -1}}}, Options{}, `edge "a" to "b": ToY must be from 0 to 56, is -1`},
		{"NaN weight", &Graph{Boxes: ab, Edges: []Edge{{From: "a", To: "b", Weight: nan}}}, Options{}, `edge "a" to "b": Weight must be from 0 to`},
		{"negative gap", &Graph{}, Options{GapX: -1}, `options: GapX must be from 0 to 1e+06, is -1`},
		{"NaN aspect", &Graph{}, Options{Aspect: nan}, `options: Aspect must be from 0 to 1e+06, is NaN`},
		{"tiny aspect", &Graph{}, Options{Aspect: 1e-9}, `options: Aspect must be from 0.1 to 10, is 1e-09`},
		{"infinite height", &Graph{}, Options{Height: inf}, `options: Height must be from 0 to 1e+06, is +Inf`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Place(with(c.graph, c.opt))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestPlaceLeavesInputAlone(t *testing.T) {
	g := charts.Edges("b>a c>b")
	g.Boxes[0], g.Boxes[2] = g.Boxes[2], g.Boxes[0]
	mustPlace(t, g, Options{})
	if g.Boxes[0].ID != "c" || g.Edges[0].From != "b" {
		t.Errorf("Place reordered its input: %v", g)
	}
}

func TestPlaceOptions(t *testing.T) {
	g := charts.Edges("a>b a>c")
	c := mustPlace(t, g, Options{GapX: 200, GapY: 33, Margin: 16})
	a, b, d := placed(t, c, "a"), placed(t, c, "b"), placed(t, c, "c")
	if a.X != 16 || min(b.Y, d.Y) != 16 {
		t.Errorf("margin: a at x=%g, highest at y=%g, want 16", a.X, min(b.Y, d.Y))
	}
	if gap := b.X - a.X - a.W; gap < 200 {
		t.Errorf("gap between columns is %g, want 200 at least", gap)
	}
	if gap := math.Abs(b.Y-d.Y) - b.H; gap != 40 {
		t.Errorf("gap within column is %g, want 33 rounded up to 40", gap)
	}
}

func TestInternetStaysLeft(t *testing.T) {
	g := charts.Sides(charts.Edges("internet>web web>app app>internet app>internet"), "internet", "")
	c := mustPlace(t, g, Options{})
	if net, web, app := placed(t, c, "internet"), placed(t, c, "web"), placed(t, c, "app"); net.X >= web.X || web.X >= app.X {
		t.Errorf("x of internet, web, app = %g, %g, %g, want them rising", net.X, web.X, app.X)
	}
}

func TestEntriesOfAllPiecesStandLeft(t *testing.T) {
	g := charts.Sides(charts.Edges("i>a a>b b>c j>x x>y p>q k>k"), "i j k", "c y")
	c := mustPlace(t, g, Options{})
	for _, inside := range []string{"a", "b", "x", "p", "q"} {
		b := placed(t, c, inside)
		for _, entry := range []string{"i", "j", "k"} {
			if e := placed(t, c, entry); e.X+e.W >= b.X {
				t.Errorf("entry %s ends at %g, not left of %s at %g", entry, e.X+e.W, inside, b.X)
			}
		}
		for _, exit := range []string{"c", "y"} {
			if e := placed(t, c, exit); e.X <= b.X+b.W {
				t.Errorf("exit %s starts at %g, not right of %s that ends at %g", exit, e.X, inside, b.X+b.W)
			}
		}
	}
}

func TestEqualRowsMakeStraightLines(t *testing.T) {
	c := mustPlace(t, charts.Edges("lb>web web>app app>db"), Options{})
	for _, p := range c.Placements {
		if p.Y != c.Placements[0].Y {
			t.Errorf("%s stands at y=%g, %s at %g: a chain should be straight", p.ID, p.Y, c.Placements[0].ID, c.Placements[0].Y)
		}
	}
}

func TestHeavyEdgeIsStraighter(t *testing.T) {
	g := charts.Edges("a>b a>c")
	g.Edges[1].Weight = 1e6
	c := mustPlace(t, g, Options{})
	a := placed(t, c, "a")
	light, heavy := math.Abs(placed(t, c, "b").Y-a.Y), math.Abs(placed(t, c, "c").Y-a.Y)
	if heavy >= light {
		t.Errorf("heavy edge climbs %g, light one %g", heavy, light)
	}
}

func TestPortsOrderPeers(t *testing.T) {
	g := charts.Edges("host>a host>b host>c")
	for i, y := range []float64{48, 28, 8} {
		g.Edges[i].FromY = y
	}
	c := mustPlace(t, g, Options{})
	if a, b, d := placed(t, c, "a").Y, placed(t, c, "b").Y, placed(t, c, "c").Y; d >= b || b >= a {
		t.Errorf("y of a, b, c = %g, %g, %g, want the order of their ports: c, b, a", a, b, d)
	}
}

func TestFanIsWrapped(t *testing.T) {
	for _, c := range []struct {
		peers, columns int // of peers, at least
		height         float64
	}{
		{12, 1, 1100},
		{40, 2, 1200},
		{200, 5, 2000},
	} {
		g := charts.Fan(8, c.peers)
		chart := mustPlace(t, g, Options{})
		columns := make(map[float64]bool)
		for _, p := range chart.Placements {
			if strings.HasPrefix(p.ID, "10.") {
				columns[p.X] = true
			}
		}
		if chart.Height > c.height || len(columns) < c.columns {
			t.Errorf("%d peers: height %g in %d columns, want at most %g in at least %d",
				c.peers, chart.Height, len(columns), c.height, c.columns)
		}
	}
}

// TestHugeSizes makes sure that the largest sizes allowed still give finite
// places.
func TestHugeSizes(t *testing.T) {
	g := charts.Edges("a>b b>c a>c d>e")
	for i := range g.Boxes {
		g.Boxes[i].W, g.Boxes[i].H = MaxSize, MaxSize
	}
	c := mustPlace(t, g, Options{GapX: MaxSize, GapY: MaxSize, Margin: MaxSize})
	if q := Measure(g, c); q.Overlaps != 0 || math.IsInf(c.Width, 0) || math.IsNaN(c.Height) {
		t.Errorf("quality %+v, extent %g by %g", q, c.Width, c.Height)
	}
}
