package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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
	s := newSite(t, siteOptions{public: true, ui: fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html><title>dotm</title>")},
		"assets/app-1a2b.js":  {Data: []byte(strings.Repeat("export const one = 1;\n", 200))},
		"assets/map-3c4d.png": {Data: []byte(strings.Repeat("whatever that is\n", 200))},
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
		"/assets/map-3c4d.png":              false,
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

// TestNotCompressed: on loopback the line costs nothing, and an answer that hands a secret
// out never is compressed, however long.
func TestNotCompressed(t *testing.T) {
	long := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Repeat("s", 3*minCoded))
	})
	for _, tt := range []struct {
		name, method, want string
		opt                Options
		with               func(http.Handler) http.Handler
	}{
		{name: "read", method: http.MethodGet, want: codingZstd},
		{name: "made", method: http.MethodPost},
		{name: "changed", method: http.MethodPatch},
		{name: "loopback", method: http.MethodGet, opt: Options{Loopback: true}},
		{name: "socket", method: http.MethodGet, with: Local},
	} {
		h := compress(&tt.opt, long)
		if tt.with != nil {
			h = tt.with(h)
		}
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/", http.NoBody)
		r.Header.Set("Accept-Encoding", "gzip, zstd")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != tt.want || (tt.want == "" && w.Body.Len() != 3*minCoded) {
			t.Errorf("%s: coding %q, %d bytes", tt.name, got, w.Body.Len())
		}
	}
}

// TestNoReadAnswersWithASecret: what a GET answers may be compressed, so that no field of
// it may be a secret.
func TestNoReadAnswersWithASecret(t *testing.T) {
	raw := newSite(t, siteOptions{}).get(t, Prefix+"/openapi.json").body
	var doc struct {
		Paths      map[string]map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]bool{"get": false, "post": true} {
		found := []string{}
		for path, methods := range doc.Paths {
			if names(methods[method]["responses"], doc.Components.Schemas, map[string]bool{}) {
				found = append(found, path)
			}
		}
		if (len(found) > 0) != want {
			t.Errorf("answers to %s with secrets: %v", method, found)
		}
	}
}

// names tells whether a schema has a field that is a secret, in itself or in what it
// refers to.
func names(schema any, all map[string]any, seen map[string]bool) bool {
	switch v := schema.(type) {
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return names(x, all, seen) })
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/components/schemas/")
			if seen[name] {
				return false
			}
			seen[name] = true
			return names(all[name], all, seen)
		}
		fields, _ := v["properties"].(map[string]any)
		for _, secret := range []string{"secret", "token"} {
			if _, has := fields[secret]; has {
				return true
			}
		}
		for _, x := range v {
			if names(x, all, seen) {
				return true
			}
		}
	}
	return false
}

// TestStreamCompressed: a viewer that takes it gets each event compressed, and at once.
func TestStreamCompressed(t *testing.T) {
	s := newSite(t, siteOptions{public: true})
	s.shop(t)
	plain := s.listen(t, "", "Accept-Encoding", "identity")
	zipped := s.listen(t, "") // the transport takes gzip, and unpacks as it comes
	if a, b := plain(), zipped(); a != b || a.event != "snapshot" {
		t.Fatalf("begins with %+v and %+v", a, b)
	}
	s.put(t, host("app", "10.0.0.3").listen("java", 8080).out("java", "10.0.0.2", 5432).Report)
	next := func(read func() sse) sse {
		for {
			if e := read(); e.event != "beat" {
				return e
			}
		}
	}
	for { // whoever looks between two snapshots is told in two deltas
		a, b := next(plain), next(zipped)
		if a != b || a.event != "delta" {
			t.Fatalf("then %+v and %+v", a, b)
		}
		if strings.Contains(a.data, "java") {
			break
		}
	}
	resp, err := s.Client().Do(mustRequest(t, s.URL+Prefix+"/stream", "gzip"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Encoding"); got != codingGzip {
		t.Errorf("comes as %q", got)
	}
}

func mustRequest(t *testing.T, url, accept string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", accept)
	return r
}

// TestDeflated: pieces that were packed each for itself are one stream.
func TestDeflated(t *testing.T) {
	var stream bytes.Buffer
	stream.Write(gzipHead)
	want := ""
	r, err := gzip.NewReader(io.MultiReader(&stream))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", strings.Repeat("one and the same ", 9000), "", "b"} {
		stream.Write(deflated([]byte(text)))
		got := make([]byte, len(text))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != text {
			t.Fatalf("%d bytes came as %d: %v", len(text), len(got), err)
		}
		want += text
	}
	if n := len(deflated([]byte(want))); n > len(want)/10 {
		t.Errorf("%d bytes take %d", len(want), n)
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
