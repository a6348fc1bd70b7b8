package ssh

import (
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
)

// Limits of what is remembered of nodes. One that was not asked for a while is
// forgotten when there is no room for another.
const (
	maxMemories = 10_000
	memoryTime  = time.Hour
)

// sudoRest is how long sudo is not tried again where it was refused: nodes log
// each attempt.
const sudoRest = time.Hour

// memory is what is remembered of one node between two polls.
type memory struct {
	mu      sync.Mutex
	folder  *aggregate.Folder
	refused time.Time // when sudo was, last; zero: never
	used    time.Time // guarded by the poller's lock
}

// remember gives the memory of an address.
func (p *Poller) remember(address string) *memory {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opt.Now()
	m := p.memories[address]
	if m == nil {
		p.makeRoom(now)
		m = &memory{folder: aggregate.NewFolder()}
		p.memories[address] = m
	}
	m.used = now
	return m
}

// makeRoom forgets nodes if there are too many: those that nobody asks any
// more, else all, which costs no more than a poll's counters.
func (p *Poller) makeRoom(now time.Time) {
	if len(p.memories) < maxMemories {
		return
	}
	for address, m := range p.memories {
		if now.Sub(m.used) > memoryTime {
			delete(p.memories, address)
		}
	}
	if len(p.memories) >= maxMemories {
		clear(p.memories)
	}
}

// command is what to run on the node.
func (m *memory) command(a Address, now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.NoSudo || m.rests(now) {
		return CommandWithoutSudo
	}
	return Command
}

// rests tells whether sudo is not to be tried, because it was refused.
func (m *memory) rests(now time.Time) bool {
	return !m.refused.IsZero() && now.Sub(m.refused) < sudoRest
}

// learn remembers whether the node refused sudo, and tells the answer whether
// it did before.
func (m *memory) learn(got *answer, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	got.refusedBefore = m.rests(now)
	if got.sudoRefused() {
		m.refused = now
	}
}
