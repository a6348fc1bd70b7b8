package agent

import (
	"math"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// When a number has changed by enough to be told. What moves by less is noise
// of every look, and would make each report news.
const (
	// part is the part of what was told by which round-trip times and bytes per
	// second may differ; rttFloor (microseconds) and rateFloor (bytes per
	// second) are differences that never matter.
	part       = 0.5
	rttFloor   = 500
	rateFloor  = 200
	ratioFloor = 0.01 // of the share of segments that were sent again
	countPart  = 0.1  // of a number of sockets,
	countBeats = 6    // and for how many beats it may differ by that
	sinceSlack = 5000 // milliseconds, of since when sockets wait
	queuePart  = 0.25 // of the connections that wait to be accepted
)

// A whole report is made anew when nothing is open of more than maxIdle rows of
// the last one, and those are more than half of it.
const maxIdle = 32

// told is what the server was told: the last whole report, with the numbers
// that were told since. A report that differs in numbers alone can be told as a
// beat.
type told struct {
	// report is what the server makes of it all; see [report.Expand].
	report    *report.Report
	structure string
	rows      map[report.Edge]int
	off       []uint8 // for how many beats the count of a row is off by little
	// The indexes of what rows refer to.
	namespaces map[string]int
	containers map[report.Container]int
}

// newTold remembers a whole report that the server took in. It is nil for one
// in which two rows are the same, which beats could not tell apart, or with
// forwards that nothing takes, which would be left out.
func newTold(r *report.Report) *told {
	t := &told{
		report: r, structure: report.Structure(r),
		rows: make(map[report.Edge]int, len(r.Connections)), off: make([]uint8, len(r.Connections)),
		namespaces: make(map[string]int, len(r.Namespaces)), containers: make(map[report.Container]int, len(r.Containers)),
	}
	for i, ns := range r.Namespaces {
		t.namespaces[ns.Container] = i + 1
	}
	for i, c := range r.Containers {
		t.containers[c] = i + 1
	}
	for i := range r.Connections {
		t.rows[r.Connections[i].Edge()] = i
	}
	if len(t.rows) != len(r.Connections) || slices.ContainsFunc(r.Forwards, func(f report.Forward) bool { return f.Count == 0 }) {
		return nil
	}
	return t
}

// beat tells a report by what changed. It is nil if that can't be told so, and
// the report must be sent as a whole.
func (t *told) beat(r *report.Report) *report.Beat {
	if t == nil || !t.sameFrame(r) {
		return nil
	}
	b := &report.Beat{
		Version: r.Version, Structure: t.structure, Node: r.Node, Instance: r.Agent.Instance, Policy: r.Agent.Policy,
		Sequence: r.Sequence, After: t.report.Sequence, At: r.Time, LagMS: r.LagMS, SpanMS: r.SpanMS, IntervalMS: r.IntervalMS, Leaving: r.Leaving,
		Shortages: r.Shortages, Coverage: r.Coverage, Cost: r.Cost,
	}
	quiet, err := report.Expand(t.report, b) // what the server would believe
	if err != nil {
		return nil
	}
	at, ok := t.indexes(r)
	if !ok || !t.listeners(b, quiet, r, at) || !t.connections(b, quiet, r, at) || !t.forwards(b, r) {
		return nil
	}
	return b
}

// delivered takes note that the server has a beat, which was made for what it
// was told before.
func (t *told) delivered(b *report.Beat) {
	next, err := report.Expand(t.report, b)
	if err != nil {
		return // then the server refused it too
	}
	for i := range b.Connections {
		t.off[b.Connections[i].Row] = 0
	}
	t.report = next
}

// sameFrame reports whether two reports have the same of what is neither a
// number nor a row of connections.
func (t *told) sameFrame(r *report.Report) bool {
	was := t.report
	return was.Node == r.Node && was.Zone == r.Zone && was.Agent.Version == r.Agent.Version &&
		was.Agent.Method == r.Agent.Method && was.Agent.Instance == r.Agent.Instance &&
		slices.EqualFunc(was.Interfaces, r.Interfaces, func(a, b report.Interface) bool {
			return a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses)
		}) &&
		len(was.Namespaces) == len(r.Namespaces) && len(was.Listeners) == len(r.Listeners) &&
		slices.Equal(was.Notes, r.Notes)
}

// indexes are those that the namespaces and containers of a report have in the
// one that was told: their order is that of the rows.
type indexes struct{ namespaces, containers []int }

// indexes finds them. A container without rows may be gone; a namespace is a
// node.
func (t *told) indexes(r *report.Report) (at indexes, ok bool) {
	at = indexes{make([]int, 1, len(r.Namespaces)+1), make([]int, 1, len(r.Containers)+1)}
	for _, ns := range r.Namespaces {
		i := t.namespaces[ns.Container]
		if i == 0 || !slices.Equal(t.report.Namespaces[i-1].Addresses, ns.Addresses) {
			return at, false
		}
		at.namespaces = append(at.namespaces, i)
	}
	for _, c := range r.Containers {
		i := t.containers[c]
		if i == 0 {
			return at, false
		}
		at.containers = append(at.containers, i)
	}
	return at, true
}

// listeners tells those that changed. It returns false if some came or went.
func (t *told) listeners(b *report.Beat, quiet, r *report.Report, at indexes) bool {
	for i := range r.Listeners {
		was, now := &quiet.Listeners[i], r.Listeners[i]
		now.Namespace, now.Container = at.namespaces[now.Namespace], at.containers[now.Container]
		same := now
		same.PID, same.Queue, same.QueueMax, same.Drops = was.PID, was.Queue, was.QueueMax, was.Drops
		if same != *was {
			return false
		}
		if now.Drops > 0 || now.PID != was.PID || now.QueueMax != was.QueueMax || differs(float64(was.Queue), float64(now.Queue), queuePart, 1) {
			b.Listeners = append(b.Listeners, now.Numbers(i))
		}
	}
	return true
}

// connections tells the rows that changed. It returns false if there are new
// ones, or too many old ones.
func (t *told) connections(b *report.Beat, quiet, r *report.Report, at indexes) bool {
	now := make([]*report.Connection, len(quiet.Connections))
	next := 0
	for i := range r.Connections {
		c := &r.Connections[i]
		if c.Idle() {
			continue
		}
		edge := c.Edge()
		edge.Namespace, edge.Container = at.namespaces[edge.Namespace], at.containers[edge.Container]
		if next >= len(now) || quiet.Connections[next].Edge() != edge {
			row, known := t.rows[edge]
			if !known {
				return false
			}
			next = row
		}
		now[next] = c
		next++
	}
	idle := 0
	for row := range now {
		if now[row] == nil {
			idle++
			now[row] = &report.Connection{}
		}
		if t.tell(row, &quiet.Connections[row], now[row], r.SpanMS) {
			b.Connections = append(b.Connections, now[row].Numbers(row))
		}
	}
	return idle <= maxIdle || idle <= len(now)/2
}

// forwards tells those that began or ended. It returns false if there are new
// ones.
func (t *told) forwards(b *report.Beat, r *report.Report) bool {
	counts := make(map[report.Forward]int, len(r.Forwards))
	for _, f := range r.Forwards {
		counts[report.Forward{Protocol: f.Protocol, From: f.From, To: f.To}] += f.Count
	}
	for i, f := range t.report.Forwards {
		was := f.Count
		f.Count = 0
		if now := counts[f]; (now > 0) != (was > 0) {
			b.Forwards = append(b.Forwards, report.ForwardNumbers{Row: i, Count: now})
		}
		delete(counts, f)
	}
	return len(counts) == 0
}

// tell decides whether a row is told: was is what the server would believe, now
// what is so.
func (t *told) tell(row int, was, now *report.Connection, span int64) bool {
	switch {
	case now.Tried(), now.Idle() != was.Idle():
		return true
	case now.Idle():
		return false
	case now.PID != was.PID, len(now.Tuples) > 0 && !meet(was.Tuples, now.Tuples), healthChanged(was.Health, now.Health, span):
		return true
	}
	if was.Count == now.Count && was.Peers == now.Peers {
		t.off[row] = 0
		return false
	}
	t.off[row]++
	return t.off[row] > countBeats || differs(float64(was.Count), float64(now.Count), countPart, 0) || differs(float64(was.Peers), float64(now.Peers), part, 2)
}

// meet tells whether two lists name a same connection. What was told stands as
// long as one of those that it names is open.
func meet(a, b []uint64) bool {
	return slices.ContainsFunc(a, func(t uint64) bool { return slices.Contains(b, t) })
}

// differs reports whether a number is so much more or less than another that it is
// worth telling, or whether one of them is nothing.
func differs(was, now, part, floor float64) bool {
	if (was == 0) != (now == 0) {
		return true
	}
	return math.Abs(now-was) > max(part*was, floor)
}

// healthChanged decides whether the health of a row is told.
func healthChanged(was, now *report.Health, span int64) bool {
	if was == nil || now == nil {
		return was != now
	}
	seconds := max(float64(span)/1000, 0.001)
	return (was.Measured == 0) != (now.Measured == 0) ||
		beyond(float64(was.RTT), float64(now.RTT), rttFloor) || beyond(float64(was.RTTVar), float64(now.RTTVar), rttFloor) ||
		beyond(float64(was.Sent)/seconds, float64(now.Sent)/seconds, rateFloor) ||
		beyond(float64(was.Received)/seconds, float64(now.Received)/seconds, rateFloor) ||
		math.Abs(resent(was)-resent(now)) > ratioFloor ||
		was.Connecting != now.Connecting || was.CloseWait != now.CloseWait ||
		moved(was.ConnectingMS, now.ConnectingMS) || moved(was.CloseWaitMS, now.CloseWaitMS)
}

// beyond reports whether a measure left the range of what was told.
func beyond(was, now, floor float64) bool { return math.Abs(now-was) > max(part*was, floor) }

// resent is the share of segments that were sent again.
func resent(h *report.Health) float64 {
	if h.Segments == 0 {
		return 0
	}
	return float64(h.Retransmits) / float64(h.Segments)
}

func moved(was, now int64) bool { return was-now > sinceSlack || now-was > sinceSlack }
