package limit

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Seats are what is held for a time, by each of many.
type Seats[K comparable] struct {
	most, each int
	refused    atomic.Uint64

	mu    sync.Mutex
	held  map[K]int
	total int
	// queue are those who wait, in turn. Whom a free seat would do has it already: so
	// newcomers never overtake.
	queue []*waiting[K]
}

// waiting is somebody who waits for a seat.
type waiting[K comparable] struct {
	key  K
	seat chan struct{} // closed once there is one
}

// NewSeats allows so many in all, and of each key; 0 is no bound.
func NewSeats[K comparable](most, each int) *Seats[K] {
	return &Seats[K]{most: orMost(most), each: orMost(each), held: map[K]int{}}
}

// Take holds one seat until leave is called, once. ok is false where there is none.
func (s *Seats[K]) Take(k K) (leave func(), ok bool) {
	if s == nil {
		return func() {}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.free(k) {
		s.refused.Add(1)
		return nil, false
	}
	return s.hold(k), true
}

// Wait is [Seats.Take] that waits for a seat, in turn, until ctx ends. Who waits for a
// seat of a key that has as many as it may holds up nobody else.
func (s *Seats[K]) Wait(ctx context.Context, k K) (leave func(), ok bool) {
	if s == nil {
		return func() {}, true
	}
	s.mu.Lock()
	if s.free(k) {
		defer s.mu.Unlock()
		return s.hold(k), true
	}
	w := &waiting[K]{k, make(chan struct{})}
	s.queue = append(s.queue, w)
	s.mu.Unlock()
	select {
	case <-w.seat:
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		if i := slices.Index(s.queue, w); i >= 0 { // else there was one in that moment
			s.queue = slices.Delete(s.queue, i, i+1)
			s.refused.Add(1)
			return nil, false
		}
	}
	return sync.OnceFunc(func() { s.leave(k) }), true
}

func (s *Seats[K]) free(k K) bool { return s.total < s.most && s.held[k] < s.each }

func (s *Seats[K]) hold(k K) (leave func()) {
	s.total++
	s.held[k]++
	return sync.OnceFunc(func() { s.leave(k) })
}

// leave frees a seat. It may do for one who waits, and never for two: of the key that
// left, or of any where all seats were taken.
func (s *Seats[K]) leave(k K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.held[k]--; s.held[k] == 0 {
		delete(s.held, k)
	}
	i := slices.IndexFunc(s.queue, func(w *waiting[K]) bool { return s.free(w.key) })
	if i < 0 {
		return
	}
	next := s.queue[i]
	s.queue = slices.Delete(s.queue, i, i+1)
	s.total++
	s.held[next.key]++
	close(next.seat)
}

// Held is how many are held now.
func (s *Seats[K]) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Refused is how often there was no seat.
func (s *Seats[K]) Refused() uint64 { return s.refused.Load() }
