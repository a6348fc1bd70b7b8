package coding

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
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
		if got := Takes(accept, Gzip); got != want {
			t.Errorf("%q takes gzip: %v", accept, got)
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
		near               bool
	}{
		{name: "read", method: http.MethodGet, want: Zstd},
		{name: "made", method: http.MethodPost},
		{name: "changed", method: http.MethodPatch},
		{name: "near", method: http.MethodGet, near: true},
	} {
		h := Handler(long, "/stream", func(*http.Request) bool { return tt.near })
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/", http.NoBody)
		r.Header.Set("Accept-Encoding", "gzip, zstd")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != tt.want || (tt.want == "" && w.Body.Len() != 3*minCoded) {
			t.Errorf("%s: coding %q, %d bytes", tt.name, got, w.Body.Len())
		}
	}
}

// TestDeflated: pieces that were packed each for itself are one stream.
func TestDeflated(t *testing.T) {
	var stream bytes.Buffer
	stream.Write(GzipHead)
	want := ""
	r, err := gzip.NewReader(io.MultiReader(&stream))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", strings.Repeat("one and the same ", 9000), "", "b"} {
		stream.Write(Deflated([]byte(text)))
		got := make([]byte, len(text))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != text {
			t.Fatalf("%d bytes came as %d: %v", len(text), len(got), err)
		}
		want += text
	}
	if n := len(Deflated([]byte(want))); n > len(want)/10 {
		t.Errorf("%d bytes take %d", len(want), n)
	}
}

// TestCompressedOnce: many who ask for one answer get the same bytes.
func TestCompressedOnce(t *testing.T) {
	c := &Body{Plain: []byte(strings.Repeat("all that there is\n", 200))}
	for _, accept := range []string{"gzip", "zstd"} {
		first, coding, err := c.In(accept)
		if err != nil || coding != accept {
			t.Fatalf("%s: %v", coding, err)
		}
		if again, _, _ := c.In(accept); &again[0] != &first[0] {
			t.Errorf("%s was made twice", accept)
		}
	}
}
