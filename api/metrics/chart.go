package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/devops-trouble-map/dotm/topology"
)

// chartCollector counts the newest snapshot when it is asked: some milliseconds for a
// million connections.
type chartCollector struct{ *Site }

var (
	nodesDesc       = figure("dotm_nodes", "Nodes on the chart, by state.", "state")
	servicesDesc    = figure("dotm_services", "Services on the chart, by state.", "state")
	connectionsDesc = figure("dotm_connections", "Connections on the chart, by status.", "status")
	checksDesc      = figure("dotm_checks", "Results of monitoring systems on the nodes of the chart, by status.", "status")
	notesDesc       = figure("dotm_nodes_limited", "Reporting nodes whose agent says that it could not see something.")
	findingsDesc    = figure("dotm_nodes_odd", "Nodes with a finding: a clone, a name or address that others have, a wrong clock.")
	hiddenDesc      = figure("dotm_process_names_hidden", "Services and connections of which the process could not be seen.")
	ageDesc         = figure("dotm_report_age_longest_seconds", "The age of the oldest last report among the nodes that report.")
	snapshotDesc    = figure("dotm_snapshot_timestamp_seconds", "When the newest snapshot was made.")
)

// Describe is part of [prometheus.Collector].
func (c *chartCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, nodesDesc, servicesDesc, connectionsDesc, checksDesc, notesDesc, findingsDesc, hiddenDesc, ageDesc, snapshotDesc)
}

// tally counts words. Every word is there from the start: a series that comes and goes
// cannot be alerted on.
type tally[W ~string] struct {
	words  []W
	counts []int
}

func tallyOf[W ~string](words ...W) *tally[W] { return &tally[W]{words, make([]int, len(words))} }

// add counts a word that is known; there are so few that a map would be slower.
func (t *tally[W]) add(w W) {
	for i := range t.words {
		if t.words[i] == w {
			t.counts[i]++
			return
		}
	}
}

func (t *tally[W]) tell(ch chan<- prometheus.Metric, d *prometheus.Desc) {
	for i, w := range t.words {
		gauge(ch, d, float64(t.counts[i]), string(w))
	}
}

// Collect is part of [prometheus.Collector].
func (c *chartCollector) Collect(ch chan<- prometheus.Metric) {
	nodes := tallyOf(topology.Reporting, topology.Stale, topology.Unheard, topology.Left, topology.Rebooting, topology.Stopped)
	services := tallyOf(topology.Listening, topology.Gone, topology.Seen)
	connections := tallyOf(topology.Fresh, topology.Old)
	checks := tallyOf(topology.OK, topology.Up, topology.Warning, topology.Critical, topology.Down, topology.Unreachable, topology.Unknown, topology.Pending)
	limited, odd, hidden := 0, 0, 0
	snap := c.Model.Snapshot()
	var oldest time.Time
	for b := range snap.Blocks() {
		n := &b.Node
		nodes.add(n.State)
		hidden += n.HiddenProcesses
		if len(n.Findings) > 0 {
			odd++
		}
		if n.State == topology.Reporting {
			if len(n.Notes) > 0 {
				limited++
			}
			if !n.LastReport.IsZero() && (oldest.IsZero() || n.LastReport.Before(oldest)) {
				oldest = n.LastReport
			}
		}
		for i := range b.Services {
			services.add(b.Services[i].State)
		}
		for i := range b.Connections {
			connections.add(b.Connections[i].Status)
		}
		for i := range b.Checks {
			checks.add(b.Checks[i].Status)
		}
	}
	nodes.tell(ch, nodesDesc)
	services.tell(ch, servicesDesc)
	connections.tell(ch, connectionsDesc)
	checks.tell(ch, checksDesc)
	gauge(ch, notesDesc, float64(limited))
	gauge(ch, findingsDesc, float64(odd))
	gauge(ch, hiddenDesc, float64(hidden))
	age := 0.0
	if !oldest.IsZero() {
		age = max(0, c.Now().Sub(oldest).Seconds())
	}
	gauge(ch, ageDesc, age)
	gauge(ch, snapshotDesc, seconds(snap.At()))
}
