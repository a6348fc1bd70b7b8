package api

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestTakes(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                              false,
		"gzip":                          true,
		"gzip, deflate, br, zstd":       true,
		"br;q=1.0, GZIP;q=0.5":          true,
		"gzip;q=0":                      false,
		"gzip; q=0.000, zstd":           false,
		"gzip ; Q = 0.001":              true,
		"x-gzip, zstd":                  false,
		"identity, *;q=0":               false,
		strings.Repeat(",", 4) + "gzip": true,
	} {
		if got := takes(accept, codingGzip); got != want {
			t.Errorf("%q takes gzip: %v", accept, got)
		}
	}
}

// opened is a body as it was before it was compressed.
func (a *answered) opened(t *testing.T) string {
	t.Helper()
	var r io.Reader
	var err error
	switch coding := a.Header.Get("Content-Encoding"); coding {
	case "":
		return string(a.body)
	case codingGzip:
		r, err = gzip.NewReader(bytes.NewReader(a.body))
	case codingZstd:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(bytes.NewReader(a.body), zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			t.Cleanup(d.Close)
			r = d
		}
	default:
		t.Fatalf("coding %q", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", a.Header.Get("Content-Encoding"), err)
	}
	return string(plain)
}

// TestCompressed: each answer comes in the best coding that the asker takes, is the same
// in all of them, and is named alike.
func TestCompressed(t *testing.T) {
	s := newSite(t, siteOptions{ui: fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html><title>dotm</title>")},
		"assets/app-1a2b.js":  {Data: []byte(strings.Repeat("export const one = 1;\n", 200))},
		"assets/map-3c4d.xyz": {Data: []byte(strings.Repeat("whatever that is\n", 200))},
	}})
	s.shop(t)
	for path, coded := range map[string]bool{
		Prefix + "/topology":                true,
		Prefix + "/topology?focus=web":      true,
		Prefix + "/topology?at=" + "-0s":    true,
		Prefix + "/export/svg":              true,
		Prefix + "/export/csv":              false, // small
		Prefix + "/connections":             true,
		Prefix + "/openapi.json":            true,
		Prefix + "/version":                 false,
		Prefix + "/nodes/none-of-that-name": false,
		"/":                                 false,
		"/assets/app-1a2b.js":               true,
		"/assets/map-3c4d.xyz":              false,
	} {
		plain := s.get(t, path, "Accept-Encoding", "identity")
		if c := plain.Header.Get("Content-Encoding"); c != "" {
			t.Errorf("%s: %s, which nobody asked for", path, c)
		}
		for accept, want := range map[string]string{"gzip, deflate, br, zstd": codingZstd, "gzip, deflate, br": codingGzip, "zstd;q=0, gzip": codingGzip, "br": ""} {
			a := s.get(t, path, "Accept-Encoding", accept)
			if !coded {
				want = ""
			}
			if got := a.Header.Get("Content-Encoding"); got != want {
				t.Errorf("%s for %q comes as %q, want %q", path, accept, got, want)
				continue
			}
			if a.StatusCode != plain.StatusCode || a.Header.Get("Content-Type") != plain.Header.Get("Content-Type") || a.Header.Get("ETag") != plain.Header.Get("ETag") {
				t.Errorf("%s as %q: %s %v, plain: %s %v", path, want, a.Status, a.Header, plain.Status, plain.Header)
			}
			if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s: a cache between would give it to all: %v", path, a.Header)
			}
			if !strings.Contains(path, "?at=") && a.opened(t) != string(plain.body) {
				t.Errorf("%s as %q is another answer", path, want)
			}
			if want != "" && len(a.body) >= len(plain.body) {
				t.Errorf("%s as %q has %d bytes of %d", path, want, len(a.body), len(plain.body))
			}
		}
	}
}

// TestSecretsAreNotCompressed: an answer that hands a secret out never is, however long.
func TestSecretsAreNotCompressed(t *testing.T) {
	s := newSite(t, siteOptions{})
	secret := strings.Repeat("s", 3*minCoded)
	h := compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, secret)
	}))
	inside := func(method string) *inside {
		out := &inside{header: http.Header{}, status: http.StatusOK}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		h.ServeHTTP(out, r)
		return out
	}
	if a := inside(http.MethodPost); a.header.Get("Content-Encoding") != "" || a.body.String() != secret {
		t.Errorf("POST: %v", a.header)
	}
	if a := inside(http.MethodGet); a.header.Get("Content-Encoding") != codingGzip {
		t.Errorf("GET: %v", a.header)
	}
	// What hands secrets out is asked for by POST alone.
	for _, path := range []string{"/tokens", "/enrol", "/login", "/setup", "/login-links"} {
		if a := s.do(t, http.MethodGet, Prefix+path, "", "Accept-Encoding", "gzip"); a.StatusCode == http.StatusOK && strings.Contains(string(a.body), `"secret"`) {
			t.Errorf("GET %s answers with a secret", path)
		}
	}
}

// TestCompressedOnce: many who ask for one answer get the same bytes.
func TestCompressedOnce(t *testing.T) {
	c := &coded{plain: []byte(strings.Repeat("all that there is\n", 200))}
	for _, accept := range []string{"gzip", "zstd"} {
		first, coding, err := c.in(accept)
		if err != nil || coding != accept {
			t.Fatalf("%s: %v", coding, err)
		}
		if again, _, _ := c.in(accept); &again[0] != &first[0] {
			t.Errorf("%s was made twice", accept)
		}
	}
}
