package monitoring_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/topology"
)

func TestChecksAreListed(t *testing.T) {
	sys := &served.Systems{}
	s := served.New(t, served.Options{Monitoring: sys})
	sys.List = []topology.Check{
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
		a := s.Get(t, api.Prefix+path)
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
	if a := s.Get(t, api.Prefix+"/checks?status=FINE"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a status that is none: %d", a.StatusCode)
	}
}

// TestResultsAreTakenIn: as plugins and scripts give them, each with what is wrong
// with it.
func TestResultsAreTakenIn(t *testing.T) {
	sys := &served.Systems{}
	s := served.New(t, served.Options{Monitoring: sys})
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
			a := s.Do(t, http.MethodPost, api.Prefix+"/checks", tt.body, "Content-Type", "application/json")
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
	if len(sys.Passed) != len(want) {
		t.Fatalf("taken in are %+v", sys.Passed)
	}
	for i, c := range sys.Passed {
		if c.Kind != want[i].kind || c.Status != want[i].status || !c.Hard || time.Since(c.LastCheck) > time.Minute {
			t.Errorf("%d: %+v", i, c)
		}
	}
	if c := sys.Passed[0]; c.Output != "x y" || len(c.Hints) != 1 || c.Hints[0].Port != 80 {
		t.Errorf("%+v", c)
	}
}

func TestSourcesAreChanged(t *testing.T) {
	sys := &served.Systems{}
	s := served.New(t, served.Options{Monitoring: sys})
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
			sys.Err = tt.err
			a := s.Do(t, tt.method, api.Prefix+tt.path, tt.body, "Content-Type", "application/json")
			sys.Err = nil
			if strings.Contains(string(a.Text), "secret") {
				t.Errorf("a secret is told: %s", a.Text)
			}
			var p struct{ Detail string }
			if tt.want != "" {
				decode(t, a, &p)
			}
			if a.StatusCode != tt.code || p.Detail != tt.want {
				t.Errorf("%d %q, want %d %q: %s", a.StatusCode, p.Detail, tt.code, tt.want, a.Text)
			}
		})
	}
	if got, want := sys.Took(), `put n http://n new true password "secret"; put n http://n new true password "secret"; put n http://n new false password "secret"; put n http://n new false password "secret"; refresh n; refresh ; refresh x`; got != want {
		t.Errorf("did %s", got)
	}
}

func TestAcknowledging(t *testing.T) {
	sys := &served.Systems{}
	s := served.New(t, served.Options{Monitoring: sys})
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
		sys.Err = tt.err
		if a := s.Do(t, http.MethodPost, api.Prefix+tt.path, tt.body, "Content-Type", "application/json"); a.StatusCode != tt.code {
			t.Errorf("%s %v: %d, want %d", tt.path, tt.err, a.StatusCode, tt.code)
		}
	}
	if got := sys.Took(); !strings.HasPrefix(got, "a by dotm: on it; a by dotm: acknowledged from") {
		t.Errorf("did %s", got)
	}
}

func decode(t *testing.T, a served.Answer, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Text, v); err != nil {
		t.Fatalf("%v: %s", err, a.Text)
	}
}

func TestMappingIsTriedAndCorrected(t *testing.T) {
	sys := &served.Systems{}
	s := served.New(t, served.Options{Monitoring: sys})
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
		a := s.Do(t, http.MethodPost, api.Prefix+tt.path, tt.body, "Content-Type", "application/json")
		if a.StatusCode != tt.code || !strings.Contains(string(a.Text), tt.want) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, a.StatusCode, a.Text)
		}
	}
	if got, want := sys.Took(), "mapped a on web ; mapped x on web "; got != want {
		t.Errorf("a preview writes nothing: %q, want %q", got, want)
	}
}

func TestAlertmanagerWebhook(t *testing.T) {
	sys := &served.Systems{}
	s := served.New(t, served.Options{Monitoring: sys, ReadAlerts: func(_ monitor.Options, r io.Reader) (firing, over []mapping.Check, err error) {
		raw, err := io.ReadAll(r)
		if err != nil || string(raw) == "{}" {
			return nil, nil, errors.New("version must be 4")
		}
		return make([]mapping.Check, 2), make([]mapping.Check, 1), nil
	}})
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
			sys.States = tt.sources
			a := s.Do(t, http.MethodPost, api.Prefix+"/webhooks/alertmanager"+tt.query, tt.body, "Content-Type", "application/json")
			if a.StatusCode != tt.code {
				t.Errorf("%d %s, want %d", a.StatusCode, a.Text, tt.code)
			}
		})
	}
}
