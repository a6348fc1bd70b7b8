package trouble

import (
	"math"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Onset is when something went bad: after one moment, at which it was still
// fine, and not later than another, at which it was seen to be bad. Zero times
// are not known.
type Onset struct {
	After, By time.Time
	// Clock names whose times these are; times of two clocks have no order.
	Clock string
}

// Before says that one thing surely went bad before another: by one clock, and
// with intervals that don't overlap. False says that it is later, or not known.
func (o Onset) Before(p Onset) bool {
	return o.Clock == p.Clock && !o.By.IsZero() && !p.After.IsZero() && !o.By.After(p.After) && !o.By.Equal(p.By)
}

// Trouble is how a component is in trouble.
type Trouble string

// The kinds of trouble.
const (
	Failing Trouble = "failing" // down, refusing, answering with errors
	Slow    Trouble = "slow"    // answers late
	Full    Trouble = "full"    // a resource runs out: disk, memory, queue, descriptors
)

// Alert is one check or signal that is bad.
type Alert struct {
	// ID names the check or signal; empty if nothing asks for it.
	ID string
	// Component is what it is about.
	Component string
	// Name is what sentences call the check; empty says nothing more than the
	// component.
	Name string
	// Says is what a signal says, as a sentence; empty for a check of a monitoring system.
	Says    string
	Trouble Trouble
	Status  topology.Status
	// Times is how many times its limit the figure is that was measured; zero if
	// nothing was measured. It goes before the status, which has few steps.
	Times float64
	Onset Onset
	// Witnesses are the components from whose side this was seen; empty if the
	// component itself was looked at. What a single witness saw may as well be
	// the witness's own trouble, or lie between the two.
	Witnesses []string
	// Handled says that somebody takes care of it: it counts as a cause, less as
	// a symptom.
	Handled bool
	// Symptom says that the source takes it for one: its host is down, or it is
	// unreachable behind another.
	Symptom bool
	// Disputed is what was seen at the same time and doesn't fit, as in "its agent
	// reports": the fault may lie between.
	Disputed string
	// Soft says that the source tries again before it believes it.
	Soft bool
	// Flapping says that it goes to and fro; Stale that it is not looked at any
	// more. Both say little, and nothing of order.
	Flapping, Stale bool
}

// AlertOf is a check as an alert on a component; false if the check isn't bad, or
// is about no component.
func AlertOf(c *topology.Check, component string) (Alert, bool) {
	if !c.Status.Bad() || component == "" {
		return Alert{}, false
	}
	return Alert{
		ID: c.ID, Component: component, Name: c.Name, Trouble: Failing, Status: c.Status,
		Onset:   Onset{After: c.LastOK, By: c.Since, Clock: c.Source},
		Handled: c.Acknowledged || c.Downtime, Symptom: c.Suppressed || c.Status == topology.Unreachable,
		Soft: !c.Hard, Flapping: c.Flapping, Stale: c.Stale,
	}, true
}

// much is the figure, in times its limit, from which on more says no more.
const much = 20

// severity says how bad an alert is, from nearly 0 to 1.
func (a *Alert) severity() float64 {
	s := bySeverity(a.Status)
	if a.Times > 0 {
		s = min(1, max(.05, math.Log(a.Times)/math.Log(much)))
	}
	if a.Disputed != "" {
		s *= .5
	}
	if a.Soft {
		s *= .6
	}
	if a.Flapping {
		s *= .3
	}
	if a.Stale {
		s *= .3
	}
	return s
}

// bySeverity puts a number on what a status says.
func bySeverity(s topology.Status) float64 {
	switch s {
	case topology.Down:
		return 1
	case topology.Critical:
		return .8
	case topology.Warning, topology.Unknown:
		return .5
	case topology.Unreachable:
		return .3
	case topology.OK, topology.Up, topology.Pending, topology.NoStatus:
	}
	return .05
}

// Watch is what is known of a component beside its alerts.
type Watch struct {
	// Fine is when it was last found to be fine; zero if never. It counts only if
	// that is after the trouble began by the same clock.
	Fine  time.Time
	Clock string
	// Blind says that it was watched, and that nothing comes from it now.
	Blind bool
}

// Change is something that was seen to change.
type Change struct {
	Component string
	At        time.Time
	// What is said of it, as an observation: "restarted under a new pid".
	What string
}

// Incident is what is known of one incident.
type Incident struct {
	// At is the moment for which it is judged.
	At     time.Time
	Alerts []Alert
	// Paged are the components that people were called for, whether there is an
	// alert on them or not.
	Paged []string
	// Watched has what is watched, by component; what is missing is not. A nil
	// map says that it isn't known what is.
	Watched map[string]Watch
	// Changes are those of the site a while before, in any order.
	Changes []Change
}
