package zabbix

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// patience is how long something may take that is waited for.
const patience = 60 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// call is what a fake was asked.
type call struct {
	Method string
	Params json.RawMessage
	Auth   *string
	bearer string
}

func (c *call) has(word string) bool { return strings.Contains(string(c.Params), word) }

// fake answers as a Zabbix once did, but for what a test puts in its place.
type fake struct {
	mu      sync.Mutex
	folder  string // of the API
	answers map[string]string
	do      func(c *call) (body string, ok bool)
	http    func(w http.ResponseWriter, r *http.Request) bool // in the place of all
	calls   []call
	date    time.Time
}

// empty has no hosts, and whoever asks is a Super admin.
func empty(version string) *fake {
	f := &fake{date: time.Unix(1795369400, 0), answers: map[string]string{"apiinfo.version": result(`"` + version + `"`)}}
	for _, m := range []string{"host.get", "trigger.get", "problem.get", "hostinterface.get", "item.get", "unknown", "volatile", "maintained"} {
		f.answers[m] = result(`[]`)
	}
	f.answers["hanode.get"] = result(`[{"ha_nodeid":"a","lastaccess":"1795369398","status":"3"}]`)
	f.answers["user.login"] = result(`"session-1"`)
	f.answers["user.logout"] = result(`true`)
	f.answers["event.acknowledge"] = result(`{"eventids":[2]}`)
	return f
}

// captured says what was captured.
func captured(t testing.TB) *fake {
	t.Helper()
	f := empty("6.0.14")
	for method, name := range map[string]string{"apiinfo.version": "apiinfo.version", "host.get": "host.get", "trigger.get": "trigger.get", "problem.get": "problem.get"} {
		f.answers[method] = file(t, name)
	}
	f.answers["maintained"] = result(`[{"hostid":"10561"}]`)
	return f
}

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func result(text string) string { return `{"jsonrpc":"2.0","result":` + text + `,"id":1}` }

func refused(data string) string {
	return `{"jsonrpc":"2.0","error":{"code":-32602,"message":"Invalid params.","data":` + fmt.Sprintf("%q", data) + `},"id":1}`
}

func (f *fake) say(method, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[method] = body
}

// kind tells apart what is asked by one method.
func (c *call) kind() string {
	switch {
	case c.Method == "trigger.get" && c.has(`"state":1`):
		return "unknown"
	case c.Method == "trigger.get" && c.has(`{ITEM.`):
		return "volatile"
	case c.Method == "host.get" && c.has(`"maintenance_status":1`):
		return "maintained"
	}
	return c.Method
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.http != nil && f.http(w, r) {
		return
	}
	if r.URL.Path != f.folder+"/"+page {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json-rpc" {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	var c call
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &c); err != nil {
		panic(err)
	}
	c.bearer = r.Header.Get("Authorization")
	f.calls = append(f.calls, c)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", f.date.UTC().Format(http.TimeFormat))
	if f.do != nil {
		if body, ok := f.do(&c); ok {
			_, _ = io.WriteString(w, body)
			return
		}
	}
	answer, ok := f.answers[c.kind()]
	if !ok {
		answer = `{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found.","data":"Incorrect API."},"id":1}`
	}
	_, _ = io.WriteString(w, answer)
}

// asked are the methods that were called, and forgotten by that.
func (f *fake) asked() (list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.calls {
		list = append(list, f.calls[i].kind())
	}
	f.calls = nil
	return list
}

func (f *fake) source(t testing.TB, change func(*monitor.Options)) *Source {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	o := monitor.Options{Name: "n", URL: server.URL + f.folder, Password: "token", Link: "https://zabbix.example/z"}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fake) read(t testing.TB) *monitor.Reading {
	t.Helper()
	return read(t, f.source(t, nil))
}

func read(t testing.TB, s *Source) *monitor.Reading {
	t.Helper()
	r, err := s.Read(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// find is a check among others.
func find(t testing.TB, checks []mapping.Check, host, name string) *mapping.Check {
	t.Helper()
	for i := range checks {
		if checks[i].Host == host && checks[i].Name == name {
			return &checks[i]
		}
	}
	t.Fatalf("there is no %s/%s", host, name)
	return nil
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

func hostNames(r *monitor.Reading) string {
	var list []string
	for i := range r.Hosts {
		list = append(list, r.Hosts[i].Name)
	}
	slices.Sort(list)
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
