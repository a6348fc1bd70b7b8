package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// systems are monitoring systems that say what a test has them say, and note what
// they are told.
type systems struct {
	mu       sync.Mutex
	list     []topology.Check
	states   []monitor.State
	strays   []monitor.Stray
	declared []monitor.Relation
	err      error
	did      []string
	passed   []mapping.Check
}

func (s *systems) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did = append(s.did, fmt.Sprintf(format, args...))
}

func (s *systems) took() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.did, "; ")
	s.did = nil
	return out
}

func (s *systems) Sources(context.Context) ([]monitor.State, error) { return s.states, s.err }

func (s *systems) PutSource(_ context.Context, o monitor.Options, isNew bool) (monitor.Options, error) {
	if err := o.Validate(); err != nil {
		return o, err
	}
	s.note("put %s %s new %v password %q", o.Name, o.URL, isNew, o.Password)
	return o, s.err
}

func (s *systems) RemoveSource(_ context.Context, name string) (bool, error) {
	return name == "n", s.err
}

func (s *systems) TestSource(_ context.Context, o monitor.Options) (monitor.Options, *monitor.Summary, error) {
	if s.err != nil {
		return o, nil, s.err
	}
	o.Kind = monitor.Nagios
	return o, &monitor.Summary{Program: "Nagios Core", Hosts: 6}, nil
}

func (s *systems) RefreshSource(_ context.Context, name string) (bool, error) {
	s.note("refresh %s", name)
	return name == "n", s.err
}

func (s *systems) Checks(_ context.Context, f monitor.Filter) (out []topology.Check, err error) {
	for i := range s.list {
		if f.Lets(&s.list[i]) {
			out = append(out, s.list[i])
		}
	}
	return out, s.err
}

func (s *systems) PassChecks(_ context.Context, source string, checks, gone []mapping.Check) error {
	if source != "passive" {
		return monitor.ErrNoSource
	}
	s.passed = append(s.passed, checks...)
	s.note("%d, %d gone", len(checks), len(gone))
	return s.err
}

func (s *systems) Acknowledge(_ context.Context, id, author, comment string) (string, error) {
	if id != "a" {
		return "", monitor.ErrNoCheck
	}
	s.note("%s by %s: %s", id, author, comment)
	return "noted", s.err
}

func (s *systems) Strays(context.Context) ([]monitor.Stray, error) { return s.strays, s.err }

func (s *systems) Declared(_ context.Context, node string) (out []monitor.Relation, err error) {
	for _, r := range s.declared {
		if node == "" || r.Of.Node == node {
			out = append(out, r)
		}
	}
	return out, s.err
}

func (s *systems) PreviewMapping(_ context.Context, m mapping.Settings) ([]monitor.Moved, error) {
	if _, err := mapping.Compile(m); err != nil {
		return nil, err
	}
	return []monitor.Moved{{ID: "a", Host: "web", To: monitor.About{Node: "web"}}}, s.err
}

func (s *systems) SuggestMapping(ctx context.Context, id, node, service string) (proposal.Suggestion, error) {
	return s.suggest(id, node, service)
}

func (s *systems) CorrectMapping(_ context.Context, id, node, service string) (proposal.Suggestion, error) {
	s.note("mapped %s on %s %s", id, node, service)
	return s.suggest(id, node, service)
}

func (s *systems) suggest(id, node, _ string) (proposal.Suggestion, error) {
	if id != "a" {
		return proposal.Suggestion{}, monitor.ErrNoCheck
	}
	return proposal.Suggestion{Rule: &mapping.Rule{Check: "^x$", Node: node}}, s.err
}

func TestChecksAreListed(t *testing.T) {
	s := newSite(t, siteOptions{systems: &systems{}})
	s.systems.list = []topology.Check{
		{ID: "a", Source: "n", Node: "web", Status: topology.Critical, Hard: true, Output: "<b>ü\"</b>"},
		{ID: "b", Source: "n", Host: "db1.example", Name: "Disk /var", Status: topology.Warning, Hard: true},
		{ID: "c", Source: "m", Node: "web", Status: topology.OK, Hard: true},
	}
	for path, want := range map[string]string{
		"/checks":                  "a b c",
		"/checks?node=web":         "a c",
		"/checks?bad=true":         "a b",
		"/checks?unmapped=true":    "b",
		"/checks?status=OK":        "c",
		"/checks?source=m&bad=1":   "",
		"/checks?open=true&node=x": "",
		"/checks?id=c":             "c",
		"/checks?limit=2":          "a b",
		"/checks?find=DB1+disk":    "b",
		"/checks?find=db1+http":    "",
		"/checks?find=web&limit=1": "a",
		"/checks?id=gone":          "",
	} {
		a := s.get(t, Prefix+path)
		var body struct {
			Checks []topology.Check `json:"checks"`
		}
		decode(t, a, &body)
		var ids []string
		for _, c := range body.Checks {
			ids = append(ids, c.ID)
		}
		if got := strings.Join(ids, " "); a.StatusCode != http.StatusOK || got != want || body.Checks == nil {
			t.Errorf("GET %s: %d %q, want %q", path, a.StatusCode, got, want)
		}
	}
	if a := s.get(t, Prefix+"/checks?status=FINE"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a status that is none: %d", a.StatusCode)
	}
}

// TestResultsAreTakenIn: as plugins and scripts give them, each with what is wrong
// with it.
func TestResultsAreTakenIn(t *testing.T) {
	s := newSite(t, siteOptions{systems: &systems{}})
	for _, tt := range []struct{ name, body, want string }{
		{"words", `{"checks":[{"host":"web","name":"http","status":"critical","output":"x\u0000y","port":80},{"host":"web","status":"UP"}]}`, ""},
		{"exit codes", `{"checks":[{"host":"web","name":"http","status":"3"},{"host":"web","status":"2"}]}`, ""},
		{"forget", `{"checks":[{"host":"web","name":"http","status":"","remove":true}]}`, ""},
		{"a host is never WARNING", `{"checks":[{"host":"web","status":"WARNING"}]}`, `checks[0].status must be UP, DOWN, UNREACHABLE or PENDING for a host, or 0 to 3, is "WARNING"`},
		{"no status", `{"checks":[{"host":"a","status":"0"},{"host":"web","name":"x","status":"fine"}]}`, `checks[1].status must be OK, WARNING, CRITICAL, UNKNOWN or PENDING for a service, or 0 to 3, is "fine"`},
		{"a link that runs", `{"checks":[{"host":"web","status":"0","link":"javascript:alert(1)"}]}`, `checks[0].link must begin with http:// or https://, is "javascript:alert(1)"`},
		{"a time backwards", `{"checks":[{"host":"web","status":"0","interval":"-1s"}]}`, `checks[0].interval must not be negative, is "-1s"`},
		{"nobody", `{"source":"x","checks":[{"host":"web","status":"0"}]}`, `no source of kind passive is named "x"`},
		{"nothing", `{"checks":[]}`, "validation failed"},
		{"no host", `{"checks":[{"host":"","status":"0"}]}`, "validation failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := s.do(t, http.MethodPost, Prefix+"/checks", tt.body, "Content-Type", "application/json")
			if tt.want == "" && a.StatusCode == http.StatusAccepted {
				return
			}
			var p struct{ Detail string }
			decode(t, a, &p)
			if p.Detail != tt.want {
				t.Errorf("%d %q, want %q", a.StatusCode, p.Detail, tt.want)
			}
		})
	}
	want := []struct {
		kind   topology.CheckKind
		status topology.Status
	}{{topology.ServiceCheck, topology.Critical}, {topology.HostCheck, topology.Up}, {topology.ServiceCheck, topology.Unknown}, {topology.HostCheck, topology.Down}}
	if len(s.systems.passed) != len(want) {
		t.Fatalf("taken in are %+v", s.systems.passed)
	}
	for i, c := range s.systems.passed {
		if c.Kind != want[i].kind || c.Status != want[i].status || !c.Hard || time.Since(c.LastCheck) > time.Minute {
			t.Errorf("%d: %+v", i, c)
		}
	}
	if c := s.systems.passed[0]; c.Output != "x y" || len(c.Hints) != 1 || c.Hints[0].Port != 80 {
		t.Errorf("%+v", c)
	}
}

func TestSourcesAreChanged(t *testing.T) {
	s := newSite(t, siteOptions{systems: &systems{}})
	const good = `{"name":"n","kind":"nagios","url":"http://n","user":"u","password":"secret"}`
	for _, tt := range []struct {
		name, method, path, body string
		err                      error
		code                     int
		want                     string
	}{
		{"add", "POST", "/sources", good, nil, 201, ""},
		{"there already", "POST", "/sources", good, fmt.Errorf("adding: %w", monitor.ErrExists), 409, "adding: there is a source of this name already"},
		{"a wrong URL", "POST", "/sources", `{"name":"n","kind":"nagios","url":"ftp://n"}`, nil, 422, `url must begin with http, https, tcp, unix or file, is "ftp://n"`},
		{"a login in the URL", "POST", "/sources", `{"name":"n","kind":"nagios","url":"http://u:topsecret@n"}`, nil, 422, `url must hold no login: use user and password, is "http://u:xxxxx@n"`},
		{"a wrong kind", "POST", "/sources", `{"name":"n","kind":"munin","url":"http://n"}`, nil, 422, `kind must be one of nagios, icinga, icinga2, livestatus, alertmanager, zabbix, passive, is "munin"`},
		{"change", "PUT", "/sources/n", good, nil, 200, ""},
		{"change nothing", "PUT", "/sources/n", good, monitor.ErrNoSource, 404, "there is no such source"},
		{"remove", "DELETE", "/sources/n", "", nil, 204, ""},
		{"remove nothing", "DELETE", "/sources/x", "", nil, 404, `no source is named "x"`},
		{"refresh", "POST", "/sources/n/refresh", "", nil, 202, ""},
		{"refresh all", "POST", "/sources/refresh", "", nil, 202, ""},
		{"refresh nothing", "POST", "/sources/x/refresh", "", nil, 404, `no source is named "x"`},
		{"test", "POST", "/sources/test", good, nil, 200, ""},
		{"test what is not there", "POST", "/sources/test", good, &monitor.Error{Reason: monitor.NoLogin, Text: "the login is refused", Hint: "check it"}, 422, "the login is refused: check it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.systems.err = tt.err
			a := s.do(t, tt.method, Prefix+tt.path, tt.body, "Content-Type", "application/json")
			s.systems.err = nil
			if strings.Contains(string(a.body), "secret") {
				t.Errorf("a secret is told: %s", a.body)
			}
			var p struct{ Detail string }
			if tt.want != "" {
				decode(t, a, &p)
			}
			if a.StatusCode != tt.code || p.Detail != tt.want {
				t.Errorf("%d %q, want %d %q: %s", a.StatusCode, p.Detail, tt.code, tt.want, a.body)
			}
		})
	}
	if got, want := s.systems.took(), `put n http://n new true password "secret"; put n http://n new true password "secret"; put n http://n new false password "secret"; put n http://n new false password "secret"; refresh n; refresh ; refresh x`; got != want {
		t.Errorf("did %s", got)
	}
}

func TestAcknowledging(t *testing.T) {
	s := newSite(t, siteOptions{systems: &systems{}})
	for _, tt := range []struct {
		path, body string
		err        error
		code       int
	}{
		{"/checks/a/acknowledge", `{"comment":"on it"}`, nil, 200},
		{"/checks/x/acknowledge", `{}`, nil, 404},
		{"/checks/a/acknowledge", `{}`, fmt.Errorf("%w: set acknowledge", monitor.ErrNoAcknowledging), 409},
		{"/checks/a/acknowledge", `{}`, errors.New("away"), 503},
	} {
		s.systems.err = tt.err
		if a := s.do(t, http.MethodPost, Prefix+tt.path, tt.body, "Content-Type", "application/json"); a.StatusCode != tt.code {
			t.Errorf("%s %v: %d, want %d", tt.path, tt.err, a.StatusCode, tt.code)
		}
	}
	if got := s.systems.took(); !strings.HasPrefix(got, "a by dotm: on it; a by dotm: acknowledged from") {
		t.Errorf("did %s", got)
	}
}

func decode(t *testing.T, a answered, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

// TestReportOfMonitoring: what is not watched, what is of no node, what fails.
func TestReportOfMonitoring(t *testing.T) {
	sys := &systems{
		states: []monitor.State{{
			Options: monitor.Options{Name: "n", Kind: monitor.Nagios}, State: monitor.Failing,
			Error: &monitor.Problem{Text: "nobody answers", Hint: "start it"}, Summary: monitor.Summary{Notes: []topology.Note{{Code: "no-hosts", Text: "it shows no hosts"}}},
		}},
		strays: []monitor.Stray{
			{Source: "n", Host: "printer", Addresses: []string{"10.0.0.77"}, Checks: 2, Mapping: &topology.Mapping{Evidence: "no node is called so"}},
			{Source: "n", Host: "far", Addresses: []string{"far.example"}, Checks: 1},
		},
	}
	sys.declared = []monitor.Relation{
		{Source: "n", Kind: monitor.DependsOn, Of: monitor.Party{Host: "web", Name: "http", Node: "web"}, To: &monitor.Party{Host: "old", Node: "db"}, Observed: monitor.SeenNone},
		{Source: "n", Kind: monitor.DependsOn, Of: monitor.Party{Host: "db", Node: "db"}, To: &monitor.Party{Host: "web", Node: "web"}, Observed: monitor.SeenNode},
	}
	s := newSite(t, siteOptions{systems: sys})
	s.shop(t)
	if got := read200[struct{ Declared []monitor.Relation }](t, s, Prefix+"/declared?node=web").Declared; !cmp.Equal(got, sys.declared[:1]) {
		t.Errorf("declared of web is %+v", got)
	}
	has := map[string]bool{}
	for _, f := range read200[FindingList](t, s, Prefix+"/report").Findings {
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
	for _, one := range read200[SuggestionList](t, s, Prefix+"/suggestions").Suggestions {
		suggested = append(suggested, one.Address+" "+one.Evidence[0].Text)
	}
	if want := "10.0.0.77 n has 2 checks on it, as printer"; !slices.Contains(suggested, want) {
		t.Errorf("suggested are %q, want %q", suggested, want)
	}
	a := s.get(t, Prefix+"/report/definitions/nagios")
	if a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), "define host") || !strings.Contains(string(a.body), "5432") {
		t.Errorf("%s: %s", a.Status, a.body)
	}
	if a := s.get(t, Prefix+"/report/definitions/munin"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("of no known system: %s", a.Status)
	}
}

// TestNoSourcesNoFindings: who has no monitoring system is not told that nothing is
// monitored.
func TestNoSourcesNoFindings(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.shop(t)
	for _, f := range read200[FindingList](t, s, Prefix+"/report").Findings {
		if strings.HasPrefix(f.Code, "un") {
			t.Errorf("%+v", f)
		}
	}
	monitored := func() bool {
		var list struct{ Monitored bool }
		s.until(t, Prefix+"/sources", &list, func() bool { return true })
		return list.Monitored
	}
	if monitored() {
		t.Error("dotm's own source is a monitoring system")
	}
	s.hand(t, `{"host":"db","name":"postgres","status":"OK"}`)
	if !monitored() {
		t.Error("what hands over results is none")
	}
}

func TestMappingIsTriedAndCorrected(t *testing.T) {
	s := newSite(t, siteOptions{systems: &systems{}})
	for _, tt := range []struct {
		path, body string
		code       int
		want       string
	}{
		{"/mapping/preview", `{"mapping":[{"check":"x","process":"y"}]}`, 200, `"to":{"node":"web"}`},
		{"/mapping/preview", `{"mapping":[{"check":"(","process":"y"}]}`, 422, "mapping[0].check"},
		{"/mapping/preview", `{}`, 200, `"moves"`},
		{"/checks/a/map", `{"node":"web"}`, 200, `"rule":{"check":"^x$"`},
		{"/checks/a/map", `{"node":"web","preview":true}`, 200, `"moves":[{"id":"a"`},
		{"/checks/x/map", `{"node":"web","preview":true}`, 404, "no such check"},
		{"/checks/x/map", `{"node":"web"}`, 404, "no such check"},
		{"/checks/a/map", `{}`, 422, "node"},
	} {
		a := s.do(t, http.MethodPost, Prefix+tt.path, tt.body, "Content-Type", "application/json")
		if a.StatusCode != tt.code || !strings.Contains(string(a.body), tt.want) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, a.StatusCode, a.body)
		}
	}
	if got, want := s.systems.took(), "mapped a on web ; mapped x on web "; got != want {
		t.Errorf("a preview writes nothing: %q, want %q", got, want)
	}
}

func TestCovered(t *testing.T) {
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	for _, tt := range []struct {
		gaps []store.Gap
		want int
	}{
		{nil, 100},
		{[]store.Gap{{From: at(2), To: at(4)}}, 80},
		{[]store.Gap{{From: at(-5), To: at(1)}, {From: at(9)}}, 80},
		{[]store.Gap{{From: at(2), To: at(6)}, {From: at(4), To: at(5)}, {From: at(5), To: at(7)}}, 50},
		{[]store.Gap{{From: at(-1)}}, 0},
	} {
		if got := covered(tt.gaps, at(0), at(10)); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.gaps, got, tt.want)
		}
	}
}

func TestAlertmanagerWebhook(t *testing.T) {
	sys := &systems{}
	s := newSite(t, siteOptions{systems: sys})
	read := func(_ monitor.Options, r io.Reader) (firing, over []mapping.Check, err error) {
		raw, err := io.ReadAll(r)
		if err != nil || string(raw) == "{}" {
			return nil, nil, errors.New("version must be 4")
		}
		return make([]mapping.Check, 2), make([]mapping.Check, 1), nil
	}
	source := func(name string, kind monitor.Kind) monitor.State {
		return monitor.State{Options: monitor.Options{Name: name, Kind: kind}}
	}
	for _, tt := range []struct {
		name    string
		sources []monitor.State
		query   string
		body    string
		code    int
	}{
		{"the only one", []monitor.State{source("n", monitor.Nagios), source("passive", monitor.Alertmanager)}, "", "x", 202},
		{"named", []monitor.State{source("passive", monitor.Alertmanager), source("b", monitor.Alertmanager)}, "?source=passive", "x", 202},
		{"which of two", []monitor.State{source("passive", monitor.Alertmanager), source("b", monitor.Alertmanager)}, "", "x", 404},
		{"none", []monitor.State{source("n", monitor.Nagios)}, "", "x", 404},
		{"of another kind", []monitor.State{source("n", monitor.Nagios)}, "?source=n", "x", 404},
		{"not what it sends", []monitor.State{source("passive", monitor.Alertmanager)}, "", "{}", 422},
		{"large", []monitor.State{source("passive", monitor.Alertmanager)}, "", strings.Repeat("x", 3<<20), 202},
		{"too large", []monitor.State{source("passive", monitor.Alertmanager)}, "", strings.Repeat("x", 17<<20), 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sys.states, *s.alerts = tt.sources, read
			a := s.do(t, http.MethodPost, Prefix+"/webhooks/alertmanager"+tt.query, tt.body, "Content-Type", "application/json")
			if a.StatusCode != tt.code {
				t.Errorf("%d %s, want %d", a.StatusCode, a.body, tt.code)
			}
		})
	}
}
