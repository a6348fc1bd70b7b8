package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
)

// opened is a body as it was before it was compressed.
func opened(t *testing.T, a *served.Answer) string {
	t.Helper()
	var r io.Reader
	var err error
	switch in := a.Header.Get("Content-Encoding"); in {
	case "":
		return string(a.Text)
	case coding.Gzip:
		r, err = gzip.NewReader(bytes.NewReader(a.Text))
	case coding.Zstd:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(bytes.NewReader(a.Text), zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			t.Cleanup(d.Close)
			r = d
		}
	default:
		t.Fatalf("coding %q", in)
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
	s := served.New(t, served.Options{Public: true, UI: fstest.MapFS{
		"index.html":          {Data: []byte("<!doctype html><title>dotm</title>")},
		"assets/app-1a2b.js":  {Data: []byte(strings.Repeat("export const one = 1;\n", 200))},
		"assets/map-3c4d.png": {Data: []byte(strings.Repeat("whatever that is\n", 200))},
	}})
	s.Shop(t)
	for path, coded := range map[string]bool{
		api.Prefix + "/topology":                true,
		api.Prefix + "/topology?focus=web":      true,
		api.Prefix + "/topology?at=" + "-0s":    true,
		api.Prefix + "/export/svg":              true,
		api.Prefix + "/export/csv":              false, // small
		api.Prefix + "/connections":             true,
		api.Prefix + "/openapi.json":            true,
		api.Prefix + "/version":                 false,
		api.Prefix + "/nodes/none-of-that-name": false,
		"/":                                     false,
		"/assets/app-1a2b.js":                   true,
		"/assets/map-3c4d.png":                  false,
	} {
		plain := s.Get(t, path, "Accept-Encoding", "identity")
		if c := plain.Header.Get("Content-Encoding"); c != "" {
			t.Errorf("%s: %s, which nobody asked for", path, c)
		}
		for accept, want := range map[string]string{"gzip, deflate, br, zstd": coding.Zstd, "gzip, deflate, br": coding.Gzip, "zstd;q=0, gzip": coding.Gzip, "br": ""} {
			a := s.Get(t, path, "Accept-Encoding", accept)
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
			if !strings.Contains(path, "?at=") && opened(t, &a) != string(plain.Text) {
				t.Errorf("%s as %q is another answer", path, want)
			}
			if want != "" && len(a.Text) >= len(plain.Text) {
				t.Errorf("%s as %q has %d bytes of %d", path, want, len(a.Text), len(plain.Text))
			}
		}
	}
}

// TestNoReadAnswersWithASecret: what a GET answers may be compressed, so that no field of
// it may be a secret.
func TestNoReadAnswersWithASecret(t *testing.T) {
	raw := served.New(t, served.Options{}).Get(t, api.Prefix+"/openapi.json").Text
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
	s := served.New(t, served.Options{Public: true})
	s.Shop(t)
	plain := s.Listen(t, "", "Accept-Encoding", "identity")
	zipped := s.Listen(t, "") // the transport takes gzip, and unpacks as it comes
	if a, b := plain(), zipped(); a != b || a.Name != "snapshot" {
		t.Fatalf("begins with %+v and %+v", a, b)
	}
	s.Put(t, shop.Host("app", "10.0.0.3").Listen("java", 8080).Out("java", "10.0.0.2", 5432).Report)
	next := func(read func() served.Event) served.Event {
		for {
			if e := read(); e.Name != "beat" {
				return e
			}
		}
	}
	for { // whoever looks between two snapshots is told in two deltas
		a, b := next(plain), next(zipped)
		if a != b || a.Name != "delta" {
			t.Fatalf("then %+v and %+v", a, b)
		}
		if strings.Contains(a.Data, "java") {
			break
		}
	}
	resp, err := s.Client().Do(mustRequest(t, s.URL+api.Prefix+"/stream", "gzip"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Encoding"); got != coding.Gzip {
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
