package auth

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// memory is a keeper that can be made to fail.
type memory struct {
	mu     sync.Mutex
	docs   map[Key]Document
	broken error
	writes int
}

func newMemory() *memory { return &memory{docs: map[Key]Document{}} }

func (m *memory) Documents(kind string) (out []Document) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, d := range m.docs {
		if k.Kind == kind {
			out = append(out, d)
		}
	}
	return out
}

func (m *memory) ChangeDocuments(_ context.Context, keep []Document, drop []Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	m.writes++
	for _, k := range drop {
		delete(m.docs, k)
	}
	for _, d := range keep {
		m.docs[Key{d.Kind, d.Key}] = d
	}
	return nil
}

var errDisk = errors.New("disk full")

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

func (m *memory) count(kind string) int { return len(m.Documents(kind)) }

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newClock() *clock { return &clock{t: noon} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var home = netip.MustParseAddr("192.0.2.7")

func newAgents(t *testing.T, k Keeper, c *clock) *Agents {
	t.Helper()
	a, err := NewAgents(k, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// isKind fails unless err wraps kind and says text.
func isKind(t *testing.T, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) || !contains(err.Error(), text) {
		t.Errorf("error is %v, want one of %q that says %q", err, kind, text)
	}
}

func contains(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}
