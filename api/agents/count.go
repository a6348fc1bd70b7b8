package agents

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/report"
)

// Count counts a report that was answered. problem is its status if it was not
// taken in.
func Count(m *metrics.Meter, r *http.Request, received time.Time, bytes int64, err error, problem int) {
	form, outcome, reason := metrics.Whole, metrics.Taken, ""
	if r.Header.Get("Content-Type") == report.BeatType {
		form = metrics.Beat
	}
	switch {
	case form == metrics.Beat && errors.Is(err, push.ErrWhole):
		outcome = metrics.WholeWanted
	case err != nil:
		outcome, reason = metrics.Refused, metrics.Reason(problem)
	}
	m.Report(form, outcome, reason, time.Since(received), bytes)
}

// measured is a body of which it is known how much was read.
type measured struct {
	io.ReadCloser
	bytes int64
}

// Read is part of [io.Reader].
func (m *measured) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.bytes += int64(n)
	return n, err
}
