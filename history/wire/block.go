package wire

import (
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Version is that of the fields that are written. Those before version 3 have
// connections with all that follows from their other fields, those of version 1 have
// no checks, and the status of each service.
const Version = 3

// Readable is an error that says what to do if a version is none that is read.
func Readable(v byte) error {
	if v < 1 || v > Version {
		return fmt.Errorf("it is of version %d, this dotm reads 1 to %d: update dotm", v, Version)
	}
	return nil
}

func serviceID(s *topology.Service) string       { return s.ID }
func connectionID(c *topology.Connection) string { return c.ID }
func checkID(c *topology.Check) string           { return c.ID }

// Encoder writes nodes. It is for one goroutine, and keeps room for the next node:
// about what one takes.
type Encoder struct{ encoder }

// Whole are the fields of a node with all that it holds, as of a time. They are good
// until the next node is written.
func (w *Encoder) Whole(b *topology.Block, at time.Time) []byte {
	w.begin(at, false)
	w.whole(b)
	return w.buf
}

// begin lets go of what was written, but not of the room that it took.
func (e *encoder) begin(at time.Time, fine bool) {
	if len(e.known) > mostKept {
		*e = encoder{}
	}
	if e.known == nil {
		e.known = make(map[string]uint64, 64)
	}
	clear(e.known)
	e.buf, e.at, e.fine, e.moments, e.places = e.buf[:0], at.UnixMilli(), fine, moments{}, places{}
}

func (e *encoder) whole(b *topology.Block) {
	e.node(&b.Node)
	e.uint(uint64(len(b.Services)))
	for i := range b.Services {
		e.service(&b.Services[i])
	}
	e.connections(b.Connections)
	e.uint(uint64(len(b.Checks)))
	checks := make([]*topology.Check, len(b.Checks))
	for i := range b.Checks {
		checks[i] = &b.Checks[i]
		e.check(checks[i])
	}
	e.signals(checks)
}

// Patch are the fields of what changed in structure from one state to the next, as
// of a time. place counts the records before it in its chain, texts are those of all
// of them, as [Decoder.Read] gives them.
func Patch(before, b *topology.Block, at time.Time, place int, texts []string) []byte {
	known := make(map[string]uint64, len(texts))
	for i, t := range texts {
		known[t] = uint64(i)
	}
	e := &encoder{at: at.UnixMilli(), known: known}
	e.uint(uint64(place))
	other := !sameNode(&before.Node, &b.Node)
	e.bool(other)
	if other {
		e.node(&b.Node)
	}
	removed, services := changes(before.Services, b.Services, serviceID, sameService)
	e.strings(removed)
	e.uint(uint64(len(services)))
	for _, s := range services {
		e.service(s)
	}
	removed, connections := changed(before.Connections, b.Connections)
	e.uint(uint64(len(removed)))
	e.ids(removed)
	e.connections(connections)
	removed, checks := changes(before.Checks, b.Checks, checkID, sameCheck)
	e.uint(uint64(len(removed)))
	e.ids(removed)
	e.uint(uint64(len(checks)))
	for _, c := range checks {
		e.check(c)
	}
	e.signals(checks)
	return e.buf
}

// changes are the ids of what is gone, and what is new or changed.
func changes[T any](a, b []T, id func(*T) string, same func(a, b *T) bool) (removed []string, changed []*T) {
	topology.Walk(a, b, id, func(was, is *T) {
		switch {
		case is == nil:
			removed = append(removed, id(was))
		case was == nil || !same(was, is):
			changed = append(changed, is)
		}
	})
	return removed, changed
}

// changed is [changes] for connections.
func changed(a, b []*topology.Connection) (removed []string, changed []*topology.Connection) {
	topology.WalkConnections(a, b, func(was, is *topology.Connection) {
		switch {
		case is == nil:
			removed = append(removed, was.ID)
		case was == nil || !sameConnection(was, is):
			changed = append(changed, is)
		}
	})
	return removed, changed
}
