package nodes_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api/nodes"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/recent"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// remembered are the numbers of one node.
type remembered map[string]recent.Hour

func (r remembered) Recent(node string) (recent.Hour, bool) {
	h, ok := r[node]
	return h, ok
}

func TestRecentAnswer(t *testing.T) {
	var m recent.Memory
	node := topology.Node{Name: "web1", State: topology.Reporting, LastReport: shop.Noon, Interval: topology.Duration(time.Hour)}
	service := topology.Service{ID: "web1~tcp~80"}
	snap, err := topology.FromBlocks(topology.Revision{}, shop.Noon, []*topology.Block{{Node: node, Services: []topology.Service{service}, Connections: []*topology.Connection{{
		Client: topology.Client{Node: "far"}, Server: topology.Server{Node: "web1", Service: service.ID}, Count: 3,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	m.Take(snap, shop.Noon)
	m.Take(snap, shop.Noon.Add(2*recent.Step))
	hour, _ := m.Of("web1", []topology.Service{service})
	s := served.New(t, served.Options{Recent: remembered{"web1": hour}})
	s.Report(t, shop.Host("web1", "10.0.0.1").Report)
	s.Report(t, shop.Host("web2", "10.0.0.2").Report)
	b := served.Read[nodes.NodeRecent](t, s, api.Prefix+"/nodes/web1/recent")
	if !b.From.Equal(shop.Noon) || b.Step != 30 || len(b.Node.Open) != 3 || *b.Node.Open[0] != 3 || b.Node.Open[1] != nil || *b.Node.Open[2] != 3 || b.Node.RTT != nil {
		t.Errorf("%+v", b)
	}
	if got := b.Services["web1~tcp~80"].Open; len(got) != 3 || got[1] != nil {
		t.Errorf("the service's are %v", got)
	}
	if none := served.Read[nodes.NodeRecent](t, s, api.Prefix+"/nodes/web2/recent"); none.Node.Open == nil || len(none.Node.Open) > 0 || time.Since(none.From) > time.Minute {
		t.Errorf("of a node without numbers: %+v", none)
	}
	if a := s.Get(t, api.Prefix+"/nodes/web9/recent"); a.StatusCode != http.StatusNotFound || !strings.Contains(string(a.Text), "no node is named") {
		t.Errorf("%s %s", a.Status, a.Text)
	}
}
