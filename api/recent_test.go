package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/recent"
	"github.com/devops-trouble-map/dotm/topology"
)

// remembered are the numbers of one node.
type remembered map[string]recent.Hour

func (r remembered) Recent(node string) (recent.Hour, bool) {
	h, ok := r[node]
	return h, ok
}

func TestRecentAnswer(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.report(t, host("web1", "10.0.0.1").Report)
	s.report(t, host("web2", "10.0.0.2").Report)
	var m recent.Memory
	node := topology.Node{Name: "web1", State: topology.Reporting, LastReport: noon, Interval: topology.Duration(time.Hour)}
	service := topology.Service{ID: "web1~tcp~80"}
	snap, err := topology.FromBlocks(topology.Revision{}, noon, []*topology.Block{{Node: node, Services: []topology.Service{service}, Connections: []*topology.Connection{{
		Client: topology.Client{Node: "far"}, Server: topology.Server{Node: "web1", Service: service.ID}, Count: 3,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	m.Take(snap, noon)
	m.Take(snap, noon.Add(2*recent.Step))
	hour, _ := m.Of("web1", []topology.Service{service})
	h := &handler{Options: Options{Model: s.model, Recent: remembered{"web1": hour}}}
	a, err := h.recent(t.Context(), &RecentParams{Name: "web1"})
	if err != nil {
		t.Fatal(err)
	}
	b := a.Body
	if !b.From.Equal(noon) || b.Step != 30 || len(b.Node.Open) != 3 || *b.Node.Open[0] != 3 || b.Node.Open[1] != nil || *b.Node.Open[2] != 3 || b.Node.RTT != nil {
		t.Errorf("%+v", b)
	}
	if got := b.Services["web1~tcp~80"].Open; len(got) != 3 || got[1] != nil {
		t.Errorf("the service's are %v", got)
	}
	h.Now = func() time.Time { return noon }
	if a, err := h.recent(t.Context(), &RecentParams{Name: "web2"}); err != nil || a.Body.Node.Open == nil || len(a.Body.Node.Open) > 0 || !a.Body.From.Equal(noon) {
		t.Errorf("of a node without numbers: %v %v", a, err)
	}
	if a := s.get(t, Prefix+"/nodes/web9/recent"); a.StatusCode != http.StatusNotFound || !strings.Contains(string(a.body), "no node is named") {
		t.Errorf("%s %s", a.Status, a.body)
	}
}
