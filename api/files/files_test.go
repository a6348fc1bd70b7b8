package files_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/export"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// TestExport: every format comes with its type, a name and the revision, and who has it
// gets it not again.
func TestExport(t *testing.T) {
	s := served.Twins(t)
	for _, f := range export.Formats() {
		path := api.Prefix + "/export/" + string(f)
		a := s.Get(t, path)
		if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != f.Media() || !strings.Contains(string(a.Text), "web1") {
			t.Fatalf("%s: %s %v %s", f, a.Status, a.Header, a.Text)
		}
		if d := a.Header.Get("Content-Disposition"); !strings.HasPrefix(d, `inline; filename="dotm-service-`) {
			t.Errorf("%s: disposition %s", f, d)
		}
		tag := a.Header.Get("ETag")
		if tag == "" || a.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %v", f, a.Header)
		}
		if again := s.Get(t, path, "If-None-Match", tag); again.StatusCode != http.StatusNotModified || len(again.Text) != 0 {
			t.Errorf("%s again: %s, %d bytes", f, again.Status, len(again.Text))
		}
	}
	if one := string(s.Get(t, api.Prefix+"/export/svg?focus=web1").Text); strings.Contains(one, "web2") || !strings.Contains(one, "1 hop around web1") {
		t.Error("the part around web1 is another")
	}
	if nodes := string(s.Get(t, api.Prefix+"/export/csv?level=node").Text); !strings.Contains(nodes, "web1,,db,,") {
		t.Errorf("level node: %s", nodes)
	}
}

// TestNarrowed: files, charts and the stream are narrowed by one rule, in words that the
// file says.
func TestNarrowed(t *testing.T) {
	s := served.Twins(t)
	for _, c := range []struct{ query, says, has, not string }{
		{"process=php", "only process php", "web1", ""},
		{"name=eb2", "only node eb2", "web2", "web1"},
		{"text=WEB2+80", "only WEB2 80", "web2", "web1"},
		{"focus=web1&name=db", "1 hop around web1, only node db", "db", "web1"},
		{"trouble=true", "only trouble and 1 hop around", "", "web1"},
		{"group=group~none", "only group group~none", "", "web1"},
	} {
		file := string(s.Get(t, api.Prefix+"/export/svg?"+c.query).Text)
		chart := string(s.Get(t, api.Prefix+"/topology?"+c.query).Text)
		if !strings.Contains(file, c.says) || !strings.Contains(file, c.has) || !strings.Contains(chart, c.has) {
			t.Errorf("%s: %s", c.query, file)
		}
		if c.not != "" && (strings.Contains(file, ">"+c.not+"<") || strings.Contains(chart, `"name":"`+c.not+`"`)) {
			t.Errorf("%s shows %s", c.query, c.not)
		}
	}
}

// TestExportOfThePast is marked, and tells alerts and gaps.
func TestExportOfThePast(t *testing.T) {
	s := served.New(t, served.Options{Before: served.Bygone(t)})
	doc := string(s.Get(t, api.Prefix+"/export/markdown?at="+served.Stamp(served.HoursAgo(1.5))).Text)
	for _, want := range []string{"**This is the past:**", "| CRITICAL | web | disk |", "Nothing was seen from"} {
		if !strings.Contains(doc, want) {
			t.Errorf("the document lacks %q: %s", want, doc)
		}
	}
	if now := string(s.Get(t, api.Prefix+"/export/markdown").Text); strings.Contains(now, "the past") {
		t.Errorf("today is called the past: %s", now)
	}
}

// TestWrongCharts: what is asked for wrongly is refused with field, rule and value, by
// files, charts and the stream alike.
func TestWrongCharts(t *testing.T) {
	s := served.Twins(t)
	for _, c := range []struct{ path, field, says string }{
		{"/export/pdf", "path.format", "must be one of svg, dot"},
		{"/export/svg?level=galaxy", "query.level", "must be one of"},
		{"/export/svg?focus=nobody", "query.focus", "that the chart shows"},
		{"/export/svg?hops=2", "query.hops", "needs a focus, or trouble"},
		{"/export/svg?trouble=very", "query.trouble", "must be true or false"},
		{"/export/svg?incident=none", "query.incident", "must be the id"},
		{"/topology?trouble=true&hops=9", "query.hops", "from 0 to 4"},
		{"/stream?text=" + strings.Repeat("x", 601), "query.text", "at most 600"},
		{"/topology?focus=web1&hops=5", "query.hops", "from 0 to 4"},
		{"/topology?focus=web1&hops=-1", "query.hops", "from 0 to 4"},
		{"/topology?focus=web1&hops=two", "query.hops", "from 0 to 4"},
		{"/topology?focus=nobody", "query.focus", "that the chart shows"},
		{"/topology?focus=nobody&at=-0s", "query.focus", "that the chart shows"},
		{"/stream?focus=web1&hops=9", "query.hops", "from 0 to 4"},
		{"/stream?focus=" + strings.Repeat("x", 601), "query.focus", "at most 600"},
	} {
		p := served.Refused(t, s.Get(t, api.Prefix+c.path), http.StatusUnprocessableEntity)
		if len(p.Errors) != 1 || p.Errors[0].Location != c.field || !strings.Contains(p.Errors[0].Message, c.says) {
			t.Errorf("%s: %+v", c.path, p)
		}
	}
}

// TestFocus: at every level a part has what is around, at the places of the whole, and a
// revision that changes only with it.
func TestFocus(t *testing.T) {
	s := served.Twins(t)
	for _, level := range served.Levels() {
		whole := served.Read[api.Topology](t, s, api.Prefix+"/topology?level="+level)
		places := map[string]view.Rect{}
		for _, list := range [][]view.Node{whole.Nodes, whole.Pools, whole.Groups} {
			for _, n := range list {
				places[n.Name] = *n.Layout
			}
		}
		part := served.Read[api.Topology](t, s, api.Prefix+"/topology?level="+level+"&focus=web1")
		if level == "service" || level == "node" {
			served.Same(t, level, served.NodeNames(&part), []string{"db", "web1"})
		}
		for _, n := range part.Nodes {
			if places[n.Name] != *n.Layout {
				t.Errorf("%s: %s stands at %+v, on the whole chart at %+v", level, n.Name, n.Layout, places[n.Name])
			}
		}
		served.Same(t, level+" width", part.Width, whole.Width)
	}
	served.Same(t, "two hops", served.NodeNames(new(served.Read[api.Topology](t, s, api.Prefix+"/topology?focus=web1&hops=2"))), []string{"db", "web1", "web2"})
	served.Same(t, "a service", served.NodeNames(new(served.Read[api.Topology](t, s, api.Prefix+"/topology?focus=db~tcp~5432"))), []string{"db", "web1", "web2"})

	before := s.Get(t, api.Prefix+"/topology?focus=web1")
	revision := before.Header.Get("ETag")
	s.Put(t, shop.Host("web1", "10.0.0.1").Listen("nginx", 80).Listen("metrics", 9100).Out("php", "10.0.0.3", 5432).Report)
	s.Settle(t, func(*topology.Snapshot) bool {
		a := s.Get(t, api.Prefix+"/topology?focus=web1", "If-None-Match", revision)
		return a.StatusCode == http.StatusOK && strings.Contains(string(a.Text), "metrics")
	})
}
