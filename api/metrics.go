package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/monitor"
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
func (h *handler) metrics(mux *router) {
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
		h.counts.reports, h.counts.viewers, &topologyCollector{h.Model}, &lossCollector{h.History}, &sourceCollector{h.Monitoring}, &limitsCollector{h.Limits},
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

// lossCollector tells what was lost of the history.
type lossCollector struct{ history History }

var (
	lostDesc   = prometheus.NewDesc("dotm_history_events_lost_total", "Events dropped because they could not be written.", nil, nil)
	lapsesDesc = prometheus.NewDesc("dotm_store_lapses_total", "Times that the store lacked what it had acknowledged.", nil, nil)
	unsureDesc = prometheus.NewDesc("dotm_store_events_unconfirmed_total", "Events that no replica of the store confirmed in time.", nil, nil)
)

// Describe is part of [prometheus.Collector].
func (c *lossCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- lostDesc
	ch <- lapsesDesc
	ch <- unsureDesc
}

// Collect is part of [prometheus.Collector].
func (c *lossCollector) Collect(ch chan<- prometheus.Metric) {
	l := c.history.Losses()
	ch <- prometheus.MustNewConstMetric(lostDesc, prometheus.CounterValue, float64(l.Events))
	ch <- prometheus.MustNewConstMetric(lapsesDesc, prometheus.CounterValue, float64(l.Lapses))
	ch <- prometheus.MustNewConstMetric(unsureDesc, prometheus.CounterValue, float64(l.Unconfirmed))
}

// sourceCollector tells how the monitoring systems are, and what they say.
type sourceCollector struct{ monitoring Monitoring }

var (
	sourceUpDesc     = prometheus.NewDesc("dotm_source_up", "Whether a monitoring system could be read the last time.", []string{"source", "kind"}, nil)
	sourceReadDesc   = prometheus.NewDesc("dotm_source_last_read_timestamp_seconds", "When a monitoring system was read last.", []string{"source", "kind"}, nil)
	sourceChecksDesc = prometheus.NewDesc("dotm_source_checks", "Results that a monitoring system tells.", []string{"source", "kind"}, nil)
	sourceStrayDesc  = prometheus.NewDesc("dotm_source_checks_unmapped", "Those of them that are of no node.", []string{"source", "kind"}, nil)
)

// Describe is part of [prometheus.Collector].
func (c *sourceCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sourceUpDesc, sourceReadDesc, sourceChecksDesc, sourceStrayDesc} {
		ch <- d
	}
}

// askSourcesWithin bounds what a scrape may wait for another server.
const askSourcesWithin = 2 * time.Second

// Collect is part of [prometheus.Collector].
func (c *sourceCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askSourcesWithin)
	defer cancel()
	list, err := c.monitoring.Sources(ctx)
	if err != nil {
		return // who can't be asked has no figures
	}
	for i := range list {
		s := &list[i]
		up := 0.0
		if s.State == monitor.Fine {
			up = 1
		}
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, s.Name, string(s.Kind))
		}
		gauge(sourceUpDesc, up)
		gauge(sourceChecksDesc, float64(s.Checks))
		gauge(sourceStrayDesc, float64(s.Unmapped))
		if !s.LastRead.IsZero() {
			gauge(sourceReadDesc, float64(s.LastRead.UnixMilli())/1e3)
		}
	}
}

// health serves /healthz (the process answers) and /readyz (reports are taken
// in and kept).
func (h *handler) health(mux *router) {
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
