package metrics

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// everything is all that a meter is told where much happens.
func everything(m *Meter, err error) {
	m.Report(Beat, Taken, "", 3*time.Millisecond, 400)
	m.Report(Whole, Refused, Reason(http.StatusForbidden), 3*time.Millisecond, 4000)
	m.Waited(time.Millisecond)
	m.Snapshot(time.Millisecond)
	m.View("pool", Follow, time.Millisecond)
	m.Event("delta", 1000)
	m.Lag(time.Millisecond)
	m.Wrote(time.Millisecond, 7, err)
	m.Response(http.StatusOK)
}

// TestMetering allocates nothing: it is done for each report and each event of a viewer.
func TestMetering(t *testing.T) {
	m, err := New(), errors.New("disk full")
	if n := testing.AllocsPerRun(1000, func() { everything(m, err) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMetering(b *testing.B) {
	b.ReportAllocs()
	m := New()
	for b.Loop() {
		everything(m, nil)
	}
}

func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for status := 400; status < 600; status++ {
		seen[Reason(status)] = true
	}
	for _, r := range reasons {
		if !seen[r] {
			t.Errorf("nothing is %q", r)
		}
		delete(seen, r)
	}
	if len(seen) > 0 {
		t.Errorf("no series from the start for %v", seen)
	}
}

func TestLongest(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	l := longest{now: func() time.Time { return now }}
	for _, step := range []struct{ after, note, want time.Duration }{
		{0, 0, 0},
		{0, 40 * time.Millisecond, 40 * time.Millisecond},
		{time.Minute, 10 * time.Millisecond, 40 * time.Millisecond},
		{span, 20 * time.Millisecond, 40 * time.Millisecond}, // it may have been just before
		{span, 0, 20 * time.Millisecond},
		{3 * span, 0, 0},
	} {
		now = now.Add(step.after)
		l.note(step.note)
		if got := l.read(); got != step.want {
			t.Errorf("after %v and %v: %v, want %v", step.after, step.note, got, step.want)
		}
	}
}

// TestHelp: each counter and histogram is served from the start, with what it is.
func TestHelp(t *testing.T) {
	m := New()
	everything(m, nil)
	w := httptest.NewRecorder()
	registry(m).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	for _, want := range []string{
		`dotm_reports_total{form="beat",outcome="taken"} 1`, `dotm_reports_refused_total{reason="other host"} 1`,
		`dotm_report_bytes_total{form="whole"} 4000`, `dotm_writer_wait_seconds_bucket{le="0.001"} 1`,
		`dotm_writer_wait_longest_seconds 0.001`,
		`dotm_view_duration_seconds_count{level="pool",step="follow"} 1`, `dotm_stream_bytes_total 1000`,
		`dotm_store_events_written_total 7`, `dotm_store_write_errors_total 0`, `dotm_http_responses_total{code="5xx"} 0`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+want+"\n") {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
}
