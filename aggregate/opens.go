package aggregate

import (
	"net/netip"

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
	Owner     Owner      // who connected; unknown where this host accepted
	Opened    uint64
	Refused   uint64
	TimedOut  uint64
	Failed    uint64
}

// Opens is what the kernel counted since the last look.
type Opens struct{ Edges []Open }

// place is what rows of one edge have in common, whoever's they are.
type place struct {
	namespace int
	direction report.Direction
	peer      netip.Addr
	port      uint16
	local     netip.Addr
}

func placeOf(c *report.Connection) place {
	return place{c.Namespace, c.Direction, c.Peer, c.Port, c.Local}
}

// fold adds the counters to the rows. An edge without an open socket becomes a
// row without any.
func (o *Opens) fold(rows map[rowKey]*row, ls *listeners) {
	at := map[place][]*row{}
	for _, r := range rows {
		if r.Protocol == report.TCP {
			at[placeOf(&r.Connection)] = append(at[placeOf(&r.Connection)], r)
		}
	}
	for i := range o.Edges {
		e := &o.Edges[i]
		seen := e.row(ls)
		key := keyOf(&seen)
		r := rows[key]
		if r == nil {
			r = alike(at[placeOf(&seen)], &seen)
		}
		if r == nil {
			rows[key] = &row{Connection: seen}
			at[placeOf(&seen)] = append(at[placeOf(&seen)], rows[key])
			continue
		}
		r.AddCounts(&seen)
	}
}

// alike finds the row of the same place and process where only the user tells
// them apart, or, for an edge whose process slipped away, the only row there.
func alike(there []*row, seen *report.Connection) *row {
	if seen.Process == "" {
		if len(there) == 1 {
			return there[0]
		}
		return nil
	}
	var found *row
	for _, r := range there {
		if r.Process == seen.Process && (found == nil || r.User < found.User) {
			found = r
		}
	}
	return found
}

// row is the row that an edge belongs to.
func (e *Open) row(ls *listeners) report.Connection {
	r := report.Connection{
		Namespace: e.Namespace, Protocol: report.TCP, Peer: e.Peer, Port: e.Port,
		Opened: e.Opened, Refused: e.Refused, TimedOut: e.TimedOut, Failed: e.Failed,
	}
	if e.Active {
		r.Direction = report.Out
		r.Process, r.User, r.Own = e.Owner.Process, e.Owner.User, e.Owner.Own
		return r
	}
	r.Direction, r.Local = report.In, e.Local
	if l := ls.find(e.Namespace, report.TCP, netip.AddrPortFrom(e.Local, e.Port)); l != nil {
		r.Local = l.Address
		accept(&r, l)
	}
	return r
}
