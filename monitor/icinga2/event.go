package icinga2

import (
	"encoding/json"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// eventTypes are those that are asked for. Those of objects exist since 2.13; an
// older one ends a stream at once that asks for a type which it doesn't know.
func eventTypes(me *login) []string {
	types := []string{
		"StateChange", "AcknowledgementSet", "AcknowledgementCleared", "DowntimeAdded", "DowntimeRemoved",
		"DowntimeStarted", "DowntimeTriggered", "Flapping",
	}
	if !me.before(13) {
		types = append(types, "ObjectCreated", "ObjectDeleted", "ObjectModified")
	}
	return types
}

// blindFor are the rights to events that the login lacks.
func (me *login) blindFor() (rights []string) {
	for _, t := range eventTypes(me) {
		if !me.may("events/" + t) {
			rights = append(rights, "events/"+t)
		}
	}
	return rights
}

// result is what a check found; nothing else of it is kept: it names files and may
// hold secrets.
type result struct {
	Output  string
	End     float64     `json:"execution_end"`
	Command commandLine `json:"command"`
	After   struct {
		Reachable *bool
	} `json:"vars_after"`
}

// event is one line of the stream. What an event doesn't say is nil, since older
// versions say less.
type event struct {
	Type      string
	Timestamp float64
	Host      string
	Service   string

	State           float64
	StateType       float64 `json:"state_type"`
	Acknowledgement *bool
	DowntimeDepth   *float64 `json:"downtime_depth"`
	Result          *result  `json:"check_result"`
	Flapping        *bool    `json:"is_flapping"`

	Downtime struct {
		Host    string `json:"host_name"`
		Service string `json:"service_name"`
	}
	ObjectType string `json:"object_type"`
}

func parseEvent(line []byte) (*event, error) {
	e := &event{}
	err := json.Unmarshal(line, e)
	return e, err
}

// apply brings what is held up to date. It returns the checks that changed, and
// whether everything is to be read again: Icinga 2 doesn't tell who can be reached
// no longer because another can't, how many downtimes are left, and what a new
// object is.
func (m *memory) apply(e *event) (changed []*held, again bool) {
	switch e.Type {
	case "StateChange":
		return m.stateChange(e)
	case "AcknowledgementSet", "AcknowledgementCleared":
		return m.set(e, e.Host, e.Service, func(c *topology.Check) { c.Acknowledged = e.Type == "AcknowledgementSet" })
	case "DowntimeTriggered":
		return m.set(e, e.Downtime.Host, e.Downtime.Service, func(c *topology.Check) { c.Downtime = true })
	case "Flapping":
		if e.Flapping == nil {
			return nil, true
		}
		return m.set(e, e.Host, e.Service, func(c *topology.Check) { c.Flapping = *e.Flapping })
	case "DowntimeRemoved":
		return nil, true
	case "ObjectCreated", "ObjectDeleted", "ObjectModified":
		return nil, e.ObjectType == "Host" || e.ObjectType == "Service" || e.ObjectType == "Dependency"
	}
	// DowntimeAdded and DowntimeStarted: it holds once it is triggered.
	return nil, false
}

// set changes a check by an event, unless that is older than what was read.
func (m *memory) set(e *event, host, name string, change func(*topology.Check)) (changed []*held, again bool) {
	h := m.find(host, name)
	switch {
	case h == nil:
		return nil, true
	case e.Timestamp < m.asOf:
		return nil, false
	}
	change(&m.change(h).Check)
	return []*held{h}, false
}

// stateChange takes over a state: with every try, whether it is another or not.
func (m *memory) stateChange(e *event) (changed []*held, again bool) {
	h := m.find(e.Host, e.Service)
	switch {
	case h == nil || e.Result == nil:
		return nil, true
	case e.Result.End < h.end:
		return nil, false
	}
	was := h.check.Status
	m.change(h)
	h.take(e)
	changed = []*held{h}
	if e.Service == "" || h.check.Status.Bad() != was.Bad() {
		for _, s := range m.suppress(m.sites[clean(e.Host)]) {
			if s != h {
				changed = append(changed, s)
			}
		}
	}
	return changed, h.check.Status != was && m.dependedOn(h)
}

// dependedOn says whether others may not be reachable because of it.
func (m *memory) dependedOn(h *held) bool {
	return !m.knowsDependencies && h.check.Name == "" || m.parents[key{h.check.Host, h.check.Name}]
}

// take makes a check what an event says of it.
func (h *held) take(e *event) {
	c := h.check
	h.end = e.Result.End
	c.Output = monitor.Clean(e.Result.Output, monitor.MaxOutput)
	c.Hints = append(monitor.CommandHints(string(e.Result.Command)), monitor.OutputHints(c.Output)...)
	at := seconds(e.Result.End)
	was := c.Status
	if c.Kind == topology.HostCheck {
		reachable := was != topology.Unreachable
		if e.Result.After.Reachable != nil {
			reachable = *e.Result.After.Reachable
		}
		c.Status = hostStatus(true, e.State, reachable)
	} else {
		c.Status = serviceStatus(true, e.State)
	}
	if c.Status != was {
		c.Since = at
	}
	if !c.Status.Bad() {
		c.LastOK = later(c.LastOK, at)
	}
	c.LastCheck = later(c.LastCheck, at)
	c.Hard = e.StateType != 0
	if e.Acknowledgement != nil {
		c.Acknowledged = *e.Acknowledgement
	}
	if e.DowntimeDepth != nil {
		c.Downtime = *e.DowntimeDepth > 0
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
