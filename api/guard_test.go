package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
)

func TestHost(t *testing.T) {
	s := served.New(t, served.Options{})
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:4849": 200, "127.8.8.8:80": 200, "localhost": 200, "LOCALHOST:4849": 200,
		"localhost.": 200, "localhost.:4849": 200, "dotm.localhost:4849": 200, "[::1]": 200, "[::1]:4849": 200, "[::ffff:127.0.0.1]:1": 200,
		"evil.example": 403, "evil.example:4849": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403,
		"notlocalhost": 403, "10.0.0.1:4849": 403, "[2001:db8::1]:4849": 403, "0.0.0.0:4849": 403, "127.1": 403, "2130706433": 403,
	} {
		for _, path := range []string{"/", "/healthz", "/metrics", api.Prefix + "/topology", api.Prefix + "/openapi.json", "/nothing"} {
			a := s.Get(t, path, "Host", host)
			if (a.StatusCode == http.StatusForbidden) != (want == http.StatusForbidden) {
				t.Errorf("Host %s: %s gives %s", host, path, a.Status)
			}
			if want == http.StatusForbidden {
				p := served.Refused(t, a, want)
				if !strings.Contains(p.Detail, `"`+host+`"`) || !strings.Contains(p.Detail, "http://127.0.0.1") {
					t.Errorf("Host %s: %q", host, p.Detail)
				}
			}
		}
	}
}

// TestRebinding is the attack: a page of evil.example, whose name was made to
// mean 127.0.0.1, reads and writes as its own origin.
func TestRebinding(t *testing.T) {
	s := served.New(t, served.Options{})
	evil := []string{"Host", "evil.example:4849", "Origin", "http://evil.example:4849", "Sec-Fetch-Site", "same-origin"}
	served.Refused(t, s.Get(t, api.Prefix+"/topology", evil...), http.StatusForbidden)
	served.Refused(t, s.Do(t, http.MethodPatch, api.Prefix+"/settings", `{"ageing":"1m"}`, evil...), http.StatusForbidden)
	served.Refused(t, s.Do(t, http.MethodPost, api.Prefix+"/reports", `{}`, evil...), http.StatusForbidden)
}

func TestForwarded(t *testing.T) {
	s := served.New(t, served.Options{})
	for _, name := range []string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server",
		"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Real-Ip", "x-forwarded-for",
	} {
		p := served.Refused(t, s.Get(t, api.Prefix+"/topology", name, "203.0.113.7"), http.StatusForbidden)
		if !strings.Contains(p.Detail, http.CanonicalHeaderKey(name)) {
			t.Errorf("%s: %q", name, p.Detail)
		}
	}
	served.Refused(t, s.Get(t, "/", "X-Forwarded-For", "", "X-Forwarded-For", "203.0.113.7"), http.StatusForbidden)
	if a := s.Get(t, "/healthz", "X-Forwarded", "no such header"); a.StatusCode != http.StatusOK {
		t.Errorf("a header of no meaning gives %s", a.Status)
	}
}

func TestPublicTakesAnyHost(t *testing.T) {
	s := served.New(t, served.Options{Public: true})
	if a := s.Get(t, "/healthz", "Host", "dotm.example", "X-Forwarded-For", "203.0.113.7"); a.StatusCode != http.StatusOK {
		t.Errorf("%s", a.Status)
	}
}

// TestCrossOrigin: other pages may link here, and change nothing.
func TestCrossOrigin(t *testing.T) {
	s := served.New(t, served.Options{})
	host := strings.TrimPrefix(s.URL, "http://")
	for _, tt := range []struct {
		name   string
		header []string
		passes bool
	}{
		{"a program", nil, true},
		{"its own page", []string{"Origin", "http://" + host, "Sec-Fetch-Site", "same-origin"}, true},
		{"its own page, old browser", []string{"Origin", "http://" + host}, true},
		{"another page", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false},
		{"another page, old browser", []string{"Origin", "https://evil.example"}, false},
		{"another port", []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}, false},
		{"a sandboxed frame", []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, call := range []struct{ method, path, body string }{
				{http.MethodPatch, api.Prefix + "/settings", `{"ageing":"1m"}`},
				{http.MethodPost, api.Prefix + "/reports", `{}`},
			} {
				a := s.Do(t, call.method, call.path, call.body, append([]string{"Content-Type", "application/json"}, tt.header...)...)
				if (a.StatusCode != http.StatusForbidden) != tt.passes {
					t.Errorf("%s %s gives %s", call.method, call.path, a.Status)
				}
			}
			if a := s.Get(t, "/healthz", tt.header...); a.StatusCode != http.StatusOK {
				t.Errorf("reading gives %s", a.Status)
			}
		})
	}
}
