package views

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/server/charts"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// boxes is a graph of boxes without edges: the named ones, and six that are always there,
// so that newcomers are few.
func boxes(names ...string) *view.Graph {
	g := &view.Graph{}
	for _, n := range slices.Concat(names, []string{"p", "q", "r", "s", "t", "u"}) {
		g.Boxes = append(g.Boxes, view.Box{ID: n, W: 120, H: 60})
	}
	return g
}

func placesOf(c view.Chart) map[string]view.Rect {
	out := map[string]view.Rect{}
	for _, p := range c.Places {
		out[p.ID] = p.Rect
	}
	return out
}

// TestGhostsKeepTheirPlaces: nobody takes them, they outlive the view that saw them go,
// and who is back has its place again.
func TestGhostsKeepTheirPlaces(t *testing.T) {
	book := library{charts.New(nowhere{}, slog.New(slog.DiscardHandler))}
	question := view.Question{Level: view.LevelNode, Hide: hideUsually}
	p := &placer{charts: book, meter: metrics.New(), question: question}
	place := func(g *view.Graph) view.Chart {
		t.Helper()
		c, err := p.Place(g)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := placesOf(place(boxes("a", "b", "c")))
	ghost := view.Ghost{Name: "b", Kind: topology.Host, Since: shop.Noon, Layout: before["b"]}
	g := boxes("a", "c", "new1", "new2", "new3")
	g.Ghosts = []view.Ghost{ghost}
	after := place(g)
	if len(after.Ghosts) != 1 || after.Ghosts[0] != ghost {
		t.Fatalf("ghosts %+v, was %+v", after.Ghosts, ghost)
	}
	for id, r := range placesOf(after) {
		if r.Overlaps(&ghost.Layout) {
			t.Errorf("%s stands on the ghost at %+v", id, r)
		}
		if was, there := before[id]; there && was != r {
			t.Errorf("%s moved from %+v to %+v", id, was, r)
		}
	}
	p = &placer{charts: book, meter: metrics.New(), question: question} // as after a start
	again := place(boxes("a", "c", "new1", "new2"))
	if len(again.Ghosts) != 1 || again.Ghosts[0] != ghost || len(again.Left) != 1 || again.Left[0].Name != "new3" {
		t.Errorf("after a start: ghosts %+v, left %+v", again.Ghosts, again.Left)
	}
	g = boxes("a", "b", "c", "new1", "new2")
	g.Ghosts = again.Ghosts
	if back := placesOf(place(g)); back["b"] != before["b"] {
		t.Errorf("who is back stands at %+v, stood at %+v", back["b"], before["b"])
	}
	if err := book.TidyChart(t.Context(), view.LevelNode); err != nil {
		t.Fatal(err)
	}
	g = boxes("a", "c")
	g.Ghosts = []view.Ghost{ghost}
	if tidy := place(g); len(tidy.Ghosts)+len(tidy.Left) != 0 {
		t.Errorf("after tidying: %+v, %+v", tidy.Ghosts, tidy.Left)
	}
}
