package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api/nodes"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/test/still"
	"github.com/devops-trouble-map/dotm/topology"
)

func TestReads(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	t.Run("nodes", func(t *testing.T) {
		got := map[string][2]int{}
		for _, n := range served.Read[api.NodeList](t, s, api.Prefix+"/nodes").Nodes {
			got[n.Name] = [2]int{n.Services, n.Connections}
			if n.Layout != nil || n.Rows != nil {
				t.Errorf("%s has a layout in a list", n.Name)
			}
		}
		want := map[string][2]int{"web": {3, 5}, "db": {1, 1}, "10.0.0.9": {1, 1}, "10.0.0.50": {0, 1}, "Internet": {0, 2}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("nodes %v, want %v", got, want)
		}
	})
	t.Run("node", func(t *testing.T) {
		n := served.Read[nodes.NodeDetail](t, s, api.Prefix+"/nodes/web")
		if !n.Node.This || len(n.Services) != 3 || len(n.Connections) != 5 {
			t.Errorf("web is %+v", n)
		}
		if n := served.Read[nodes.NodeDetail](t, s, api.Prefix+"/nodes/db"); n.Node.This || len(n.Connections) != 1 || !n.Connections[0].Evidence.BothEnds {
			t.Errorf("db is %+v", n)
		}
		p := served.Refused(t, s.Get(t, api.Prefix+"/nodes/nobody"), http.StatusNotFound)
		if p.Detail != `no node is named "nobody"` {
			t.Errorf("detail %q", p.Detail)
		}
	})
	t.Run("services", func(t *testing.T) {
		all := served.Read[nodes.ServiceList](t, s, api.Prefix+"/services").Services
		if len(all) != 5 {
			t.Errorf("%d services", len(all))
		}
		for _, want := range all {
			got := served.Read[nodes.ServiceDetail](t, s, api.Prefix+"/services/"+want.ID)
			if got.Service.ID != want.ID {
				t.Errorf("%s is %s", want.ID, got.Service.ID)
			}
		}
		if got := served.Read[nodes.ServiceDetail](t, s, api.Prefix+"/services/db~tcp~5432"); len(got.Connections) != 1 || got.Connections[0].Client.Node != "web" {
			t.Errorf("postgres is %+v", got)
		}
		if few := served.Read[nodes.ServiceList](t, s, api.Prefix+"/services?hide=ignored,infrastructure").Services; len(few) != 3 {
			t.Errorf("%d services that are neither ignored nor ours", len(few))
		}
		p := served.Refused(t, s.Get(t, api.Prefix+"/services/nothing"), http.StatusNotFound)
		if p.Detail != `no service has the id "nothing"` {
			t.Errorf("detail %q", p.Detail)
		}
	})
	t.Run("connections", func(t *testing.T) {
		if all := served.Read[nodes.ConnectionList](t, s, api.Prefix+"/connections").Connections; len(all) != 5 {
			t.Errorf("%d connections", len(all))
		}
		if few := served.Read[nodes.ConnectionList](t, s, api.Prefix+"/connections?hide=ignored").Connections; len(few) != 4 {
			t.Errorf("%d connections that are not ignored", len(few))
		}
	})
	t.Run("version", func(t *testing.T) {
		want := api.Version{Version: "1.2.3", Go: "go1", Revision: "abc", Started: shop.Noon, Listen: "127.0.0.1:4849", Loopback: true, Data: api.Live}
		if got := served.Read[api.Version](t, s, api.Prefix+"/version"); got != want {
			t.Errorf("version %+v", got)
		}
	})
}

func TestWrongParameters(t *testing.T) {
	s := served.New(t, served.Options{})
	for _, path := range []string{"/topology", "/stream"} {
		p := served.Refused(t, s.Get(t, api.Prefix+path+"?level=galaxy"), http.StatusUnprocessableEntity)
		if p.Detail != `level must be one of service, node, pool, group, is "galaxy"` || len(p.Errors) != 1 ||
			p.Errors[0].Location != "query.level" || p.Errors[0].Value != "galaxy" || p.Errors[0].Message != "must be one of service, node, pool, group" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	for _, path := range []string{"/topology", "/stream", "/nodes", "/nodes/web", "/services", "/services/x", "/connections"} {
		p := served.Refused(t, s.Get(t, api.Prefix+path+"?hide=old,everything"), http.StatusUnprocessableEntity)
		if p.Detail != `hide must be none or a list of old, ignored, infrastructure, observers, is "everything"` || p.Errors[0].Location != "query.hide" {
			t.Errorf("%s: %+v", path, p)
		}
	}
}

func TestETag(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	for _, path := range []string{"/topology", "/topology?level=node&hide=none", "/nodes", "/nodes/web", "/services", "/connections"} {
		t.Run(path, func(t *testing.T) {
			first := s.Get(t, api.Prefix+path)
			tag := first.Header.Get("ETag")
			if !strings.HasPrefix(tag, `W/"`) || first.Header.Get("Cache-Control") != "no-cache" {
				t.Fatalf("header %v", first.Header)
			}
			for _, match := range []string{tag, strings.TrimPrefix(tag, "W/"), `"other", ` + tag, "*"} {
				again := s.Get(t, api.Prefix+path, "If-None-Match", match)
				if again.StatusCode != http.StatusNotModified || len(again.Text) != 0 || again.Header.Get("ETag") != tag {
					t.Errorf("If-None-Match: %s gives %s, %v, %d bytes", match, again.Status, again.Header, len(again.Text))
				}
			}
			if other := s.Get(t, api.Prefix+path, "If-None-Match", `W/"x-1"`); other.StatusCode != http.StatusOK || len(other.Text) == 0 {
				t.Errorf("another tag gives %s", other.Status)
			}
		})
	}
	tag := s.Get(t, api.Prefix+"/topology").Header.Get("ETag")
	s.Put(t, shop.Host("new", "10.0.0.77").Report)
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("new") != nil })
	if again := s.Get(t, api.Prefix+"/topology", "If-None-Match", tag); again.StatusCode != http.StatusOK {
		t.Errorf("after a change the old tag gives %s", again.Status)
	}
}

// TestFailing: what the server can't do now is 503, and says why.
func TestFailing(t *testing.T) {
	m := still.New(topology.Empty(topology.Revision{Epoch: "e"}, shop.Noon))
	m.Err = errors.New("history is not being written: disk full")
	s := &served.Site{Server: httptest.NewServer(served.Still(t.Context(), m))}
	defer s.Close()
	if p := served.Refused(t, s.Get(t, "/readyz"), http.StatusServiceUnavailable); p.Detail != m.Err.Error() {
		t.Errorf("readyz says %q", p.Detail)
	}
	if a := s.Get(t, "/healthz"); a.StatusCode != http.StatusOK {
		t.Errorf("healthz says %s: the process is well", a.Status)
	}
	served.Refused(t, s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`), http.StatusServiceUnavailable)
	raw, _ := json.Marshal(shop.Host("web", "10.0.0.1").Report)
	if p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", string(raw)), http.StatusServiceUnavailable); p.Detail != "server is stopping" {
		t.Errorf("reports says %q", p.Detail)
	}
}

func TestHealth(t *testing.T) {
	s := served.New(t, served.Options{})
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if a := s.Get(t, path); a.StatusCode != http.StatusOK || string(a.Text) != want {
			t.Errorf("%s says %s %s", path, a.Status, a.Text)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	s.Do(t, http.MethodPost, api.Prefix+"/reports", "{")
	text := string(s.Get(t, "/metrics").Text)
	for _, want := range []string{
		`dotm_reports_total{form="whole",outcome="taken"} 2`, `dotm_reports_total{form="whole",outcome="refused"} 1`,
		`dotm_reports_total{form="beat",outcome="taken"} 0`, `dotm_reports_refused_total{reason="unreadable"} 1`,
		`dotm_report_duration_seconds_count{form="whole"} 3`, `dotm_report_bytes_total{form="beat"} 0`,
		`dotm_http_responses_total{code="2xx"} 2`, `dotm_http_responses_total{code="4xx"} 1`,
		"dotm_stream_viewers 0", `dotm_stream_events_total{event="delta"} 0`,
		`dotm_nodes{state="reporting"} 2`, `dotm_nodes{state="inferred"} 3`,
		`dotm_services{state="listening"} 4`, `dotm_services{state="seen"} 1`,
		`dotm_connections{status="fresh"} 5`,
		"go_goroutines ", "process_cpu_seconds_total ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
