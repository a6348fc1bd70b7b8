package trouble_test

import (
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	. "github.com/devops-trouble-map/dotm/trouble"
)

// TestBefore: only intervals of one clock that don't overlap have an order.
func TestBefore(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b Onset
		want bool
	}{
		{"apart", between(0, 1), between(2, 3), true},
		{"touching", between(0, 1), between(1, 2), true},
		{"overlapping", between(0, 2), between(1, 3), false},
		{"within", between(0, 9), between(3, 4), false},
		{"the other way", between(2, 3), between(0, 1), false},
		{"the same", between(1, 1), between(1, 1), false},
		{"never fine", Onset{By: at(1), Clock: "m"}, Onset{By: at(3), Clock: "m"}, false},
		{"began unknown", Onset{After: at(0), Clock: "m"}, between(2, 3), false},
		{"two clocks", Onset{After: at(0), By: at(1), Clock: "x"}, between(2, 3), false},
		{"nothing", Onset{}, Onset{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.a.Before(tt.b) != tt.want {
				t.Errorf("%v before %v: %v", tt.a, tt.b, !tt.want)
			}
		})
	}
}

// TestAlertOf: what of a check counts.
func TestAlertOf(t *testing.T) {
	c := topology.Check{
		ID: "id", Source: "icinga", Name: "postgres", Status: topology.Critical, Hard: true, LastOK: at(1), Since: at(3),
		Acknowledged: true,
	}
	a, ok := AlertOf(&c, "db")
	want := Alert{
		ID: "id", Component: "db", Name: "postgres", Trouble: Failing, Status: topology.Critical,
		Onset: Onset{After: at(1), By: at(3), Clock: "icinga"}, Handled: true,
	}
	if !ok || a.Onset != want.Onset || a.ID != want.ID || a.Component != want.Component || a.Name != want.Name ||
		a.Status != want.Status || !a.Handled || a.Symptom || a.Flapping || a.Stale || a.Soft {
		t.Errorf("%+v", a)
	}
	for name, change := range map[string]struct {
		how  func(*topology.Check)
		want func(Alert) bool
	}{
		"in downtime":  {func(c *topology.Check) { c.Acknowledged, c.Downtime = false, true }, func(a Alert) bool { return a.Handled }},
		"soft":         {func(c *topology.Check) { c.Hard = false }, func(a Alert) bool { return a.Soft }},
		"unreachable":  {func(c *topology.Check) { c.Status = topology.Unreachable }, func(a Alert) bool { return a.Symptom }},
		"suppressed":   {func(c *topology.Check) { c.Suppressed = true }, func(a Alert) bool { return a.Symptom }},
		"flapping":     {func(c *topology.Check) { c.Flapping = true }, func(a Alert) bool { return a.Flapping }},
		"stale":        {func(c *topology.Check) { c.Stale = true }, func(a Alert) bool { return a.Stale }},
		"never fine":   {func(c *topology.Check) { c.LastOK = time.Time{} }, func(a Alert) bool { return a.Onset.After.IsZero() }},
		"unknown":      {func(c *topology.Check) { c.Status = topology.Unknown }, func(a Alert) bool { return a.Status == topology.Unknown }},
		"host is down": {func(c *topology.Check) { c.Status = topology.Down }, func(a Alert) bool { return a.Status == topology.Down }},
	} {
		changed := c
		change.how(&changed)
		if a, ok := AlertOf(&changed, "db"); !ok || !change.want(a) {
			t.Errorf("%s: %v %+v", name, ok, a)
		}
	}
	for _, s := range []topology.Status{topology.OK, topology.Up, topology.Pending, topology.NoStatus, "FINE"} {
		c.Status = s
		if _, ok := AlertOf(&c, "db"); ok {
			t.Errorf("%s is an alert", s)
		}
	}
	c.Status = topology.Critical
	if _, ok := AlertOf(&c, ""); ok {
		t.Error("an alert on nothing")
	}
}
