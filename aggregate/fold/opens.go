package fold

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/report"
)

// Open is how often TCP connections were made on one edge of a host since the
// last look, be they ever so short.
type Open struct {
	Namespace int
	Active    bool       // this host connected; otherwise it accepted
	Peer      netip.Addr // IPv4-mapped addresses unmapped
	Port      uint16     // the service's
	Local     netip.Addr // this end's address, where it accepted
	// Via is what was called where address translation led to Peer and Port.
	Via      netip.AddrPort
	Owner    Owner // who connected; unknown where this host accepted
	Opened   uint64
	Refused  uint64
	TimedOut uint64
	Failed   uint64
}

// called is the address that was called.
func (e *Open) called() netip.AddrPort {
	if e.Via.IsValid() {
		return e.Via
	}
	return netip.AddrPortFrom(e.Peer, e.Port)
}

// Opens is what the kernel counted since the last look.
type Opens struct{ Edges []Open }

// place is what rows of one edge have in common, whoever's they are.
type place struct {
	namespace int
	direction report.Direction
	protocol  report.Protocol
	peer      netip.Addr
	port      uint16
	local     netip.Addr
	called    netip.Addr
}

func placeOf(c *report.Connection) place {
	return place{c.Namespace, c.Direction, c.Protocol, c.Peer, c.Port, c.Local, c.Called}
}

// places finds the rows of an edge.
type places map[place][]*row

func byPlace(rows map[rowKey]*row) places {
	at := places{}
	for _, r := range rows {
		at.put(r)
	}
	return at
}

// put makes a row findable: by where it leads, and by what was called where
// that is something else.
func (at places) put(r *row) {
	p := placeOf(&r.Connection)
	at[p] = append(at[p], r)
	if r.Via.IsValid() {
		p.peer, p.port = r.Via.Addr(), r.Via.Port()
		at[p] = append(at[p], r)
	}
}

// add adds the counters of an edge to the row that it belongs to. One without
// an open socket becomes a row without any.
func (at places) add(rows map[rowKey]*row, seen *report.Connection) {
	key, p := keyOf(seen), placeOf(seen)
	r := rows[key]
	if r == nil {
		r = alike(at[p], seen)
	}
	if r == nil && seen.Via.IsValid() {
		p.peer, p.port = seen.Via.Addr(), seen.Via.Port()
		r = alike(at[p], seen)
	}
	if r == nil {
		rows[key] = &row{Connection: *seen}
		at.put(rows[key])
		return
	}
	r.AddCounts(seen)
}

// alike finds the row of the same place and process where only less telling
// things set them apart. For an edge whose process slipped away it is any row
// there, for it must not stand as a second one.
func alike(there []*row, seen *report.Connection) (found *row) {
	for _, r := range there {
		if seen.Process != "" && r.Process != seen.Process {
			continue
		}
		if found == nil || compareRows(&r.Connection, &found.Connection) < 0 {
			found = r
		}
	}
	return found
}

// fold adds the counters to the rows.
func (o *Opens) fold(rows map[rowKey]*row, ls *listeners) {
	if o == nil || len(o.Edges) == 0 {
		return
	}
	seen := make([]report.Connection, len(o.Edges))
	for i := range o.Edges {
		seen[i] = o.Edges[i].row(ls)
	}
	byPlace(rows).addAll(rows, seen)
}

// addAll adds edges in an order of its own: those with a name first, so that
// those without find a row.
func (at places) addAll(rows map[rowKey]*row, seen []report.Connection) {
	slices.SortFunc(seen, func(a, b report.Connection) int {
		return cmp.Or(
			cmp.Compare(boolInt(a.Process == ""), boolInt(b.Process == "")),
			compareRows(&a, &b), cmp.Compare(a.PID, b.PID),
		)
	})
	for i := range seen {
		at.add(rows, &seen[i])
	}
}

// row is the row that an edge belongs to.
func (e *Open) row(ls *listeners) report.Connection {
	r := report.Connection{
		Namespace: e.Namespace, Protocol: report.TCP, Peer: e.Peer, Port: e.Port,
		Opened: e.Opened, Refused: e.Refused, TimedOut: e.TimedOut, Failed: e.Failed,
	}
	if e.Active {
		r.Direction, r.Via = report.Out, e.Via
		r.Process, r.User, r.Own = e.Owner.Process, e.Owner.User, e.Owner.Own
		r.Unit, r.Container = e.Owner.Unit, e.Owner.Container
		return r
	}
	r.Direction, r.Local = report.In, e.Local
	if l := ls.find(e.Namespace, report.TCP, netip.AddrPortFrom(e.Local, e.Port)); l != nil {
		accept(&r, l)
		r.Called = calledAt(l, e.Local)
	}
	return r
}
