package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

var (
	openDesc      = figure("dotm_http_connections", "Connections that are open.")
	closedDesc    = figure("dotm_http_connections_closed_total", "Connections that were closed for others: of the same address, to make room, or before they were served.", "why")
	throttledDesc = figure("dotm_http_throttled_total", "Requests that were told to come later, by what they were too many of.", "of")
)

// limitsCollector tells what is used of the limits, and whom they held back.
type limitsCollector struct{ *Site }

// Describe is part of [prometheus.Collector].
func (c *limitsCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, openDesc, closedDesc, throttledDesc)
}

// Collect is part of [prometheus.Collector].
func (c *limitsCollector) Collect(ch chan<- prometheus.Metric) {
	if c.Limits == nil {
		return
	}
	n := c.Limits.Conns.Counts()
	gauge(ch, openDesc, float64(n.Open))
	counter(ch, closedDesc, float64(n.Crowded), "crowded")
	counter(ch, closedDesc, float64(n.MadeRoom), "room")
	counter(ch, closedDesc, float64(n.Refused), "refused")
	counter(ch, throttledDesc, float64(c.Limits.Addresses.Refused()), "address")
	counter(ch, throttledDesc, float64(c.Limits.Agents.Refused()), "agent")
	counter(ch, throttledDesc, float64(c.Limits.Viewers.Refused()), "streams")
}
