package nagios

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// fake answers the CGIs with what a real one answered.
type fake struct {
	*httptest.Server
	answers map[string]string // by CGI and query
	asked   []string
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{answers: map[string]string{
		"statusjson.cgi programstatus":         sample(t, "statusjson-programstatus.json"),
		"statusjson.cgi hostlist":              sample(t, "statusjson-hostlist-details.json"),
		"statusjson.cgi servicelist":           sample(t, "statusjson-servicelist-details.json"),
		"objectjson.cgi hostlist":              sample(t, "objectjson-hostlist-details.json"),
		"objectjson.cgi servicelist":           sample(t, "objectjson-servicelist-details-web1.json"),
		"objectjson.cgi hostgrouplist":         sample(t, "objectjson-hostgrouplist-details.json"),
		"objectjson.cgi servicegrouplist":      sample(t, "objectjson-servicegrouplist-details.json"),
		"objectjson.cgi hostdependencylist":    sample(t, "objectjson-hostdependencylist.json"),
		"objectjson.cgi servicedependencylist": sample(t, "objectjson-servicedependencylist.json"),
	}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cgi, ok := strings.CutPrefix(r.URL.Path, "/nagios/cgi-bin/")
	what := cgi + " " + r.URL.Query().Get("query")
	if !ok || f.answers[what] == "" {
		w.WriteHeader(404)
		return
	}
	f.asked = append(f.asked, what)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = io.WriteString(w, f.answers[what])
}

func (f *fake) source(t *testing.T) *Source {
	t.Helper()
	s, err := New(monitor.Options{URL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fake) read(t *testing.T) (*monitor.Reading, error) { t.Helper(); return read(t, f.source(t)) }

func (f *fake) must(t *testing.T) *monitor.Reading {
	t.Helper()
	r, err := f.read(t)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// captured is what was there when the answers were taken: three services of web1,
// and the flapping check was CRITICAL.
var captured = slices.Sorted(slices.Values(append([]string{"cache1/load CRITICAL flapping"}, slices.DeleteFunc(slices.Clone(scene), func(s string) bool { return strings.HasPrefix(s, "cache1/load") })...)))

func lines(r *monitor.Reading) (list []string) {
	for i := range r.Checks {
		list = append(list, in(&r.Checks[i]))
	}
	slices.Sort(list)
	return list
}

func TestCapturedAnswers(t *testing.T) {
	f := newFake(t)
	r := f.must(t)
	if got := lines(r); !slices.Equal(got, captured) {
		t.Errorf("it shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(captured, "\n"))
	}
	if r.Version != "4.4.6" || !r.At.Equal(time.UnixMilli(1795368772000)) || r.Age != time.Second {
		t.Errorf("%s of %s, %s old", r.Version, r.At, r.Age)
	}
	c := find(t, r, "db1", "replication")
	if !c.LastCheck.Equal(time.UnixMilli(1795368771000)) || !c.Since.Equal(time.UnixMilli(1795368140000)) || !c.LastOK.IsZero() {
		t.Errorf("replication was never fine: %+v", c)
	}
	if disk := find(t, r, "web1", "Disk /var"); disk.Interval != topology.Duration(2*time.Second) || disk.Link != f.URL+"/nagios/cgi-bin/extinfo.cgi?type=2&host=web1&service=Disk+%2Fvar" {
		t.Errorf("disk: %+v", disk)
	}
}

// The configuration is read again only after Nagios was started again.
func TestConfigurationIsKept(t *testing.T) {
	f := newFake(t)
	s := f.source(t)
	for range 2 {
		if _, err := read(t, s); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.asked) != 3+6+3 {
		t.Errorf("asked for %v", f.asked)
	}
	f.answers["statusjson.cgi programstatus"] = strings.ReplaceAll(f.answers["statusjson.cgi programstatus"], "1795368140000", "1795368150000")
	f.answers["objectjson.cgi hostlist"] = strings.ReplaceAll(f.answers["objectjson.cgi hostlist"], "127.0.0.2", "192.0.2.2")
	r, err := read(t, s)
	if err != nil || len(f.asked) != 12+9 || hostOf(t, r, "db1").Addresses[0] != "192.0.2.2" {
		t.Errorf("after a restart: %v, asked for %v", err, f.asked)
	}
}

func TestErrorsComeWithHTTP200(t *testing.T) {
	f := newFake(t)
	f.answers["statusjson.cgi hostlist"] = sample(t, "error-unknown-host.json")
	_, err := f.read(t)
	if monitor.ReasonOf(err) != monitor.NotIt || !strings.Contains(err.Error(), "Option Value Invalid: The host 'nosuch' could not be found.") {
		t.Errorf("got %v", err)
	}
}

func TestDaemonStoppedIsAnEmptyBody(t *testing.T) {
	_, body, _ := strings.Cut(sample(t, "nagios-not-running.http"), "\n\n")
	if strings.TrimSpace(body) != "" {
		t.Fatalf("the capture has %q", body)
	}
	for _, which := range []string{"programstatus", "hostlist", "servicelist"} {
		f := newFake(t)
		f.answers["statusjson.cgi "+which] = "\n"
		if _, err := f.read(t); monitor.ReasonOf(err) != monitor.NotRunning {
			t.Errorf("%s: %v", which, err)
		}
	}
}

func TestDaemonHungServesOldData(t *testing.T) {
	for _, which := range []string{"programstatus", "servicelist"} {
		f := newFake(t)
		f.answers["statusjson.cgi "+which] = strings.NewReplacer(`"last_data_update": 1795368772000`, `"last_data_update": 1795368700000`, `"last_data_update": 1795368773000`, `"last_data_update": 1795368700000`).Replace(f.answers["statusjson.cgi "+which])
		_, err := f.read(t)
		if monitor.ReasonOf(err) != monitor.OldData || !strings.Contains(err.Error(), "since 2026-11-22 17:31:40 UTC") {
			t.Errorf("%s: %v", which, err)
		}
	}
}

func TestNamesThatAreNoASCIIComeTwiceAsNull(t *testing.T) {
	f := newFake(t)
	f.answers["statusjson.cgi servicelist"] = sample(t, "statusjson-servicelist-details-nonascii-names.json")
	r := f.must(t)
	first, second := find(t, r, "cache1", "(name lost)"), find(t, r, "cache1", "(name lost 2)")
	if first.Status == second.Status || first.Link != f.URL+"/nagios/cgi-bin/extinfo.cgi?type=1&host=cache1" {
		t.Errorf("%s and %s, link %q", in(first), in(second), first.Link)
	}
	if !slices.ContainsFunc(r.Notes, func(n monitor.Note) bool { return n.Code == "names-lost" && strings.HasPrefix(n.Text, "2 names") }) {
		t.Errorf("notes %+v", r.Notes)
	}
	if _, err := newAck(monitor.Acknowledgement{Host: "cache1", Name: first.Name}); err == nil {
		t.Error("it can be acknowledged")
	}
}

func TestHostNamesThatAreLost(t *testing.T) {
	f := newFake(t)
	f.answers["statusjson.cgi hostlist"] = `{"result":{},"data":{"hostlist":{"(null)":{"name":"","status":4,"has_been_checked":true},"(null)":{"name":"","status":2,"has_been_checked":true}}}}`
	f.answers["statusjson.cgi servicelist"] = `{"result":{},"data":{"servicelist":{"(null)":{"a":{"host_name":"","description":"a","status":2}},"(null)":{"a":{"description":"a","status":4}}}}}`
	r := f.must(t)
	want := []string{"(name lost 2)/ UP", "(name lost 2)/a PENDING soft", "(name lost)/ DOWN", "(name lost)/a PENDING"}
	if got := lines(r); len(got) != 4 || got[0] != "(name lost 2)/ UP soft" {
		t.Errorf("got %v, want like %v", got, want)
	}
}

func TestALoginWithoutRightsSeesAnEmptyList(t *testing.T) {
	f := newFake(t)
	f.answers["statusjson.cgi hostlist"] = strings.Replace(sample(t, "statusjson-servicelist-login-without-rights.json"), `"servicelist": {`, `"hostlist": {`, 1)
	f.answers["statusjson.cgi servicelist"] = sample(t, "statusjson-servicelist-login-without-rights.json")
	r := f.must(t)
	if len(r.Notes) != 1 || r.Notes[0].Code != "no-hosts" || !strings.Contains(r.Notes[0].Hint, "authorized_for_all_hosts") {
		t.Errorf("notes %+v", r.Notes)
	}
	f.answers["statusjson.cgi hostlist"] = sample(t, "statusjson-hostlist-details.json")
	if r = f.must(t); len(r.Notes) != 1 || r.Notes[0].Code != "no-services" {
		t.Errorf("notes %+v", r.Notes)
	}
}

func TestWithoutTheConfiguration(t *testing.T) {
	f := newFake(t)
	for _, answer := range []string{"", `{"result":{"type_code":5,"type_text":"Forbidden"}}`} {
		f.answers["objectjson.cgi hostlist"] = answer
		r := f.must(t)
		if got := lines(r); !slices.Equal(got, captured) || !slices.ContainsFunc(r.Notes, func(n monitor.Note) bool { return n.Code == "no-objects" }) {
			t.Errorf("%d checks, notes %+v", len(got), r.Notes)
		}
		if find(t, r, "gw1", "ssh").Link == "" {
			t.Error("no link")
		}
	}
	f = newFake(t)
	f.answers["objectjson.cgi servicedependencylist"] = `{"result":{"type_code":6,"type_text":"Option Value Invalid"}}`
	if r := f.must(t); len(r.Dependencies) != 1 {
		t.Errorf("an older version: %+v", r.Dependencies)
	}
}

func TestStatusBits(t *testing.T) {
	for bits, want := range map[int64][2]topology.Status{
		0: {topology.Unknown, topology.Unknown}, 1: {topology.Pending, topology.Pending}, 2: {topology.Up, topology.OK},
		4: {topology.Down, topology.Warning}, 8: {topology.Unreachable, topology.Unknown}, 16: {topology.Unknown, topology.Critical},
	} {
		if got := [2]topology.Status{hostBits(bits), serviceBits(bits)}; got != want {
			t.Errorf("%d: %v, want %v", bits, got, want)
		}
	}
}

// What was never looked at is pending, whatever its state reads.
func TestPendingComesFirst(t *testing.T) {
	f := newFake(t)
	f.answers["statusjson.cgi servicelist"] = `{"result":{},"data":{"servicelist":{"web1":{"ntp":{"description":"ntp","status":16,"has_been_checked":false,"state_type":0}}}}}`
	if c := find(t, f.must(t), "web1", "ntp"); c.Status != topology.Pending || !c.Hard {
		t.Errorf("got %s", in(c))
	}
}

func TestOtherAnswers(t *testing.T) {
	for _, tt := range []struct {
		body, words string
		reason      monitor.Reason
	}{
		{"<html><title>Apache2 Debian Default Page</title>", "Apache2 Debian Default Page", monitor.NotIt},
		{`{"a":1}`, "not that of Nagios", monitor.NotIt},
		{`{"result":{"query_time":17`, "ends before", monitor.NotIt},
		{`[]`, "not the JSON", monitor.NotIt},
		{`{"result":[]}`, "not the JSON", monitor.NotIt},
		{`{"result":{"type_code":6}`, "refuses", monitor.NotIt},
	} {
		f := newFake(t)
		f.answers["statusjson.cgi programstatus"] = tt.body
		if _, err := f.read(t); monitor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v", tt.body, err)
		}
	}
}

func TestChecksThatAreOff(t *testing.T) {
	f := newFake(t)
	f.answers["statusjson.cgi programstatus"] = strings.NewReplacer(`"execute_service_checks": true`, `"execute_service_checks": false`, `"execute_host_checks": true`, `"execute_host_checks": false`).Replace(f.answers["statusjson.cgi programstatus"])
	notes := f.must(t).Notes
	if len(notes) < 2 || notes[0].Code != "checks-off" || notes[1].Code != "host-checks-off" {
		t.Errorf("notes %+v", notes)
	}
}

func TestIntervals(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	active := func(interval float64, last, next time.Duration) (*object, *state) {
		return &object{interval: interval}, &state{status: topology.OK, checked: true, hard: true, active: true, output: "x", lastCheck: at.Add(last), nextCheck: at.Add(next)}
	}
	for _, tt := range []struct {
		name       string
		interval   float64
		last, next time.Duration
		active     bool
		fresh      time.Duration
		want       time.Duration
	}{
		{"in minutes", 5, -time.Minute, 4 * time.Minute, true, 0, 5 * time.Minute},
		{"in seconds", 300, -time.Minute, 4 * time.Minute, true, 0, 5 * time.Minute},
		{"nothing planned", 5, -time.Minute, -2 * time.Minute, true, 0, 5 * time.Minute},
		{"late", 5, -time.Hour, -55 * time.Minute, true, 0, 5 * time.Minute},
		{"never looks", 0, -time.Hour, 0, true, 0, 0},
		{"passive", 5, -time.Hour, 0, false, 0, 0},
		{"passive with a threshold", 5, -time.Hour, 0, false, 10 * time.Minute, 10 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &builder{r: &monitor.Reading{At: at}, conf: newConfig()}
			o, s := active(tt.interval, tt.last, tt.next)
			s.key, s.active, o.fresh = key{"h", "s"}, tt.active, tt.fresh
			b.conf.objects[s.key] = o
			if err := b.add(s); err != nil {
				t.Fatal(err)
			}
			r, err := b.finish()
			if err != nil || time.Duration(r.Checks[0].Interval) != tt.want {
				t.Errorf("every %s, want %s (%v)", time.Duration(r.Checks[0].Interval), tt.want, err)
			}
		})
	}
	// Out of its hours: looked at 10 hours ago, to be looked at in 4.
	b := &builder{r: &monitor.Reading{At: at}, conf: newConfig()}
	for _, one := range []struct {
		name       string
		last, next time.Duration
	}{{"a", -time.Minute, 4 * time.Minute}, {"b", -time.Minute, 4 * time.Minute}, {"c", -10 * time.Hour, 4 * time.Hour}} {
		o, s := active(5, one.last, one.next)
		s.key = key{"h", one.name}
		b.conf.objects[s.key] = o
		if err := b.add(s); err != nil {
			t.Fatal(err)
		}
	}
	if r, _ := b.finish(); time.Duration(r.Checks[0].Interval) != 5*time.Minute || time.Duration(r.Checks[2].Interval) != 14*time.Hour {
		t.Errorf("out of hours: %s", time.Duration(r.Checks[2].Interval))
	}
}

func TestOptions(t *testing.T) {
	for _, opt := range []monitor.Options{
		{URL: "tcp://h:1"},
		{URL: "unix:///x"},
		{URL: "://"},
		{URL: "http://"},
		{URL: "http://h", Link: "javascript:alert(1)"},
		{URL: "file:///x", Link: "nagios"},
		{URL: "file:///x?objects=relative"},
		{URL: "file://host/x"},
		{URL: "file://"},
	} {
		var e *monitor.OptionError
		if _, err := New(opt); !errors.As(err, &e) {
			t.Errorf("%+v: %v", opt, err)
		}
	}
}

func TestLinkIsWhereConfigured(t *testing.T) {
	f := newFake(t)
	s, err := New(monitor.Options{URL: f.URL + "/nagios", Link: "https://nagios.example/nagios/"})
	if err != nil {
		t.Fatal(err)
	}
	if got := must(t, s, "gw1", "").Link; got != "https://nagios.example/nagios/cgi-bin/extinfo.cgi?type=1&host=gw1" {
		t.Errorf("link %q", got)
	}
}

func TestHosts(t *testing.T) {
	c := newConfig()
	o := c.setHost(&host{
		name: "h", alias: "a", address: "h.example", notesURL: "http://wiki/$HOSTNAME$?a=$HOSTADDRESS$", parents: []string{"p"},
		custom: map[string]string{"ADDRESS6": "2001:db8::1", "MGMT_IP": "192.0.2.1", "PASSWORD": "secret", "SHIP": "10.0.0.1x", "ADDRESS": "h.example"},
	})
	if !slices.Equal(o.host.Addresses, []string{"h.example", "192.0.2.1", "2001:db8::1"}) || o.host.Notes != "http://wiki/h?a=h.example" || o.host.Parents[0] != "p" {
		t.Errorf("%+v", o.host)
	}
	if got := notes(&host{notesURL: "javascript:alert('$HOSTNAME$')"}); got != "" {
		t.Errorf("notes %q", got)
	}
	got := customHints(map[string]string{"PORT": "80", "HTTP_PORT": "81", "PORTAL": "82", "X_PORT": "none", "Y_PORT": "70000", "Z_PORT": "0"})
	if want := []mapping.Hint{{Port: 81, From: "custom variable _HTTP_PORT"}, {Port: 80, From: "custom variable _PORT"}}; !slices.Equal(got, want) {
		t.Errorf("hints %+v", got)
	}
}

func TestTooMany(t *testing.T) {
	b := &builder{r: &monitor.Reading{Checks: make([]mapping.Check, monitor.MaxChecks)}, conf: newConfig()}
	if err := b.add(&state{key: key{"h", "s"}}); monitor.ReasonOf(err) != monitor.TooLarge {
		t.Errorf("one check too many: %v", err)
	}
	if err := room(monitor.MaxChecks + monitor.MaxHosts + 1); monitor.ReasonOf(err) != monitor.TooLarge {
		t.Errorf("one object too many: %v", err)
	}
}

func FuzzStatus(f *testing.F) {
	f.Add(sample(f, "statusjson-servicelist-details-nonascii-names.json"))
	f.Add(sample(f, "statusjson-hostlist-details.json"))
	f.Add(`{"result":{"type_code":0},"data":{"hostlist":{"":{"name":"\u0000"}},"servicelist":{"a":{"b":{"description":"<b>\u202e","status":16,"has_been_checked":true,"last_check":9223372036854775807}}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		b := &builder{r: &monitor.Reading{}, conf: newConfig()}
		_, err := parse(strings.NewReader(text), func(j *monitor.JSON, name string) (bool, error) {
			if read, err := hostList(b, j, name); read || err != nil {
				return read, err
			}
			return serviceList(b, j, name)
		})
		if err == nil {
			sound(t, b)
		}
	})
}

func FuzzObjects(f *testing.F) {
	for _, name := range []string{"hostlist-details", "servicelist-details-web1", "hostgrouplist-details", "servicegrouplist-details", "hostdependencylist", "servicedependencylist"} {
		f.Add(sample(f, "objectjson-"+name+".json"))
	}
	f.Fuzz(func(_ *testing.T, text string) {
		o := &objectReader{conf: newConfig(), seen: map[monitor.Dependency]bool{}, link: func(k key) string { return monitor.PageLink("http://h", k.host, k.name) }}
		_, _ = parse(strings.NewReader(text), o.list)
	})
}

// sound checks what holds of every reading.
func sound(t *testing.T, b *builder) {
	t.Helper()
	r, err := b.finish()
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status.Severity() < 1 || len(c.Output) > monitor.MaxOutput || strings.ContainsAny(c.Output+c.Host+c.Name, "\n\x00\x1b\u202e") || (c.Kind == topology.HostCheck) != (c.Name == "") {
			t.Errorf("%+v", c)
		}
	}
}
