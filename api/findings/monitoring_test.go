package findings_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/nodes"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestReportOfMonitoring: what is not watched, what is of no node, what fails.
func TestReportOfMonitoring(t *testing.T) {
	sys := &served.Systems{
		States: []monitor.State{{
			Options: monitor.Options{Name: "n", Kind: monitor.Nagios}, State: monitor.Failing,
			Error: &monitor.Problem{Text: "nobody answers", Hint: "start it"}, Summary: monitor.Summary{Notes: []topology.Note{{Code: "no-hosts", Text: "it shows no hosts"}}},
		}},
		Unknown: []monitor.Stray{
			{Source: "n", Host: "printer", Addresses: []string{"10.0.0.77"}, Checks: 2, Mapping: &topology.Mapping{Evidence: "no node is called so"}},
			{Source: "n", Host: "far", Addresses: []string{"far.example"}, Checks: 1},
		},
	}
	sys.Relations = []monitor.Relation{
		{Source: "n", Kind: monitor.DependsOn, Of: monitor.Party{Host: "web", Name: "http", Node: "web"}, To: &monitor.Party{Host: "old", Node: "db"}, Observed: monitor.SeenNone},
		{Source: "n", Kind: monitor.DependsOn, Of: monitor.Party{Host: "db", Node: "db"}, To: &monitor.Party{Host: "web", Node: "web"}, Observed: monitor.SeenNode},
	}
	s := served.New(t, served.Options{Monitoring: sys})
	s.Shop(t)
	if got := served.Read[struct{ Declared []monitor.Relation }](t, s, api.Prefix+"/declared?node=web").Declared; !cmp.Equal(got, sys.Relations[:1]) {
		t.Errorf("declared of web is %+v", got)
	}
	has := map[string]bool{}
	for _, f := range served.Read[api.FindingList](t, s, api.Prefix+"/report").Findings {
		has[f.Code+" "+f.Node+": "+f.Text] = true
	}
	for _, want := range []string{
		"source-failing n: can't be read: nobody answers", "source-note n: it shows no hosts", "unmonitored-node db: no check is on it",
		"unmonitored-node web: no check is on it", "unmapped-host printer: n has 2 checks on it, and it is no node: no node is called so",
		`declared-not-seen web: n says that web "http" depends on old, and no direct connection from web to db is known`,
	} {
		if !has[want] {
			t.Errorf("%q is missing among %v", want, has)
		}
	}
	var suggested []string
	for _, one := range served.Read[nodes.SuggestionList](t, s, api.Prefix+"/suggestions").Suggestions {
		suggested = append(suggested, one.Address+" "+one.Evidence[0].Text)
	}
	if want := "10.0.0.77 n has 2 checks on it, as printer"; !slices.Contains(suggested, want) {
		t.Errorf("suggested are %q, want %q", suggested, want)
	}
	a := s.Get(t, api.Prefix+"/report/definitions/nagios")
	if a.StatusCode != http.StatusOK || !strings.Contains(string(a.Text), "define host") || !strings.Contains(string(a.Text), "5432") {
		t.Errorf("%s: %s", a.Status, a.Text)
	}
	if a := s.Get(t, api.Prefix+"/report/definitions/munin"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("of no known system: %s", a.Status)
	}
}

// TestNoSourcesNoFindings: who has no monitoring system is not told that nothing is
// monitored.
func TestNoSourcesNoFindings(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Shop(t)
	for _, f := range served.Read[api.FindingList](t, s, api.Prefix+"/report").Findings {
		if strings.HasPrefix(f.Code, "un") {
			t.Errorf("%+v", f)
		}
	}
	monitored := func() bool {
		var list struct{ Monitored bool }
		s.Until(t, api.Prefix+"/sources", &list, func() bool { return true })
		return list.Monitored
	}
	if monitored() {
		t.Error("dotm's own source is a monitoring system")
	}
	s.Hand(t, `{"host":"db","name":"postgres","status":"OK"}`)
	if !monitored() {
		t.Error("what hands over results is none")
	}
}
