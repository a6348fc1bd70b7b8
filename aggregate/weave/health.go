package weave

import (
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// measure adds a row's health to its edge.
func (w *weaver) measure(id, end string, h *report.Health) {
	if h == nil {
		return
	}
	m := w.health[id]
	if m == nil {
		m = &edge.Measured{End: end}
		w.health[id] = m
	}
	m.Add(h)
}

// elapsed is what the report's measures count over: since the look before, or
// since the node's report before, where it doesn't say; zero if there was none.
func (w *weaver) elapsed() time.Duration {
	if span := w.says.SpanMS; span > 0 {
		return time.Duration(span) * time.Millisecond
	}
	if w.prev.Node.LastReport.IsZero() {
		return 0
	}
	return w.now.Sub(w.prev.Node.LastReport)
}

// judge writes what was measured on the edges.
func (w *weaver) judge() {
	since := w.elapsed()
	for id, m := range w.health {
		if e := w.edges[id]; e != nil {
			e.Health = new(m.Judge(w.before(id), w.now, since))
		}
	}
}

// before is what was known of an edge's health.
func (w *weaver) before(id string) *topology.Health {
	if old := w.remembered(id); old != nil {
		return old.Health
	}
	return nil
}
