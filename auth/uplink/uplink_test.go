package uplink

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/pki"
)

// site is a server with an own CA that enrols whoever shows the right token.
type site struct {
	*httptest.Server
	authority *pki.Authority
	secret    string

	mu      sync.Mutex
	enrols  []auth.EnrolRequest
	revoked bool
	lose    int // how many answers get lost
	paths   []string
	raw     int // connections
}

// shape says how a site is made.
type shape struct {
	names []string
	clock func() time.Time
	plain bool
	noCA  bool // the CA's certificate is not sent along
}

func newSite(t *testing.T, s shape) *site {
	t.Helper()
	if s.names == nil {
		s.names = []string{"localhost", "127.0.0.1"}
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	a, err := pki.Open(t.TempDir(), func() []string { return s.names }, s.clock)
	if err != nil {
		t.Fatal(err)
	}
	x := &site{authority: a, secret: auth.NewSecret()}
	x.Server = httptest.NewUnstartedServer(x)
	x.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			x.mu.Lock()
			x.raw++
			x.mu.Unlock()
		}
	}
	t.Cleanup(x.Close)
	if s.plain {
		x.Start()
		return x
	}
	cert, err := a.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	if s.noCA {
		cert = &tls.Certificate{Certificate: cert.Certificate[:1], PrivateKey: cert.PrivateKey, Leaf: cert.Leaf}
	}
	x.EnableHTTP2 = true
	x.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
	x.StartTLS()
	x.URL = strings.Replace(x.URL, "127.0.0.1", "localhost", 1)
	return x
}

func (s *site) token() string {
	return auth.Token{CA: s.authority.Fingerprint(), Secret: s.secret}.String()
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, r.Method+" "+r.URL.Path)
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	refuse := func(status int, detail string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"detail": detail})
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/enrol"):
		t, err := auth.ParseToken(bearer)
		if err != nil || t.Secret != s.secret {
			refuse(http.StatusUnauthorized, "token is not accepted")
			return
		}
		var q auth.EnrolRequest
		_ = json.NewDecoder(r.Body).Decode(&q)
		s.enrols = append(s.enrols, q)
		if s.lose > 0 {
			s.lose--
			panic(http.ErrAbortHandler)
		}
		s.revoked = false
		_ = json.NewEncoder(w).Encode(auth.EnrolAnswer{ID: "id-of-" + q.SecretHash[:8], Certificate: string(q.Key)})
	case s.revoked || bearer == "":
		refuse(http.StatusUnauthorized, "agent was revoked")
	default:
		_, _ = io.WriteString(w, bearer)
	}
}

func open(t *testing.T, opt Options) *Client {
	t.Helper()
	c, err := tryOpen(opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryOpen(opt Options) (*Client, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return Open(opt)
}

var web = Who{Name: "web", Machine: "m1", Zone: "east", Version: "1.2.3"}

func enrol(t *testing.T, c *Client) {
	t.Helper()
	if _, err := c.Enrol(t.Context(), web); err != nil {
		t.Fatal(err)
	}
}

// ask makes a request with the identity, and returns the answer.
func ask(t *testing.T, c *Client) (status int, body string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL()+"/api/v1/reports", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw), nil
}

func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("error is %v, want %q in it", err, p)
		}
	}
}

// TestEnrolOnce: the token is exchanged once, the CA is pinned, and all of it
// survives a restart without the token.
func TestEnrolOnce(t *testing.T) {
	s, state := newSite(t, shape{}), filepath.Join(t.TempDir(), "state")
	c := open(t, Options{Server: s.URL, Token: s.token(), State: state})
	if c.Identity() != "" || !c.Fresh() {
		t.Error("there is an identity before enrolment")
	}
	enrol(t, c)
	enrol(t, c)
	if len(s.enrols) != 1 {
		t.Fatalf("%d enrolments", len(s.enrols))
	}
	q := s.enrols[0]
	if q.Name != "web" || q.Machine != "m1" || q.Zone != "east" || q.Version != "1.2.3" || q.Key != nil {
		t.Errorf("asked for %+v", q)
	}
	status, bearer, err := ask(t, c)
	if err != nil || status != 200 || bearer != c.Identity() || c.Fresh() {
		t.Fatalf("%d %s %v", status, bearer, err)
	}
	if cred, err := auth.ParseCredential(bearer); err != nil || auth.HashSecret(cred.Secret) != q.SecretHash {
		t.Errorf("the identity is %s, %v", bearer, err)
	}
	if info, err := os.Stat(statePath(state)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if info, err := os.Stat(state); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	again := open(t, Options{Server: s.URL, State: state})
	enrol(t, again)
	if _, b, err := ask(t, again); err != nil || b != bearer {
		t.Errorf("after a restart: %s %v", b, err)
	}
	if len(s.enrols) != 1 {
		t.Error("it enrolled again")
	}
}

// TestLostAnswer: the same is asked again, also by another process, so that the
// server can tell that it is no second machine.
func TestLostAnswer(t *testing.T) {
	s, state := newSite(t, shape{}), t.TempDir()
	s.lose = 2
	c := open(t, Options{Server: s.URL, Token: s.token(), State: state})
	if _, err := c.Enrol(t.Context(), web); err == nil {
		t.Fatal("the answer was lost")
	}
	if status, _, err := ask(t, c); err != nil || status != 401 {
		t.Errorf("%d %v: it has no identity yet", status, err)
	}
	if _, err := c.Enrol(t.Context(), web); err == nil {
		t.Fatal("the answer was lost")
	}
	enrol(t, open(t, Options{Server: s.URL, Token: s.token(), State: state}))
	if len(s.enrols) != 3 || s.enrols[0].SecretHash != s.enrols[1].SecretHash || s.enrols[1].SecretHash != s.enrols[2].SecretHash {
		t.Errorf("%+v", s.enrols)
	}
}

// TestRevoked: the identity stays until a new token replaces it.
func TestRevoked(t *testing.T) {
	s, state := newSite(t, shape{}), t.TempDir()
	old := s.token()
	c := open(t, Options{Server: s.URL, Token: old, State: state})
	enrol(t, c)
	first := c.Identity()
	s.mu.Lock()
	s.revoked, s.secret = true, auth.NewSecret()
	s.mu.Unlock()
	for range 2 {
		if status, _, err := ask(t, c); err != nil || status != 401 {
			t.Fatalf("%d %v", status, err)
		}
		enrol(t, c) // the token was used for this very identity
	}
	if c.Identity() != first || len(s.enrols) != 1 {
		t.Error("it enrolled with a token that it had used")
	}
	c = open(t, Options{Server: s.URL, Token: s.token(), State: state})
	enrol(t, c)
	if c.Identity() != first || !c.Fresh() {
		t.Error("an identity was thrown away that nobody has rejected yet")
	}
	if status, _, err := ask(t, c); err != nil || status != 401 {
		t.Fatalf("%d %v", status, err)
	}
	enrol(t, c)
	if status, b, err := ask(t, c); err != nil || status != 200 || c.Identity() == first || b != c.Identity() || c.Fresh() {
		t.Errorf("%d %v", status, err)
	}
}

// TestServerSetUpAnew has another CA; only a token of it is believed.
func TestServerSetUpAnew(t *testing.T) {
	s, other, state := newSite(t, shape{}), newSite(t, shape{}), t.TempDir()
	enrol(t, open(t, Options{Server: s.URL, Token: s.token(), State: state}))
	_, _, err := ask(t, open(t, Options{Server: other.URL, State: state}))
	says(t, err, "signed by another CA than the one that this agent knows", statePath(state), "enrol with a new token")
	if len(other.paths) != 0 {
		t.Errorf("the wrong server was told %v", other.paths)
	}
	other.revoked = true
	c := open(t, Options{Server: other.URL, Token: other.token(), State: state})
	enrol(t, c)
	if status, _, err := ask(t, c); err != nil || status != 401 {
		t.Fatalf("%d %v", status, err)
	}
	enrol(t, c)
	if status, _, err := ask(t, open(t, Options{Server: other.URL, State: state})); err != nil || status != 200 {
		t.Errorf("%d %v", status, err)
	}
}

// TestWrongServer: whoever is not the server of the token gets to know nothing.
func TestWrongServer(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    shape
		opt  func(*site, *Options)
		want []string
	}{
		{"another CA", shape{}, func(_ *site, o *Options) {
			o.Token = auth.Token{CA: auth.Fingerprint{1}, Secret: auth.NewSecret()}.String()
		}, []string{"signed by another CA", "check its address"}},
		{"the CA is not sent", shape{noCA: true}, nil, []string{"signed by another CA"}},
		{"another name", shape{names: []string{"dotm.example", "192.0.2.1"}}, nil, []string{"for dotm.example, 192.0.2.1, not for \"localhost\"", "tls: names:"}},
		{"expired", shape{clock: func() time.Time { return time.Now().Add(-pki.ServerLife - time.Hour) }}, nil, []string{"expired at", "this machine's clock says", "renew the certificate"}},
		{"clock behind", shape{}, func(_ *site, o *Options) {
			o.Now = func() time.Time { return time.Now().Add(-48 * time.Hour) }
		}, []string{"not valid before", "set the clock (NTP)"}},
		{"no pin, own CA", shape{}, func(s *site, o *Options) { o.Token = auth.Token{Secret: s.secret}.String() }, []string{"a CA that this machine doesn't know", "--ca-file"}},
		{"plain HTTP", shape{plain: true}, func(s *site, o *Options) { o.Server = strings.Replace(s.URL, "http:", "https:", 1) }, []string{"server doesn't speak TLS"}},
		{"TLS where HTTP is asked", shape{}, func(s *site, o *Options) { o.Server = strings.Replace(s.URL, "https:", "http:", 1) }, []string{"must begin with https://"}},
		{"nobody", shape{}, func(_ *site, o *Options) { o.Server = "https://127.0.0.1:1" }, []string{"refused", "is dotm running there?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, tt.s)
			o := Options{Server: s.URL, Token: s.token(), State: t.TempDir()}
			if tt.opt != nil {
				tt.opt(s, &o)
			}
			c := open(t, o)
			_, err := c.Enrol(t.Context(), web)
			says(t, err, append(tt.want, "enrolling: ")...)
			if len(s.paths) != 0 || c.Identity() != "" {
				t.Errorf("the server was told %v", s.paths)
			}
		})
	}
}

// TestAgentsClock: a certificate is judged by the agent's clock, also when there
// is an identity already.
func TestAgentsClock(t *testing.T) {
	s, state, now := newSite(t, shape{}), t.TempDir(), time.Now()
	c := open(t, Options{Server: s.URL, Token: s.token(), State: state, Now: func() time.Time { return now }})
	enrol(t, c)
	now = now.Add(pki.ServerLife + time.Hour)
	c.http.CloseIdleConnections()
	_, _, err := ask(t, c)
	says(t, err, "server's certificate expired at")
}

func TestCAFile(t *testing.T) {
	s, dir := newSite(t, shape{noCA: true}), t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, s.authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	// It counts instead of what the token says.
	c := open(t, Options{Server: s.URL, Token: auth.Token{CA: auth.Fingerprint{1}, Secret: s.secret}.String(), State: dir, CAFile: file})
	enrol(t, c)
	if status, _, err := ask(t, open(t, Options{Server: s.URL, State: dir, CAFile: file})); err != nil || status != 200 {
		t.Errorf("%d %v", status, err)
	}
	other := newSite(t, shape{})
	_, err := open(t, Options{Server: other.URL, Token: other.token(), State: t.TempDir(), CAFile: file}).Enrol(t.Context(), web)
	says(t, err, "a CA that this machine doesn't know")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = tryOpen(Options{Server: s.URL, CAFile: file})
	says(t, err, "holds no certificate in PEM")
	_, err = tryOpen(Options{Server: s.URL, CAFile: file + "x"})
	says(t, err, "reading CA", "no such file")
}

func TestPathPrefix(t *testing.T) {
	s := newSite(t, shape{})
	c := open(t, Options{Server: s.URL + "/chart/?a=b#c", Token: s.token(), State: t.TempDir()})
	enrol(t, c)
	if _, _, err := ask(t, c); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.paths, ", "); got != "POST /chart/api/v1/enrol, POST /chart/api/v1/reports" {
		t.Errorf("asked for %s", got)
	}
}

// TestInTheClear: no secret leaves the machine without TLS.
func TestInTheClear(t *testing.T) {
	s := newSite(t, shape{plain: true})
	state := t.TempDir()
	c := open(t, Options{Server: s.URL, Token: s.token(), State: state})
	enrol(t, c) // loopback
	for _, server := range []string{"http://dotm.example:4849", "http://10.0.0.1", "http://127.0.0.1.example", "http://localhost.example"} {
		_, err := tryOpen(Options{Server: server, Token: s.token(), State: t.TempDir()})
		says(t, err, "must not be sent in the clear", "https://")
		_, err = tryOpen(Options{Server: server, State: state})
		says(t, err, "must not be sent in the clear")
		if _, err := tryOpen(Options{Server: server, State: t.TempDir()}); err != nil {
			t.Errorf("without anything secret: %v", err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	s := newSite(t, shape{})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := tryOpen(Options{Server: s.URL, Token: s.token(), State: filepath.Join(file, "state")})
	says(t, err, "choose", "--state")
	_, err = tryOpen(Options{Server: s.URL, Token: s.token(), State: "/proc/none"})
	says(t, err, "making folder of the identity", "choose another with --state")
	_, err = tryOpen(Options{Server: s.URL, Token: s.token()})
	says(t, err, "--state")
	_, err = tryOpen(Options{Server: s.URL, Token: "hello"})
	says(t, err, "token must look like")
	for _, server := range []string{"", "dotm.example:4849", "ftp://dotm.example", "https://", "https://a b"} {
		_, err = tryOpen(Options{Server: server})
		says(t, err, "server must be an address like https://dotm.example:4849")
	}
	for name, content := range map[string]string{
		"rubbish": "x", "no secret": `{"id":"1"}`, "no CA": `{"id":"1","secret":"s","ca":"x"}`,
		"half a CA": `{"id":"1","secret":"s","ca":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(statePath(dir), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tryOpen(Options{Server: s.URL, State: dir}); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(statePath(dir), make([]byte, maxState+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = tryOpen(Options{Server: s.URL, State: dir})
	says(t, err, "at most")
}

func TestStrangeAnswers(t *testing.T) {
	for want, answer := range map[string]http.HandlerFunc{
		"not what a dotm server says: check its address": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"server answers 502 Bad Gateway":                 func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
		"names no agent":                                 func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
		"server redirects":                               func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"server refuses: token is not accepted": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"detail":"token is not accepted"}`)
		},
	} {
		s := httptest.NewServer(answer)
		_, err := open(t, Options{Server: s.URL, Token: auth.Token{Secret: auth.NewSecret()}.String(), State: t.TempDir()}).Enrol(t.Context(), web)
		says(t, err, want)
		s.Close()
	}
}

// TestStateFolderVanishes: the identity is not lost silently.
func TestStateFolderVanishes(t *testing.T) {
	s, state := newSite(t, shape{}), filepath.Join(t.TempDir(), "state")
	c := open(t, Options{Server: s.URL, Token: s.token(), State: state})
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	_, err := c.Enrol(t.Context(), web)
	says(t, err, "keeping identity", "--state")
	if len(s.paths) != 0 {
		t.Error("the token was spent on an identity that can't be kept")
	}
}

// TestCertificate is what relays ask for.
func TestCertificate(t *testing.T) {
	s := newSite(t, shape{})
	c := open(t, Options{Server: s.URL, Token: s.token(), State: t.TempDir()})
	cert, err := c.Enrol(t.Context(), Who{Name: "relay", Request: []byte("request")})
	if err != nil || cert != "request" || string(s.enrols[0].Key) != "request" {
		t.Errorf("%q %v", cert, err)
	}
	s.mu.Lock()
	s.revoked = true
	s.mu.Unlock()
	_, err = c.Renew(t.Context(), []byte("another"))
	says(t, err, "renewing certificate: server refuses: agent was revoked")
	if !c.rejected {
		t.Error("it is not noted that the identity was rejected")
	}
}

// TestProxy goes through a proxy that is asked to connect (RFC 9110, 9.3.6).
func TestProxy(t *testing.T) {
	s := newSite(t, shape{})
	var asked []string
	var mu sync.Mutex
	status := "200 Connection established"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				mu.Lock()
				asked = append(asked, r.Method+" "+r.Host)
				answer := status
				mu.Unlock()
				_, _ = io.WriteString(conn, "HTTP/1.1 "+answer+"\r\n\r\n")
				if !strings.HasPrefix(answer, "200") {
					return
				}
				to, err := net.Dial("tcp", r.Host)
				if err != nil {
					return
				}
				defer to.Close()
				go func() { _, _ = io.Copy(to, conn) }()
				_, _ = io.Copy(conn, to)
			}()
		}
	}()
	through := func(c *Client, address string) *Client { // loopback is never asked through the environment's proxy
		c.http.Transport.(*http.Transport).Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: address})
		return c
	}
	c := through(open(t, Options{Server: s.URL, Token: s.token(), State: t.TempDir()}), l.Addr().String())
	enrol(t, c)
	if code, _, err := ask(t, c); err != nil || code != 200 {
		t.Fatalf("%d %v", code, err)
	}
	mu.Lock()
	if len(asked) != 1 || asked[0] != "CONNECT "+strings.TrimPrefix(s.URL, "https://") {
		t.Errorf("the proxy was asked for %v", asked)
	}
	status = "403 Forbidden"
	mu.Unlock()
	_, err = through(open(t, Options{Server: s.URL, Token: s.token(), State: t.TempDir()}), l.Addr().String()).Enrol(t.Context(), web)
	says(t, err, "proxy "+l.Addr().String()+" answers 403 Forbidden", "NO_PROXY")
	_, err = through(open(t, Options{Server: s.URL, Token: s.token(), State: t.TempDir()}), "127.0.0.1:1").Enrol(t.Context(), web)
	says(t, err, "proxy of HTTPS_PROXY can't be used")
}

// TestOneConnection: very many requests at once share one connection.
func TestOneConnection(t *testing.T) {
	s := newSite(t, shape{})
	c := open(t, Options{Server: s.URL, Token: s.token(), State: t.TempDir(), OneConnection: true})
	enrol(t, c)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if status, _, err := ask(t, c); err != nil || status != 200 {
				t.Errorf("%d %v", status, err)
			}
		})
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.raw != 1 {
		t.Errorf("%d connections", s.raw)
	}
}
