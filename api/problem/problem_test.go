package problem_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/api/problem"
)

// What is refused outside of huma's routes is told in the same form (RFC 9457), and kept
// by nobody on the way.
func TestTooMany(t *testing.T) {
	w := httptest.NewRecorder()
	problem.TooMany(w, 1200*time.Millisecond, "too many")
	var p struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if w.Code != 429 || p.Status != 429 || p.Title != "Too Many Requests" || p.Detail != "too many" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{"Retry-After": "2", "Content-Type": "application/problem+json", "Cache-Control": "no-store"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// What somebody sent is shown in quotes, shortened, and as text that JSON and a terminal
// take.
func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":             `""`,
		"a\"b\x1b[31m": `"a\"b\u001b[31m"`,
		"\xffx":        `"?x"`,
		"<script>":     `"\u003cscript\u003e"`,
	} {
		if got := problem.Quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	long := problem.Quote(strings.Repeat("ä", 1000)) // cut within a letter or not
	if len(long) > 100 || !utf8.ValidString(long) || !strings.HasSuffix(long, `…"`) {
		t.Errorf("%d bytes: %s", len(long), long)
	}
	if p := problem.Parameter("level", "must be low", "high\n"); p.Detail != `level must be low, is "high\n"` || p.Errors[0].Location != "query.level" || p.Status != 422 {
		t.Errorf("%+v", p)
	}
}

// A fault of our own stands in the log, and not in the answer.
func TestInternal(t *testing.T) {
	var log bytes.Buffer
	err := problem.Internal(slog.New(slog.NewTextHandler(&log, nil)), "computing", errors.New("secret path"))
	if strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "computing failed; the server's log says why") {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "secret path") {
		t.Errorf("log: %s", &log)
	}
}
