package icinga

import (
	"errors"
	"fmt"
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

// at is when the samples were answered.
var at = time.Date(2026, 11, 22, 17, 20, 0, 0, time.UTC)

// fake answers status.cgi in one folder.
type fake struct {
	*httptest.Server
	folder string
	body   string
	now    time.Time
	asked  []string
}

func serve(t *testing.T, folder, body string) *fake {
	t.Helper()
	f := &fake{folder: folder, body: body, now: at}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.RequestURI)
	if r.URL.Path != f.folder+"/status.cgi" || r.URL.Query().Get("style") != "hostservicedetail" || !r.URL.Query().Has("jsonoutput") {
		w.WriteHeader(404)
		return
	}
	w.Header().Set("Date", f.now.Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, f.body)
}

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func source(t *testing.T, url string) *Source {
	t.Helper()
	s, err := New(monitor.Options{Name: "old", Kind: monitor.Icinga, URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readOf reads one answer.
func readOf(t *testing.T, body string) (*monitor.Reading, error) {
	t.Helper()
	return source(t, serve(t, "/icinga/cgi-bin", body).URL+"/icinga").Read(t.Context())
}

func must(t *testing.T, body string) *monitor.Reading {
	t.Helper()
	r, err := readOf(t, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func find(t *testing.T, r *monitor.Reading, host, name string) *mapping.Check {
	t.Helper()
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Host == host && c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q of %q", name, host)
	return nil
}

var scene = []string{
	"cache1/ UP", "cache1/load CRITICAL flapping", "cache1/memory WARNING", "cache1/redis OK",
	"db1/ UP", "db1/backup UNKNOWN downtime", "db1/postgres CRITICAL", "db1/replication CRITICAL soft",
	"edge1/ UNREACHABLE", "gw1/ DOWN", "new1/ PENDING",
	"web1/ UP", "web1/Disk /var WARNING acknowledged", "web1/http OK", "web1/ntp PENDING",
}

func shows(r *monitor.Reading) (list []string) {
	for i := range r.Checks {
		c := &r.Checks[i]
		line := fmt.Sprintf("%s/%s %s", c.Host, c.Name, c.Status)
		for _, f := range []struct {
			is   bool
			word string
		}{{!c.Hard, "soft"}, {c.Acknowledged, "acknowledged"}, {c.Downtime, "downtime"}, {c.Flapping, "flapping"}} {
			if f.is {
				line += " " + f.word
			}
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

func TestScene(t *testing.T) {
	for name, version := range map[string]string{"status-hostservicedetail.json": "1.13.4", "status-hostservicedetail-old-keys.json": "1.6.1"} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, "/icinga/cgi-bin", sample(t, name))
			r, err := source(t, f.URL+"/icinga").Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := shows(r); !slices.Equal(got, scene) {
				t.Errorf("it shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(scene, "\n"))
			}
			if r.Program != "Icinga" || r.Version != version || r.Age != 3*time.Second || !r.At.Equal(at.Add(-3*time.Second)) || len(r.Notes) != 0 || len(r.Hosts) != 6 {
				t.Errorf("%s %s, %s, %s, %d hosts, %+v", r.Program, r.Version, r.At, r.Age, len(r.Hosts), r.Notes)
			}
			c := find(t, r, "db1", "postgres")
			if !c.LastCheck.Equal(at.Add(-10*time.Second)) || !c.Since.Equal(at.Add(-2*time.Hour-11*time.Minute-20*time.Second)) || !c.LastOK.IsZero() || c.Kind != topology.ServiceCheck {
				t.Errorf("postgres: %+v", c)
			}
			if !slices.Equal(c.Hints, []mapping.Hint{{Port: 5432, From: "output"}}) {
				t.Errorf("hints %+v", c.Hints)
			}
			if c := find(t, r, "web1", "http"); !c.LastOK.Equal(c.LastCheck) || c.LastOK.IsZero() {
				t.Errorf("http: last fine at %s", c.LastOK)
			}
			if got, want := find(t, r, "web1", "Disk /var").Link, f.URL+"/icinga/cgi-bin/extinfo.cgi?type=2&host=web1&service=Disk+%2Fvar"; got != want {
				t.Errorf("link %q, want %q", got, want)
			}
			if got := find(t, r, "db1", "replication").Output; got != "CRITICAL: replica is 900 s behind" {
				t.Errorf("output %q", got)
			}
			for _, k := range [][2]string{{"new1", ""}, {"web1", "ntp"}} {
				if c := find(t, r, k[0], k[1]); !c.LastCheck.IsZero() || !c.Since.IsZero() || !c.Hard {
					t.Errorf("%v was never checked: %+v", k, c)
				}
			}
		})
	}
}

// A duration is rounded to seconds: the moment it gives stays what it was.
func TestSinceStaysWhatItWas(t *testing.T) {
	f := serve(t, "/icinga/cgi-bin", sample(t, "status-hostservicedetail.json"))
	s := source(t, f.URL+"/icinga")
	read := func() time.Time {
		r, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return find(t, r, "db1", "postgres").Since
	}
	first := read()
	f.now = at.Add(2 * time.Second)
	if got := read(); !got.Equal(first) {
		t.Errorf("first %s, then %s", first, got)
	}
	f.body = strings.ReplaceAll(f.body, "0d  2h 11m 20s", "0d  0h  0m  5s")
	if got := read(); !got.Equal(f.now.Add(-5 * time.Second)) {
		t.Errorf("after it changed: %s", got)
	}
	if f.asked[1] != f.asked[2] || len(f.asked) != 3 {
		t.Errorf("asked %v", f.asked)
	}
}

// one is an answer with a program's status and one service.
func one(program, service string) string {
	return `{"cgi_json_version":"1.9","icinga_status":{` + program + `},"status":{"host_status":[{"host_name":"h","status":"UP"}],"service_status":[{` + service + `}]}}`
}

func TestDateFormats(t *testing.T) {
	want := at.Add(-10 * time.Second)
	for _, tt := range []struct{ zone, format, text string }{
		{"UTC", "iso8601", "2026-11-22 17:19:50"},
		{"UTC", "strict-iso8601", "2026-11-22T17:19:50"},
		{"UTC", "euro", "22-11-2026 17:19:50"},
		{"UTC", "us", "11-22-2026 17:19:50"},
		{"UTC", "us", "2026-11-22 17:19:50"}, // the text is right
		{"UTC", "", "2026-11-22 17:19:50"},   // older versions don't say
		{"Europe/Berlin", "euro", "22-11-2026 18:19:50"},
		{"CET", "iso8601", "2026-11-22 18:19:50"},
		{"CEST", "iso8601", "2026-11-22 19:19:50"},
		{"PDT", "iso8601", "2026-11-22 10:19:50"},
		{"Nowhere", "iso8601", "2026-11-22 23:04:50"}, // 5:45 ahead
		{"", "iso8601", "2026-11-22 14:19:50"},
	} {
		r := must(t, one(fmt.Sprintf(`"timezone":%q,"date_format":%q`, tt.zone, tt.format), fmt.Sprintf(`"host_name":"h","service_description":"s","status":"OK","last_check":%q`, tt.text)))
		if got := find(t, r, "h", "s").LastCheck; !got.Equal(want) {
			t.Errorf("%+v gives %s, want %s", tt, got, want)
		}
	}
	r := must(t, one(`"timezone":"UTC"`, `"host_name":"h","service_description":"s","status":"OK","last_check":"22-11-2026 17:19:50"`))
	if len(r.Notes) != 1 || r.Notes[0].Code != "times-lost" || !find(t, r, "h", "s").LastCheck.IsZero() {
		t.Errorf("a day that may be a month: %+v", r.Notes)
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0d  2h 11m 20s":  2*time.Hour + 11*time.Minute + 20*time.Second,
		"12d 0h 0m 1s":    12*24*time.Hour + time.Second,
		"5s":              5 * time.Second,
		"0d  2h 13m  0s+": -1, "": -1, "N/A": -1, "1y": -1, "99999999999d": -1, "ä": -1,
	} {
		got, ok := duration(in)
		if ok != (want >= 0) || (ok && got != want) {
			t.Errorf("%q: %s, %v", in, got, ok)
		}
	}
}

func TestUnusualAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		reason     monitor.Reason
		words      string
	}{
		{"nothing", "", monitor.NotRunning, "answers nothing"},
		{"a newline", "\n", monitor.NotRunning, "answers nothing"},
		{"old data", one(`"status_data_age":61`, ""), monitor.OldData, "since 2026-11-22 17:18:59 UTC"},
		{"status data can't be read", one(`"reading_status_data_ok":false`, ""), monitor.NotRunning, "stopped"},
		{"an error", `{"cgi_json_version":"1.9","error":{"type":"ERROR","text":"Could not read host and service status information!"}}`, monitor.NotRunning, "Could not read"},
		{"no right", `{"error":{"text":"It appears as though you do not have authorization to view"}}`, monitor.NoRight, "authorized_for_all_hosts"},
		{"another error", `{"error":"x"}`, monitor.NotIt, "refuses: x"},
		{"a page", "<html><title>Current Network Status</title>", monitor.NotIt, "set kind to nagios"},
		{"other JSON", `{"a":1}`, monitor.NotIt, "not that of Icinga 1"},
		{"half of it", `{"icinga_status":{},"status":{"host_status":[{"host":`, monitor.NotIt, "ends before"},
		{"a list", `[]`, monitor.NotIt, "not the JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readOf(t, tt.body)
			if monitor.ReasonOf(err) != tt.reason || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("got %v, want %s: %s", err, tt.reason, tt.words)
			}
		})
	}
	if _, err := readOf(t, one(`"status_data_age":100,"status_update_interval":60`, `"host_name":"h","service":"s"`)); err != nil {
		t.Errorf("one that writes seldom: %v", err)
	}
}

func TestNotes(t *testing.T) {
	for code, body := range map[string]string{
		"no-hosts":        `{"icinga_status":{},"status":{"host_status":[],"service_status":null}}`,
		"no-services":     `{"icinga_status":{},"status":{"host_status":[{"host":"h"}]}}`,
		"no-name":         one("", `"host":"h"`),
		"checks-off":      one(`"service_checks_being_executed":false`, `"host":"h","service":"s"`),
		"host-checks-off": one(`"host_checks_being_executed":0`, `"host":"h","service":"s"`),
	} {
		r := must(t, body)
		if len(r.Notes) == 0 || r.Notes[0].Code != code || r.Notes[0].Hint == "" {
			t.Errorf("%s: %+v", code, r.Notes)
		}
	}
}

func TestWordsAndFlags(t *testing.T) {
	r := must(t, `{"icinga_status":{},"status":{"service_status":[
		{"host":"h","description":"a","status":"critical","is_flapping":1,"has_been_acknowledged":"1","in_scheduled_downtime":"true","state_type":"soft","status_information":null},
		{"host":"h","description":"b","status":"UP"},
		{"host":"h","description":"<script>\u0000","status":"OK","status_information":"Gr\u00fc\u00dfe \"<b>\""}],
		"host_status":[{"host":"h","status":"OK","notes_url":"javascript:x"},{"host":"i","status":"DOWN","notes_url":"https://wiki.example/i"}]}}`)
	want := []string{"h/ UNKNOWN", "h/<script> OK", "h/a CRITICAL soft acknowledged downtime flapping", "h/b UNKNOWN", "i/ DOWN"}
	if got := shows(r); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(r.Hosts) != 2 || r.Hosts[0].Notes != "" || r.Hosts[1].Notes != "https://wiki.example/i" {
		t.Errorf("hosts %+v", r.Hosts)
	}
}

func TestFoldersAreTried(t *testing.T) {
	body := sample(t, "status-hostservicedetail.json")
	for folder, url := range map[string]string{
		"/icinga/cgi-bin": "", "/cgi-bin/icinga": "/icinga", "/x": "/x/status.cgi", "/cgi-bin": "",
	} {
		f := serve(t, folder, body)
		s := source(t, f.URL+url)
		if _, err := s.Read(t.Context()); err != nil {
			t.Errorf("%s by %s: %v", folder, url, err)
		}
		f.folder = "/moved"
		if _, err := s.Read(t.Context()); monitor.ReasonOf(err) != monitor.NotThere {
			t.Errorf("%s is gone: %v", folder, err)
		}
		f.folder = folder
		if _, err := s.Read(t.Context()); err != nil {
			t.Errorf("%s is back: %v", folder, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, opt := range []monitor.Options{{URL: "tcp://h:1"}, {URL: "http://h", Link: "javascript:x"}} {
		var e *monitor.OptionError
		if _, err := New(opt); !errors.As(err, &e) {
			t.Errorf("%+v: %v", opt, err)
		}
	}
	s, err := New(monitor.Options{URL: serve(t, "/icinga/cgi-bin", sample(t, "status-hostservicedetail.json")).URL, Link: "https://icinga.example/icinga"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Read(t.Context())
	if err != nil || find(t, r, "gw1", "").Link != "https://icinga.example/icinga/cgi-bin/extinfo.cgi?type=1&host=gw1" {
		t.Errorf("%v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"status-hostservicedetail.json", "status-hostservicedetail-old-keys.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add(one(`"timezone":"CEST","date_format":"us","status_data_age":-9223372036854775808`, `"host":"h","service":"s","duration":"9d","last_check":"99-99-9999 99:99:99"`))
	f.Fuzz(func(t *testing.T, body string) {
		a := &answer{r: &monitor.Reading{}, pages: "http://h/x"}
		if a.read(strings.NewReader(body)) != nil {
			return
		}
		r, err := (&Source{}).finish(a, at)
		if err != nil {
			return
		}
		for i := range r.Checks {
			if c := &r.Checks[i]; c.Host == "" || c.Status.Severity() < 0 || len(c.Output) > monitor.MaxOutput || strings.ContainsAny(c.Output+c.Host+c.Name, "\n\x00\x1b") {
				t.Errorf("%+v", c)
			}
		}
	})
}
