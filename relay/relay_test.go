package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
)

// way is an uplink to a server of the test.
type way struct {
	url    string
	client *http.Client
}

func (w *way) URL() string      { return w.url }
func (w *way) Identity() string { return "dotm1a.relay.secret" }

func (w *way) Pass(r *http.Request) (*http.Response, error) { return w.client.Do(r) }

// place is a relay before a server that the test makes.
type place struct {
	*httptest.Server
	server *httptest.Server
	log    *lockedBuffer
	from   *http.Client // instead of the usual one
}

// at is the place, asked from an address of loopback.
func (p *place) at(t *testing.T, address string) *place {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: d.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	other := *p
	other.from = &http.Client{Transport: transport}
	return &other
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newPlace(t *testing.T, server http.HandlerFunc, allow ...netip.Prefix) *place {
	t.Helper()
	p := &place{server: httptest.NewServer(server), log: &lockedBuffer{}}
	p.Server = httptest.NewServer(New(Options{
		Up: &way{p.server.URL + "/prefix", p.server.Client()}, Name: "edge", Allow: allow, Log: slog.New(slog.NewTextHandler(p.log, nil)),
	}))
	t.Cleanup(func() {
		p.Close()
		p.server.Close()
	})
	return p
}

// send posts as an agent does, and returns the answer and its body.
func (p *place) send(t *testing.T, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer dotm1a.agent.secret")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := p.Client()
	if p.from != nil {
		client = p.from
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(raw)
}

func detail(t *testing.T, body string) string {
	t.Helper()
	var p struct {
		Detail string
		Status int
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Detail == "" || p.Status == 0 {
		t.Fatalf("%q is no problem document: %v", body, err)
	}
	return p.Detail
}

// TestForward: body and credential pass as they are; the relay says for whom.
func TestForward(t *testing.T) {
	var got *http.Request
	var body []byte
	p := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"policy":1}`)
	})
	sent := "\x1f\x8b any bytes \x00\xff"
	for _, path := range []string{"/api/v1/reports", "/api/v1/enrol"} {
		resp, answer := p.send(t, path, strings.NewReader(sent), "Content-Type", "application/gzip", "Cookie", "a=b", "Dotm-Relay", "forged", "X-Forwarded-For", "8.8.8.8")
		if got.URL.Path != "/prefix"+path || string(body) != sent || got.ContentLength != int64(len(sent)) {
			t.Errorf("the server got %s %q, length %d", got.URL, body, got.ContentLength)
		}
		for name, want := range map[string]string{
			"Authorization": "Bearer dotm1a.agent.secret", "Content-Type": "application/gzip", "Dotm-Relay": "dotm1a.relay.secret",
			"X-Forwarded-For": "127.0.0.1", "Via": "1.1 edge", "Cookie": "",
		} {
			if v := strings.Join(got.Header.Values(name), "|"); v != want {
				t.Errorf("%s is %q, want %q", name, v, want)
			}
		}
		if resp.StatusCode != http.StatusConflict || answer != `{"policy":1}` || resp.Header.Get("Retry-After") != "7" || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s %q %v", resp.Status, answer, resp.Header)
		}
	}
}

// TestServerAway: agents are told so, keep what they have, and the log says it
// once.
func TestServerAway(t *testing.T) {
	p := newPlace(t, func(http.ResponseWriter, *http.Request) {})
	address := p.server.Listener.Addr().String()
	p.server.Close()
	for range 3 {
		resp, body := p.send(t, "/api/v1/reports", strings.NewReader("x"))
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != awayWait || !strings.Contains(detail(t, body), "relay can't reach the server") {
			t.Errorf("%s %v %s", resp.Status, resp.Header, body)
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip("the port was taken meanwhile: ", err)
	}
	again := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	go again.Serve(l)
	defer again.Close()
	for range 2 {
		if resp, _ := p.send(t, "/api/v1/reports", strings.NewReader("x")); resp.StatusCode != http.StatusNoContent {
			t.Errorf("%s", resp.Status)
		}
	}
	log := p.log.String()
	if strings.Count(log, "server can't be reached") != 1 || strings.Count(log, "server is reached again") != 1 {
		t.Errorf("log is %s", log)
	}
}

// TestRefused before a byte of the body is read, and before the server is asked.
func TestRefused(t *testing.T) {
	p := newPlace(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
	strict := newPlace(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") }, netip.MustParsePrefix("10.0.0.0/8"))
	for _, tt := range []struct {
		name   string
		p      *place
		path   string
		header []string
		length int64
		status int
		want   string
	}{
		{"no credential", p, "/api/v1/reports", []string{"Authorization", ""}, 1, 401, "dotm token create"},
		{"a password", p, "/api/v1/reports", []string{"Authorization", "Basic YTpi"}, 1, 401, "dotm token create"},
		{"another network", strict, "/api/v1/reports", nil, 1, 403, "doesn't forward for 127.0.0.1 (--allow)"},
		{"too large", p, "/api/v1/reports", nil, report.MaxBytes + 1, 413, "at most 8388608 bytes"},
		{"too large to enrol", p, "/api/v1/enrol", nil, maxEnrol + 1, 413, "at most 65536 bytes"},
		{"something else", p, "/api/v1/topology", nil, 1, 404, "this is a relay"},
		{"logging in", p, "/api/v1/login", nil, 1, 404, "this is a relay"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := &counted{}
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.path, body)
			req.RemoteAddr, req.ContentLength = "127.0.0.1:99", tt.length
			req.Header.Set("Authorization", "Bearer dotm1a.agent.secret")
			for i := 0; i < len(tt.header); i += 2 {
				req.Header.Set(tt.header[i], tt.header[i+1])
			}
			w := httptest.NewRecorder()
			tt.p.Config.Handler.ServeHTTP(w, req)
			if got := detail(t, w.Body.String()); w.Code != tt.status || !strings.Contains(got, tt.want) || body.read != 0 {
				t.Errorf("%d %s, %d bytes read", w.Code, got, body.read)
			}
		})
	}
	if resp, err := p.Client().Get(p.URL + "/healthz"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v", err)
	}
}

// counted never ends, and counts what is read of it.
type counted struct{ read int64 }

func (c *counted) Read(p []byte) (int, error) {
	c.read += int64(len(p))
	return len(p), nil
}

// TestEndlessBody: what doesn't say how long it is ends at the limit.
func TestEndlessBody(t *testing.T) {
	var arrived int64
	p := newPlace(t, func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		arrived = n
	})
	resp, body := p.send(t, "/api/v1/reports", &counted{})
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(detail(t, body), "at most 8388608 bytes") {
		t.Errorf("%s %s", resp.Status, body)
	}
	p.server.Close() // waits for the handler
	if arrived > report.MaxBytes {
		t.Errorf("%d bytes arrived", arrived)
	}
}

// TestBusy: the relay holds a bounded number of requests, and goes on when the
// server does.
func TestBusy(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{}, MaxInFlight)
	p := newPlace(t, func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-hold
		w.WriteHeader(http.StatusNoContent)
	})
	var wg sync.WaitGroup
	for i := range MaxInFlight {
		from := p.at(t, fmt.Sprintf("127.0.0.%d", 2+i/maxOfAddress))
		wg.Go(func() {
			if resp, _ := from.send(t, "/api/v1/reports", strings.NewReader("x")); resp.StatusCode != http.StatusNoContent {
				t.Errorf("%s", resp.Status)
			}
		})
	}
	for range MaxInFlight {
		<-entered
	}
	resp, body := p.send(t, "/api/v1/reports", strings.NewReader("x"))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != busyWait || !strings.Contains(detail(t, body), "busy") {
		t.Errorf("%s %s", resp.Status, body)
	}
	close(hold)
	wg.Wait()
	if resp, _ := p.send(t, "/api/v1/reports", strings.NewReader("x")); resp.StatusCode != http.StatusNoContent {
		t.Errorf("%s", resp.Status)
	}
}

// TestBusyAddress: who sends slowly holds up itself, and not all others.
func TestBusyAddress(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{}, MaxInFlight)
	p := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			entered <- struct{}{}
			<-hold
		}
		w.WriteHeader(http.StatusNoContent)
	})
	slow := p.at(t, "127.0.0.2")
	var wg sync.WaitGroup
	for range maxOfAddress {
		wg.Go(func() { _, _ = slow.send(t, "/api/v1/reports", strings.NewReader("x")) })
	}
	for range maxOfAddress {
		<-entered
	}
	if resp, body := slow.send(t, "/api/v1/reports", strings.NewReader("x")); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more of the same: %s %s", resp.Status, body)
	}
	wg.Go(func() {
		if resp, body := p.at(t, "127.0.0.3").send(t, "/api/v1/reports", strings.NewReader("x")); resp.StatusCode != http.StatusNoContent {
			t.Errorf("another: %s %s", resp.Status, body)
		}
	})
	<-entered // the other one came through
	close(hold)
	wg.Wait()
}

// TestServerRefusesEarly: an answer before the body's end comes back.
func TestServerRefusesEarly(t *testing.T) {
	p := newPlace(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"status":401,"detail":"agent was revoked"}`)
	})
	resp, body := p.send(t, "/api/v1/reports", bytes.NewReader(make([]byte, 1<<20)))
	if resp.StatusCode != http.StatusUnauthorized || detail(t, body) != "agent was revoked" || resp.Header.Get("Www-Authenticate") != "Bearer" {
		t.Errorf("%s %s %v", resp.Status, body, resp.Header)
	}
}

// TestAgentHangsUp is no trouble of the server's.
func TestAgentHangsUp(t *testing.T) {
	p := newPlace(t, func(http.ResponseWriter, *http.Request) {})
	r := &relay{Options: Options{Log: slog.New(slog.NewTextHandler(p.log, nil))}}
	req := httptest.NewRequestWithContext(cancelled(t), http.MethodPost, "/", nil)
	w := httptest.NewRecorder()
	r.failed(w, req, errors.New("connection reset"))
	if r.away.Load() || w.Body.Len() != 0 {
		t.Errorf("away %t, answer %s", r.away.Load(), w.Body)
	}
}

// TestOneConnection: the server is reached by one connection, also while it
// refuses agents before their bodies are read.
func TestOneConnection(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the server is asked by %s", r.Proto)
		}
		if strings.HasSuffix(r.Header.Get("Authorization"), "bad") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	client.Transport.(*http.Transport).MaxConnsPerHost = 1
	p := httptest.NewServer(New(Options{Up: &way{server.URL, client}, Name: "edge", Log: slog.New(slog.DiscardHandler)}))
	defer p.Close()
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			header, want := "Bearer dotm1a.good", http.StatusNoContent
			if i%2 == 0 {
				header, want = "Bearer dotm1a.bad", http.StatusUnauthorized
			}
			resp, body := (&place{Server: p}).send(t, "/api/v1/reports", bytes.NewReader(make([]byte, 1<<20)), "Authorization", header)
			if resp.StatusCode != want {
				t.Errorf("%s: %s %s", header, resp.Status, body)
			}
		})
	}
	wg.Wait()
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
