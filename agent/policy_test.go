package agent

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/report"
)

// FuzzPolicy: whatever the server, or who pretends to be it, answers a report, the
// agent goes on, and looks neither without a pause nor never.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"beats":true,"received":"2026-01-31T12:00:00Z","interval_ms":10000,"name":"a","internal_networks":["10.0.0.0/8","fc00::/7"],"fold":{"networks":256,"within":["198.51.100.0/24"]}}`)
	f.Add(`{"interval_ms":-1}`)
	f.Add(`{"interval_ms":9223372036854775807}`)
	f.Add(`{"name":"b","internal_networks":["0.0.0.0/0"],"fold":{"networks":-1}}`)
	f.Add(`<html>`)
	f.Fuzz(func(t *testing.T, answer string) {
		c := newCourier(nil, slog.New(slog.DiscardHandler))
		p := policyOf(&http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer))})
		c.follow(p)
		if every := c.interval(MinInterval); every < MinInterval || every > MaxInterval {
			t.Errorf("looks every %s", every)
		}
		r := sample()
		r.Connections = append(r.Connections, report.Connection{Direction: report.Out, Protocol: report.TCP, Count: 1, Port: 80})
		c.prepare(r)
		if len(r.Connections) != 1 {
			t.Errorf("%d rows", len(r.Connections))
		}
	})
}
