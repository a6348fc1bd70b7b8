package icinga2

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// patience is how long something may take that is waited for.
const patience = 30 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// fake answers as an Icinga 2 once did, but for what a test puts in its place.
type fake struct {
	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by path
	asked   []string
}

func captured(t testing.TB) *fake {
	t.Helper()
	f := &fake{answers: map[string]http.HandlerFunc{}}
	for path, name := range map[string]string{
		"/v1": "root-permissions", "/v1/status/IcingaApplication": "status-IcingaApplication", "/v1/status/CIB": "status-CIB",
		"/v1/objects/hosts": "hosts", "/v1/objects/services": "services", "/v1/objects/dependencies": "dependencies",
	} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		f.say(path, 200, string(text))
	}
	return f
}

// say has a path answer with JSON.
func (f *fake) say(path string, status int, body string) {
	f.do(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (f *fake) do(path string, what http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[path] = what
}

// may has the login have these rights only.
func (f *fake) may(rights ...string) {
	list, _ := json.Marshal(rights)
	f.say("/v1", 200, `{"results":[{"user":"dotm","version":"r2.13.6-1","permissions":`+string(list)+`}]}`)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	body, _ := io.ReadAll(r.Body)
	f.asked = append(f.asked, r.URL.Path+" "+string(body))
	answer := f.answers[r.URL.Path]
	f.mu.Unlock()
	if answer == nil {
		f.notFound(w)
		return
	}
	answer(w, r)
}

// notFound is how Icinga 2 says that there is nothing, or that one may not.
func (f *fake) notFound(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(404)
	_, _ = io.WriteString(w, `{"error":404,"status":"No objects found."}`)
}

func (f *fake) source(t testing.TB) *Source {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s, err := New(monitor.Options{Name: "n", URL: server.URL, User: "dotm", Password: "secret", Link: "https://icinga.example/icingaweb2"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fake) read(t testing.TB) *monitor.Reading {
	t.Helper()
	return read(t, f.source(t))
}

func read(t testing.TB, s *Source) *monitor.Reading {
	t.Helper()
	r, err := s.Read(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// codes are those of the notes.
func codes(r *monitor.Reading) string {
	var list []string
	for _, n := range r.Notes {
		if n.Text == "" || n.Hint == "" {
			return fmt.Sprintf("%+v says too little", n)
		}
		list = append(list, n.Code)
	}
	return strings.Join(list, " ")
}

// brief is a check in a line: status, then what is said of it.
func brief(c *mapping.Check) string {
	words := []string{string(c.Status)}
	for _, w := range []struct {
		is   bool
		word string
	}{{!c.Hard, "soft"}, {c.Acknowledged, "acknowledged"}, {c.Downtime, "downtime"}, {c.Flapping, "flapping"}, {c.Suppressed, "suppressed"}, {c.Open(), "open"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}

// scene is what the hosts of the test servers, and the captures, are like.
var scene = map[string]string{
	"web1!": "UP", "db1!": "UP", "cache1!": "UP", "gw1!": "DOWN open", "edge1!": "UNREACHABLE open", "new1!": "PENDING soft",
	"web1!http": "OK", "web1!Disk /var": "WARNING acknowledged", "web1!ntp": "PENDING soft",
	"db1!postgres": "CRITICAL open", "db1!backup": "UNKNOWN downtime", "db1!replication": "CRITICAL soft",
	"cache1!redis": "OK", "cache1!memory": "WARNING open", "gw1!ssh": "CRITICAL suppressed", "edge1!https": "CRITICAL suppressed",
}

func isScene(t testing.TB, r *monitor.Reading) {
	t.Helper()
	if len(r.Checks) != len(scene)+1 || len(r.Hosts) != 6 || len(r.Notes) != 0 {
		t.Errorf("%d checks, %d hosts, notes %v", len(r.Checks), len(r.Hosts), r.Notes)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		got, want := brief(c), scene[c.Host+"!"+c.Name]
		if c.Name == "load" { // OK and CRITICAL in turns
			got, want = fmt.Sprint(c.Flapping), "true"
		}
		if got != want {
			t.Errorf("%s!%s is %s, want %s", c.Host, c.Name, got, want)
		}
	}
}
