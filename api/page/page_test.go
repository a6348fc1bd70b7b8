package page_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
)

func TestUI(t *testing.T) {
	s := served.New(t, served.Options{UI: fstest.MapFS{
		"index.html":         {Data: []byte("<!doctype html><title>dotm</title>")},
		"favicon.svg":        {Data: []byte("<svg/>")},
		"assets/app-1a2b.js": {Data: []byte("export {}")},
	}})
	for _, tt := range []struct{ path, body, kind, cache string }{
		{"/", "<!doctype html><title>dotm</title>", "text/html; charset=utf-8", "no-cache"},
		{"/login", "<!doctype html><title>dotm</title>", "text/html; charset=utf-8", "no-cache"},
		{"/favicon.svg", "<svg/>", "image/svg+xml", "no-cache"},
		{"/assets/app-1a2b.js", "export {}", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		a := s.Get(t, tt.path)
		if a.StatusCode != http.StatusOK || string(a.Text) != tt.body || a.Header.Get("Content-Type") != tt.kind || a.Header.Get("Cache-Control") != tt.cache {
			t.Errorf("%s: %s %v %s", tt.path, a.Status, a.Header, a.Text)
		}
	}
	if a := s.Get(t, "/index.html"); a.StatusCode != http.StatusMovedPermanently || a.Header.Get("Location") != "./" {
		t.Errorf("/index.html: %s %v", a.Status, a.Header)
	}
	for _, path := range []string{"/nothing", "/assets/", "/assets", "/assets/app-0000.js", "/..%2f..%2fetc/passwd", "/index.htm"} {
		a := s.Get(t, path)
		served.Refused(t, a, http.StatusNotFound)
		if strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s is missing for ever", path)
		}
	}
}

func TestUINotBuilt(t *testing.T) {
	s := served.New(t, served.Options{})
	a := s.Get(t, "/")
	if a.StatusCode != http.StatusOK || !strings.Contains(string(a.Text), "make ui") || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	served.Refused(t, s.Get(t, "/assets/app.js"), http.StatusNotFound)
}

func TestNotFound(t *testing.T) {
	s := served.New(t, served.Options{UI: fstest.MapFS{"index.html": {Data: []byte("x")}}})
	for _, tt := range []struct{ method, path, detail string }{
		{http.MethodGet, "/api", `there is no page "/api"`},
		{http.MethodGet, "/api/v2/topology", `there is no "GET /api/v2/topology": see /api/v1/openapi.json`},
		{http.MethodGet, api.Prefix + "/nothing", `there is no "GET /api/v1/nothing": see /api/v1/openapi.json`},
		{http.MethodPost, api.Prefix + "/topology", `there is no "POST /api/v1/topology": see /api/v1/openapi.json`},
		{http.MethodPut, api.Prefix + "/nodes/web", `there is no "PUT /api/v1/nodes/web": see /api/v1/openapi.json`},
		{http.MethodGet, api.Prefix + "/reports", `there is no "GET /api/v1/reports": see /api/v1/openapi.json`},
		{http.MethodPost, "/", `there is no "POST /": see /api/v1/openapi.json`},
	} {
		if p := served.Refused(t, s.Do(t, tt.method, tt.path, ""), http.StatusNotFound); p.Detail != tt.detail {
			t.Errorf("%s %s: %q", tt.method, tt.path, p.Detail)
		}
	}
}
