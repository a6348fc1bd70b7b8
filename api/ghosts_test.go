package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
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
	s := newSite(t, siteOptions{})
	question := view.Question{Level: view.LevelNode, Hide: hideUsually}
	p := &placer{charts: s.model, meter: NewMeter(), question: question}
	place := func(g *view.Graph) view.Chart {
		t.Helper()
		c, err := p.Place(g)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := placesOf(place(boxes("a", "b", "c")))
	ghost := view.Ghost{Name: "b", Kind: topology.Host, Since: noon, Layout: before["b"]}
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
	p = &placer{charts: s.model, meter: NewMeter(), question: question} // as after a start
	again := place(boxes("a", "c", "new1", "new2"))
	if len(again.Ghosts) != 1 || again.Ghosts[0] != ghost || len(again.Left) != 1 || again.Left[0].Name != "new3" {
		t.Errorf("after a start: ghosts %+v, left %+v", again.Ghosts, again.Left)
	}
	g = boxes("a", "b", "c", "new1", "new2")
	g.Ghosts = again.Ghosts
	if back := placesOf(place(g)); back["b"] != before["b"] {
		t.Errorf("who is back stands at %+v, stood at %+v", back["b"], before["b"])
	}
	if err := s.model.TidyChart(t.Context(), view.LevelNode); err != nil {
		t.Fatal(err)
	}
	g = boxes("a", "c")
	g.Ghosts = []view.Ghost{ghost}
	if tidy := place(g); len(tidy.Ghosts)+len(tidy.Left) != 0 {
		t.Errorf("after tidying: %+v, %+v", tidy.Ghosts, tidy.Left)
	}
}

// TestPinnedIsTold: boxes that somebody put somewhere say so, and say no more when they
// are let go.
func TestPinnedIsTold(t *testing.T) {
	s := twins(t)
	pinned := func() (names []string) {
		v := read200[Topology](t, s, Prefix+"/topology")
		for _, n := range v.Nodes {
			if n.Layout.Pinned {
				names = append(names, n.Name)
			}
		}
		return names
	}
	if got := pinned(); len(got) != 0 {
		t.Errorf("pinned are %v", got)
	}
	move := func(body string, want int) {
		t.Helper()
		if a := s.do(t, http.MethodPatch, Prefix+"/charts/service", body); a.StatusCode != http.StatusNoContent {
			t.Fatalf("%s: %s", a.Status, a.body)
		}
		s.settle(t, func(*topology.Snapshot) bool { return len(pinned()) == want })
	}
	at := read200[Topology](t, s, Prefix+"/topology").Nodes[0]
	here, err := json.Marshal(view.Point{X: at.Layout.X, Y: at.Layout.Y})
	if err != nil {
		t.Fatal(err)
	}
	move(`{"pins": {"`+at.Name+`": `+string(here)+`}}`, 1) // where it is: only that it is pinned is new
	move(`{"pins": {"`+at.Name+`": null}}`, 0)
}

// TestPastStandsWhereItStood: at all levels a chart of the past has today's places, and
// what is gone at its last, also after a start.
func TestPastStandsWhereItStood(t *testing.T) {
	last := view.Rect{X: 2000, Y: 1200, W: 120, H: 53}
	fill := bygone(t)
	s := newSite(t, siteOptions{before: func(st *bolt.Store) {
		fill(st)
		var keep []store.Document
		for _, level := range levels {
			c := view.Chart{
				Places: []view.Place{
					{ID: "web", Rect: view.Rect{X: 800, Y: 400, W: 120, H: 53}},
					{ID: "cache", Rect: view.Rect{X: 1100, Y: 400, W: 120, H: 53}}, // most is known: the chart doesn't grow
				}, Width: 1260, Height: 480,
				Left: []view.Ghost{{Name: "old", Kind: topology.Host, Since: hoursAgo(3), Layout: last}},
			}
			value, err := json.Marshal(&c)
			if err != nil {
				t.Fatal(err)
			}
			keep = append(keep, store.Document{Kind: "chart", Key: level, Value: value})
		}
		if err := st.Write(t.Context(), store.Change{Revision: topology.Revision{Epoch: "e", Number: 8}, Keep: keep, Alive: hoursAgo(0)}); err != nil {
			t.Fatal(err)
		}
	}})
	for _, level := range levels {
		now := read200[Topology](t, s, Prefix+"/topology?level="+level)
		then := read200[Topology](t, s, Prefix+"/topology?level="+level+"&at="+stamp(hoursAgo(6)))
		today := map[string]view.Rect{}
		for _, n := range slices.Concat(now.Nodes, now.Groups, now.Pools) {
			today[n.Name] = *n.Layout
		}
		found := false
		for _, n := range slices.Concat(then.Nodes, then.Groups, then.Pools) {
			want, there := today[n.Name]
			if n.Name == "old" {
				want, there, found = last, true, true
			}
			if there && (n.Layout.X != want.X || n.Layout.Y != want.Y) {
				t.Errorf("%s: %s stood at %+v, want %+v", level, n.Name, *n.Layout, want)
			}
		}
		if then.Width < last.X+last.W || !found || len(today) == 0 {
			t.Errorf("%s: width %g, today %+v", level, then.Width, today)
		}
		near := read200[Topology](t, s, Prefix+"/topology?level="+level+"&focus=old&at="+stamp(hoursAgo(6)))
		if len(near.Nodes) != 1 || near.Nodes[0].Name != "old" || near.Nodes[0].Layout.X != last.X {
			t.Errorf("%s: around old are %+v", level, near.Nodes)
		}
	}
}
