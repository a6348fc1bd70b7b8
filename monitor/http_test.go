package monitor

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// client is one for a URL, with more options.
func client(t *testing.T, url string, set ...func(*Options)) *Client {
	t.Helper()
	opt := Options{Name: "x", URL: url}
	for _, f := range set {
		f(&opt)
	}
	c, err := NewClient(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func login(user, password string) func(*Options) {
	return func(o *Options) { o.User, o.Password = user, password }
}

// read asks for a path and reads all.
func read(t *testing.T, c *Client, path string) (string, error) {
	t.Helper()
	resp, err := c.Get(t.Context(), path, nil)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	b, err := resp.Bytes()
	return string(b), err
}

// refusedFor checks that an error has a reason and says some words, with a hint.
func refusedFor(t *testing.T, err error, reason Reason, words ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an Error for %s", err, reason)
	}
	if e.Reason != reason || e.Hint == "" {
		t.Errorf("reason %q, want %q; hint %q: %v", e.Reason, reason, e.Hint, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// says is a server with one answer.
func says(t *testing.T, status int, contentType, body string) *httptest.Server {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func TestNewClientWantsHTTP(t *testing.T) {
	for _, url := range []string{"tcp://a:1", "file:///x", "http://", "://", "unix:///x", ""} {
		var e *OptionError
		if _, err := NewClient(Options{URL: url}); !errors.As(err, &e) || e.Field != "url" {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestURLsWithoutPasswords: what is refused is shown without a login that stands in it.
func TestURLsWithoutPasswords(t *testing.T) {
	for _, raw := range []string{"http://u:secret@host", "http://u:sec ret@[host", "http:u:secret@host", "ftp://u:secret@host/@x", "//u:secret@host"} {
		o := Options{Name: "x", URL: raw}
		err := o.Validate()
		if err == nil || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestPaths(t *testing.T) {
	var got string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.RequestURI
		_, _ = io.WriteString(w, "{}")
	})
	for _, tt := range []struct{ base, path, want string }{
		{"", "", "GET /"},
		{"/a/", "b?c=d", "GET /a/b?c=d"},
		{"/a", "/b", "GET /a/b"},
		{"/a%20b", "c%2Fd", "GET /a%20b/c%2Fd"},
		{"/a", s.URL + "/x?y", "GET /x?y"},
		{"/a?q=1", "", "GET /a?q=1"},
		{"/a?q=1", "b", "GET /a/b"},
	} {
		if _, err := read(t, client(t, s.URL+tt.base), tt.path); err != nil || got != tt.want {
			t.Errorf("%q of %q asks for %q (%v), want %q", tt.path, tt.base, got, err, tt.want)
		}
	}
	if _, err := read(t, client(t, s.URL), "http://other.example/x"); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("another server: %v", err)
	}
}

func TestPost(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, body, r.Header.Get("X-A"), r.Header.Get("Accept"))
	})
	resp, err := client(t, s.URL).Post(t.Context(), "p", http.Header{"X-A": {"b"}}, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	if b, _ := resp.Bytes(); string(b) != "POST body b application/json" {
		t.Errorf("got %q", b)
	}
}

func TestBasicAndBearer(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		if u+p != "usersecret" && r.Header.Get("Authorization") != "Bearer token" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
			return
		}
		_, _ = io.WriteString(w, "[]")
	})
	for _, l := range []func(*Options){login("user", "secret"), login("", "token")} {
		if got, err := read(t, client(t, s.URL, l), ""); got != "[]" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	_, err := read(t, client(t, s.URL, login("user", "wrong")), "")
	refusedFor(t, err, NoLogin, "refuses the login", "check user and password")
	_, err = read(t, client(t, s.URL, login("", "wrong")), "")
	refusedFor(t, err, NoLogin)
	_, err = read(t, client(t, s.URL), "")
	refusedFor(t, err, NoLogin, "wants a login", "set user and password")
}

// digestServer knows one user, has the nonces it was given, and counts requests
// with none.
type digestServer struct {
	algorithm, nonce string
	stale            bool
	seen             []string // Authorization of each request
}

func (s *digestServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	auth := r.Header.Get("Authorization")
	s.seen = append(s.seen, auth)
	for _, c := range challenges([]string{auth}) {
		p := c.params
		d := newDigest([]challenge{{"digest", map[string]string{"realm": "Nagios4", "nonce": s.nonce, "algorithm": s.algorithm, "qop": "auth"}}})
		want := d.sum(d.sum("user", d.realm, "secret"), s.nonce, p["nc"], p["cnonce"], "auth", d.sum(r.Method, r.RequestURI))
		if c.scheme == "digest" && p["nonce"] == s.nonce && p["response"] == want && p["uri"] == r.RequestURI && p["cnonce"] != "" {
			_, _ = io.WriteString(w, "{}")
			return
		}
	}
	w.Header().Add("WWW-Authenticate", `Basic realm="other"`)
	w.Header().Add("WWW-Authenticate", fmt.Sprintf(`Digest realm="Nagios4", nonce=%q, algorithm=%s, qop="auth", stale=%v`, s.nonce, s.algorithm, s.stale))
	w.WriteHeader(401)
}

func TestDigestIsUsedWhereTheServerWantsIt(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		t.Run(algorithm, func(t *testing.T) {
			d := &digestServer{algorithm: algorithm, nonce: "first"}
			s := serve(t, d.ServeHTTP)
			c := client(t, s.URL, login("user", "secret"))
			for range 2 {
				if got, err := read(t, c, "a?b=c"); got != "{}" || err != nil {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			if len(d.seen) != 3 || d.seen[0] != "" || !strings.Contains(d.seen[2], "nc=00000002") {
				t.Errorf("sent %q", d.seen)
			}
			d.nonce, d.stale = "second", algorithm == "MD5"
			if got, err := read(t, c, ""); got != "{}" || err != nil {
				t.Errorf("after the nonce grew old: %q, %v", got, err)
			}
			resp, err := c.Post(t.Context(), "x", nil, []byte("b"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Close()
			for _, auth := range d.seen {
				if strings.HasPrefix(auth, "Basic") {
					t.Error("the password went out in clear")
				}
			}
		})
	}
}

func TestDigestWithAWrongPassword(t *testing.T) {
	d := &digestServer{algorithm: "MD5", nonce: "n"}
	s := serve(t, d.ServeHTTP)
	_, err := read(t, client(t, s.URL, login("user", "wrong")), "")
	refusedFor(t, err, NoLogin, "refuses the login")
	if len(d.seen) != 2 {
		t.Errorf("asked %d times", len(d.seen))
	}
}

func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		reason Reason
		words  string
	}{
		{403, "", NoRight, "may not be read by this login"},
		{404, "", NotThere, "check the path in url"},
		{500, "", NotIt, "500"},
		{503, "", NotRunning, "is not ready"},
		{400, "Client sent an HTTP request to an HTTPS server.", NotThere, "https://"},
		{400, "The plain HTTP request was sent to HTTPS port", NotThere, "https://"},
		{400, "Reason: You're speaking plain HTTP to an SSL-enabled server port.", NotThere, "https://"},
		{418, "", NotIt, "418"},
	} {
		_, err := read(t, client(t, says(t, tt.status, "text/plain", tt.body).URL), "x")
		refusedFor(t, err, tt.reason, tt.words)
		var s *StatusError
		if !errors.As(err, &s) || s.Status != tt.status || string(s.Body) != tt.body {
			t.Errorf("%d: cause %v", tt.status, s)
		}
	}
}

func TestHTMLInsteadOfJSON(t *testing.T) {
	s := says(t, 200, "text/html", "\n <!DOCTYPE html><html><TITLE>Welcome &amp;\n<b>all</b></TITLE>")
	_, err := read(t, client(t, s.URL), "x")
	refusedFor(t, err, NotIt, "answers with HTML", `Welcome & <b>all</b>`)
	_, err = read(t, client(t, s.URL), "login.php")
	refusedFor(t, err, NoLogin, "login page")
	_, err = read(t, client(t, says(t, 200, "text/html", "hello").URL), "")
	refusedFor(t, err, NotIt, "without a title")
	for _, body := range []string{"{}", " [1]", "", "\n", strings.Repeat(" ", 600)} {
		if got, err := read(t, client(t, says(t, 200, "text/html", body).URL), ""); got != body || err != nil {
			t.Errorf("JSON as text/html: %q, %v", got, err)
		}
	}
	resp, err := client(t, s.URL).Do(t.Context(), &Request{HTML: true})
	if err != nil {
		t.Fatal(err)
	}
	resp.Close()
}

// PHP puts what is wrong with it into the answer, where it is set to.
func TestPHPErrorsInTheAnswer(t *testing.T) {
	for body, words := range map[string]string{
		"<br />\n<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in <b>/x.php</b> on line <b>5</b><br />": "says: Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)",
		"<br />\n<b>Warning</b>:  Undefined variable $a &amp; more in <b>/x.php</b> on line <b>5</b><br />\n{\"result\":[]}":                                    "says: Undefined variable $a & more",
		"<b>Parse error</b>: x\n":        "says: x",
		"<b>Fatal error</b>":             "without a title",
		"<title>a</title><b>warning</b>": "answers with HTML",
	} {
		_, err := read(t, client(t, says(t, 200, "text/html", body).URL), "x")
		refusedFor(t, err, NotIt, words)
		if strings.Contains(err.Error(), "/x.php") {
			t.Errorf("a path is told: %v", err)
		}
	}
}

func TestRedirects(t *testing.T) {
	other := says(t, 200, "application/json", "{}")
	to := map[string]string{
		"/there": "/here", "/loop": "/loop", "/sso": other.URL + "/login?next=x", "/far": other.URL + "/x", "/none": "",
		"/tls": "https://127.0.0.1/x", "/form": "/users/sign_in",
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if l, ok := to[r.URL.Path]; ok {
			if l != "" {
				w.Header().Set("Location", l)
			}
			w.WriteHeader(302)
			return
		}
		if r.URL.Path == "/users/sign_in" {
			_, _ = io.WriteString(w, "<html><title>Please log in</title>")
			return
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})
	c := client(t, s.URL, login("user", "secret"))
	if got, err := read(t, c, "there"); got != "/here" || err != nil {
		t.Errorf("within the server: %q, %v", got, err)
	}
	for path, want := range map[string]struct {
		reason Reason
		words  string
	}{
		"loop": {NotThere, "redirects to"}, "sso": {NoLogin, "redirects to a login page at " + other.URL + "/login"},
		"far": {NotThere, "another server"}, "none": {NotIt, "nowhere"}, "tls": {NotThere, "https://"}, "form": {NoLogin, "Please log in"},
	} {
		_, err := read(t, c, path)
		refusedFor(t, err, want.reason, want.words)
	}
	_, err := c.Post(t.Context(), "there", nil, nil)
	refusedFor(t, err, NotThere, "/here")
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, err = read(t, client(t, "http://"+addr), "")
	refusedFor(t, err, NoConnection, "nobody listens at "+addr)
	_, err = read(t, client(t, "http://nothing.invalid"), "")
	refusedFor(t, err, NoConnection, "nothing.invalid")
}

func TestBreaksOff(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
		}
		panic(http.ErrAbortHandler)
	})
	for _, path := range []string{"body", "header"} {
		_, err := read(t, client(t, s.URL), path)
		refusedFor(t, err, NoConnection, "breaks off")
	}
}

// A server that hangs, or sends a byte now and then, holds nobody longer than the
// context allows.
func TestSlowDrip(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
			return
		}
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			<-time.After(time.Millisecond)
		}
	})
	for _, path := range []string{"drip", "hang"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		resp, err := client(t, s.URL).Get(ctx, path, nil)
		if err == nil {
			_, err = resp.Bytes()
			resp.Close()
		}
		cancel()
		refusedFor(t, err, TooSlow, "took too long")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, s.URL).Get(ctx, "hang", nil); !errors.Is(err, context.Canceled) || ReasonOf(err) != "" {
		t.Errorf("given up: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	s := says(t, 200, "application/json", strings.Repeat("1", 1<<20+1))
	for limit, want := range map[int64]Reason{1 << 20: TooLarge, 1<<20 + 1: ""} {
		resp, err := client(t, s.URL).Do(t.Context(), &Request{Max: limit})
		if err != nil {
			t.Fatal(err)
		}
		_, err = resp.Bytes()
		resp.Close()
		if got := ReasonOf(err); got != want {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t), file: filepath.Join(t.TempDir(), "ca.pem")}
	der := a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, a.key)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(a.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(t *testing.T, cert *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	cert.SerialNumber = big.NewInt(time.Now().UnixNano())
	if cert.NotAfter.IsZero() {
		cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent := a.cert
	if parent == nil {
		parent = cert
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// serve is a server with a certificate.
func (a *authority) serve(t *testing.T, cert *x509.Certificate) *httptest.Server {
	t.Helper()
	key := newKey(t)
	der := a.sign(t, cert, key)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, _, _ := r.BasicAuth()
		_, _ = io.WriteString(w, "["+u+"]")
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	good := ca.serve(t, &x509.Certificate{IPAddresses: loopback})
	named := ca.serve(t, &x509.Certificate{DNSNames: []string{"icinga.example"}, Subject: pkix.Name{CommonName: "icinga.example"}})
	nameless := ca.serve(t, &x509.Certificate{Subject: pkix.Name{CommonName: "127.0.0.1"}})
	expired := ca.serve(t, &x509.Certificate{IPAddresses: loopback, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)})
	plain := says(t, 200, "application/json", "{}")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, url string
		trust     TLS
		reason    Reason
		words     string
	}{
		{"trusted", good.URL, TLS{CAFile: ca.file}, "", ""},
		{"trusted by another name", named.URL, TLS{CAFile: ca.file, ServerName: "icinga.example"}, "", ""},
		{"anybody", expired.URL, TLS{SkipVerify: true}, "", ""},
		{"unknown authority", good.URL, TLS{}, NoTrust, "tls.ca_file"},
		{"another authority", good.URL, TLS{CAFile: other.file}, NoTrust, "who signed"},
		{"wrong name", named.URL, TLS{CAFile: ca.file}, NoTrust, "it is for icinga.example: use such a name in url, or set tls.server_name"},
		{"wrong name asked for", good.URL, TLS{CAFile: ca.file, ServerName: "x.example"}, NoTrust, "not for x.example, it is for 127.0.0.1"},
		{"no name", nameless.URL, TLS{CAFile: ca.file}, NoTrust, "SAN"},
		{"expired", expired.URL, TLS{CAFile: ca.file}, NoTrust, "is valid from"},
		{"no CA file", good.URL, TLS{CAFile: empty + "x"}, NoTrust, "can't be read"},
		{"empty CA file", good.URL, TLS{CAFile: empty}, NoTrust, "no certificate"},
		{"http at the port for https", "https" + strings.TrimPrefix(plain.URL, "http"), TLS{}, NotThere, "begin url with http://"},
		{"https at the port for http", "http" + strings.TrimPrefix(good.URL, "https"), TLS{}, NotThere, "begin url with https://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(t, client(t, tt.url, login("user", "p"), func(o *Options) { o.TLS = tt.trust }), "")
			if tt.reason != "" {
				refusedFor(t, err, tt.reason, tt.words)
			} else if got != "[user]" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// A CA file that comes later, or is replaced, is used without a restart.
func TestCAFileIsReadAgain(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	s := ca.serve(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	c := client(t, s.URL, func(o *Options) { o.TLS.CAFile = other.file })
	_, err := read(t, c, "")
	refusedFor(t, err, NoTrust)
	right, err := os.ReadFile(ca.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.file, right, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, c, ""); err != nil {
		t.Error(err)
	}
}

func TestClientCertificateWanted(t *testing.T) {
	ca := newAuthority(t)
	key := newKey(t)
	der := ca.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, key)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := read(t, client(t, s.URL, func(o *Options) { o.TLS.CAFile = ca.file }), "")
	refusedFor(t, err, NoTrust, "refuses to speak TLS")
}

func TestPasswordIsNotInErrors(t *testing.T) {
	_, err := read(t, client(t, says(t, 401, "", "").URL, login("user", "hunter2")), "?token=hunter2")
	if err == nil || bytes.Contains([]byte(err.Error()), []byte("hunter2")) {
		t.Errorf("got %v", err)
	}
}
