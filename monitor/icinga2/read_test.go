package icinga2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// What Icinga 2 once answered is the scene.
func TestRead(t *testing.T) {
	r := captured(t).read(t)
	isScene(t, r)
	if r.Program != "Icinga 2" || r.Version != "2.13.6-1" || r.At.Unix() != 1795368776 || r.Age != 0 {
		t.Errorf("%s %s of %s, %s old", r.Program, r.Version, r.At, r.Age)
	}
	if want := []monitor.Dependency{{Host: "edge1", ParentHost: "gw1"}, {Host: "web1", Name: "http", ParentHost: "db1", ParentName: "postgres"}}; !reflect.DeepEqual(r.Dependencies, want) {
		t.Errorf("%+v", r.Dependencies)
	}
	for i := range r.Hosts {
		if h := &r.Hosts[i]; h.Name == "edge1" {
			want := &mapping.Host{
				Name: "edge1", Display: "host behind gw1", Addresses: []string{"127.0.0.5", "::1"}, Groups: []string{"branch"},
				Parents: []string{"gw1"}, Link: "https://icinga.example/icingaweb2/icingadb/host?name=edge1",
			}
			if !reflect.DeepEqual(h, want) {
				t.Errorf("%+v", h)
			}
		}
		if h := &r.Hosts[i]; h.Name == "web1" && h.Notes != "http://wiki.example.test/web1" {
			t.Errorf("notes of web1: %q", h.Notes)
		}
	}
	disk := find(t, r.Checks, "web1", "Disk /var")
	if disk.Link != "https://icinga.example/icingaweb2/icingadb/service?name=Disk+%2Fvar&host.name=web1" || disk.Output != "WARNING: /var is 91% full" {
		t.Errorf("%q, %q", disk.Link, disk.Output)
	}
	memory := find(t, r.Checks, "cache1", "memory")
	if memory.Output != `WARNING: Größe 91% "voll" <b>fett</b> \ C:\temp & a tab` || time.Duration(memory.Interval) != 2*time.Second {
		t.Errorf("%q every %s", memory.Output, time.Duration(memory.Interval))
	}
	if p := find(t, r.Checks, "db1", "postgres"); len(p.Hints) != 1 || p.Hints[0].Port != 5432 || !p.Since.Equal(time.Unix(1795368539, 975486000)) {
		t.Errorf("%+v since %s", p.Hints, p.Since)
	}
}

// A never-checked host has the state of one that is down, a never-checked service
// that of an unknown one: pending comes first.
func TestPendingIsNoAlarm(t *testing.T) {
	r := captured(t).read(t)
	for _, name := range []string{"", "ntp"} {
		host := map[string]string{"": "new1", "ntp": "web1"}[name]
		c := find(t, r.Checks, host, name)
		if c.Status.Bad() || !c.LastCheck.IsZero() || !c.Since.IsZero() || c.Interval != 0 {
			t.Errorf("%s!%s: %+v", host, name, c)
		}
	}
}

// What never left its first state has no last_state_change: the moment it became
// hard is the next best, and without that nothing is said.
func TestNeverChangedState(t *testing.T) {
	r := captured(t).read(t)
	if c := find(t, r.Checks, "db1", "backup"); c.Since.Unix() != 1795368538 {
		t.Errorf("since %s", c.Since)
	}
	if c := find(t, r.Checks, "edge1", ""); c.Since.Unix() != 1795368539 {
		t.Errorf("since %s", c.Since)
	}
}

// That an OK service can't be reached, since what it needs fails, is no alarm.
func TestUnreachableButFine(t *testing.T) {
	if c := find(t, captured(t).read(t).Checks, "web1", "http"); brief(c) != "OK" {
		t.Error(brief(c))
	}
}

// A right that is missing looks like nothing being there: it is told apart.
func TestMissingRightsAreNotNothing(t *testing.T) {
	everything := []string{"objects/query/*", "status/query", "events/*"}
	for name, tt := range map[string]struct {
		rights []string
		gone   []string // paths without objects
		notes  string
	}{
		"all":                {everything, nil, ""},
		"all, by a star":     {[]string{"*"}, nil, ""},
		"case is no matter":  {[]string{"Objects/Query/?ost", "objects/query/SERVICE", "objects/query/dependency", "status/*", "EVENTS/*"}, nil, ""},
		"no services":        {[]string{"objects/query/Host", "objects/query/Dependency", "status/query", "events/*"}, []string{"services"}, "no-right-services"},
		"no dependencies":    {[]string{"objects/query/Host", "objects/query/Service", "status/query", "events/*"}, []string{"dependencies"}, "no-right-dependencies"},
		"no status":          {[]string{"objects/query/*", "events/*"}, nil, "no-right-status"},
		"no events":          {[]string{"objects/query/*", "status/query"}, nil, "no-right-events"},
		"one event":          {[]string{"objects/query/*", "status/query", "events/StateChange"}, nil, "no-right-events"},
		"an empty filter":    {[]string{"objects/query/Host (filtered)", "objects/query/*", "status/query", "events/*"}, []string{"hosts", "services", "dependencies"}, "no-hosts"},
		"an empty Icinga":    {everything, []string{"hosts", "services", "dependencies"}, "no-hosts"},
		"hosts, no services": {everything, []string{"services"}, "no-services"},
	} {
		t.Run(name, func(t *testing.T) {
			f := captured(t)
			f.may(tt.rights...)
			for _, path := range tt.gone {
				delete(f.answers, "/v1/objects/"+path)
			}
			if r := f.read(t); codes(r) != tt.notes {
				t.Errorf("notes %s: %+v", codes(r), r.Notes)
			}
		})
	}
	f := captured(t)
	f.may("status/query")
	_, err := f.source(t).Read(within(t))
	if monitor.ReasonOf(err) != monitor.NoRight || !strings.Contains(err.Error(), `add "objects/query/Host"`) {
		t.Error(err)
	}
}

// Every way not to be readable is told apart, with a hint.
func TestErrors(t *testing.T) {
	html := func(status int, page string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, page)
		}
	}
	to := func(where string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, where, http.StatusFound) }
	}
	for name, tt := range map[string]struct {
		path   string
		answer http.HandlerFunc
		reason monitor.Reason
		says   string
	}{
		"a wrong login":            {"/v1", html(401, "<h1>Unauthorized. Please check your user credentials.</h1>"), monitor.NoLogin, "password"},
		"HTML instead of JSON":     {"/v1", html(200, "<html><title>Welcome</title>"), monitor.NotIt, "Welcome"},
		"a redirect to a login":    {"/v1", to("https://sso.example/login"), monitor.NoLogin, "sso.example/login"},
		"another path":             {"/v1", nil, monitor.NotThere, "path"},
		"another system":           {"/v1", said200(`{"status":"success","data":{}}`), monitor.NotIt, "no results"},
		"another list":             {"/v1", said200(`{"results":[{"a":1}]}`), monitor.NotIt, "who the login is"},
		"an empty body":            {"/v1", said200(""), monitor.NotIt, "no results"},
		"no JSON":                  {"/v1/objects/hosts", said200(`{"results":[{"attrs":`), monitor.NotIt, "ends before"},
		"no list":                  {"/v1/objects/hosts", said200(`{"results":7}`), monitor.NotIt, "JSON"},
		"a list of something else": {"/v1/objects/hosts", said200(`{"results":[7]}`), monitor.NotIt, "JSON"},
		"a host without a name":    {"/v1/objects/hosts", said200(`{"results":[{"attrs":{}}]}`), monitor.NotIt, "without a name"},
		"a service without a host": {"/v1/objects/services", said200(`{"results":[{"attrs":{"name":"x"}}]}`), monitor.NotIt, "without a name"},
		"a proxy without Icinga":   {"/v1/objects/services", html(502, "<h1>Bad Gateway</h1>"), monitor.NotRunning, "proxy"},
		"a failing status":         {"/v1/status/CIB", html(500, ""), monitor.NotIt, "fails"},
		"failing dependencies":     {"/v1/objects/dependencies", html(500, ""), monitor.NotIt, "fails"},
	} {
		t.Run(name, func(t *testing.T) {
			f := captured(t)
			f.do(tt.path, tt.answer)
			_, err := f.source(t).Read(within(t))
			var e *monitor.Error
			if !errors.As(err, &e) || e.Reason != tt.reason || e.Hint == "" || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", monitor.ReasonOf(err), err)
			}
		})
	}
}

func said200(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, body)
	}
}

// An answer that drips ends with the time there is for it; who gives up gets no
// reason that would be shown as the server's fault.
func TestSlowDrip(t *testing.T) {
	f := captured(t)
	dripping := make(chan struct{}, 1)
	f.do("/v1/objects/services", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, `{"results":[`)
		for tick := time.NewTicker(10 * time.Millisecond); r.Context().Err() == nil; <-tick.C {
			_, _ = fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
			select {
			case dripping <- struct{}{}:
			default:
			}
		}
	})
	s := f.source(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Read(ctx); monitor.ReasonOf(err) != monitor.TooSlow {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-dripping
		<-dripping
		cancel()
	}()
	if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) || monitor.ReasonOf(err) != "" {
		t.Error(err)
	}
}

// More than a reading holds is refused.
func TestTooMany(t *testing.T) {
	f := captured(t)
	f.do("/v1/objects/hosts", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"results":[`)
		for i := range monitor.MaxHosts + 1 {
			_, _ = fmt.Fprintf(w, `{"attrs":{"name":"h%d"}},`, i)
		}
		_, _ = fmt.Fprint(w, `{"attrs":{"name":"last"}}]}`)
	})
	if _, err := f.source(t).Read(within(t)); monitor.ReasonOf(err) != monitor.TooLarge {
		t.Error(err)
	}
}

// Names and texts are as hostile as anything from outside.
func TestHostileTexts(t *testing.T) {
	f := captured(t)
	f.say("/v1/objects/services", 200, `{"results":[{"attrs":{"host_name":"web1","name":"a/\"<script>`+"\xff"+`\n","state":2.0,"state_type":1,"last_check":1e300,"check_interval":1e99,"enable_active_checks":true,`+
		`"last_check_result":{"output":"`+strings.Repeat("ü", 4000)+`","command":"check_tcp -p 99999 -p 5432","execution_end":-5}}},`+
		`{"attrs":{"host_name":"gone","name":"x","state":9,"last_check_result":{"command":{"a":1}},"groups":null}}]}`)
	r := f.read(t)
	c := find(t, r.Checks, "web1", "a/\"<script>\uFFFD")
	if len(c.Output) != monitor.MaxOutput || !c.LastCheck.IsZero() || c.Interval != 0 || len(c.Hints) != 1 || strings.ContainsAny(c.Link, `<>" `) {
		t.Errorf("%+v", c)
	}
	if c := find(t, r.Checks, "gone", "x"); brief(c) != "UNKNOWN soft" {
		t.Error(brief(c))
	}
}

// Dependencies are read once, and again when Icinga 2 started anew.
func TestDependenciesAreKept(t *testing.T) {
	f := captured(t)
	s := f.source(t)
	count := func() (n int) {
		for _, a := range f.asked {
			if strings.HasPrefix(a, "/v1/objects/dependencies") {
				n++
			}
		}
		return n
	}
	first, second := read(t, s), read(t, s)
	if count() != 1 || !reflect.DeepEqual(first.Dependencies, second.Dependencies) || len(second.Dependencies) != 2 {
		t.Errorf("asked %d times: %+v", count(), second.Dependencies)
	}
	text, _ := os.ReadFile("testdata/status-IcingaApplication.json")
	f.say("/v1/status/IcingaApplication", 200, strings.ReplaceAll(string(text), "1795368538.141374", "1795368700.5"))
	f.say("/v1/objects/dependencies", 500, "{}")
	if _, err := s.Read(within(t)); err == nil {
		t.Error("dependencies that can't be read are no error")
	}
	f.say("/v1/objects/dependencies", 200, `{"results":[]}`)
	if r := read(t, s); count() != 3 || len(r.Dependencies) != 0 {
		t.Errorf("asked %d times: %+v", count(), r.Dependencies)
	}
	read(t, s)
	if count() != 3 {
		t.Errorf("asked %d times", count())
	}
	if err := s.hear([]byte(`{"type":"ObjectCreated","object_type":"Dependency"}`), newNews()); err != nil {
		t.Error(err)
	}
	if read(t, s); count() != 4 {
		t.Errorf("asked %d times after one was made", count())
	}
}

// A daemon that answers and checks nothing is not fine.
func TestOldData(t *testing.T) {
	f := captured(t)
	f.say("/v1/status/CIB", 200, `{"results":[{"status":{"uptime":4000.5}}]}`)
	r := f.read(t)
	if codes(r) != "old-data" || !strings.Contains(r.Notes[0].Text, "since 2026-11-22T") {
		t.Errorf("%+v", r.Notes)
	}
	f.say("/v1/status/IcingaApplication", 200, `{"results":[{"status":{"icingaapplication":{"app":{"program_start":1795368538.1,"enable_host_checks":false,"enable_service_checks":false}}}}]}`)
	f.say("/v1/status/CIB", 200, `{"results":[{"status":{"uptime":238}}]}`)
	if got := codes(f.read(t)); got != "checks-off-hosts checks-off-services" && got != "checks-off-services checks-off-hosts" {
		t.Error(got)
	}
}

func TestNew(t *testing.T) {
	for _, tt := range []struct{ url, link, base, web string }{
		{"https://icinga.example:5665", "", "https://icinga.example:5665", ""},
		{"https://icinga.example:5665/v1/", "https://w.example/icingaweb2/", "https://icinga.example:5665", "https://w.example/icingaweb2/icingadb"},
		{"https://proxy.example/icinga/v1", "https://w.example/icingaweb2/monitoring", "https://proxy.example/icinga", "https://w.example/icingaweb2/monitoring"},
		{"http://icinga.example", "https://w.example", "http://icinga.example", "https://w.example/icingadb"},
	} {
		s, err := New(monitor.Options{URL: tt.url, Link: tt.link})
		if err != nil || s.client.Base().String() != tt.base || s.link != tt.web {
			t.Errorf("%+v: %v, %+v", tt, err, s)
		}
	}
	var e *monitor.OptionError
	if _, err := New(monitor.Options{URL: "tcp://icinga.example:5665"}); !errors.As(err, &e) || e.Field != "url" {
		t.Error(err)
	}
}

// Acknowledging: what Icinga 2 answers, and what a person is told.
func TestAcknowledge(t *testing.T) {
	problem := monitor.Acknowledgement{Host: `db1" || true`, Name: "postgres"}
	for name, tt := range map[string]struct {
		status    int
		body      string
		did, says string
		reason    monitor.Reason
	}{
		"done":             {200, `{"results":[{"code":200,"status":"Successfully acknowledged problem"}]}`, "acknowledged until its state changes", "", ""},
		"done already":     {409, `{"results":[{"code":409,"status":"Service db1!postgres is already acknowledged."}]}`, "is acknowledged already", "", ""},
		"no problem":       {409, `{"results":[{"code":409,"status":"Service db1!postgres is OK."}]}`, "", "no problem any more: Service db1!postgres is OK", ""},
		"no such object":   {500, `{"results":[]}`, "", "does not know it any more", ""},
		"it fails":         {500, `{"results":[{"code":500,"status":"Action execution failed"}]}`, "", "Action execution failed", ""},
		"it fails quietly": {200, `{"results":[{"code":500,"status":"odd"}]}`, "", "says odd", ""},
		"it says nothing":  {200, `{"results":[]}`, "", "nothing", ""},
		"no right":         {404, `{"error":404,"status":"No objects found."}`, "", `add "actions/acknowledge-problem"`, monitor.NoRight},
		"broken":           {500, `<`, "", "fails", monitor.NotIt},
		"broken and fine":  {200, `{"results":[`, "", "ends before", monitor.NotIt},
	} {
		t.Run(name, func(t *testing.T) {
			f := captured(t)
			f.say("/v1/actions/acknowledge-problem", tt.status, tt.body)
			s := f.source(t)
			did, err := s.Acknowledge(within(t), problem)
			if did != tt.did || (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(err.Error(), tt.says)) || monitor.ReasonOf(err) != tt.reason {
				t.Errorf("%q, %v (%s)", did, err, monitor.ReasonOf(err))
			}
			// Names stand beside the filter, never in it.
			if asked := f.asked[0]; !strings.Contains(asked, `"filter":"host.name==host_name \u0026\u0026 service.name==service_name"`) || !strings.Contains(asked, `"host_name":"db1\" || true"`) {
				t.Error(asked)
			}
		})
	}
	if s := captured(t).source(t); !strings.HasPrefix(s.Acknowledges(), "acknowledges in Icinga 2 at 127.0.0.1") {
		t.Error(s.Acknowledges())
	}
}

// TestReadingAgain: what a source reads after another reading is what a new one reads,
// whatever became of outputs, command lines, groups and names meanwhile; and the reading
// before stays as it was.
func TestReadingAgain(t *testing.T) {
	f := captured(t)
	s := f.source(t)
	first := read(t, s)
	kept := slices.Clone(first.Checks)
	services, err := os.ReadFile("testdata/services.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []*strings.Replacer{
		strings.NewReplacer("91% full", "92% full"),
		strings.NewReplacer("5432", "5433"),
		strings.NewReplacer(`"groups": []`, `"groups": ["zz", "aa"]`),
		strings.NewReplacer("Disk /var", "Disk /srv"),
		strings.NewReplacer(),
	} {
		f.say("/v1/objects/services", 200, change.Replace(string(services)))
		again, fresh := read(t, s), f.read(t)
		if !reflect.DeepEqual(again.Checks, fresh.Checks) || !reflect.DeepEqual(again.Hosts, fresh.Hosts) {
			t.Errorf("read again is\n%+v\nread anew\n%+v", again.Checks, fresh.Checks)
		}
	}
	if !reflect.DeepEqual(kept, first.Checks) {
		t.Error("what was given away changed")
	}
}
