package main

import (
	"bytes"
	"strconv"
	"sync"
	"time"
)

// marks are calls of programs that are there once: a viewer who is told of one knows
// which report it came with.
type marks struct {
	mu     sync.Mutex
	made   int
	latest time.Time
	from   int // the first that counts
	at     map[int]time.Time
	seen   map[int]int
	delay  durations
}

// marksEvery is the shortest time between two marks.
const marksEvery = 400 * time.Millisecond

// markPrefix begins the name of a mark's program.
const markPrefix = "mark-"

func newMarks() *marks { return &marks{at: map[int]time.Time{}, seen: map[int]int{}} }

func markName(n int) string { return markPrefix + strconv.Itoa(n) + "-" }

// next is the number of another mark; 0 if it is too soon for one.
func (m *marks) next() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.latest) >= marksEvery {
		m.made, m.latest = m.made+1, now
		return m.made
	}
	return 0
}

// sent says when the report with a mark left; 0 is none.
func (m *marks) sent(n int, at time.Time) {
	if n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at[n] = at
}

// begin has those count that are made from now on.
func (m *marks) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.from = m.made + 1
	m.delay.reset()
}

// saw takes note of a mark that a viewer is told of.
func (m *marks) saw(n int, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sent, known := m.at[n]
	if !known || n < m.from {
		return
	}
	m.seen[n]++
	m.delay.add(at.Sub(sent))
}

// unseen are those that were sent a while ago, and nobody saw.
func (m *marks) unseen(before time.Time) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for mark, sent := range m.at {
		if mark >= m.from && m.seen[mark] == 0 && sent.Before(before) {
			n++
		}
	}
	return n
}

// sight is what one viewer sees of marks.
type sight struct {
	*marks
	been map[int]bool
}

// look searches a text for marks that this viewer was not told of before.
func (s *sight) look(text []byte, at time.Time) {
	for {
		i := bytes.Index(text, []byte(markPrefix))
		if i < 0 {
			return
		}
		text = text[i+len(markPrefix):]
		end := bytes.IndexByte(text[:min(len(text), 12)], '-')
		if end < 0 {
			continue
		}
		if n, err := strconv.Atoi(string(text[:end])); err == nil && !s.been[n] {
			s.been[n] = true
			s.saw(n, at)
		}
	}
}
