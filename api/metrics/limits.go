package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

var (
	openDesc      = figure("dotm_http_connections", "Connections that are open.")
	closedDesc    = figure("dotm_http_connections_closed_total", "Connections that were closed for others: of the same address, to make room, or before they were served.", "why")
	heavyDesc     = figure("dotm_http_heavy_reads", "Reads that take a whole chart in memory and are being answered.")
	throttledDesc = figure("dotm_http_throttled_total", "Requests that were told to come later, by what they were too many of.", "of")
)

// limitsCollector tells what is used of the limits, and whom they held back.
type limitsCollector struct{ *Site }

// Describe is part of [prometheus.Collector].
func (c *limitsCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, openDesc, closedDesc, heavyDesc, throttledDesc)
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
	gauge(ch, heavyDesc, float64(c.Limits.Readers.Held()))
	counter(ch, throttledDesc, float64(c.Limits.Addresses.Refused()), "address")
	counter(ch, throttledDesc, float64(c.Limits.Agents.Refused()), "agent")
	counter(ch, throttledDesc, float64(c.Limits.Viewers.Refused()), "streams")
	counter(ch, throttledDesc, float64(c.Limits.Readers.Refused()), "heavy")
}
