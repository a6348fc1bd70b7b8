// Package sampler fills the memory of the last hour's numbers from snapshots, beside
// the writer. Each server of a store does so for itself, from what it shows.
package sampler

import (
	"context"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/recent"
	"github.com/devops-trouble-map/dotm/topology"
)

// Site is what is sampled.
type Site interface {
	Snapshot() *topology.Snapshot
}

// Sampler remembers the numbers of the last hour. It is safe for concurrent use.
type Sampler struct {
	site Site

	mu     sync.Mutex
	memory recent.Memory
}

// New makes a sampler that remembers nothing yet.
func New(site Site) *Sampler { return &Sampler{site: site} }

// Run takes the newest snapshot once in each step of time, until ctx ends. A step in
// which it could not has no numbers.
func (s *Sampler) Run(ctx context.Context) {
	for {
		now := time.Now()
		s.Take(now)
		timer := time.NewTimer(recent.Next(now).Sub(now))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Take samples what is shown at a moment.
func (s *Sampler) Take(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory.Take(s.site.Snapshot(), at)
}

// Hold says that what was sampled last stood until the step of a moment. A server
// that relives the past is told so of what came between two of its moments.
func (s *Sampler) Hold(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory.Hold(until)
}

// Recent tells what is remembered of a node that is shown; false if nothing is.
func (s *Sampler) Recent(node string) (recent.Hour, bool) {
	b := s.site.Snapshot().Block(node)
	if b == nil {
		return recent.Hour{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory.Of(node, b.Services)
}
