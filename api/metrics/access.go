package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/devops-trouble-map/dotm/auth"
)

// accessCollector tells of agents and certificates.
type accessCollector struct{ *Site }

var (
	agentsDesc      = figure("dotm_agents_enrolled", "Agents that enrolled and were not revoked.")
	certificateDesc = figure("dotm_tls_certificate_expiry_timestamp_seconds", "When a certificate of this server ends.", "certificate")
)

// Describe is part of [prometheus.Collector].
func (c *accessCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, agentsDesc, certificateDesc)
}

// Collect is part of [prometheus.Collector].
func (c *accessCollector) Collect(ch chan<- prometheus.Metric) {
	if c.Agents != nil {
		n := 0
		for _, a := range c.Agents.List() {
			if a.Role == auth.RoleAgent && a.Revoked.IsZero() {
				n++
			}
		}
		gauge(ch, agentsDesc, float64(n))
	}
	if c.Certificates == nil {
		return
	}
	for name, end := range c.Certificates() {
		gauge(ch, certificateDesc, seconds(end), name)
	}
}
