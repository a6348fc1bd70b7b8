package chart

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestSpellDiff: each change has its line, in the order in which it is read.
func TestSpellDiff(t *testing.T) {
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	appeared, vanished := history.Change{Change: topology.Appeared}, history.Change{Change: topology.Vanished}
	again := history.Change{Change: topology.Appeared, Returned: true}
	changed := func(what ...string) history.Change { return history.Change{Change: topology.Changed, What: what} }
	disk := topology.Check{Source: "nagios", Host: "web", Name: "disk"}
	host := topology.Check{Source: "nagios", Host: "web"}
	d := api.Difference{Comparison: history.Comparison{
		Nodes:       []history.NodeChange{{Change: appeared, Node: topology.Node{Name: "web"}}, {Change: changed("agent", "zone"), Node: topology.Node{Name: "db"}}},
		Services:    []history.ServiceChange{{Change: again, Service: topology.Service{Node: "web", Protocol: "tcp", Port: 80, Process: "nginx"}}},
		Connections: []history.ConnectionChange{{Change: vanished, Connection: topology.Connection{Client: topology.Client{Node: "web", Process: "nginx"}, Server: topology.Server{Node: "db", Port: 5432}}}},
		Checks: []history.CheckChange{
			{Change: appeared, Is: topology.Critical, Check: disk},
			{Change: again, Is: topology.Down, Check: host},
			{Change: vanished, Was: topology.Warning, Check: disk},
			{Change: changed("status", "acknowledged"), Was: topology.OK, Is: topology.Critical, Check: disk},
			{Change: changed("downtime"), Was: topology.Up, Is: topology.Up, Check: host},
		},
	}, Gaps: []store.Gap{{From: at, Why: "no server ran"}, {Node: "web", From: at, To: at.Add(time.Hour), Why: "silent"}}}
	want := []string{
		"+ node web",
		"~ node db (agent, zone)",
		"+ service web tcp/80 nginx (back again)",
		"- connection web nginx -> db:5432",
		"+ check disk of web (nagios) CRITICAL",
		"+ check of web (nagios) DOWN (back again)",
		"- check disk of web (nagios) was WARNING",
		"~ check disk of web (nagios) OK -> CRITICAL (status, acknowledged)",
		"~ check of web (nagios) UP (downtime)",
		"? anything was not seen from 2026-03-04T12:00:00Z to now: no server ran",
		"? web was not seen from 2026-03-04T12:00:00Z to 2026-03-04T13:00:00Z: silent",
	}
	if diff := cmp.Diff(want, spellDiff(&d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
