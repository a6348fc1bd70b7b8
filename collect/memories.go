package collect

import (
	"sync"
	"time"
)

// Limits of what pollers remember. A node that was not asked for an hour is
// forgotten when there is no room for another.
const (
	MaxMemories = 10_000
	MemoryTime  = time.Hour
)

// Memories keeps what a poller remembers of each node between two polls, so that
// what opened meanwhile is counted once. It is bounded, and safe for concurrent
// use; what it gives out is not.
type Memories[T any] struct {
	// Fresh makes what is remembered of a node that is new.
	Fresh func() *T

	mu   sync.Mutex
	kept map[string]*remembered[T]
}

type remembered[T any] struct {
	value *T
	used  time.Time
}

// Of gives what is remembered of a node, by its address.
func (m *Memories[T]) Of(address string, now time.Time) *T {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.kept[address]
	if r == nil {
		m.makeRoom(now)
		r = &remembered[T]{value: m.Fresh()}
		m.kept[address] = r
	}
	r.used = now
	return r.value
}

// makeRoom forgets nodes if there are too many: those that nobody asks any
// more, else all, which costs no more than a poll's counters.
func (m *Memories[T]) makeRoom(now time.Time) {
	if m.kept == nil {
		m.kept = map[string]*remembered[T]{}
	}
	if len(m.kept) < MaxMemories {
		return
	}
	for address, r := range m.kept {
		if now.Sub(r.used) > MemoryTime {
			delete(m.kept, address)
		}
	}
	if len(m.kept) >= MaxMemories {
		clear(m.kept)
	}
}
