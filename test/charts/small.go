package charts

import (
	_ "embed" // the edges of public systems
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

var (
	//go:embed testdata/online-boutique.edges.tsv
	onlineBoutique string
	//go:embed testdata/otel-demo.edges.tsv
	otelDemo string
)

// OnlineBoutique is who calls whom in a public reference system; see
// testdata/README.md.
func OnlineBoutique() *graph.Graph { return table(onlineBoutique) }

// OtelDemo is who calls whom in another one.
func OtelDemo() *graph.Graph { return table(otelDemo) }

// table reads lines of client, server and port below a heading. A box has a row for
// each port on which it is called; the load generators are callers from outside.
func table(text string) *graph.Graph {
	var rows [][]string
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Split(strings.TrimSpace(line), "\t"))
	}
	rows = rows[1:]
	g := &graph.Graph{}
	ports := make(map[string][]string)
	for _, r := range rows {
		ports[r[0]] = append(ports[r[0]], "")[:len(ports[r[0]])]
		if !slices.Contains(ports[r[1]], r[2]) {
			ports[r[1]] = append(ports[r[1]], r[2])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ports)) {
		p := ports[id]
		b := graph.Box{ID: id, W: boxWidth, H: boxHead + rowHeight*float64(max(1, len(p)))}
		if strings.HasPrefix(id, "load") {
			b.Side = graph.Entry
		}
		g.Boxes = append(g.Boxes, b)
	}
	for _, r := range rows {
		row := slices.Index(ports[r[1]], r[2])
		g.Edges = append(g.Edges, graph.Edge{
			From: r[0], To: r[1], FromY: boxHead / 2, ToY: boxHead + (float64(row)+0.5)*rowHeight,
		})
	}
	return g
}

// Edges makes the graph that words say: "a>b" goes from a to b, "a-b" is
// undirected. All boxes are 120 by 56.
func Edges(words string) *graph.Graph {
	g := &graph.Graph{}
	ids := make([]string, 0, len(words)/2)
	for _, word := range strings.Fields(words) {
		from, to, directed := strings.Cut(word, ">")
		if !directed {
			from, to, _ = strings.Cut(word, "-")
		}
		ids = append(ids, from, to)
		g.Edges = append(g.Edges, graph.Edge{From: from, To: to, FromY: 28, ToY: 28, Undirected: !directed})
	}
	slices.Sort(ids)
	g.Boxes = Boxes(slices.Compact(ids)...)
	return g
}

// Boxes makes boxes of 120 by 56.
func Boxes(ids ...string) []graph.Box {
	bs := make([]graph.Box, 0, len(ids))
	for _, id := range ids {
		bs = append(bs, graph.Box{ID: id, W: 120, H: 56})
	}
	return bs
}

// Sides moves the boxes that words name to the sides of g, and returns g.
func Sides(g *graph.Graph, entry, exit string) *graph.Graph {
	for i, b := range g.Boxes {
		switch {
		case slices.Contains(strings.Fields(entry), b.ID):
			g.Boxes[i].Side = graph.Entry
		case slices.Contains(strings.Fields(exit), b.ID):
			g.Boxes[i].Side = graph.Exit
		}
	}
	return g
}

// Text writes a chart in the form of golden files.
func Text(c *graph.Chart) string {
	var b strings.Builder
	for _, p := range c.Placements {
		fmt.Fprintf(&b, "%s %g %g %g %g\n", p.ID, p.X, p.Y, p.W, p.H)
	}
	for _, l := range c.Lanes {
		fmt.Fprintf(&b, "lane %s %g %g %g %g\n", l.ID, l.X, l.Y, l.W, l.H)
	}
	if s := c.Strip; s != nil {
		fmt.Fprintf(&b, "strip %g %g %g %g\n", s.X, s.Y, s.W, s.H)
	}
	fmt.Fprintf(&b, "extent %g %g\n", c.Width, c.Height)
	return b.String()
}
