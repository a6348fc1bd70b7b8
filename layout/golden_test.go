package layout

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/test/charts"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGolden compares places with testdata/NAME.golden, so that every change
// of the picture is seen in review.
func TestGolden(t *testing.T) {
	for name, g := range smallGraphs() {
		t.Run(name, func(t *testing.T) {
			got := charts.Text(mustPlace(t, g, Options{}))
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("places differ from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

// TestReferenceSystems holds the charts of the two public systems to what a
// reader expects of them, whatever the exact places.
func TestReferenceSystems(t *testing.T) {
	for _, c := range []struct {
		name         string
		graph        *Graph
		crossings    int     // at most
		leftToRight  float64 // at least
		first, later string  // first stands left of later
	}{
		{"online-boutique", charts.OnlineBoutique(), 3, 1, "frontend", "redis-cart"},
		// kafka and otel-collector call each other: one edge must run back.
		{"otel-demo", charts.OtelDemo(), 26, 38.0 / 39, "frontend", "valkey-cart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := c.graph
			chart := mustPlace(t, g, Options{})
			q := Measure(g, chart)
			if q.Overlaps != 0 || q.Crossings > c.crossings || q.LeftToRight < c.leftToRight {
				t.Errorf("quality is %+v, want no overlaps, at most %d crossings, at least %.3f left to right",
					q, c.crossings, c.leftToRight)
			}
			if a, b := placed(t, chart, c.first), placed(t, chart, c.later); a.X >= b.X {
				t.Errorf("%s stands at x=%g, not left of %s at %g", c.first, a.X, c.later, b.X)
			}
		})
	}
}

func smallGraphs() map[string]*Graph {
	return map[string]*Graph{
		"empty":           {},
		"single":          {Boxes: charts.Boxes("a")},
		"chain":           charts.Edges("lb>web web>app app>db"),
		"pair":            charts.Edges("a>b b>a"),
		"ring":            charts.Edges("a>b b>c c>d d>a"),
		"self":            charts.Edges("a>a a>b"),
		"alone":           {Boxes: charts.Boxes("a", "b", "c", "d", "e", "f", "g")},
		"pieces":          charts.Edges("a>b b>c x>y k>l k>m k>n"),
		"undirected":      charts.Edges("a-b b-c c>d"),
		"first-run":       firstRun(),
		"fan-40":          charts.Fan(8, 40),
		"sides":           charts.Sides(charts.Edges("internet>web web>app app>internet app>payments bank>app"), "internet bank", "payments"),
		"lanes":           shop(),
		"pools":           charts.Hubs(charts.Lanes(charts.Pools(1, 40, 42))),
		"online-boutique": charts.OnlineBoutique(),
		"otel-demo":       charts.OtelDemo(),
	}
}

// shop is a site of three products with shared services, a caller from outside, and
// one box that belongs nowhere.
func shop() *Graph {
	g := charts.Edges("net>lb lb>web web>app app>db app>cache app>bill bill>billdb net>edge edge>bill " +
		"app>find find>es cron>db app>pay web>dns app>dns bill>dns find>ntp dns>web")
	lanes := map[string]string{
		"lb": "shop", "web": "shop", "app": "shop", "db": "shop", "cache": "shop",
		"edge": "billing", "bill": "billing", "billdb": "billing", "find": "search", "es": "search",
	}
	sides := map[string]Side{"net": Entry, "pay": Exit, "dns": Strip, "ntp": Strip}
	for i, b := range g.Boxes {
		g.Boxes[i].Lane, g.Boxes[i].Side = lanes[b.ID], sides[b.ID]
	}
	return g
}

// firstRun is what a user sees first: one node, its clients from outside and
// three peers, one of which has no known direction.
func firstRun() *Graph {
	return &Graph{
		Boxes: []Box{
			{ID: "internet", W: 104, H: 112, Side: Entry},
			{ID: "web01", W: 184, H: 144},
			{ID: "10.20.0.53", W: 136, H: 48},
			{ID: "10.20.4.31", W: 136, H: 48},
			{ID: "10.20.9.7", W: 136, H: 48},
		},
		Edges: []Edge{
			{From: "internet", To: "web01", FromY: 48, ToY: 52, Weight: 40},
			{From: "internet", To: "web01", FromY: 64, ToY: 76},
			{From: "web01", To: "10.20.0.53", FromY: 72, ToY: 24, Undirected: true},
			{From: "web01", To: "10.20.4.31", FromY: 72, ToY: 24, Weight: 12},
			{From: "web01", To: "10.20.9.7", FromY: 72, ToY: 24},
		},
	}
}

func mustPlace(t testing.TB, g *Graph, o Options) *Chart {
	t.Helper()
	c, err := Place(with(g, o))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func placed(t testing.TB, c *Chart, id string) Placement {
	t.Helper()
	i := slices.IndexFunc(c.Placements, func(p Placement) bool { return p.ID == id })
	if i < 0 {
		t.Fatalf("box %q has no place", id)
	}
	return c.Placements[i]
}

// with returns g with other options.
func with(g *Graph, o Options) *Graph {
	h := *g
	h.Options = o
	return &h
}
