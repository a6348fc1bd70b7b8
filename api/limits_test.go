package api_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
)

// held is a clock that stands until it is moved.
type held struct{ time.Time }

func (h *held) now() time.Time { return h.Time }

func limited(s limit.Settings) (*limit.Limits, *held) {
	clock := &held{shop.Noon}
	return limit.New(s, clock.now), clock
}

// Whoever asks too often is told when to come again, and comes in then. Others are
// not held up by it: agents that enrolled, other addresses, this machine.
func TestThrottleAddress(t *testing.T) {
	limits, clock := limited(limit.Settings{Requests: 2, Reports: 100})
	s := served.New(t, served.Options{Login: true, Limits: limits, Clock: time.Now})
	_, agent := s.Enrol(t, s.Token(t, `{}`), "web", "id", "")
	for i := range 9 { // a burst of ten, of which enrolling took one
		if a := s.Get(t, "/healthz"); a.StatusCode != http.StatusOK {
			t.Fatalf("%d: %s", i, a.Status)
		}
	}
	for _, path := range []string{"/healthz", "/", api.Prefix + "/topology"} {
		a := s.Get(t, path)
		p := served.Refused(t, a, http.StatusTooManyRequests)
		if a.Header.Get("Retry-After") != "1" || p.Detail != "too many requests from 127.0.0.1: at most 2 a second (limits.requests_per_second in dotm.yaml)" {
			t.Errorf("%s: %s, %v", path, p.Detail, a.Header)
		}
	}
	r := shop.Host("web", "10.0.0.1").Report
	r.Node.Identity = report.Identity{Kind: report.IdentityMachine, Value: "id"}
	if a := s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, r), agent...); !taken(a) {
		t.Errorf("an agent of the same address: %s %s", a.Status, a.Text)
	}
	if a := s.Local(t, http.MethodGet, api.Prefix+"/topology", ""); a.StatusCode != http.StatusOK {
		t.Errorf("this machine: %s", a.Status)
	}
	clock.Time = clock.Add(500 * time.Millisecond)
	if a := s.Get(t, "/healthz"); a.StatusCode != http.StatusOK {
		t.Errorf("half a second later: %s", a.Status)
	}
	a := s.Local(t, http.MethodGet, "/metrics", "")
	for _, want := range []string{`dotm_http_throttled_total{of="address"} 3`, `dotm_http_throttled_total{of="agent"} 0`, "dotm_http_connections 0", `dotm_http_connections_closed_total{why="crowded"} 0`} {
		if !strings.Contains(string(a.Text), want+"\n") {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// An agent that has gone wild holds up itself.
func TestThrottleAgent(t *testing.T) {
	limits, clock := limited(limit.Settings{Requests: 1000, Reports: 1})
	s := served.New(t, served.Options{Login: true, Limits: limits, Clock: time.Now})
	send := func(header []string, name string) served.Answer {
		t.Helper()
		r := shop.Host(name, "10.0.0.1").Report
		r.Node.Identity = report.Identity{Kind: report.IdentityMachine, Value: "id-" + name}
		return s.Do(t, http.MethodPost, api.Prefix+"/reports", served.Body(t, r), header...)
	}
	_, wild := s.Enrol(t, s.Token(t, `{}`), "wild", "id-wild", "")
	_, calm := s.Enrol(t, s.Token(t, `{}`), "calm", "id-calm", "")
	for range 5 {
		if a := send(wild, "wild"); a.StatusCode == http.StatusTooManyRequests {
			t.Fatalf("within a burst: %s", a.Text)
		}
	}
	a := send(wild, "wild")
	p := served.Refused(t, a, http.StatusTooManyRequests)
	if a.Header.Get("Retry-After") != "1" || !strings.Contains(p.Detail, "agent wild: at most 1 a second") {
		t.Errorf("%s, %v", p.Detail, a.Header)
	}
	if a := send(calm, "calm"); !taken(a) {
		t.Errorf("another agent: %s %s", a.Status, a.Text)
	}
	clock.Time = clock.Add(time.Second)
	if a := send(wild, "wild"); a.StatusCode == http.StatusTooManyRequests {
		t.Errorf("a second later: %s", a.Text)
	}
}

// On loopback whoever asks may everything, as often as it likes.
func TestNoThrottleOnLoopback(t *testing.T) {
	limits, _ := limited(limit.Settings{Requests: 1, Reports: 1})
	s := served.New(t, served.Options{Limits: limits})
	for range 20 {
		if a := s.Get(t, api.Prefix+"/topology"); a.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", a.Status, a.Text)
		}
	}
}

// Seats at the stream are free again when a viewer goes.
func TestStreamSeats(t *testing.T) {
	limits, _ := limited(limit.Settings{Streams: 3, PerViewer: 2})
	s := served.New(t, served.Options{Login: true, Limits: limits, Clock: time.Now})
	cookie := s.SignIn(t)
	follow := func(header []string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+api.Prefix+"/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header[0], header[1])
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if resp.StatusCode == http.StatusOK {
			if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "id: ") {
				t.Fatalf("%q %v", line, err)
			}
		}
		return resp
	}
	first := follow(cookie)
	follow(cookie)
	no := follow(cookie)
	if no.StatusCode != http.StatusTooManyRequests || no.Header.Get("Retry-After") != "30" {
		t.Errorf("a third line of one user: %s", no.Status)
	}
	a := s.Local(t, http.MethodPost, api.Prefix+"/api-tokens", `{"name":"wall","role":"viewer"}`)
	var made struct{ Token string }
	if err := json.Unmarshal(a.Text, &made); err != nil || made.Token == "" {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	if wall := follow(served.Bearer(made.Token)); wall.StatusCode != http.StatusOK {
		t.Errorf("another viewer: %s", wall.Status)
	}
	if wall := follow(served.Bearer(made.Token)); wall.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a fourth line in all: %s", wall.Status)
	}
	first.Body.Close()
	for range 1000 { // until the server has noticed
		if wall := follow(served.Bearer(made.Token)); wall.StatusCode == http.StatusOK {
			return
		}
	}
	t.Error("a seat that was left is taken")
}
