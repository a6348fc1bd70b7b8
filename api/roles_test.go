package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// twins is a site of two equal web servers before a database.
func twins(t *testing.T) *site {
	t.Helper()
	s := newSite(t, siteOptions{})
	for _, one := range []made{
		host("web1", "10.0.0.1").listen("nginx", 80).out("php", "10.0.0.3", 5432),
		host("web2", "10.0.0.2").listen("nginx", 80).out("php", "10.0.0.3", 5432),
		host("db", "10.0.0.3").listen("postgres", 5432).in("10.0.0.1", 5432).in("10.0.0.2", 5432),
	} {
		s.put(t, one.Report)
	}
	s.settle(t, func(snap *topology.Snapshot) bool { return snap.Block("db") != nil })
	return s
}

// choose changes what people decide, and waits until it is in force.
func (s *site) choose(t *testing.T, body string, done func(*grouping.Roles) bool) {
	t.Helper()
	if a := s.do(t, http.MethodPatch, Prefix+"/roles", body); a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
	s.settle(t, func(*topology.Snapshot) bool { return done(s.model.Roles()) })
}

// TestPoolsOnTheChart: what people decide is shown on the levels pool and group, by
// the names that they give, and taken back.
func TestPoolsOnTheChart(t *testing.T) {
	s := twins(t)
	s.choose(t, `{"pool": {"web1": "pool~w", "web2": "pool~w", "db": ""}, "names": {"pool~w": "front <b>", "group~s": "shop"},
		"group": {"pool~w": "group~s", "db": "group~s"}}`, func(r *grouping.Roles) bool {
		p := r.PoolOf("web1")
		return p != nil && p.ID == "pool~w" && p.Name == "front <b>" && r.GroupOf("db") == "group~s"
	})
	var chart Topology
	s.settle(t, func(*topology.Snapshot) bool {
		chart = read200[Topology](t, s, Prefix+"/topology?level=pool")
		return len(chart.Pools) == 1
	})
	pool := chart.Pools[0]
	var members []string
	for _, m := range pool.Members {
		members = append(members, m.Name)
	}
	if pool.Name != "pool~w" || pool.Title != "front <b>" || pool.Group != "group~s" || pool.Layout == nil || !cmp.Equal(members, []string{"web1", "web2"}) {
		t.Errorf("the pool is %+v", pool)
	}
	if len(chart.Nodes) != 1 || chart.Nodes[0].Name != "db" || len(chart.Connections) != 1 || chart.Connections[0].Client.Node != "pool~w" || chart.Connections[0].Count != 4 {
		t.Errorf("nodes %+v, connections %+v", chart.Nodes, chart.Connections)
	}
	if len(chart.Lanes) != 1 || chart.Lanes[0].ID != "group~s" || chart.Lanes[0].Title != "shop" {
		t.Errorf("lanes %+v", chart.Lanes)
	}
	if c := chart.Coverage; c.Nodes != 3 || c.Reporting != 3 {
		t.Errorf("it covers %+v", c)
	}
	apart := read200[Topology](t, s, Prefix+"/topology?level=pool&expand=pool~w")
	if len(apart.Pools) != 0 || len(apart.Nodes) != 3 || len(apart.Connections) != 2 {
		t.Errorf("expanded: pools %+v, %d nodes, %d connections", apart.Pools, len(apart.Nodes), len(apart.Connections))
	}
	groups := read200[Topology](t, s, Prefix+"/topology?level=group")
	if len(groups.Groups) != 1 || groups.Groups[0].Title != "shop" || len(groups.Groups[0].Members) != 3 || len(groups.Nodes) != 0 {
		t.Errorf("groups %+v, nodes %+v", groups.Groups, groups.Nodes)
	}
	s.choose(t, `{"pool": {"web1": ""}}`, func(r *grouping.Roles) bool { return r.PoolOf("web1") == nil })
	if c := read200[struct{ Choices grouping.Choices }](t, s, Prefix+"/roles").Choices; c.Pool["web2"] != "pool~w" || c.Pool["web1"] != "" {
		t.Errorf("decided is %+v", c)
	}
}

// TestBoxesAreMoved: a box stands where somebody put it, others keep their places, and
// it goes back when it is let go and the chart is tidied.
func TestBoxesAreMoved(t *testing.T) {
	s := twins(t)
	places := func() map[string]view.Rect {
		out := map[string]view.Rect{}
		for _, n := range read200[Topology](t, s, Prefix+"/topology").Nodes {
			out[n.Name] = *n.Layout
		}
		return out
	}
	before := places()
	move := func(body string) answered { return s.do(t, http.MethodPatch, Prefix+"/charts/service", body) }
	if a := move(`{"pins": {"db": {"x": 2000, "y": 1000}}}`); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
	s.settle(t, func(*topology.Snapshot) bool { return places()["db"].X == 2000 })
	if after := places(); after["db"].Y != 1000 || after["web1"] != before["web1"] || after["web2"] != before["web2"] {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if a := move(`{"pins": {"db": null}}`); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
	if a := s.do(t, http.MethodPost, Prefix+"/charts/service/tidy", ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
	s.settle(t, func(*topology.Snapshot) bool { return places()["db"] == before["db"] })
}

func TestWrongArrangements(t *testing.T) {
	s := twins(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{http.MethodPatch, "/roles", `{"names": {"pool~w": ""}}`, 422, "names[pool~w]"},
		{http.MethodPatch, "/roles", `{"pool": {"web1": "a\u0007b"}}`, 422, "control characters"},
		{http.MethodPatch, "/roles", `{"pool": 7}`, 422, "pool"},
		{http.MethodPatch, "/charts/service", `{"pins": {"db": {"x": -1, "y": 0}}}`, 422, "pins[db].x"},
		{http.MethodPatch, "/charts/service", `{"pins": {"db": {"x": 0, "y": 1e9}}}`, 422, "pins[db].y"},
		{http.MethodPatch, "/charts/galaxy", `{"pins": {}}`, 422, "galaxy"},
		{http.MethodPost, "/charts/galaxy/tidy", ``, 422, "galaxy"},
		{http.MethodGet, "/topology?level=node&expand=pool~w", ``, 422, "expand"},
		{http.MethodGet, "/topology?level=pool&expand=" + strings.Repeat("a,", 200), ``, 422, "expand"},
	} {
		a := s.do(t, c.method, Prefix+c.path, c.body)
		var problem struct {
			Detail string
			Errors json.RawMessage
		}
		if err := json.Unmarshal(a.body, &problem); err != nil || a.StatusCode != c.status || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s %s %s: %s %s", c.method, c.path, c.body, a.Status, a.body)
		}
	}
}
