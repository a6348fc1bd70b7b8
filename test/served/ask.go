package served

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// Answer is one with its body read.
type Answer struct {
	*http.Response
	Text []byte
}

// Do asks; header are pairs of names and values, and "Host" is one of them.
func (s *Site) Do(t testing.TB, method, path, body string, header ...string) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header[http.CanonicalHeaderKey(header[i])] = append(req.Header[http.CanonicalHeaderKey(header[i])], header[i+1])
	}
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{resp, raw}
}

// Get reads.
func (s *Site) Get(t testing.TB, path string, header ...string) Answer {
	t.Helper()
	return s.Do(t, http.MethodGet, path, "", header...)
}

// Local asks through the socket.
func (s *Site) Local(t testing.TB, method, path, body string) Answer {
	t.Helper()
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	req.RemoteAddr, req.Host = "@", "localhost"
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	api.Local(s.Handler).ServeHTTP(w, req)
	return Answer{w.Result(), w.Body.Bytes()}
}

// Read gets a 200 as a T.
func Read[T any](t testing.TB, s *Site, path string) (out T) {
	t.Helper()
	return As[T](t, s.Get(t, path), http.StatusOK)
}

// As reads an answer that must have a status.
func As[T any](t testing.TB, a Answer, status int) (out T) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s, want %d", a.Status, a.Text, status)
	}
	if err := json.Unmarshal(a.Text, &out); err != nil {
		t.Fatalf("%s: %v", a.Text, err)
	}
	return out
}

// Problem is RFC 9457's document as far as dotm uses it.
type Problem struct {
	Type          string
	Title, Detail string
	Status        int
	Errors        []struct {
		Message, Location string
		Value             any
	}
}

// Refused checks that an answer is a problem document of the status.
func Refused(t testing.TB, a Answer, status int) (p Problem) {
	t.Helper()
	p = As[Problem](t, a, status)
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	if p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("problem is %s", a.Text)
	}
	return p
}

// Until asks again until an answer is as wanted.
func (s *Site) Until(t testing.TB, path string, into any, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); ; {
		if a := s.Get(t, path); a.StatusCode == http.StatusOK {
			if err := json.Unmarshal(a.Text, into); err != nil {
				t.Fatal(err)
			}
			if done() {
				return
			}
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s never is as wanted: %+v", path, into)
		}
	}
}

// Put sends a report over HTTP.
func (s *Site) Put(t testing.TB, r *report.Report) {
	t.Helper()
	if a := s.Do(t, http.MethodPost, api.Prefix+"/reports", Body(t, r)); a.StatusCode != http.StatusOK {
		t.Fatalf("report refused: %s", a.Text)
	}
}

// Body is a report as JSON.
func Body(t testing.TB, r *report.Report) string {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Settle waits until everything that was put is published.
func (s *Site) Settle(t testing.TB, done func(*topology.Snapshot) bool) {
	t.Helper()
	for {
		changed := s.Model.Changed()
		if done(s.Model.Snapshot()) {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("it never came")
		}
	}
}

// Report sends a report and waits until it is published.
func (s *Site) Report(t testing.TB, r *report.Report) {
	t.Helper()
	s.Put(t, r)
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block(r.Node.Name) != nil })
}

// Shop sends the reports of the shop.
func (s *Site) Shop(t testing.TB) {
	t.Helper()
	for _, r := range shop.Reports() {
		s.Report(t, r.Report)
	}
}

// Hand hands results over.
func (s *Site) Hand(t testing.TB, checks string) {
	t.Helper()
	if a := s.Do(t, http.MethodPost, api.Prefix+"/checks", `{"checks":[`+checks+`]}`, "Content-Type", "application/json"); a.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %s", a.Status, a.Text)
	}
}
