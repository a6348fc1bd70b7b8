package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/topology"
)

// TestSilence: a node whose agent was revoked says so, and not only that it is
// silent.
func TestSilence(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	id, _ := s.enrol(t, s.token(t, `{"uses":2}`), "web", "web", "")
	h := &handler{Options: Options{Agents: s.agents}}
	node := topology.Node{Name: "web", State: topology.Stale, Identity: "enrolled:" + id, LastReport: noon, Kind: topology.Host, Collect: "agent"}
	if got := h.silence(&node, h.revoked()); got != "has not reported since 2026-03-01T12:00:00Z" {
		t.Errorf("silent: %q", got)
	}
	if a := s.local(t, http.MethodDelete, Prefix+"/agents/"+id, ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	revoked := h.revoked()
	if got := h.silence(&node, revoked); got != "its agent was revoked at "+revoked[node.Identity].UTC().Format(time.RFC3339) || time.Since(revoked[node.Identity]) > time.Minute {
		t.Errorf("revoked: %q", got)
	}
	if got := h.findingsOf(&node, revoked); len(got) != 1 || got[0].Code != "revoked" {
		t.Errorf("findings are %+v", got)
	}
	node.State = topology.Reporting
	if got := h.silence(&node, revoked); got != "" {
		t.Errorf("reporting: %q", got)
	}
}

// TestClones: two hosts that enrolled each for itself and have one machine-id are
// copies; a host that enrolled again is none.
func TestClones(t *testing.T) {
	s := newSite(t, siteOptions{login: true})
	token := s.token(t, `{"uses":5}`)
	h := &handler{Options: Options{Agents: s.agents}}
	s.enrol(t, token, "web1", "one", "")
	s.enrol(t, token, "db", "other", "")
	if got := h.clones(); len(got) != 0 {
		t.Errorf("clones are %+v", got)
	}
	id, _ := s.enrol(t, token, "web2", "one", "")
	got := map[string]string{}
	for _, f := range h.clones() {
		got[f.Node] = f.Code + ": " + f.Text
	}
	want := map[string]string{
		"web1": "clone: has the same machine-id as web2: one is a copy of the other",
		"web2": "clone: has the same machine-id as web1: one is a copy of the other",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a := s.local(t, http.MethodDelete, Prefix+"/agents/"+id, ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	if got := h.clones(); len(got) != 0 {
		t.Errorf("after one was revoked: %+v", got)
	}
}
