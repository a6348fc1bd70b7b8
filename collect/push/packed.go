package push

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/report"
)

// packed is a report that is kept: its rows take a third of what they take in a report.
// Counters are not kept, since a beat tells all that are not 0. What is packed is never
// written.
type packed struct {
	frame  *report.Report // without rows of connections
	kinds  []report.Edge  // what rows have in common, without peer and port
	fixed  []fixed
	now    []numbers // of each row
	tuples []uint64  // of all rows
}

// fixed is what of a row stays while the structure does.
type fixed struct {
	peer netip.Addr
	kind int32 // of packed.kinds
	port uint16
}

// numbers are those of a row.
type numbers struct {
	pid, peers, count int
	health            report.Health
	measured          bool
	from, to          uint32 // its tuples
}

// pack packs a report.
func pack(r *report.Report) *packed {
	p := &packed{fixed: make([]fixed, len(r.Connections))}
	kinds := map[report.Edge]int32{}
	names := map[string]string{}
	for i := range r.Connections {
		e := r.Connections[i].Edge()
		p.fixed[i].peer, p.fixed[i].port = e.Peer, e.Port
		e.Peer, e.Port = netip.Addr{}, 0
		kind, known := kinds[e]
		if !known {
			kind = int32(len(p.kinds))
			kinds[e] = kind
			for _, s := range []*string{(*string)(&e.Direction), (*string)(&e.Protocol), &e.Process, &e.User, &e.Unit} {
				*s = once(names, *s)
			}
			p.kinds = append(p.kinds, e)
		}
		p.fixed[i].kind = kind
	}
	p.note(r)
	listeners := append([]report.Listener(nil), r.Listeners...)
	for i := range listeners {
		l := &listeners[i]
		for _, s := range []*string{(*string)(&l.Protocol), &l.Process, &l.User, &l.Unit} {
			*s = once(names, *s)
		}
	}
	p.frame.Listeners = listeners
	return p
}

// once is the first of equal texts: decoding may make one of each.
func once(known map[string]string, s string) string {
	if first, ok := known[s]; ok {
		return first
	}
	known[s] = s
	return s
}

// next packs what a beat made of the report, which has the same structure.
func (p *packed) next(r *report.Report) *packed {
	n := &packed{kinds: p.kinds, fixed: p.fixed}
	n.note(r)
	return n
}

// note takes the frame and the numbers of a report.
func (p *packed) note(r *report.Report) {
	frame := *r
	frame.Connections = nil
	p.frame = &frame
	tuples := 0
	for i := range r.Connections {
		tuples += len(r.Connections[i].Tuples)
	}
	p.now, p.tuples = make([]numbers, len(r.Connections)), make([]uint64, 0, tuples)
	for i := range r.Connections {
		c, n := &r.Connections[i], &p.now[i]
		n.pid, n.peers, n.count = c.PID, c.Peers, c.Count
		if n.measured = c.Health != nil; n.measured {
			n.health = *c.Health
		}
		n.from = uint32(len(p.tuples))
		p.tuples = append(p.tuples, c.Tuples...)
		n.to = uint32(len(p.tuples))
	}
}

// unpack is the report. It is the caller's, but for names and tuples.
func (p *packed) unpack() *report.Report {
	r := *p.frame
	r.Connections = make([]report.Connection, len(p.fixed))
	healths := make([]report.Health, len(p.fixed))
	for i := range p.fixed {
		f, n, c := &p.fixed[i], &p.now[i], &r.Connections[i]
		*c = p.kinds[f.kind].Connection()
		c.Peer, c.Port = f.peer, f.port
		c.PID, c.Peers, c.Count = n.pid, n.peers, n.count
		if n.measured {
			healths[i] = n.health
			c.Health = &healths[i]
		}
		if n.to > n.from {
			c.Tuples = p.tuples[n.from:n.to:n.to]
		}
	}
	return &r
}

// What of a kept report takes how many bytes: rough, for the limit.
const (
	rowBytes      = 220
	kindBytes     = 300
	listenerBytes = 200
	baseBytes     = 2048
)

func (p *packed) bytes() int {
	r := p.frame
	return baseBytes + rowBytes*len(p.fixed) + kindBytes*len(p.kinds) +
		listenerBytes*(len(r.Listeners)+len(r.Forwards)+len(r.Containers)+len(r.Namespaces)+len(r.Interfaces))
}
