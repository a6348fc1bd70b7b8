package chart_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// TestPoolsOnTheChart: what people decide is shown on the levels pool and group, by
// the names that they give, and taken back.
func TestPoolsOnTheChart(t *testing.T) {
	s := served.Twins(t)
	s.Choose(t, `{"pool": {"web1": "pool~w", "web2": "pool~w", "db": ""}, "names": {"pool~w": "front <b>", "group~s": "shop"},
		"group": {"pool~w": "group~s", "db": "group~s"}}`, func(r *grouping.Roles) bool {
		p := r.PoolOf("web1")
		return p != nil && p.ID == "pool~w" && p.Name == "front <b>" && r.GroupOf("db") == "group~s"
	})
	var chart api.Topology
	s.Settle(t, func(*topology.Snapshot) bool {
		chart = served.Read[api.Topology](t, s, api.Prefix+"/topology?level=pool")
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
	apart := served.Read[api.Topology](t, s, api.Prefix+"/topology?level=pool&expand=pool~w")
	if len(apart.Pools) != 0 || len(apart.Nodes) != 3 || len(apart.Connections) != 2 {
		t.Errorf("expanded: pools %+v, %d nodes, %d connections", apart.Pools, len(apart.Nodes), len(apart.Connections))
	}
	groups := served.Read[api.Topology](t, s, api.Prefix+"/topology?level=group")
	if len(groups.Groups) != 1 || groups.Groups[0].Title != "shop" || len(groups.Groups[0].Members) != 3 || len(groups.Nodes) != 0 {
		t.Errorf("groups %+v, nodes %+v", groups.Groups, groups.Nodes)
	}
	s.Choose(t, `{"pool": {"web1": ""}}`, func(r *grouping.Roles) bool { return r.PoolOf("web1") == nil })
	if c := served.Read[struct{ Choices grouping.Choices }](t, s, api.Prefix+"/roles").Choices; c.Pool["web2"] != "pool~w" || c.Pool["web1"] != "" {
		t.Errorf("decided is %+v", c)
	}
}

// TestBoxesAreMoved: a box stands where somebody put it, others keep their places, and
// it goes back when it is let go and the chart is tidied.
func TestBoxesAreMoved(t *testing.T) {
	s := served.Twins(t)
	places := func() map[string]view.Rect {
		out := map[string]view.Rect{}
		for _, n := range served.Read[api.Topology](t, s, api.Prefix+"/topology").Nodes {
			out[n.Name] = *n.Layout
		}
		return out
	}
	before := places()
	move := func(body string) served.Answer { return s.Do(t, http.MethodPatch, api.Prefix+"/charts/service", body) }
	if a := move(`{"pins": {"db": {"x": 2000, "y": 1000}}}`); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", a.Status, a.Text)
	}
	s.Settle(t, func(*topology.Snapshot) bool { return places()["db"].X == 2000 })
	if after := places(); after["db"].Y != 1000 || after["web1"] != before["web1"] || after["web2"] != before["web2"] {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if a := move(`{"pins": {"db": null}}`); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", a.Status, a.Text)
	}
	if a := s.Do(t, http.MethodPost, api.Prefix+"/charts/service/tidy", ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", a.Status, a.Text)
	}
	s.Settle(t, func(*topology.Snapshot) bool { return places()["db"] == before["db"] })
}

func TestWrongArrangements(t *testing.T) {
	s := served.Twins(t)
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
		a := s.Do(t, c.method, api.Prefix+c.path, c.body)
		var problem struct {
			Detail string
			Errors json.RawMessage
		}
		if err := json.Unmarshal(a.Text, &problem); err != nil || a.StatusCode != c.status || !strings.Contains(string(a.Text), c.says) {
			t.Errorf("%s %s %s: %s %s", c.method, c.path, c.body, a.Status, a.Text)
		}
	}
}
