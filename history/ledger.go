package history

import (
	"net/netip"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Use is the ledger's entry of one edge: by whom a service was used, and when.
// The ledger outlives the records.
type Use struct {
	// Service is the service's id; where an edge leads to no service, the
	// server's node, protocol and port in the same form.
	Service string `json:"service"`
	// Connection is the edge's id.
	Connection string          `json:"connection"`
	Client     topology.Client `json:"client"`
	// First and Last are when it was first and last open.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Hours has a bit for each hour of the week (UTC, Monday's first hour is the
	// lowest bit of the first byte) in which it was ever open.
	Hours Hours `json:"hours"`
	// Observer says that the client counts for nothing.
	Observer bool `json:"observer,omitempty"`
}

// Hours are hours of the week, 24 bits a day from Monday on. In JSON it is
// base64.
type Hours [21]byte

// Add adds the hour of a moment.
func (h *Hours) Add(at time.Time) {
	i := HourOfWeek(at)
	h[i/8] |= 1 << (i % 8)
}

// Has says whether the hour of a moment is among them.
func (h *Hours) Has(at time.Time) bool {
	i := HourOfWeek(at)
	return h[i/8]&(1<<(i%8)) != 0
}

// HourOfWeek counts from 0 for Monday's first hour, in UTC, to 167.
func HourOfWeek(at time.Time) int {
	at = at.UTC()
	return (int(at.Weekday())+6)%7*24 + at.Hour()
}

// MarshalText writes base64, as JSON does for bytes.
func (h Hours) MarshalText() ([]byte, error) { return appendBase64(nil, h[:]), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hours) UnmarshalText(text []byte) error { return decodeBase64(h[:], text) }

// Merge takes in what another entry of the same edge says.
func (u *Use) Merge(v *Use) {
	if u.First.IsZero() || (!v.First.IsZero() && v.First.Before(u.First)) {
		u.First = v.First
	}
	if !v.Last.Before(u.Last) {
		u.Last, u.Client, u.Observer = v.Last, v.Client, v.Observer
	}
	for i := range u.Hours {
		u.Hours[i] |= v.Hours[i]
	}
}

// ServiceOf is what the uses of an edge are found by.
func ServiceOf(c *topology.Connection) string {
	if c.Server.Service != "" {
		return c.Server.Service
	}
	return topology.ServiceID(c.Server.Node, c.Protocol, c.Server.Port, netip.Addr{})
}

// Sweep finds out who uses what: it goes through the nodes in parts, round and
// round, and tells of each edge once an hour. What appears or vanishes is told at
// once, by [Sweep.Changed]. It remembers eight bytes and some of each edge that it
// told of within the hour, and is for one goroutine.
type Sweep struct {
	hour     int64
	told     map[uint64]struct{} // of this hour
	earlier  map[uint64]struct{} // of the hour before
	after    string              // the last node that was looked at
	began    time.Time           // this round
	previous time.Time           // when the round before it began
}

// Next looks at the next n nodes of a topology, and returns who used what: in the
// hour of now, or at the end of the one before it, since the last look.
func (s *Sweep) Next(snap *topology.Snapshot, now time.Time, n int) (out []Use) {
	s.turn(now)
	if s.began.IsZero() {
		s.began = now
	}
	for b := range snap.After(s.after) {
		if n--; n < 0 {
			return out
		}
		s.after = b.Node.Name
		for i := range b.Connections {
			if when, ok := s.used(b.Connections[i], now); ok && s.first(b.Connections[i].ID, when) {
				out = append(out, useOf(snap, b, i, when))
			}
		}
	}
	s.after, s.previous, s.began = "", s.began, time.Time{}
	return out
}

// turn begins a new hour, if it is time.
func (s *Sweep) turn(now time.Time) {
	hour := now.Truncate(time.Hour).Unix()
	switch {
	case s.told != nil && hour == s.hour:
		return
	case hour == s.hour+int64(time.Hour/time.Second):
		s.earlier = s.told
	default:
		s.earlier = nil
	}
	if s.earlier == nil {
		s.earlier = map[uint64]struct{}{}
	}
	s.hour, s.told = hour, map[uint64]struct{}{}
}

// used is when an edge was last open, if that is worth telling.
func (s *Sweep) used(c *topology.Connection, now time.Time) (when time.Time, ok bool) {
	if !counts(c) {
		return when, false
	}
	if c.Count > 0 {
		return now, true
	}
	when = maxTime(c.LastSeen, c.LastConnection)
	return when, when.Unix() >= s.hour || (!s.previous.IsZero() && !when.Before(s.previous))
}

// counts says whether the ledger is about an edge.
func counts(c *topology.Connection) bool { return c.Directed && !c.Own }

// first says whether an edge was not yet told of in the hour of a moment, and
// takes note that it is.
func (s *Sweep) first(id string, when time.Time) bool {
	set := s.told
	if when.Unix() < s.hour {
		set = s.earlier
	}
	key := keyOf(id)
	if _, ok := set[key]; ok {
		return false
	}
	set[key] = struct{}{}
	return true
}

// Changed returns the uses of the edges that appeared or vanished on the way to a
// topology, however often they were told of within the hour: so that an edge is
// known from its first moment, and its last use is exact.
func (s *Sweep) Changed(snap *topology.Snapshot, events []topology.Event, now time.Time) (out []Use) {
	s.turn(now)
	for i := range events {
		e := &events[i]
		if e.Subject != topology.SubjectConnection || e.Kind == topology.Changed {
			continue
		}
		b := snap.Block(e.Holder)
		if b == nil {
			continue
		}
		at, ok := find(b.Connections, e.ID, connectionID)
		if !ok || !counts(b.Connections[at]) {
			continue
		}
		c := b.Connections[at]
		when := now
		if c.Count == 0 {
			when = maxTime(c.LastSeen, c.LastConnection)
		}
		s.first(e.ID, when)
		out = append(out, useOf(snap, b, at, when))
	}
	return out
}

func useOf(snap *topology.Snapshot, b *topology.Block, i int, when time.Time) Use {
	c := b.Connections[i]
	complete := snap.CompleteConnection(b, i)
	u := Use{
		Service: ServiceOf(c), Connection: c.ID, Client: c.Client, Observer: c.Observer,
		First: c.FirstSeen, Last: complete.LastSeen,
	}
	u.Hours.Add(when)
	return u
}

// keyOf is the FNV-1a hash of an id.
func keyOf(id string) uint64 {
	key := uint64(14695981039346656037)
	for i := range len(id) {
		key = (key ^ uint64(id[i])) * 1099511628211
	}
	return key
}
