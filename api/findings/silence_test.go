package findings_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api/findings"
	"github.com/devops-trouble-map/dotm/api/nodes"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestSilence: a node whose agent was revoked says so, and not only that it is
// silent.
func TestSilence(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	id, _ := s.Enrol(t, s.Token(t, `{"uses":2}`), "web", "web", "")
	node := topology.Node{Name: "web", State: topology.Stale, Identity: "enrolled:" + id, LastReport: shop.Noon, Kind: topology.Host, Collect: "agent"}
	if got := nodes.Silence(&node, nodes.Revoked(s.Agents)); got != "has not reported since 2026-03-01T12:00:00Z" {
		t.Errorf("silent: %q", got)
	}
	if a := s.Local(t, http.MethodDelete, api.Prefix+"/agents/"+id, ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	revoked := nodes.Revoked(s.Agents)
	if got := nodes.Silence(&node, revoked); got != "its agent was revoked at "+revoked[node.Identity].UTC().Format(time.RFC3339) || time.Since(revoked[node.Identity]) > time.Minute {
		t.Errorf("revoked: %q", got)
	}
	if got := findings.Of(&node, revoked, nodes.Silence); len(got) != 1 || got[0].Code != "revoked" {
		t.Errorf("findings are %+v", got)
	}
	node.State = topology.Reporting
	if got := nodes.Silence(&node, revoked); got != "" {
		t.Errorf("reporting: %q", got)
	}
}

// TestClones: two hosts that enrolled each for itself and have one machine-id are
// copies; a host that enrolled again is none.
func TestClones(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	token := s.Token(t, `{"uses":5}`)
	s.Enrol(t, token, "web1", "one", "")
	s.Enrol(t, token, "db", "other", "")
	if got := findings.Clones(s.Agents); len(got) != 0 {
		t.Errorf("clones are %+v", got)
	}
	id, _ := s.Enrol(t, token, "web2", "one", "")
	got := map[string]string{}
	for _, f := range findings.Clones(s.Agents) {
		got[f.Node] = f.Code + ": " + f.Text
	}
	want := map[string]string{
		"web1": "clone: has the same machine-id as web2: one is a copy of the other",
		"web2": "clone: has the same machine-id as web1: one is a copy of the other",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a := s.Local(t, http.MethodDelete, api.Prefix+"/agents/"+id, ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	if got := findings.Clones(s.Agents); len(got) != 0 {
		t.Errorf("after one was revoked: %+v", got)
	}
}
