package ssh

import (
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/collect"
)

// sudoRest is how long sudo is not tried again where it was refused: nodes log
// each attempt.
const sudoRest = time.Hour

// memory is what is remembered of one node between two polls.
type memory struct {
	mu      sync.Mutex
	folder  *fold.Folder
	refused time.Time // when sudo was, last; zero: never
}

// command is what to run on the node.
func (m *memory) command(a collect.SSHAddress, now time.Time) string {
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
