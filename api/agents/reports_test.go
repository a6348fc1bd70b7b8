package agents_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

func packed(t *testing.T, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := zw.Write(raw); err != nil {
		t.Fatal(err)
	}
	zw.Close()
	return b.String()
}

func TestReportTaken(t *testing.T) {
	for _, kind := range []string{"", "application/json", "application/json; charset=utf-8", "application/gzip", "application/octet-stream"} {
		s := served.New(t, served.Options{})
		var body bytes.Buffer
		if err := report.Encode(&body, shop.Host("web", "10.0.0.1").Listen("nginx", 80).Report); err != nil {
			t.Fatal(err)
		}
		var header []string
		if kind != "" {
			header = []string{"Content-Type", kind}
		}
		a := s.Do(t, http.MethodPost, api.Prefix+"/reports", body.String(), header...)
		var policy report.Policy
		if err := json.Unmarshal(a.Text, &policy); err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%q: %s %s", kind, a.Status, a.Text)
		}
		if policy.Beats || policy.Name == "" || policy.Fold.Networks != 256 || len(policy.InternalNetworks) != len(aggregate.AlwaysInternal()) || time.Since(policy.Received) > time.Minute {
			t.Errorf("%q: policy %s", kind, a.Text)
		}
		s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web") != nil })
	}
}

func TestReportRefused(t *testing.T) {
	s := served.New(t, served.Options{})
	spoilt := func(spoil func(*report.Report)) string {
		r := shop.Host("web", "10.0.0.1").Listen("nginx", 80).Report
		spoil(r)
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	fine := spoilt(func(*report.Report) {})
	large := make([]byte, 9<<20)
	for i := range large {
		large[i] = ' '
	}
	for _, tt := range []struct {
		name, kind, body string
		status           int
		detail, location string
	}{
		{"no JSON", "", "hello", 400, "report is not valid JSON", ""},
		{"empty", "", "", 400, "report is not valid JSON", ""},
		{"cut", "", fine[:len(fine)/2], 400, "report is not valid JSON", ""},
		{"cut gzip", "", packed(t, []byte(fine))[:60], 400, "unpacking report", ""},
		{"two reports", "", fine + fine, 422, "must be one JSON object and nothing after it", "body.report"},
		{"wrong type", "", strings.Replace(fine, `"port":80`, `"port":"80"`, 1), 422, "port must be a whole number from 0 to 65535", "body.listeners.port"},
		{"broken rule", "", spoilt(func(r *report.Report) { r.Node.Name = "a b" }), 422, "node.name must be letters", "body.node.name"},
		{"future", "", spoilt(func(r *report.Report) { r.Time = r.Time.Add(time.Hour) }), 422, "ahead of the server's clock", "body.time"},
		{"other major version", "", spoilt(func(r *report.Report) { r.Version = "2.0" }), 422, "unsupported report version", "body.version"},
		{"another type", "text/plain", fine, 415, `content type must be application/json or application/gzip, is "text/plain"`, ""},
		{"a form", "application/x-www-form-urlencoded", fine, 415, "content type must be", ""},
		{"no type at all", ";", fine, 415, "content type must be", ""},
		{"9 MiB", "", string(large), 413, "", ""},
		{"gzip bomb", "application/gzip", packed(t, make([]byte, 64<<20)), 413, "report too large: report must be at most 8388608 bytes unpacked", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.kind != "" {
				header = []string{"Content-Type", tt.kind}
			}
			p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", tt.body, header...), tt.status)
			if !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("detail %q, want %q", p.Detail, tt.detail)
			}
			if tt.location != "" && (len(p.Errors) != 1 || p.Errors[0].Location != tt.location || p.Errors[0].Message == "") {
				t.Errorf("errors %+v, want one at %s", p.Errors, tt.location)
			}
		})
	}
	if got := s.Model.Snapshot().Len(); got != 0 {
		t.Errorf("%d nodes of refused reports", got)
	}
}

// TestBeatOverHTTP: a whole report, beats, and what becomes of them in the
// topology.
func TestBeatOverHTTP(t *testing.T) {
	s := served.New(t, served.Options{})
	r := shop.Host("web", "10.0.0.1").Listen("nginx", 80).Report
	r.Sequence, r.Agent.Instance = 1, strings.Repeat("a", 32)
	r.Connections = []report.Connection{{
		Direction: report.Out, Protocol: report.TCP, Process: "curl", Peer: netip.MustParseAddr("10.0.0.9"), Port: 80, Count: 1, Opened: 3,
	}}
	post := func(kind string, body any) served.Answer {
		t.Helper()
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return s.Do(t, http.MethodPost, api.Prefix+"/reports", string(raw), "Content-Type", kind)
	}
	beat := func(sequence uint64, told ...report.ConnectionNumbers) *report.Beat {
		return &report.Beat{
			Version: report.Version, Structure: report.Structure(r), Node: r.Node, Instance: r.Agent.Instance,
			Sequence: sequence, After: sequence - 1, At: r.Time.Add(time.Second), IntervalMS: r.IntervalMS, Connections: told,
		}
	}
	p := served.Refused(t, post(report.BeatType, beat(2)), http.StatusConflict)
	if p.Type != report.WholeWanted || !strings.Contains(p.Detail, "send the whole") {
		t.Errorf("a beat on nothing: %+v", p)
	}
	var policy report.Policy
	if a := post("application/json", r); a.StatusCode != http.StatusOK || json.Unmarshal(a.Text, &policy) != nil || !policy.Beats {
		t.Fatalf("the whole: %s %s", a.Status, a.Text)
	}
	b := beat(2, report.ConnectionNumbers{Row: 0, Count: 2, Opened: 4})
	b.Policy = policy.Name
	a := post(report.BeatType, b)
	if a.StatusCode != http.StatusOK || !bytes.Contains(a.Text, []byte(`"beats":true`)) || bytes.Contains(a.Text, []byte("internal_networks")) {
		t.Errorf("a beat: %s %s", a.Status, a.Text)
	}
	s.Settle(t, func(snap *topology.Snapshot) bool {
		web := snap.Block("web")
		return web != nil && len(web.Connections) == 1 && web.Connections[0].Count == 2 && web.Connections[0].Opened == 7
	})
	bad := served.Refused(t, post(report.BeatType, beat(3, report.ConnectionNumbers{Row: 1})), http.StatusUnprocessableEntity)
	if len(bad.Errors) != 1 || bad.Errors[0].Location != "body.connections[0].row" {
		t.Errorf("a bad beat: %+v", bad)
	}
	if a := s.Get(t, "/metrics"); !bytes.Contains(a.Text, []byte(`dotm_reports_total{form="beat",outcome="whole wanted"} 1`)) {
		t.Error("the metrics don't count what was asked for as a whole")
	}
}
