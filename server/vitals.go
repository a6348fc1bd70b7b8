package server

import (
	"time"

	"github.com/devops-trouble-map/dotm/server/keep"
	"github.com/devops-trouble-map/dotm/server/replica"
)

// Meter takes note of what the server does and how long that takes, by the real clock.
// It is called by the writer and by what writes the store, and so must be quick.
type Meter interface {
	// Waited says how long a report waited for the writer, until it was applied.
	Waited(d time.Duration)
	// Snapshot says how long making a snapshot took.
	Snapshot(d time.Duration)
	keep.Meter
}

// noMeter takes note of nothing.
type noMeter struct{}

// Waited is part of [Meter].
func (noMeter) Waited(time.Duration) {}

// Snapshot is part of [Meter].
func (noMeter) Snapshot(time.Duration) {}

// Wrote is part of [Meter].
func (noMeter) Wrote(time.Duration, int, error) {}

// Vitals are how a server fares at a moment.
type Vitals struct {
	// Queue is how many reports wait for the writer, of Room that may.
	Queue, Room int
	// Store is how writing it goes.
	Store keep.Progress
	// Replica is what this server is among those of its store; nil if it is alone.
	Replica *replica.Vitals
	// Lag is how old the leader's newest snapshot was when it was shown here, by the
	// clocks of both; zero where this server leads.
	Lag time.Duration
}

// Vitals tells how the server fares. It waits for nobody.
func (s *Server) Vitals() Vitals {
	v := Vitals{Queue: len(s.puts), Room: cap(s.puts), Store: s.keeper.Progress(time.Now())}
	if s.member != nil {
		r := s.member.Vitals(time.Now())
		v.Replica = &r
		if r.Role == replica.Following {
			v.Lag = time.Duration(s.mirrored.Load())
		}
	}
	return v
}
