package push

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// sink keeps what it is given, or refuses it.
type sink struct {
	got     []*report.Report
	refusal error
}

func (s *sink) Put(_ context.Context, r *report.Report) error {
	s.got = append(s.got, r)
	return s.refusal
}

func gzipped(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func receive(t *testing.T, body []byte, contentType string, s *sink) error {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, bytes.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	_, err := NewInbox(time.Now).Receive(httptest.NewRecorder(), req, s)
	return err
}

func TestReceive(t *testing.T) {
	raw := []byte(`{"version":"1.0","node":{"name":"web1"}}`)
	for _, c := range []struct {
		name, contentType string
		body              []byte
	}{
		{"plain", "application/json", raw},
		{"with a parameter", "application/json; charset=utf-8", raw},
		{"packed", "application/gzip", gzipped(t, raw)},
		{"packed and called plain", "application/json", gzipped(t, raw)},
		{"no type", "", raw},
	} {
		s := &sink{}
		if err := receive(t, c.body, c.contentType, s); err != nil || len(s.got) != 1 || s.got[0].Node.Name != "web1" {
			t.Errorf("%s: %v, the sink got %v", c.name, err, s.got)
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	zeros := gzipped(t, make([]byte, report.MaxBytes+1))
	if len(zeros) > report.MaxBytes/100 {
		t.Fatalf("%d packed bytes are no bomb", len(zeros))
	}
	for _, c := range []struct {
		name, contentType string
		body              []byte
		refusal           error
		status            int
		says              string
	}{
		{"another type", "text/html", []byte("{}"), nil, 415, `is "text/html"`},
		{"no JSON", "application/json", []byte("hello"), nil, 400, "not valid JSON"},
		{"half a pack", "application/gzip", zeros[:20], nil, 400, "unpacking report"},
		{"too large", "application/json", []byte(`"` + strings.Repeat("x", report.MaxBytes) + `"`), nil, 413, "too large"},
		{"a bomb", "application/gzip", zeros, nil, 413, "at most 8388608 bytes unpacked"},
		{"a broken rule", "application/json", []byte("{}"), &report.FieldError{Field: "time", Rule: "must be set", Value: "0"}, 422, "time must be set"},
		{"another version", "application/json", []byte("{}"), report.ErrVersion, 422, "unsupported"},
		{"a server that can't", "application/json", []byte("{}"), errors.New("server is stopping"), 503, "stopping"},
	} {
		err := receive(t, c.body, c.contentType, &sink{refusal: c.refusal})
		var f *Failure
		if !errors.As(err, &f) || f.Status != c.status || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want status %d and %q", c.name, err, c.status, c.says)
		}
		if c.refusal != nil && !errors.Is(err, c.refusal) {
			t.Errorf("%s: the reason is lost", c.name)
		}
	}
}

// TestReceiveReal: a real server validates with its own clock.
func TestReceiveReal(t *testing.T) {
	inbox := NewInbox(time.Now)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := inbox.Receive(w, r, validator{}); err != nil {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer s.Close()
	r := &report.Report{Version: report.Version, Time: time.Now(), Node: report.Node{
		Name: "web1", Identity: report.Identity{Kind: report.IdentityHostname, Value: "web1"},
	}}
	var b bytes.Buffer
	if err := report.Encode(&b, r); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(s.URL, "application/gzip", &b)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a valid report is answered %s", resp.Status)
	}
}

type validator struct{}

func (validator) Put(_ context.Context, r *report.Report) error { return r.Validate(time.Now()) }
