package incident

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// As is an incident as of a moment: whether it was open, which of its alerts were bad,
// who took care of it, and what had happened by then. What is said of causes, impact and
// each check is what was said last. It is nil before the incident began.
func (in *Incident) As(at time.Time) *Incident {
	if in.Opened.After(at) {
		return nil
	}
	c := in.copy()
	c.Timeline = slices.DeleteFunc(c.Timeline, func(e Entry) bool { return e.At.After(at) })
	c.State, c.Resolved, c.Reopened, c.Into = Open, time.Time{}, 0, ""
	c.Updated = in.Opened
	told := map[string]span{} // by check
	for i := range c.Timeline {
		e := &c.Timeline[i]
		c.Updated = e.At
		switch e.Kind {
		case EntryResolved:
			c.State, c.Resolved = Resolved, e.At
		case EntryReopened:
			c.State, c.Resolved = Open, time.Time{}
			c.Reopened++
		case EntryAlert:
			told[e.Check] = span{from: e.At}
		case EntryRecovered:
			told[e.Check] = span{told[e.Check].from, e.At}
		default:
		}
	}
	if !in.Resolved.IsZero() && !in.Resolved.After(at) { // its end may have no entry: it was merged
		c.State, c.Resolved, c.Into = in.State, in.Resolved, in.Into
	}
	if in.Ack != nil && in.Ack.At.After(at) {
		c.Ack = nil
	}
	if in.Apart.After(at) {
		c.Apart = time.Time{}
	}
	c.Alerts = membersAs(c.Alerts, told, at)
	c.Status = topology.NoStatus
	for i := range c.Alerts {
		if m := &c.Alerts[i]; m.bad() {
			c.Status = topology.Worse(c.Status, m.Status)
		}
	}
	return c
}

// span is from when to when a check was bad last; a zero end says that it still was.
type span struct{ from, to time.Time }

// membersAs are the alerts that there were by a moment. One that went bad again since is
// as the timeline tells it.
func membersAs(list []Member, told map[string]span, at time.Time) []Member {
	out := make([]Member, 0, len(list))
	for _, m := range list {
		was, known := told[m.ID]
		switch {
		case !m.Seen.After(at):
			if m.Over.After(at) {
				m.Over = time.Time{}
			}
		case known:
			m.Seen, m.Over = was.from, was.to
		default:
			continue
		}
		out = append(out, m)
	}
	return out
}
