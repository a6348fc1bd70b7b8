package server

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/recent"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
)

// TestRecent: each step of time has a number while a node reports, and none before
// and after.
func TestRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		synctest.Wait() // the first step is sampled: nobody is there
		if _, ok := s.Recent("web"); ok {
			t.Error("numbers of a node that is not there")
		}
		web := &reporter{name: "web", number: 1}
		for range 20 { // of 10 s each
			s.put(t, web.report("10.0.1.1"))
			time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's clock
		}
		time.Sleep(10 * time.Minute) //nolint:forbidigo // the bubble's clock
		h, ok := s.Recent("web")
		if !ok {
			t.Fatal("nothing is remembered")
		}
		open, known := h.Node.Open[1:], 0 // before the first report there is no number
		if h.Node.Open[0] == h.Node.Open[0] {
			t.Errorf("a number from before the first report: %v", h.Node.Open[0])
		}
		for known < len(open) && open[known] == open[known] {
			known++
		}
		if known < 7 || known > 10 { // 200 s, and a while until its silence is sure
			t.Errorf("%d points are known of %v", known, open)
		}
		for i, v := range open {
			if i < known && v != 1 {
				t.Errorf("point %d is %v, want 1", i, v)
			}
			if i >= known && v == v {
				t.Errorf("point %d is %v though nobody reported", i, v)
			}
		}
	})
}

// TestRecentRelived: between two moments that were relived what was known stood.
func TestRecentRelived(t *testing.T) {
	st, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := relives(t, st)
	web := &reporter{name: "web", number: 1}
	for _, after := range []time.Duration{0, 10 * time.Minute} {
		at := longAgo.Add(after)
		r := web.report("10.0.1.1")
		r.Time = at
		r.IntervalMS = (10 * time.Minute).Milliseconds()
		s.relive(t, Moment{At: at, Reports: []Received{{at, r}}})
	}
	h, ok := s.Recent("web")
	if want := int(10*time.Minute/recent.Step) + 1; !ok || len(h.Node.Open) != want {
		t.Fatalf("%d points, want %d", len(h.Node.Open), want)
	}
	for i, v := range h.Node.Open {
		if v != 1 {
			t.Errorf("point %d is %v, want 1", i, v)
		}
	}
}
