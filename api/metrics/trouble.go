package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// troubleCollector tells of open incidents, and of who is told.
type troubleCollector struct{ *Site }

var (
	incidentsDesc = figure("dotm_incidents_open", "Open incidents, by whether somebody takes care.", "acknowledged")
	sentDesc      = figure("dotm_notify_sent_total", "Notices that were delivered.", "receiver", "kind")
	unsentDesc    = figure("dotm_notify_failed_total", "Attempts to deliver a notice that failed.", "receiver", "kind")
	dueDesc       = figure("dotm_notify_waiting", "Notices that are due and not delivered.", "receiver", "kind")
)

// Describe is part of [prometheus.Collector].
func (c *troubleCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, incidentsDesc, sentDesc, unsentDesc, dueDesc)
}

// Collect is part of [prometheus.Collector].
func (c *troubleCollector) Collect(ch chan<- prometheus.Metric) {
	acknowledged := tallyOf("yes", "no")
	for _, in := range c.Incidents.Incidents() {
		switch {
		case in.State != incident.Open:
		case in.Ack != nil:
			acknowledged.add("yes")
		default:
			acknowledged.add("no")
		}
	}
	acknowledged.tell(ch, incidentsDesc)
	for _, d := range c.Telling.Receivers() {
		kind := string(d.Kind)
		counter(ch, sentDesc, float64(d.Sent), d.Name, kind)
		counter(ch, unsentDesc, float64(d.Failed), d.Name, kind)
		gauge(ch, dueDesc, float64(d.Waiting), d.Name, kind)
	}
}

// sourceCollector tells how the monitoring systems are, and what they say.
type sourceCollector struct{ *Site }

var (
	sourceUpDesc     = figure("dotm_source_up", "Whether a monitoring system could be read the last time.", "source", "kind")
	sourceReadDesc   = figure("dotm_source_last_read_timestamp_seconds", "When a monitoring system was read last.", "source", "kind")
	sourceTookDesc   = figure("dotm_source_read_duration_seconds", "How long reading a monitoring system took the last time.", "source", "kind")
	sourceErrorsDesc = figure("dotm_source_errors_total", "Readings of a monitoring system that failed, since this server reads it.", "source", "kind")
	sourceChecksDesc = figure("dotm_source_checks", "Results that a monitoring system tells.", "source", "kind")
	sourceStrayDesc  = figure("dotm_source_checks_unmapped", "Those of them that are of no node.", "source", "kind")
)

// Describe is part of [prometheus.Collector].
func (c *sourceCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, sourceUpDesc, sourceReadDesc, sourceTookDesc, sourceErrorsDesc, sourceChecksDesc, sourceStrayDesc)
}

// Collect is part of [prometheus.Collector].
func (c *sourceCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	list, err := c.Monitoring.Sources(ctx)
	if err != nil {
		return // who can't be asked has no figures
	}
	for i := range list {
		s := &list[i]
		labels := []string{s.Name, string(s.Kind)}
		gauge(ch, sourceUpDesc, truth(s.State == monitor.Fine), labels...)
		gauge(ch, sourceChecksDesc, float64(s.Checks), labels...)
		gauge(ch, sourceStrayDesc, float64(s.Unmapped), labels...)
		gauge(ch, sourceTookDesc, float64(s.Took)/1e3, labels...)
		counter(ch, sourceErrorsDesc, float64(s.Failures), labels...)
		if !s.LastRead.IsZero() {
			gauge(ch, sourceReadDesc, seconds(s.LastRead), labels...)
		}
	}
}
