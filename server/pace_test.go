package server

import (
	"testing"
	"time"
)

// TestPace: the longest work is remembered for a minute or two, and all work is counted.
func TestPace(t *testing.T) {
	s := &Server{}
	at := time.Now().Add(-10 * time.Minute)
	work := func(after, took time.Duration) {
		at = at.Add(after)
		s.pace.note(at, at.Add(took))
		at = at.Add(took)
	}
	longest := func() time.Duration { return max(s.pace.newest, s.pace.older) }
	work(0, 3*time.Second)
	work(time.Second, time.Second)
	if longest() != 3*time.Second {
		t.Errorf("the longest is %s", longest())
	}
	work(paceSpan, 2*time.Second)
	if longest() != 3*time.Second {
		t.Errorf("after a minute the longest is %s", longest())
	}
	work(paceSpan, time.Second)
	if longest() != 2*time.Second {
		t.Errorf("after two minutes the longest is %s", longest())
	}
	if busy, longest := s.Pace(); busy != 7*time.Second || longest != 0 {
		t.Errorf("long after that: busy for %s, the longest %s", busy, longest)
	}
}

// TestPaceOfWriter: the writer's work is counted.
func TestPaceOfWriter(t *testing.T) {
	s := startWith(t, Options{Store: &memory{}})
	const took = 20 * time.Millisecond
	if err := s.order(func(*writer) { <-time.After(took) }); err != nil {
		t.Fatal(err)
	}
	if err := s.order(func(*writer) {}); err != nil { // once it is done, the one before was counted
		t.Fatal(err)
	}
	if busy, longest := s.Pace(); busy < took || longest < took {
		t.Errorf("busy for %s, the longest %s", busy, longest)
	}
}
