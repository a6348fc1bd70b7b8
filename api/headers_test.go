package api

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/devops-trouble-map/dotm/auth"
)

// TestEveryAnswerHasItsHeaders: whatever is asked for, and however that ends.
func TestEveryAnswerHasItsHeaders(t *testing.T) {
	ui := fstest.MapFS{"index.html": {Data: []byte("<html>")}, "assets/x.js": {Data: []byte("x")}}
	loopback, closed := newSite(t, siteOptions{ui: ui}), newSite(t, siteOptions{login: true, ui: ui})
	admin := closed.scripts(t)[auth.Admin]
	loopback.shop(t)
	for _, tt := range []struct {
		s            *site
		method, path string
		header       []string
		want         int
	}{
		{loopback, "GET", "/", nil, 200},
		{loopback, "HEAD", "/", nil, 200},
		{loopback, "GET", "/assets/x.js", nil, 200},
		{loopback, "GET", "/assets/none.js", nil, 404},
		{loopback, "GET", "/login", nil, 200},
		{loopback, "GET", "/healthz", nil, 200},
		{loopback, "GET", "/metrics", nil, 200},
		{loopback, "GET", Prefix + "/topology", nil, 200},
		{loopback, "GET", Prefix + "/topology", []string{"If-None-Match", "*"}, 304},
		{loopback, "GET", Prefix + "/export/svg", nil, 200},
		{loopback, "GET", Prefix + "/export/none", nil, 422},
		{loopback, "GET", Prefix + "/openapi.json", nil, 200},
		{loopback, "GET", Prefix + "/nothing", nil, 404},
		{loopback, "GET", "/x/../healthz", nil, 307},
		{loopback, "POST", Prefix + "/settings", nil, 404},
		{loopback, "PATCH", Prefix + "/settings", nil, 400},
		{loopback, "POST", Prefix + "/reports", nil, 400},
		{loopback, "GET", "/", []string{"Host", "evil.example"}, 403},
		{loopback, "POST", Prefix + "/logout", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{closed, "GET", Prefix + "/topology", nil, 401},
		{closed, "GET", Prefix + "/login/oidc", nil, 404},
		{closed, "POST", Prefix + "/login", nil, 400},
		{closed, "GET", Prefix + "/audit", admin, 200},
		{closed, "GET", backupPath, admin, 200},
		{closed, "DELETE", Prefix + "/users/nobody", admin, 404},
	} {
		a := tt.s.do(t, tt.method, tt.path, "", tt.header...)
		if a.StatusCode != tt.want {
			t.Errorf("%s %s: %s, want %d", tt.method, tt.path, a.Status, tt.want)
		}
		checkHeaders(t, tt.method+" "+tt.path, a.Header)
		if strings.HasPrefix(tt.path, "/api/") && a.StatusCode >= 400 && a.Header.Get("Cache-Control") == "public" {
			t.Errorf("%s %s is kept by caches", tt.method, tt.path)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, loopback.URL+Prefix+"/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // it has no end
	checkHeaders(t, "the stream", resp.Header)
}

func checkHeaders(t *testing.T, what string, head http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := head.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %v", what, name, got)
		}
	}
	if got := head.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("%s: %s may read", what, got)
	}
	policy := head.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "object-src 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s: policy lacks %s: %q", what, part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("%s: policy is %q", what, policy)
	}
}

// TestStrictTransport: a browser is told to come by TLS only where dotm is what
// the host serves.
func TestStrictTransport(t *testing.T) {
	proxied := Options{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	for _, tt := range []struct {
		opt         Options
		host, proto string
		tls         bool
		want        bool
	}{
		{Options{}, "dotm.example", "", true, true},
		{Options{}, "dotm.example:443", "", true, true},
		{Options{}, "[2001:db8::1]", "", true, true},
		{Options{}, "dotm.example:4849", "", true, false},
		{Options{}, "dotm.example", "", false, false},
		{Options{}, "dotm.example", "https", false, false}, // nobody is believed that
		{proxied, "dotm.example", "https", false, true},
		{proxied, "dotm.example", "http", false, false},
		{proxied, "dotm.example:8443", "https", false, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Host = tt.host
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if tt.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		w := httptest.NewRecorder()
		guard(tt.opt, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); (got == "max-age=31536000") != tt.want || got != "" && !tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}
