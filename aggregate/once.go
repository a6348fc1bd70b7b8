package aggregate

import (
	"slices"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// once is a node's report without counters that were counted already: an agent that
// got no answer sends them again, under the same number. It also says how far
// the agent is counted with this report. That is part of the node's block, and
// so kept together with what was counted.
func (b *Batch) once(node string, r *report.Report) (*report.Report, topology.Counted) {
	this := topology.Counted{Instance: r.Agent.Instance, Sequence: r.Sequence}
	if this.Instance == "" {
		return r, topology.Counted{} // nobody who sends anything again
	}
	if r.Counted != 0 {
		this.Sequence = r.Counted
	}
	block := b.edit.Block(node)
	if block == nil || block.Counted.Instance != this.Instance || block.Counted.Sequence < this.Sequence {
		return r, this
	}
	return uncounted(r), block.Counted
}

// uncounted is a report without its counters, and without the rows that have
// nothing else.
func uncounted(r *report.Report) *report.Report {
	c := *r
	c.Listeners = slices.Clone(r.Listeners)
	for i := range c.Listeners {
		c.Listeners[i].Drops = 0
	}
	c.Connections = make([]report.Connection, 0, len(r.Connections))
	for _, row := range r.Connections {
		row.Opened, row.Refused, row.TimedOut, row.Failed = 0, 0, 0, 0
		if !row.Idle() {
			c.Connections = append(c.Connections, row)
		}
	}
	return &c
}
