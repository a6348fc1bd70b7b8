package api

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/topology"
)

// counts are what the API counts of itself.
type counts struct {
	reports *prometheus.CounterVec
	viewers prometheus.Gauge
}

func (c *counts) report(err error) {
	outcome := "taken"
	switch {
	case errors.Is(err, push.ErrWhole):
		outcome = "whole wanted"
	case err != nil:
		outcome = "refused"
	}
	c.reports.WithLabelValues(outcome).Inc()
}

// metrics serves the server's own figures in Prometheus' text format.
func (h *handler) metrics(mux *http.ServeMux) {
	reg := prometheus.NewRegistry()
	h.counts = &counts{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dotm_reports_total", Help: "Reports over HTTP, by outcome.",
		}, []string{"outcome"}),
		viewers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dotm_stream_viewers", Help: "Viewers connected to the stream.",
		}),
	}
	reg.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		h.counts.reports, h.counts.viewers, &topologyCollector{h.Model},
	)
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
}

// topologyCollector counts the newest snapshot when it is asked.
type topologyCollector struct{ model Model }

var (
	nodesDesc       = prometheus.NewDesc("dotm_nodes", "Nodes on the chart, by state.", []string{"state"}, nil)
	servicesDesc    = prometheus.NewDesc("dotm_services", "Services on the chart, by state.", []string{"state"}, nil)
	connectionsDesc = prometheus.NewDesc("dotm_connections", "Connections on the chart, by status.", []string{"status"}, nil)
)

// Describe is part of [prometheus.Collector].
func (c *topologyCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- nodesDesc
	ch <- servicesDesc
	ch <- connectionsDesc
}

// Collect is part of [prometheus.Collector].
func (c *topologyCollector) Collect(ch chan<- prometheus.Metric) {
	// Every label is there from the start: a series that comes and goes cannot
	// be alerted on.
	nodes := map[string]int{string(topology.Reporting): 0, string(topology.Stale): 0, string(topology.Unheard): 0}
	services := map[string]int{string(topology.Listening): 0, string(topology.Gone): 0, string(topology.Seen): 0}
	connections := map[string]int{string(topology.Fresh): 0, string(topology.Old): 0}
	for b := range c.model.Snapshot().Blocks() {
		nodes[string(b.Node.State)]++
		for i := range b.Services {
			services[string(b.Services[i].State)]++
		}
		for i := range b.Connections {
			connections[string(b.Connections[i].Status)]++
		}
	}
	for desc, counted := range map[*prometheus.Desc]map[string]int{nodesDesc: nodes, servicesDesc: services, connectionsDesc: connections} {
		for label, n := range counted {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), label)
		}
	}
}

// health serves /healthz (the process answers) and /readyz (reports are taken
// in and kept).
func (h *handler) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.Model.Ready(); err != nil {
			why := err.Error()
			if callerOf(r.Context()).role == "" {
				why = "not ready: the server's log says why" // no paths for strangers
			}
			problem(w, http.StatusServiceUnavailable, why)
			return
		}
		say(w, "ready")
	})
}

func say(w http.ResponseWriter, word string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(word + "\n"))
}
