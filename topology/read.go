package topology

import (
	"iter"
	"time"
)

// A block is written only when its structure or its numbers change, so times
// that merely advance are not in it. The functions of this file complete them.

// Services yields every service, complete, by node and id.
func (s *Snapshot) Services() iter.Seq[Service] {
	return func(yield func(Service) bool) {
		for _, b := range s.blocks {
			for i := range b.Services {
				if !yield(s.CompleteService(b, i)) {
					return
				}
			}
		}
	}
}

// Connections yields every connection, complete, by holding node and id.
func (s *Snapshot) Connections() iter.Seq[Connection] {
	return func(yield func(Connection) bool) {
		for _, b := range s.blocks {
			for i := range b.Connections {
				if !yield(s.CompleteConnection(b, i)) {
					return
				}
			}
		}
	}
}

// CompleteService returns the i-th service of b with its times brought up to
// the node's last report.
func (s *Snapshot) CompleteService(b *Block, i int) Service {
	c := b.Services[i]
	if c.State == Listening {
		c.LastSeen = b.Node.LastReport
	}
	if c.Clients > 0 {
		c.LastConnection = b.Node.LastReport
	}
	return c
}

// CompleteConnection returns the i-th connection of b with its times brought
// up to the last reports of those who see it, and the server's process.
func (s *Snapshot) CompleteConnection(b *Block, i int) Connection {
	c := *b.Connections[i]
	if c.Server.Service != "" {
		if service := s.serviceOf(&c.Server); service != nil {
			c.Server.Process = service.Process
		}
	}
	if c.Count == 0 {
		return c
	}
	c.LastSeen = latest(c.LastSeen, b.Node.LastReport)
	c.Evidence.SeenBy = s.sightings(c.Evidence.SeenBy)
	for _, seen := range c.Evidence.SeenBy { // the other end tells of it while the holder is silent
		c.LastSeen = latest(c.LastSeen, seen.At)
	}
	return c
}

// LastSeen is when the i-th connection of b was last open, as [Snapshot.CompleteConnection]
// says.
func (s *Snapshot) LastSeen(b *Block, i int) time.Time {
	c := b.Connections[i]
	if c.Count == 0 {
		return c.LastSeen
	}
	last := latest(c.LastSeen, b.Node.LastReport)
	for _, seen := range c.Evidence.SeenBy {
		last = latest(last, s.sighted(seen).At)
	}
	return last
}

func (s *Snapshot) serviceOf(e *Server) *Service {
	if b := s.Block(e.Node); b != nil {
		return b.Service(e.Service)
	}
	return nil
}

func (s *Snapshot) sightings(stored []Sighting) []Sighting {
	out := make([]Sighting, len(stored))
	for i, seen := range stored {
		out[i] = s.sighted(seen)
	}
	return out
}

func (s *Snapshot) sighted(seen Sighting) Sighting {
	if b := s.Block(seen.Node); b != nil {
		seen.At = latest(seen.At, b.Node.LastReport)
	}
	return seen
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
