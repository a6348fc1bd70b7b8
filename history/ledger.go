package history

import (
	"hash/fnv"
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
// round, and tells of each edge once an hour. It remembers eight bytes and some
// of each edge that it told of within the hour, and is for one goroutine.
type Sweep struct {
	hour  int64
	told  map[uint64]struct{}
	after string // the last node that was looked at
}

// Next looks at the next n nodes of a topology, and returns who used what in the
// hour of now.
func (s *Sweep) Next(snap *topology.Snapshot, now time.Time, n int) (out []Use) {
	start := now.Truncate(time.Hour)
	if hour := start.Unix(); s.told == nil || hour != s.hour {
		s.hour, s.told = hour, map[uint64]struct{}{}
	}
	for b := range snap.After(s.after) {
		if n--; n < 0 {
			return out
		}
		s.after = b.Node.Name
		for i := range b.Connections {
			out = s.look(out, snap, b, i, start)
		}
	}
	s.after = ""
	return out
}

func (s *Sweep) look(out []Use, snap *topology.Snapshot, b *topology.Block, i int, start time.Time) []Use {
	c := &b.Connections[i]
	if !c.Directed || c.Own || (c.Count == 0 && c.LastSeen.Before(start) && c.LastConnection.Before(start)) {
		return out
	}
	key := keyOf(c.ID)
	if _, ok := s.told[key]; ok {
		return out
	}
	s.told[key] = struct{}{}
	complete := snap.CompleteConnection(b, i)
	u := Use{
		Service: ServiceOf(c), Connection: c.ID, Client: c.Client, Observer: c.Observer,
		First: c.FirstSeen, Last: complete.LastSeen,
	}
	u.Hours.Add(start)
	return append(out, u)
}

func keyOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum64()
}
