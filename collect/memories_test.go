package collect

import (
	"fmt"
	"testing"
	"time"
)

func TestMemoriesAreBounded(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := Memories[int]{Fresh: func() *int { return new(int) }}
	for i := range MaxMemories - 1 {
		m.Of(fmt.Sprint(i), now)
	}
	now = now.Add(MemoryTime + time.Second)
	kept := m.Of("kept", now)
	if m.Of("one more", now); len(m.kept) != 2 || m.Of("kept", now) != kept {
		t.Errorf("%d are remembered, or not the right ones", len(m.kept))
	}
	for i := range MaxMemories + 5 {
		m.Of(fmt.Sprint(i), now)
	}
	if len(m.kept) > MaxMemories {
		t.Errorf("%d are remembered", len(m.kept))
	}
}
