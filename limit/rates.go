package limit

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxKeys is how many are counted one by one. Others share one account, so that
// very many addresses can't fill the memory, or come in without being counted.
const maxKeys = 65_536

// Rates count how often each of many does something, by the generic cell rate
// algorithm (ITU-T I.371): a key has a moment until which it has used what it
// may, and that lies at most a burst ahead.
type Rates[K comparable] struct {
	each  time.Duration // what one takes; 0 for no bound
	ahead time.Duration // a burst
	now   func() time.Time

	refused atomic.Uint64

	mu     sync.Mutex
	used   map[K]time.Time
	others time.Time // of those that find no room
}

// NewRates allows each key so many a second in the long run, and at most burst at
// once. perSecond 0 is no bound.
func NewRates[K comparable](perSecond, burst int, now func() time.Time) *Rates[K] {
	r := &Rates[K]{now: now, used: map[K]time.Time{}}
	if perSecond > 0 {
		r.each = time.Second / time.Duration(perSecond)
		r.ahead = time.Duration(burst) * r.each
	}
	return r
}

// Take counts one. The wait is 0 if that is within bounds, else how long to stay
// away; what is refused counts for nothing.
func (r *Rates[K]) Take(k K) (wait time.Duration) {
	if r == nil || r.each == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	used, known := r.used[k]
	if !known && len(r.used) >= maxKeys {
		r.sweep(now)
	}
	own := known || len(r.used) < maxKeys
	if !own {
		used = r.others
	}
	if used.Before(now) {
		used = now
	}
	if wait = used.Add(r.each).Sub(now) - r.ahead; wait > 0 {
		r.refused.Add(1)
		return wait
	}
	if used = used.Add(r.each); own {
		r.used[k] = used
	} else {
		r.others = used
	}
	return 0
}

// sweep forgets those who have used nothing for a while.
func (r *Rates[K]) sweep(now time.Time) {
	for k, used := range r.used {
		if !used.After(now) {
			delete(r.used, k)
		}
	}
}

// Refused is how many were.
func (r *Rates[K]) Refused() uint64 { return r.refused.Load() }
