package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
}

// TestClockSetBack: a server ends, its clock is set back by two hours, and it starts
// again. (Each bubble begins at the same time.) Who is silent turns stale all the
// same, who reports is alive, and what happens now is told as of now.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	state := func(s *running, node string) topology.NodeState { return s.Snapshot().Block(node).Node.State }
	synctest.Test(t, func(t *testing.T) {
		pass(2 * time.Hour)
		st := openBolt(t, dir)
		defer st.Close()
		s := start(t, st, store.Patch{})
		s.put(t, (&reporter{name: "web", number: 1}).report("10.0.0.2"))
		s.put(t, (&reporter{name: "db", number: 2}).report())
		pass(2 * time.Second)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		st := openBolt(t, dir)
		defer st.Close()
		s := start(t, st, store.Patch{})
		pass(10 * time.Second)
		if got := state(s, "web"); got != topology.Reporting {
			t.Errorf("a restart is no silence: %s", got)
		}
		db := &reporter{name: "db", number: 2}
		for range 18 {
			s.put(t, db.report())
			pass(10 * time.Second)
		}
		if got := state(s, "web"); got != topology.Stale {
			t.Errorf("three minutes of silence, and web is %s", got)
		}
		if n := s.Snapshot().Block("db").Node; n.State != topology.Reporting || n.LastReport.After(time.Now()) {
			t.Errorf("db is %s, last heard %s", n.State, n.LastReport)
		}
		s.put(t, (&reporter{name: "web", number: 1}).report("10.0.0.2"))
		pass(2 * time.Second)
		if got := state(s, "web"); got != topology.Reporting {
			t.Errorf("web reports, and is %s", got)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if text := s.log.text(); strings.Contains(text, "level=ERROR") {
			t.Error(text)
		}
		events, _, err := s.Events(t.Context(), began.Add(-time.Hour), began.Add(4*time.Hour), func(*topology.Event) bool { return true }, 100)
		if err != nil {
			t.Fatal(err)
		}
		stale := false
		for _, e := range events {
			stale = stale || e.Node == "web" && e.At.Sub(began) < 5*time.Minute
		}
		if !stale {
			t.Errorf("nothing is told of web between %s and now: %v", began, events)
		}
	})
}

// TestSpansAreMonotonic: when a node was last heard is kept with the monotonic reading
// of the clock, so that a clock which is set while the server runs makes nobody stale,
// or seem alive.
func TestSpansAreMonotonic(t *testing.T) {
	st := openBolt(t, t.TempDir())
	defer st.Close()
	s := start(t, st, store.Patch{})
	s.put(t, (&reporter{name: "web", number: 1}).report())
	for s.Snapshot().Block("web") == nil {
		<-s.Changed()
	}
	if at := s.Snapshot().Block("web").Node.LastReport.String(); !strings.Contains(at, " m=") {
		t.Errorf("last heard %s has no monotonic reading", at)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
}
