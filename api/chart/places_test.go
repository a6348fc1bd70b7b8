package chart_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/api"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// TestPinnedIsTold: boxes that somebody put somewhere say so, and say no more when they
// are let go.
func TestPinnedIsTold(t *testing.T) {
	s := served.Twins(t)
	pinned := func() (names []string) {
		v := served.Read[api.Topology](t, s, api.Prefix+"/topology")
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
		if a := s.Do(t, http.MethodPatch, api.Prefix+"/charts/service", body); a.StatusCode != http.StatusNoContent {
			t.Fatalf("%s: %s", a.Status, a.Text)
		}
		s.Settle(t, func(*topology.Snapshot) bool { return len(pinned()) == want })
	}
	at := served.Read[api.Topology](t, s, api.Prefix+"/topology").Nodes[0]
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
	fill := served.Bygone(t)
	s := served.New(t, served.Options{Before: func(st *bolt.Store) {
		fill(st)
		var keep []store.Document
		for _, level := range served.Levels() {
			c := view.Chart{
				Places: []view.Place{
					{ID: "web", Rect: view.Rect{X: 800, Y: 400, W: 120, H: 53}},
					{ID: "cache", Rect: view.Rect{X: 1100, Y: 400, W: 120, H: 53}}, // most is known: the chart doesn't grow
				}, Width: 1260, Height: 480,
				Left: []view.Ghost{{Name: "old", Kind: topology.Host, Since: served.HoursAgo(3), Layout: last}},
			}
			value, err := json.Marshal(&c)
			if err != nil {
				t.Fatal(err)
			}
			keep = append(keep, store.Document{Kind: "chart", Key: level, Value: value})
		}
		if err := st.Write(t.Context(), store.Change{Revision: topology.Revision{Epoch: "e", Number: 8}, Keep: keep, Alive: served.HoursAgo(0)}); err != nil {
			t.Fatal(err)
		}
	}})
	for _, level := range served.Levels() {
		now := served.Read[api.Topology](t, s, api.Prefix+"/topology?level="+level)
		then := served.Read[api.Topology](t, s, api.Prefix+"/topology?level="+level+"&at="+served.Stamp(served.HoursAgo(6)))
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
		near := served.Read[api.Topology](t, s, api.Prefix+"/topology?level="+level+"&focus=old&at="+served.Stamp(served.HoursAgo(6)))
		if len(near.Nodes) != 1 || near.Nodes[0].Name != "old" || near.Nodes[0].Layout.X != last.X {
			t.Errorf("%s: around old are %+v", level, near.Nodes)
		}
	}
}
