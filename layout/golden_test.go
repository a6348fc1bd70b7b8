package layout

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGolden compares places with testdata/NAME.golden, so that every change
// of the picture is seen in review.
func TestGolden(t *testing.T) {
	for name, g := range smallGraphs(t) {
		t.Run(name, func(t *testing.T) {
			got := text(mustPlace(t, g, Options{}))
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
		crossings    int     // at most
		leftToRight  float64 // at least
		first, later string  // first stands left of later
	}{
		{"online-boutique", 3, 1, "frontend", "redis-cart"},
		// kafka and otel-collector call each other: one edge must run back.
		{"otel-demo", 26, 38.0 / 39, "frontend", "valkey-cart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := readEdges(t, c.name)
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

func smallGraphs(t *testing.T) map[string]Graph {
	return map[string]Graph{
		"empty":           {},
		"single":          {Boxes: boxes("a")},
		"chain":           graph("lb>web web>app app>db"),
		"pair":            graph("a>b b>a"),
		"ring":            graph("a>b b>c c>d d>a"),
		"self":            graph("a>a a>b"),
		"alone":           {Boxes: boxes("a", "b", "c", "d", "e", "f", "g")},
		"pieces":          graph("a>b b>c x>y k>l k>m k>n"),
		"undirected":      graph("a-b b-c c>d"),
		"first-run":       firstRun(),
		"fan-40":          generateFan(8, 40),
		"sides":           withSides(graph("internet>web web>app app>internet app>payments bank>app"), "internet bank", "payments"),
		"online-boutique": readEdges(t, "online-boutique"),
		"otel-demo":       readEdges(t, "otel-demo"),
	}
}

// firstRun is what a user sees first: one node, its clients from outside and
// three peers, one of which has no known direction.
func firstRun() Graph {
	return Graph{
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

// graph reads edges: "a>b" goes from a to b, "a-b" is undirected. All boxes
// are 120 by 56.
func graph(edges string) Graph {
	var g Graph
	var ids []string
	for _, word := range strings.Fields(edges) {
		from, to, directed := strings.Cut(word, ">")
		if !directed {
			from, to, _ = strings.Cut(word, "-")
		}
		ids = append(ids, from, to)
		g.Edges = append(g.Edges, Edge{From: from, To: to, FromY: 28, ToY: 28, Undirected: !directed})
	}
	slices.Sort(ids)
	g.Boxes = boxes(slices.Compact(ids)...)
	return g
}

func boxes(ids ...string) []Box {
	var bs []Box
	for _, id := range ids {
		bs = append(bs, Box{ID: id, W: 120, H: 56})
	}
	return bs
}

// withSides moves boxes to the sides.
func withSides(g Graph, entry, exit string) Graph {
	for i, b := range g.Boxes {
		switch {
		case slices.Contains(strings.Fields(entry), b.ID):
			g.Boxes[i].Side = Entry
		case slices.Contains(strings.Fields(exit), b.ID):
			g.Boxes[i].Side = Exit
		}
	}
	return g
}

// readEdges reads testdata/NAME.edges.tsv. A box has a row for each port on
// which it is called; the load generators are callers from outside.
func readEdges(t *testing.T, name string) Graph {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".edges.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(data)) {
		rows = append(rows, strings.Split(strings.TrimSpace(line), "\t"))
	}
	return graphOf(rows[1:])
}

func graphOf(rows [][]string) Graph {
	var g Graph
	ports := make(map[string][]string)
	for _, r := range rows {
		ports[r[0]] = append(ports[r[0]], "")[:len(ports[r[0]])]
		if !slices.Contains(ports[r[1]], r[2]) {
			ports[r[1]] = append(ports[r[1]], r[2])
		}
	}
	for id, p := range ports {
		b := Box{ID: id, W: boxWidth, H: boxHead + rowHeight*float64(max(1, len(p)))}
		if strings.HasPrefix(id, "load") {
			b.Side = Entry
		}
		g.Boxes = append(g.Boxes, b)
	}
	for _, r := range rows {
		row := slices.Index(ports[r[1]], r[2])
		g.Edges = append(g.Edges, Edge{
			From: r[0], To: r[1], FromY: boxHead / 2, ToY: boxHead + (float64(row)+0.5)*rowHeight,
		})
	}
	return g
}

// text writes a chart in the form of the golden files.
func text(c Chart) string {
	var b strings.Builder
	for _, p := range c.Placements {
		fmt.Fprintf(&b, "%s %g %g %g %g\n", p.ID, p.X, p.Y, p.W, p.H)
	}
	fmt.Fprintf(&b, "extent %g %g\n", c.Width, c.Height)
	return b.String()
}

func mustPlace(t testing.TB, g Graph, o Options) Chart {
	t.Helper()
	c, err := Place(g, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func placed(t testing.TB, c Chart, id string) Placement {
	t.Helper()
	i := slices.IndexFunc(c.Placements, func(p Placement) bool { return p.ID == id })
	if i < 0 {
		t.Fatalf("box %q has no place", id)
	}
	return c.Placements[i]
}
