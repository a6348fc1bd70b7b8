package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/devops-trouble-map/dotm/report"
)

func sample() *report.Report {
	return &report.Report{
		Version: report.Version, Sequence: 3, Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Node:       report.Node{Name: "web", Identity: report.Identity{Kind: report.IdentityMachine, Value: "1"}},
		Interfaces: []report.Interface{}, Listeners: []report.Listener{}, Connections: []report.Connection{},
	}
}

// serve answers every report so, and returns a sender to it.
func serve(t *testing.T, h http.HandlerFunc) *HTTPSender {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	s, err := NewHTTPSender(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend(t *testing.T) {
	var got *report.Report
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/reports" || r.Header.Get("Content-Type") != "application/gzip" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		raw, _ := io.ReadAll(r.Body)
		if len(raw) < 2 || raw[0] != 0x1f || raw[1] != 0x8b {
			t.Error("the body is not packed")
		}
		var err error
		if got, err = report.Decode(strings.NewReader(string(raw))); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := s.Send(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSendRefused(t *testing.T) {
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"a problem", answer(422, "application/problem+json", `{"title":"Unprocessable Entity","status":422,"detail":"time must be at most 10m0s ahead"}`), "server refuses the report: time must be at most 10m0s ahead"},
		{"another server's page", answer(404, "text/html", "<html>nginx</html>"), "server answers 404 Not Found, which is not what a dotm server says: check its address"},
		{"JSON of something else", answer(500, "application/json", `{"error":"x"}`), "server answers 500 Internal Server Error, which is not what a dotm server says: check its address"},
		{"an endless page", answer(502, "text/html", strings.Repeat("x", 1<<20)), "server answers 502 Bad Gateway"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "server redirects, which a dotm server never does: check its address"},
		{"a redirect that keeps the method", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.invalid/", http.StatusPermanentRedirect)
		}, "server redirects"},
		{"hanging up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "reaching server: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := serve(t, tt.h).Send(t.Context(), sample())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Send returns %v, want %q", err, tt.want)
			}
		})
	}
}

// What a refusal says of who sends is no reason to send in another form.
func TestAboutReport(t *testing.T) {
	for status, want := range map[int]bool{
		401: false, 403: false, 407: false, 429: false,
		400: true, 404: true, 409: true, 413: true, 415: true, 422: true,
	} {
		err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"detail":"no"}`)
		}).Send(t.Context(), sample())
		var why *notTaken
		if !errors.As(err, &why) || why.answered != want {
			t.Errorf("%d gives %+v, %v, want answered %t", status, why, err, want)
		}
	}
}

// A server, or a proxy before it, says when to try again.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		status      int
		header, say string
		want        time.Duration
	}{
		{429, "7", `{"detail":"too many"}`, 7 * time.Second},
		{503, "30", `{"detail":"relay is busy"}`, 30 * time.Second},
		{503, "5", "<html>nginx", 5 * time.Second},
		{429, "99999999999", `{"detail":"too many"}`, maxRetryAfter},
		{429, "99999999999999999999", `{"detail":"too many"}`, 0}, // no number that Go knows
		{429, "86400", `{"detail":"too many"}`, maxRetryAfter},
		{429, "-3", `{"detail":"too many"}`, 0},
		{429, "Fri, 31 Dec 1999 23:59:59 GMT", `{"detail":"too many"}`, 0},
		{429, "", `{"detail":"too many"}`, 0},
	} {
		err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.say)
		}).Send(t.Context(), sample())
		var away *awayError
		if errors.As(err, &away) != (c.want > 0) || away != nil && away.after != c.want {
			t.Errorf("%d with %q: %v, %+v", c.status, c.header, err, away)
		}
		var no *notTaken
		if errors.As(err, &no) != (c.status == 429) {
			t.Errorf("%d: %v", c.status, err)
		}
	}
}

func TestSendToNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s, err := NewHTTPSender("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), sample()); err == nil || !strings.Contains(err.Error(), "connection refused (is dotm running there?)") {
		t.Errorf("Send returns %v", err)
	}
}

// TestSendTimesOut asks a server that takes the report and says nothing.
func TestSendTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewHTTPSender("http://dotm.invalid")
		if err != nil {
			t.Fatal(err)
		}
		s.client.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			mine, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return mine, nil
		}}
		began := time.Now()
		err = s.Send(t.Context(), sample())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != sendTimeout {
			t.Errorf("after %s Send returns %v", time.Since(began), err)
		}
	})
}

func TestSendCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that nobody waits
		cancel()
		<-r.Context().Done()
	})
	if err := s.Send(ctx, sample()); !errors.Is(err, context.Canceled) {
		t.Errorf("Send returns %v", err)
	}
}

func TestServerAddress(t *testing.T) {
	for address, want := range map[string]string{
		"http://127.0.0.1:4849":      "http://127.0.0.1:4849/api/v1/reports",
		"http://127.0.0.1:4849/":     "http://127.0.0.1:4849/api/v1/reports",
		"https://dotm.example/chart": "https://dotm.example/chart/api/v1/reports",
		"http://[::1]:4849?a=b#c":    "http://[::1]:4849/api/v1/reports",
		"127.0.0.1:4849":             "",
		"dotm.example":               "",
		"ftp://dotm.example":         "",
		"http://":                    "",
		"http://a b":                 "",
		"":                           "",
	} {
		s, err := NewHTTPSender(address)
		switch {
		case want == "":
			if err == nil || !strings.Contains(err.Error(), "server must be an address like http://127.0.0.1:4849") {
				t.Errorf("%q: %v", address, err)
			}
		case err != nil || s.url != want:
			t.Errorf("%q: %v, %v", address, s, err)
		}
	}
}
