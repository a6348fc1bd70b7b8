package nodes_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api/nodes"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
)

func TestAddAndRemoveTarget(t *testing.T) {
	s := served.New(t, served.Options{})
	a := s.Do(t, http.MethodPost, api.Prefix+"/nodes", `{"url":"text://DB1:4848","zone":"dmz"}`, "Content-Type", "application/json")
	var added collect.Target
	if err := json.Unmarshal(a.Text, &added); err != nil || a.StatusCode != http.StatusCreated || added.URL != "text://db1" || added.Zone != "dmz" || added.Added.IsZero() {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	list := served.Read[nodes.NodeList](t, s, api.Prefix+"/nodes")
	if len(list.Targets) != 1 || list.Targets[0].URL != "text://db1" || list.Targets[0].Interval == 0 {
		t.Errorf("targets are %+v", list.Targets)
	}
	if a := s.Do(t, http.MethodPost, api.Prefix+"/nodes", `{"url":"text://db1"}`, "Content-Type", "application/json"); a.StatusCode != http.StatusConflict {
		t.Errorf("again: %s %s", a.Status, a.Text)
	}
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/targets?url=text://db1", ""); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/targets?url=text://db1", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("again: %s %s", a.Status, a.Text)
	}
}

func TestNodesTagNamesTargets(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Report(t, shop.Host("web1", "10.0.0.1").Report)
	before := s.Get(t, api.Prefix+"/nodes").Header.Get("ETag")
	if a := s.Do(t, http.MethodPost, api.Prefix+"/nodes", `{"url":"text://db1"}`, "Content-Type", "application/json"); a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	revision := s.Model.Snapshot().Revision()
	after := s.Get(t, api.Prefix+"/nodes", "If-None-Match", before)
	if after.StatusCode != http.StatusOK || !strings.Contains(string(after.Text), "text://db1") {
		t.Errorf("what was asked since is hidden behind the old tag: %s %s", after.Status, after.Text)
	}
	if now := s.Model.Snapshot().Revision(); now != revision {
		t.Fatalf("a target made revision %s of %s: this test shows nothing", now, revision)
	}
	s.Do(t, http.MethodDelete, api.Prefix+"/targets?url=text://db1", "")
	if a := s.Get(t, api.Prefix+"/nodes", "If-None-Match", before); a.StatusCode != http.StatusNotModified || a.Header.Get("ETag") != before {
		t.Errorf("when nobody is asked again, the first tag gives %s %s", a.Status, a.Header.Get("ETag"))
	}
}

func TestAddTargetProblems(t *testing.T) {
	s := served.New(t, served.Options{})
	for body, want := range map[string][2]string{
		`{"url":"http://db1"}`:                        {"body.url", "must be like text://host:4848"},
		`{"url":"text://db1","zone":"<b>"}`:           {"body.zone", "must be letters"},
		`{"url":"text://db1","name":"a/b"}`:           {"body.name", "must be letters"},
		`{}`:                                          {"body", "url"},
		`{"url":"text://db1","password":"secret"}`:    {"body.password", "unexpected property"},
		`{"url":"` + strings.Repeat("x", 2000) + `"}`: {"body.url", "length"},
	} {
		a := s.Do(t, http.MethodPost, api.Prefix+"/nodes", body, "Content-Type", "application/json")
		var p struct {
			Errors []struct{ Location, Message string }
		}
		if err := json.Unmarshal(a.Text, &p); err != nil || a.StatusCode != http.StatusUnprocessableEntity || len(p.Errors) == 0 ||
			p.Errors[0].Location != want[0] || !strings.Contains(p.Errors[0].Message, want[1]) {
			t.Errorf("%.60s: %s %s, want %s %s", body, a.Status, a.Text, want[0], want[1])
		}
	}
}

func TestRemoveNode(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Report(t, shop.Host("web1", "10.0.0.1").Report)
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/nodes/web9", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	r := shop.Host("old", "10.0.0.2")
	r.Agent.Method = "import"
	s.Report(t, r.Report)
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/nodes/old", ""); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	list := served.Read[nodes.NodeList](t, s, api.Prefix+"/nodes?hide=none")
	if slices.ContainsFunc(list.Nodes, func(n nodes.NodeSummary) bool { return n.Name == "old" }) {
		t.Error("the node is still there")
	}
	if n := list.Nodes[0]; n.Collect != "agent" {
		t.Fatalf("a node that an agent reports is said to be collected by %q", n.Collect)
	}
	if a := s.Do(t, http.MethodDelete, api.Prefix+"/nodes/web1", ""); a.StatusCode != http.StatusConflict || !strings.Contains(string(a.Text), "stop its agent first") {
		t.Errorf("%s %s", a.Status, a.Text)
	}
}

// TestImportOfReporter: a file says nothing of a node whose agent reports.
func TestImportOfReporter(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Report(t, shop.Host("web1", "10.0.0.1").Report)
	r := shop.Host("web1", "10.0.0.1").Report
	r.Agent.Method = collect.MethodImport
	if p := served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, r)), http.StatusConflict); !strings.Contains(p.Detail, "importing web1: node reports by itself") {
		t.Errorf("detail is %s", p.Detail)
	}
	r.Node.Name, r.Node.Identity.Value = "web2", "web2"
	s.Report(t, r)
}

func TestSuggestions(t *testing.T) {
	s := served.New(t, served.Options{
		Names: func(a netip.Addr) string { return map[string]string{"10.0.0.3": "db1"}[a.String()] },
		Hosts: func() map[netip.Addr]string {
			return map[netip.Addr]string{
				netip.MustParseAddr("10.0.0.3"): "db1", netip.MustParseAddr("10.0.0.4"): "idle", netip.MustParseAddr("10.0.0.1"): "web1", netip.MustParseAddr("192.0.2.1"): "far",
			}
		},
	})
	r := shop.Host("web1", "10.0.0.1")
	for _, peer := range []string{"10.0.0.3", "10.0.0.3", "10.0.0.5", "198.51.100.1", "224.0.0.1"} {
		r.Connections = append(r.Connections, report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr(peer), Port: 5432 + uint16(len(r.Connections)), Count: 1,
		})
	}
	r.Connections = append(r.Connections, report.Connection{ // which end is the service isn't known
		Direction: report.Unknown, Protocol: report.TCP, Process: "sshd", Peer: netip.MustParseAddr("10.0.0.5"), Port: 58727, LocalPort: 22, Count: 1,
	})
	s.Report(t, r.Report)
	got := served.Read[nodes.SuggestionList](t, s, api.Prefix+"/suggestions")
	want := nodes.SuggestionList{Total: 3, Suggestions: []nodes.Suggestion{
		{
			Address: "10.0.0.3", Name: "db1", Node: "10.0.0.3", Try: []string{"ssh://db1", "text://db1"},
			Evidence: []nodes.Reason{{By: "web1", Text: "nginx calls its tcp port 5432"}, {By: "web1", Text: "nginx calls its tcp port 5433"}},
		},
		{
			Address: "10.0.0.5", Node: "10.0.0.5", Try: []string{"ssh://10.0.0.5", "text://10.0.0.5"},
			Evidence: []nodes.Reason{{By: "web1", Text: "nginx calls its tcp port 5434"}, {By: "web1", Text: "sshd has a tcp connection with it"}},
		},
		{
			Address: "10.0.0.4", Name: "idle", Try: []string{"ssh://idle", "text://idle"},
			Evidence: []nodes.Reason{{By: "hosts", Text: "the server's hosts file calls it idle"}},
		},
	}}
	sortEvidence(got.Suggestions)
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".weight" || p.Last().String() == ".addr" }, cmp.Ignore())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := s.Model.AddTarget(t.Context(), collect.Target{URL: "text://db1"}); err != nil {
		t.Fatal(err)
	}
	if got := served.Read[nodes.SuggestionList](t, s, api.Prefix+"/suggestions"); got.Total != 2 {
		t.Errorf("what is asked already is suggested: %+v", got)
	}
}

func sortEvidence(list []nodes.Suggestion) {
	for i := range list {
		slices.SortFunc(list[i].Evidence, func(a, b nodes.Reason) int { return strings.Compare(a.Text, b.Text) })
	}
}

func TestKnownAs(t *testing.T) {
	s := served.New(t, served.Options{Names: func(a netip.Addr) string { return "dns-" + strings.ReplaceAll(a.String(), ".", "-") }})
	r := shop.Host("web1", "10.0.0.1")
	r.Connections = []report.Connection{
		{Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr("10.0.0.3"), Port: 80, Count: 1},
		{Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr("10.0.0.4"), Port: 80, Count: 1},
		{Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr("198.51.100.1"), Port: 80, Count: 1},
	}
	s.Report(t, r.Report)
	if a := s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"names":[{"address":"10.0.0.4","name":"printer"}]}`, "Content-Type", "application/json"); a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	names := map[string]string{}
	for _, n := range served.Read[api.Topology](t, s, api.Prefix+"/topology").Nodes {
		names[n.Name] = n.KnownAs
	}
	if want := map[string]string{"web1": "", "10.0.0.3": "dns-10-0-0-3", "10.0.0.4": "printer", "Internet": ""}; !cmp.Equal(names, want) {
		t.Errorf("nodes are known as %v", names)
	}
}

// TestLeft: what a node said of why it goes is told with the node; only of an agent that is
// stopped it is a finding, as nobody else would miss it.
func TestLeft(t *testing.T) {
	for why, want := range map[report.Leaving]struct{ state, problem, finding string }{
		report.LeavingShutdown: {"left", "shut down at ", ""},
		report.LeavingReboot:   {"rebooting", "rebooting since ", ""},
		report.LeavingStop:     {"stopped", "its agent was stopped at ", "stopped web1"},
		report.LeavingRestart:  {"reporting", "", ""},
	} {
		s := served.New(t, served.Options{})
		r := shop.Host("web1", "10.0.0.1")
		r.Node.Identity = report.Identity{Kind: report.IdentityMachine, Value: "m1"}
		r.Agent.Instance, r.Sequence = "i1", 1
		s.Report(t, r.Report)
		last := *r.Report
		last.Sequence, last.Leaving = 2, why
		s.Report(t, &last)
		var list []nodes.NodeSummary
		for len(list) != 1 || string(list[0].State) != want.state {
			if list = served.Read[nodes.NodeList](t, s, api.Prefix+"/nodes").Nodes; t.Context().Err() != nil {
				t.Fatalf("%s: %+v", why, list)
			}
		}
		if len(list) != 1 || string(list[0].State) != want.state || !strings.HasPrefix(list[0].Problem, want.problem) || (want.problem == "") != (list[0].Problem == "") {
			t.Errorf("%s: %+v", why, list)
		}
		found := ""
		for _, f := range served.Read[api.FindingList](t, s, api.Prefix+"/report").Findings {
			if f.Code == "stopped" || f.Code == "silent" {
				found = f.Code + " " + f.Node
			}
		}
		if found != want.finding {
			t.Errorf("%s: finding %q, want %q", why, found, want.finding)
		}
	}
}

func TestFindings(t *testing.T) {
	s := served.New(t, served.Options{})
	r := shop.Host("web1", "10.0.0.1")
	r.Node.Identity = report.Identity{Kind: report.IdentityHostname, Value: "web1"}
	s.Report(t, r.Report)
	if _, err := s.Model.AddTarget(t.Context(), collect.Target{URL: "text://db1"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for !slices.Contains(got, "not-answering text://db1") {
		if t.Context().Err() != nil {
			t.Fatalf("findings are %v", got)
		}
		got = nil
		for _, f := range served.Read[api.FindingList](t, s, api.Prefix+"/report").Findings {
			got = append(got, f.Code+" "+f.Node)
		}
	}
	if !slices.Contains(got, "weak-identity web1") {
		t.Errorf("findings are %v", got)
	}
}
