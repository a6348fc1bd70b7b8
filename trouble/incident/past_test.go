package incident

import (
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// TestAs: what was open at a moment gone by, with what was bad then.
func TestAs(t *testing.T) {
	s := newScene(t, "app > db")
	s.goes(topology.Critical, "db").look() // noon
	s.after(time.Minute).goes(topology.Critical, "app").look()
	in := s.of("db")
	s.after(time.Minute)
	s.book.Acknowledge(in.ID, "ops", "on it", s.now)
	s.after(time.Minute).fine("db").look()
	s.after(time.Minute).fine("app").look() // noon and 4 minutes
	s.after(5*time.Minute).goes(topology.Warning, "db").look()
	now := s.of("db")
	for _, c := range []struct {
		after    time.Duration
		state    State
		bad      []string
		status   topology.Status
		acked    bool
		reopened int
		entries  int
	}{
		{0, Open, []string{"db"}, topology.Warning, false, 0, 3},
		{90 * time.Second, Open, []string{"app", "db"}, topology.Critical, false, 0, 0},
		{2 * time.Minute, Open, []string{"app", "db"}, topology.Critical, true, 0, 0},
		{3 * time.Minute, Open, []string{"app"}, topology.Critical, true, 0, 0},
		{5 * time.Minute, Resolved, nil, topology.NoStatus, true, 0, 0},
		{9 * time.Minute, Open, []string{"db"}, topology.Warning, true, 1, len(now.Timeline)},
	} {
		at := noon.Add(c.after)
		as := now.As(at)
		if as == nil || as.State != c.state || !slices.Equal(badOf(as), c.bad) || as.Status != c.status || (as.Ack != nil) != c.acked || as.Reopened != c.reopened {
			t.Errorf("after %s: %+v", c.after, as)
			continue
		}
		if c.entries > 0 && len(as.Timeline) != c.entries || as.Updated.After(at) || (as.State == Resolved) != as.Resolved.Equal(noon.Add(4*time.Minute)) {
			t.Errorf("after %s: updated %s, resolved %s, %+v", c.after, as.Updated, as.Resolved, as.Timeline)
		}
	}
	if as := now.As(noon.Add(-time.Second)); as != nil {
		t.Errorf("before it began: %+v", as)
	}
	if now.Bad() != 1 || now.State != Open {
		t.Errorf("it was written: %+v", now)
	}
}

// TestAsMerged: what was merged into another was an incident of its own before.
func TestAsMerged(t *testing.T) {
	s := newScene(t, "a > b\nb > c")
	s.watch["b"] = trouble.Watch{Fine: noon, Clock: "m"}
	s.goes(topology.Critical, "a").look()
	s.after(time.Second).goes(topology.Critical, "c").look()
	s.after(time.Minute).goes(topology.Critical, "b").look()
	if got := s.open(); got != "[a b c]" {
		t.Fatalf("they are %s", got)
	}
	for _, in := range s.book.All() {
		if in.Into == "" {
			continue
		}
		if as := in.As(noon.Add(30 * time.Second)); as.State != Open || as.Into != "" {
			t.Errorf("before: %+v", as)
		}
		if as := in.As(noon.Add(2 * time.Minute)); as.State != Resolved || as.Into == "" {
			t.Errorf("after: %+v", as)
		}
		return
	}
	t.Error("none was merged")
}
