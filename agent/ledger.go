package agent

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// Bounds of what is kept for a server that is away.
const (
	// maxOwed is how many edges the counters are kept of that no report
	// delivered yet. What happened on others meanwhile is summed up, and the
	// report says so.
	maxOwed = 50_000
	// maxClosed is how many rows without an open socket one report brings
	// along; the others wait for the next.
	maxClosed = 20_000
)

// codeOwed marks the note of a report that tells of what was not kept.
const codeOwed = "not-kept"

// ledger keeps what happened (connections that opened, attempts in vain, what
// listeners turned away) until a report has delivered it. It is keyed by names,
// for the indexes of rows differ from report to report.
type ledger struct {
	rows       map[owedRow]owed
	containers map[report.Container]*report.Container // one of each for all rows
	drops      map[owedListener]uint64
	lost       uint64 // events of edges that found no room
	edges      int    // such rows, each time one came
}

// owedRow is what makes rows of different reports the same: an edge with names
// in place of its indexes.
type owedRow struct {
	namespace string
	container *report.Container // nil: none
	edge      report.Edge
}

// owed is what happened on one row.
type owed struct {
	opened, refused, timedOut, failed uint64
	peers                             int
}

type owedListener struct {
	namespace string
	protocol  report.Protocol
	address   netip.Addr
	port      uint16
	process   string
}

func (l *ledger) empty() bool { return len(l.rows) == 0 && len(l.drops) == 0 && l.lost == 0 }

// names are a report's namespaces and containers by the indexes of its rows.
type names struct{ report *report.Report }

func (n names) namespace(i int) string {
	if i == 0 {
		return ""
	}
	return n.report.Namespaces[i-1].Container
}

// row is the key of a row, whose container is one of the ledger's.
func (l *ledger) row(n names, c *report.Connection) owedRow {
	var in *report.Container
	if c.Container != 0 {
		in = l.container(n.report.Containers[c.Container-1])
	}
	key := owedRow{n.namespace(c.Namespace), in, c.Edge()}
	key.edge.Namespace, key.edge.Container = 0, 0
	return key
}

func (l *ledger) container(c report.Container) *report.Container {
	known := l.containers[c]
	if known == nil {
		if l.containers == nil {
			l.containers = map[report.Container]*report.Container{}
		}
		known = &c
		l.containers[c] = known
	}
	return known
}

// connection is the row of a key, without its indexes.
func (k *owedRow) connection(o owed) report.Connection {
	c := k.edge.Connection()
	c.Opened, c.Refused, c.TimedOut, c.Failed, c.Peers = o.opened, o.refused, o.timedOut, o.failed, o.peers
	return c
}

func (n names) listener(l *report.Listener) owedListener {
	return owedListener{n.namespace(l.Namespace), l.Protocol, l.Address, l.Port, l.Process}
}

// take moves the counters of a report into the ledger. Rows that had nothing
// else leave the report.
func (l *ledger) take(r *report.Report) {
	in := names{r}
	kept := make([]report.Connection, 0, len(r.Connections))
	for _, c := range r.Connections {
		l.add(in, &c)
		c.Opened, c.Refused, c.TimedOut, c.Failed = 0, 0, 0, 0
		if !c.Idle() {
			kept = append(kept, c)
		}
	}
	r.Connections = kept
	r.Listeners = slices.Clone(r.Listeners)
	for i := range r.Listeners {
		if s := &r.Listeners[i]; s.Drops > 0 {
			if l.drops == nil {
				l.drops = map[owedListener]uint64{}
			}
			l.drops[in.listener(s)] += s.Drops
			s.Drops = 0
		}
	}
}

// add takes the counters of one row.
func (l *ledger) add(in names, c *report.Connection) {
	if !c.Tried() {
		return
	}
	key := l.row(in, c)
	o, known := l.rows[key]
	if !known && len(l.rows) >= maxOwed {
		l.lost += c.Opened + c.Refused + c.TimedOut + c.Failed
		l.edges++
		return
	}
	o.peers = max(o.peers, c.Peers)
	o.opened += c.Opened
	o.refused += c.Refused
	o.timedOut += c.TimedOut
	o.failed += c.Failed
	if l.rows == nil {
		l.rows = map[owedRow]owed{}
	}
	l.rows[key] = o
}

// put takes the counters of rows that found no room in a report.
func (l *ledger) put(r *report.Report, left []report.Connection) {
	for i := range left {
		l.add(names{r}, &left[i])
	}
}

// fill moves counters into a report: all those of its rows, and up to room rows
// that it doesn't have.
func (l *ledger) fill(r *report.Report, room int) {
	in := names{r}
	for i := range r.Connections {
		if len(l.rows) == 0 {
			break
		}
		c := &r.Connections[i]
		key := l.row(in, c)
		if o, there := l.rows[key]; there {
			row := key.connection(o)
			c.AddCounts(&row)
			delete(l.rows, key)
		}
	}
	room = min(room, report.MaxRows-len(r.Listeners)-len(r.Connections))
	if len(l.rows) > 0 {
		l.append(r, room)
	}
	for i := range r.Listeners {
		s := &r.Listeners[i]
		s.Drops += l.drops[in.listener(s)]
	}
	l.drops = nil // of listeners that are gone
	if len(l.rows) == 0 {
		l.rows, l.containers = nil, nil
	}
	if l.lost > 0 {
		r.Coverage.OpensLost += l.lost
		r.Coverage.Truncated += l.edges
		r.Notes = append(r.Notes, report.Note{Code: codeOwed, Text: fmt.Sprintf(
			"While the server was away, %d connections and attempts were seen on more edges than the %d that are kept: they count, but nobody knows whose they were.", l.lost, maxOwed)})
		l.lost, l.edges = 0, 0
	}
}

// append moves rows without an open socket into a report, in an order of their
// own.
func (l *ledger) append(r *report.Report, room int) {
	keys := make([]owedRow, 0, len(l.rows))
	for key := range l.rows {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareOwed)
	index := newIndex(r)
	for _, key := range keys[:min(len(keys), max(room, 0))] {
		if row := key.connection(l.rows[key]); index.refer(&row, key) {
			r.Connections = append(r.Connections, row)
			delete(l.rows, key)
		}
	}
}

func compareOwed(a, b owedRow) int {
	x, y := &a.edge, &b.edge
	return cmp.Or(
		cmp.Compare(a.namespace, b.namespace),
		cmp.Compare(x.Direction, y.Direction),
		cmp.Compare(x.Protocol, y.Protocol),
		cmp.Compare(x.Port, y.Port),
		x.Peer.Compare(y.Peer),
		cmp.Compare(x.Process, y.Process),
		cmp.Compare(x.User, y.User),
		cmp.Compare(x.Unit, y.Unit),
		cmp.Compare(idOf(a.container), idOf(b.container)),
		cmp.Compare(x.LocalPort, y.LocalPort),
		x.Local.Compare(y.Local),
		x.Called.Compare(y.Called),
		x.Via.Compare(y.Via),
		cmp.Compare(x.PeerNetwork.Bits(), y.PeerNetwork.Bits()),
	)
}

func idOf(c *report.Container) string {
	if c == nil {
		return ""
	}
	return cmp.Or(c.ID, c.Name)
}

// index finds a report's namespaces and containers by name.
type index struct {
	report     *report.Report
	namespaces map[string]int
	containers map[report.Container]int
}

func newIndex(r *report.Report) *index {
	x := &index{r, map[string]int{"": 0}, map[report.Container]int{{}: 0}}
	for i, ns := range r.Namespaces {
		x.namespaces[ns.Container] = i + 1
	}
	for i, c := range r.Containers {
		x.containers[c] = i + 1
	}
	return x
}

// refer gives a row the indexes of its namespace and container. Those that are
// gone come back for this one report: what happened in them did happen. It
// returns false if the report has no room for them.
func (x *index) refer(row *report.Connection, key owedRow) bool {
	ns, known := x.namespaces[key.namespace]
	if !known {
		if len(x.report.Namespaces) >= report.MaxNamespaces {
			return false
		}
		x.report.Namespaces = append(x.report.Namespaces, report.Namespace{Container: key.namespace})
		ns = len(x.report.Namespaces)
		x.namespaces[key.namespace] = ns
	}
	var of report.Container
	if key.container != nil {
		of = *key.container
	}
	in, known := x.containers[of]
	if !known && len(x.report.Containers) < report.MaxContainers {
		x.report.Containers = append(x.report.Containers, of)
		in = len(x.report.Containers)
		x.containers[of] = in
	}
	row.Namespace, row.Container = ns, in
	return true
}
