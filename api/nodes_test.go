package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// report sends a report and waits until it is published.
func (s *site) report(t *testing.T, r *report.Report) {
	t.Helper()
	s.put(t, r)
	s.settle(t, func(snap *topology.Snapshot) bool { return snap.Block(r.Node.Name) != nil })
}

// nobody answers no poll.
type nobody struct{}

func (nobody) Poll(_ context.Context, url string) (*report.Report, error) {
	return nil, fmt.Errorf("asking %s: %w", url, collect.ErrUnreachable)
}

func TestAddAndRemoveTarget(t *testing.T) {
	s := newSite(t, siteOptions{})
	a := s.do(t, http.MethodPost, Prefix+"/nodes", `{"url":"text://DB1:4848","zone":"dmz"}`, "Content-Type", "application/json")
	var added collect.Target
	if err := json.Unmarshal(a.body, &added); err != nil || a.StatusCode != http.StatusCreated || added.URL != "text://db1" || added.Zone != "dmz" || added.Added.IsZero() {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	list := read200[NodeList](t, s, Prefix+"/nodes")
	if len(list.Targets) != 1 || list.Targets[0].URL != "text://db1" || list.Targets[0].Interval == 0 {
		t.Errorf("targets are %+v", list.Targets)
	}
	if a := s.do(t, http.MethodPost, Prefix+"/nodes", `{"url":"text://db1"}`, "Content-Type", "application/json"); a.StatusCode != http.StatusConflict {
		t.Errorf("again: %s %s", a.Status, a.body)
	}
	if a := s.do(t, http.MethodDelete, Prefix+"/targets?url=text://db1", ""); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if a := s.do(t, http.MethodDelete, Prefix+"/targets?url=text://db1", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("again: %s %s", a.Status, a.body)
	}
}

func TestNodesTagNamesTargets(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.report(t, host("web1", "10.0.0.1").Report)
	before := s.get(t, Prefix+"/nodes").Header.Get("ETag")
	if a := s.do(t, http.MethodPost, Prefix+"/nodes", `{"url":"text://db1"}`, "Content-Type", "application/json"); a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	revision := s.model.Snapshot().Revision()
	after := s.get(t, Prefix+"/nodes", "If-None-Match", before)
	if after.StatusCode != http.StatusOK || !strings.Contains(string(after.body), "text://db1") {
		t.Errorf("what was asked since is hidden behind the old tag: %s %s", after.Status, after.body)
	}
	if now := s.model.Snapshot().Revision(); now != revision {
		t.Fatalf("a target made revision %s of %s: this test shows nothing", now, revision)
	}
	s.do(t, http.MethodDelete, Prefix+"/targets?url=text://db1", "")
	if a := s.get(t, Prefix+"/nodes", "If-None-Match", before); a.StatusCode != http.StatusNotModified || a.Header.Get("ETag") != before {
		t.Errorf("when nobody is asked again, the first tag gives %s %s", a.Status, a.Header.Get("ETag"))
	}
}

func TestTargetsMark(t *testing.T) {
	asked := func(change func(*TargetState)) string {
		t.Helper()
		s := TargetState{collect.State{Target: collect.Target{URL: "text://db1"}}, topology.Duration(time.Minute)}
		change(&s)
		mark, err := targetsMark([]TargetState{s})
		if err != nil {
			t.Fatal(err)
		}
		return mark
	}
	first := asked(func(*TargetState) {})
	if again := asked(func(*TargetState) {}); again != first {
		t.Errorf("the same state is %s, then %s", first, again)
	}
	for name, change := range map[string]func(*TargetState){
		"tried":    func(s *TargetState) { s.Tried = noon },
		"problem":  func(s *TargetState) { s.Problem = "refused" },
		"node":     func(s *TargetState) { s.Node = "db1" },
		"interval": func(s *TargetState) { s.Interval++ },
	} {
		if asked(change) == first {
			t.Errorf("another %s has the same mark", name)
		}
	}
	if none, _ := targetsMark(nil); none != "" {
		t.Errorf("no targets are marked %q", none)
	}
}

func TestAddTargetProblems(t *testing.T) {
	s := newSite(t, siteOptions{})
	for body, want := range map[string][2]string{
		`{"url":"http://db1"}`:                        {"body.url", "must be like text://host:4848"},
		`{"url":"text://db1","zone":"<b>"}`:           {"body.zone", "must be letters"},
		`{"url":"text://db1","name":"a/b"}`:           {"body.name", "must be letters"},
		`{}`:                                          {"body", "url"},
		`{"url":"text://db1","password":"secret"}`:    {"body.password", "unexpected property"},
		`{"url":"` + strings.Repeat("x", 2000) + `"}`: {"body.url", "length"},
	} {
		a := s.do(t, http.MethodPost, Prefix+"/nodes", body, "Content-Type", "application/json")
		var p struct {
			Errors []struct{ Location, Message string }
		}
		if err := json.Unmarshal(a.body, &p); err != nil || a.StatusCode != http.StatusUnprocessableEntity || len(p.Errors) == 0 ||
			p.Errors[0].Location != want[0] || !strings.Contains(p.Errors[0].Message, want[1]) {
			t.Errorf("%.60s: %s %s, want %s %s", body, a.Status, a.body, want[0], want[1])
		}
	}
}

func TestRemoveNode(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.report(t, host("web1", "10.0.0.1").Report)
	if a := s.do(t, http.MethodDelete, Prefix+"/nodes/web9", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s %s", a.Status, a.body)
	}
	r := host("old", "10.0.0.2")
	r.Agent.Method = "import"
	s.report(t, r.Report)
	if a := s.do(t, http.MethodDelete, Prefix+"/nodes/old", ""); a.StatusCode != http.StatusNoContent {
		t.Errorf("%s %s", a.Status, a.body)
	}
	list := read200[NodeList](t, s, Prefix+"/nodes?hide=none")
	if slices.ContainsFunc(list.Nodes, func(n NodeSummary) bool { return n.Name == "old" }) {
		t.Error("the node is still there")
	}
	if n := list.Nodes[0]; n.Collect != "agent" {
		t.Fatalf("a node that an agent reports is said to be collected by %q", n.Collect)
	}
	if a := s.do(t, http.MethodDelete, Prefix+"/nodes/web1", ""); a.StatusCode != http.StatusConflict || !strings.Contains(string(a.body), "stop its agent first") {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

// TestImportOfReporter: a file says nothing of a node whose agent reports.
func TestImportOfReporter(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.report(t, host("web1", "10.0.0.1").Report)
	r := host("web1", "10.0.0.1").Report
	r.Agent.Method = collect.MethodImport
	if p := refused(t, s.do(t, http.MethodPost, Prefix+"/reports", reportOf(t, r)), http.StatusConflict); !strings.Contains(p.Detail, "importing web1: node reports by itself") {
		t.Errorf("detail is %s", p.Detail)
	}
	r.Node.Name, r.Node.Identity.Value = "web2", "web2"
	s.report(t, r)
}

func TestSuggestions(t *testing.T) {
	s := newSite(t, siteOptions{
		names: func(a netip.Addr) string { return map[string]string{"10.0.0.3": "db1"}[a.String()] },
		hosts: func() map[netip.Addr]string {
			return map[netip.Addr]string{
				netip.MustParseAddr("10.0.0.3"): "db1", netip.MustParseAddr("10.0.0.4"): "idle", netip.MustParseAddr("10.0.0.1"): "web1", netip.MustParseAddr("192.0.2.1"): "far",
			}
		},
	})
	r := host("web1", "10.0.0.1")
	for _, peer := range []string{"10.0.0.3", "10.0.0.3", "10.0.0.5", "198.51.100.1", "224.0.0.1"} {
		r.Connections = append(r.Connections, report.Connection{
			Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr(peer), Port: 5432 + uint16(len(r.Connections)), Count: 1,
		})
	}
	r.Connections = append(r.Connections, report.Connection{ // which end is the service isn't known
		Direction: report.Unknown, Protocol: report.TCP, Process: "sshd", Peer: netip.MustParseAddr("10.0.0.5"), Port: 58727, LocalPort: 22, Count: 1,
	})
	s.report(t, r.Report)
	got := read200[SuggestionList](t, s, Prefix+"/suggestions")
	want := SuggestionList{Total: 3, Suggestions: []Suggestion{
		{
			Address: "10.0.0.3", Name: "db1", Node: "10.0.0.3", Try: []string{"ssh://db1", "text://db1"},
			Evidence: []Reason{{"web1", "nginx calls its tcp port 5432"}, {"web1", "nginx calls its tcp port 5433"}},
		},
		{
			Address: "10.0.0.5", Node: "10.0.0.5", Try: []string{"ssh://10.0.0.5", "text://10.0.0.5"},
			Evidence: []Reason{{"web1", "nginx calls its tcp port 5434"}, {"web1", "sshd has a tcp connection with it"}},
		},
		{
			Address: "10.0.0.4", Name: "idle", Try: []string{"ssh://idle", "text://idle"},
			Evidence: []Reason{{"hosts", "the server's hosts file calls it idle"}},
		},
	}}
	sortEvidence(got.Suggestions)
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".weight" || p.Last().String() == ".addr" }, cmp.Ignore())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := s.model.AddTarget(t.Context(), collect.Target{URL: "text://db1"}); err != nil {
		t.Fatal(err)
	}
	if got := read200[SuggestionList](t, s, Prefix+"/suggestions"); got.Total != 2 {
		t.Errorf("what is asked already is suggested: %+v", got)
	}
}

func sortEvidence(list []Suggestion) {
	for i := range list {
		slices.SortFunc(list[i].Evidence, func(a, b Reason) int { return strings.Compare(a.Text, b.Text) })
	}
}

func TestHostOf(t *testing.T) {
	for url, want := range map[string]string{
		"text://db1": "db1", "text://db1:1": "db1", "ssh://u@db1:22?jump=a@b:1": "db1", "text://[fd00::1]": "fd00::1", "ssh://u@[fd00::1]:22": "fd00::1",
	} {
		if got := hostOf(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestKnownAs(t *testing.T) {
	s := newSite(t, siteOptions{names: func(a netip.Addr) string { return "dns-" + strings.ReplaceAll(a.String(), ".", "-") }})
	r := host("web1", "10.0.0.1")
	r.Connections = []report.Connection{
		{Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr("10.0.0.3"), Port: 80, Count: 1},
		{Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr("10.0.0.4"), Port: 80, Count: 1},
		{Direction: report.Out, Protocol: report.TCP, Process: "nginx", Peer: netip.MustParseAddr("198.51.100.1"), Port: 80, Count: 1},
	}
	s.report(t, r.Report)
	if a := s.do(t, http.MethodPatch, Prefix+"/settings", `{"names":[{"address":"10.0.0.4","name":"printer"}]}`, "Content-Type", "application/json"); a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	names := map[string]string{}
	for _, n := range read200[Topology](t, s, Prefix+"/topology").Nodes {
		names[n.Name] = n.KnownAs
	}
	if want := map[string]string{"web1": "", "10.0.0.3": "dns-10-0-0-3", "10.0.0.4": "printer", "Internet": ""}; !cmp.Equal(names, want) {
		t.Errorf("nodes are known as %v", names)
	}
}

func TestFindings(t *testing.T) {
	s := newSite(t, siteOptions{})
	r := host("web1", "10.0.0.1")
	r.Node.Identity = report.Identity{Kind: report.IdentityHostname, Value: "web1"}
	s.report(t, r.Report)
	if _, err := s.model.AddTarget(t.Context(), collect.Target{URL: "text://db1"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for !slices.Contains(got, "not-answering text://db1") {
		if t.Context().Err() != nil {
			t.Fatalf("findings are %v", got)
		}
		got = nil
		for _, f := range read200[FindingList](t, s, Prefix+"/report").Findings {
			got = append(got, f.Code+" "+f.Node)
		}
	}
	if !slices.Contains(got, "weak-identity web1") {
		t.Errorf("findings are %v", got)
	}
}
