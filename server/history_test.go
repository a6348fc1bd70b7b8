package server

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/topology"
)

// journal is a store on disk, for a server in a bubble.
func journal(t *testing.T) store.Store {
	t.Helper()
	s, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// seen spells what is open at a moment.
func seen(t *testing.T, s *Server, at time.Time) (out []string) {
	t.Helper()
	snap, err := s.At(t.Context(), at)
	if err != nil {
		t.Fatalf("at %s: %v", at, err)
	}
	for b := range snap.Blocks() {
		out = append(out, b.Node.Name+" "+string(b.Node.State))
	}
	for c := range snap.Connections() {
		out = append(out, c.Client.Node+" > "+c.Server.Node+" "+string(c.Status))
	}
	return out
}

// TestPast: every moment is told as it was shown then, over restarts.
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := journal(t)
		s := start(t, st, store.Patch{})
		web, db := &reporter{name: "web", number: 1}, &reporter{name: "db", number: 2}
		type moment struct {
			at   time.Time
			want []string
		}
		var moments []moment
		note := func() {
			wait(3 * time.Second)
			now := time.Now()
			moments = append(moments, moment{now, seen(t, s.Server, now)})
			wait(3 * time.Second)
		}
		s.put(t, web.report("10.0.1.1"))
		note()
		s.put(t, db.report())
		s.put(t, web.report("10.0.1.1", "10.0.1.2"))
		note()
		for range 60 { // web goes on without 10.0.1.1, db falls silent
			s.put(t, web.report("10.0.1.2"))
			wait(10 * time.Second)
		}
		note()
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		wait(time.Hour)
		s = start(t, st, store.Patch{})
		wait(5 * time.Second)
		s.put(t, db.report("10.0.1.1"))
		s.put(t, web.report("10.0.1.2"))
		note()
		if last := moments[2].want; !slices.Contains(last, "db stale") || !slices.Contains(last, "web > 10.0.1.1 old") {
			t.Fatalf("the site did not change as meant: %v", last)
		}
		for i, m := range moments {
			if diff := cmp.Diff(m.want, seen(t, s.Server, m.at)); diff != "" {
				t.Errorf("moment %d (-then +told now):\n%s", i, diff)
			}
		}

		if _, err := s.At(t.Context(), moments[0].at.Add(-time.Hour)); !errors.Is(err, history.ErrBefore) {
			t.Errorf("before the beginning: %v", err)
		}
		if _, err := s.At(t.Context(), time.Now().Add(time.Hour)); !errors.Is(err, history.ErrFuture) {
			t.Errorf("in an hour: %v", err)
		}
		gaps, err := s.Gaps(t.Context(), moments[0].at, time.Now(), "")
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, g := range gaps {
			lines = append(lines, g.Node+": "+g.Why)
			if g.To.IsZero() || g.To.Sub(g.From) < time.Minute {
				t.Errorf("the gap is from %s to %s", g.From, g.To)
			}
		}
		if diff := cmp.Diff([]string{"db: the agent did not report", ": the server did not run"}, lines); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
		events, more, err := s.Events(t.Context(), moments[0].at.Add(-time.Minute), time.Now(), func(e *topology.Event) bool { return e.Subject == topology.SubjectNode }, 3)
		if err != nil || !more || len(events) != 3 || events[0].At.Before(events[2].At) {
			t.Errorf("events %v, more %t, %v", ids(events), more, err)
		}
	})
}

// TestCompareMoments: what is back again is told from what was never there.
func TestCompareMoments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, journal(t), store.Patch{ExpireAfter: duration(time.Hour), HideAfter: duration(time.Hour)})
		web := &reporter{name: "web", number: 1}
		say := func(peers ...string) {
			r := web.report(peers...)
			for i := range r.Connections {
				r.Connections[i].Opened = 0
			}
			s.put(t, r)
		}
		say("10.0.1.1", "10.0.1.2")
		for range 6 * 90 { // an edge ages, and is forgotten
			say("10.0.1.2")
			wait(10 * time.Second)
		}
		from := time.Now()
		wait(5 * time.Second)
		say("10.0.1.1", "10.0.1.3")
		wait(5 * time.Second)
		got, err := s.Compare(t.Context(), from, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, c := range got.Connections {
			line := string(c.Change.Change) + " " + c.Connection.Server.Node
			if c.Returned {
				line += " again"
			}
			lines = append(lines, line)
		}
		slices.Sort(lines)
		if diff := cmp.Diff([]string{"appeared 10.0.1.1 again", "appeared 10.0.1.3"}, lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		used, err := s.Used(t.Context(), "10.0.1.1~tcp~5432", "10.0.1.1", time.Now().Add(-24*time.Hour))
		if err != nil || len(used.Uses) != 1 || used.Uses[0].Client.Node != "web" {
			t.Fatalf("used by %+v, %v", used, err)
		}
		if used.Covered < 0.05 || used.Covered > 0.07 { // an hour and a half of 24
			t.Errorf("%.3f of the day is covered", used.Covered)
		}
	})
}
