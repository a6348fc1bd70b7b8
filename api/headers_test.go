package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/archive"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/test/served"
)

// TestEveryAnswerHasItsHeaders: whatever is asked for, and however that ends.
func TestEveryAnswerHasItsHeaders(t *testing.T) {
	ui := fstest.MapFS{"index.html": {Data: []byte("<html>")}, "assets/x.js": {Data: []byte("x")}}
	loopback, closed := served.New(t, served.Options{UI: ui}), served.New(t, served.Options{Login: true, UI: ui})
	admin := closed.Scripts(t)[auth.Admin]
	loopback.Shop(t)
	for _, tt := range []struct {
		s            *served.Site
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
		{loopback, "GET", api.Prefix + "/topology", nil, 200},
		{loopback, "GET", api.Prefix + "/topology", []string{"If-None-Match", "*"}, 304},
		{loopback, "GET", api.Prefix + "/export/svg", nil, 200},
		{loopback, "GET", api.Prefix + "/export/none", nil, 422},
		{loopback, "GET", api.Prefix + "/openapi.json", nil, 200},
		{loopback, "GET", api.Prefix + "/nothing", nil, 404},
		{loopback, "GET", "/x/../healthz", nil, 307},
		{loopback, "POST", api.Prefix + "/settings", nil, 404},
		{loopback, "PATCH", api.Prefix + "/settings", nil, 400},
		{loopback, "POST", api.Prefix + "/reports", nil, 400},
		{loopback, "GET", "/", []string{"Host", "evil.example"}, 403},
		{loopback, "POST", api.Prefix + "/logout", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{closed, "GET", api.Prefix + "/topology", nil, 401},
		{closed, "GET", api.Prefix + "/login/oidc", nil, 404},
		{closed, "POST", api.Prefix + "/login", nil, 400},
		{closed, "GET", api.Prefix + "/audit", admin, 200},
		{closed, "GET", archive.BackupPath, admin, 200},
		{closed, "DELETE", api.Prefix + "/users/nobody", admin, 404},
	} {
		a := tt.s.Do(t, tt.method, tt.path, "", tt.header...)
		if a.StatusCode != tt.want {
			t.Errorf("%s %s: %s, want %d", tt.method, tt.path, a.Status, tt.want)
		}
		checkHeaders(t, tt.method+" "+tt.path, a.Header)
		if strings.HasPrefix(tt.path, "/api/") && a.StatusCode >= 400 && a.Header.Get("Cache-Control") == "public" {
			t.Errorf("%s %s is kept by caches", tt.method, tt.path)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, loopback.URL+api.Prefix+"/stream", http.NoBody)
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
