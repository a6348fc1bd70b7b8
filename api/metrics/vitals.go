package metrics

import "github.com/prometheus/client_golang/prometheus"

// vitalsCollector tells how the server itself fares.
type vitalsCollector struct{ *Site }

var (
	readyDesc   = figure("dotm_ready", "Whether reports are taken in and kept (1), as /readyz says.")
	busyDesc    = figure("dotm_writer_busy_seconds_total", "Time in which the writer was at work; a rate of 1 is all it has.")
	longestDesc = figure("dotm_writer_longest_seconds", "Longest time within the last minute that the writer worked on one thing, while all others waited.")
	queueDesc   = figure("dotm_writer_queue_reports", "Reports that wait for the writer.")
	roomDesc    = figure("dotm_writer_queue_limit_reports", "Reports that may wait for the writer; more wait in their requests.")
	waitingDesc = figure("dotm_store_events_waiting", "Events that are not written yet.")
	behindDesc  = figure("dotm_store_lag_seconds", "The age of the oldest change that the store does not hold.")
	fileDesc    = figure("dotm_store_size_bytes", "Size of the file of the embedded store.")
	roleDesc    = figure("dotm_replica_role", "What this server is among those of its store (1), and what not (0).", "role")
	leaseDesc   = figure("dotm_replica_lease_age_seconds", "How long ago the store said who leads.")
	lagDesc     = figure("dotm_replica_lag_seconds", "How old the leader's newest snapshot was when it was shown here, by the clocks of both; 0 on the leader.")
	untoldDesc  = figure("dotm_replica_waiting_bytes", "What is not yet told to the other servers.")
	buildDesc   = figure("dotm_build_info", "What runs; always 1.", "version", "revision", "goversion")
)

// roles of a replica.
var roles = []string{"joining", "leading", "following", "alone"}

// Describe is part of [prometheus.Collector].
func (c *vitalsCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, readyDesc, busyDesc, longestDesc, queueDesc, roomDesc, waitingDesc, behindDesc, fileDesc, roleDesc, leaseDesc, lagDesc, untoldDesc, buildDesc)
}

// Collect is part of [prometheus.Collector].
func (c *vitalsCollector) Collect(ch chan<- prometheus.Metric) {
	gauge(ch, buildDesc, 1, c.Version, c.Revision, c.Go)
	gauge(ch, readyDesc, truth(c.Model.Ready() == nil))
	if c.Vitals == nil {
		return
	}
	v := c.Vitals()
	counter(ch, busyDesc, v.Busy.Seconds())
	gauge(ch, longestDesc, v.Longest.Seconds())
	gauge(ch, queueDesc, float64(v.Queue))
	gauge(ch, roomDesc, float64(v.Room))
	gauge(ch, waitingDesc, float64(v.Waiting))
	gauge(ch, behindDesc, v.Behind.Seconds())
	if v.StoreBytes > 0 {
		gauge(ch, fileDesc, float64(v.StoreBytes))
	}
	if v.Replica == nil {
		return
	}
	for _, r := range roles {
		gauge(ch, roleDesc, truth(r == v.Replica.Role), r)
	}
	gauge(ch, leaseDesc, v.Replica.Lease.Seconds())
	gauge(ch, lagDesc, v.Replica.Lag.Seconds())
	gauge(ch, untoldDesc, float64(v.Replica.Waiting))
}
