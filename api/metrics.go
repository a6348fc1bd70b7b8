package api

import (
	"cmp"
	"net/http"

	"github.com/devops-trouble-map/dotm/api/metrics"
)

// What package metrics is told.
type (
	// Meter counts what happens.
	Meter = metrics.Meter
	// Vitals are how a server fares.
	Vitals = metrics.Vitals
	// ReplicaVitals are how one of several servers does.
	ReplicaVitals = metrics.Replica
)

// NewMeter makes a meter at which everything is zero.
func NewMeter() *Meter { return metrics.New() }

// metrics serves the server's own figures in Prometheus' text format.
func (h *handler) metrics(mux *router) {
	mux.Handle("GET /metrics", h.Meter.Handler(&metrics.Site{
		Model: h.Model, History: h.History, Monitoring: h.Monitoring, Telling: h.Telling, Incidents: h.Incidents, Agents: h.Agents,
		Limits: h.Limits, Vitals: h.Vitals, Certificates: h.Certificates, Now: h.Now,
		Version: h.Version.Version, Revision: h.Version.Revision, Go: h.Version.Go,
	}))
}

// byStatus counts answers by their status.
func byStatus(m *Meter, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &counting{ResponseWriter: w}
		defer func() { m.Response(cmp.Or(c.status, http.StatusOK)) }()
		next.ServeHTTP(c, r)
	})
}

// counting is an answer whose status is known.
type counting struct {
	http.ResponseWriter
	status int
}

// clientGone is the status by which huma notes for logs that nobody reads an answer any
// more, whose head left long before.
const clientGone = 499

// WriteHeader is part of [http.ResponseWriter].
func (c *counting) WriteHeader(status int) {
	if c.status != 0 && status == clientGone {
		return // a second head is none, and net/http would complain of it
	}
	if c.status == 0 && status >= http.StatusOK {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }
