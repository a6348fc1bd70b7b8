package server

import (
	"sync"
	"time"
)

// paceSpan is for how long the longest work is remembered at least, and half of for how
// long at most.
const paceSpan = time.Minute

// pace is how busy the writer is.
type pace struct {
	mu            sync.Mutex
	busy          time.Duration // since the start
	begun         time.Time     // of the newest span
	newest, older time.Duration // the longest of it, and of the one before
}

// note takes note of work on one thing.
func (p *pace) note(began, ended time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(ended)
	took := ended.Sub(began)
	p.busy += took
	p.newest = max(p.newest, took)
}

// turn begins another span if it is time. The caller holds the lock.
func (p *pace) turn(now time.Time) {
	switch over := now.Sub(p.begun); {
	case over < paceSpan:
		return
	case over < 2*paceSpan:
		p.older = p.newest
	default:
		p.older = 0
	}
	p.newest, p.begun = 0, now
}

// Pace is for how long the writer worked since the start, and the longest that it worked
// on one thing within the last minute, or up to two.
func (s *Server) Pace() (busy, longest time.Duration) {
	s.pace.mu.Lock()
	defer s.pace.mu.Unlock()
	s.pace.turn(time.Now())
	return s.pace.busy, max(s.pace.newest, s.pace.older)
}
