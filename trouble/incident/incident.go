// Package incident folds alerts that have to do with each other into incidents, and
// keeps each one under one id while it grows, merges, splits, is resolved and comes
// back. [Book.Update] does so for one moment; rules.go says what has to do with what.
//
// It is pure: the same updates give the same incidents, with the same ids.
package incident

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
)

// Alert is one that a site has now, with what its source said.
type Alert struct {
	trouble.Alert
	// Source is the monitoring instance, Host and Kind are what it calls the check.
	Source string
	Host   string
	Kind   topology.CheckKind
	// Output is what it said, verbatim.
	Output string
	// How says how it is handled, in words: "acknowledged", "in downtime".
	How []string
	// Stray says why it is about nothing that is on the chart; empty if it is.
	Stray string
}

// key names an alert.
func (a *Alert) key() string {
	if a.ID != "" {
		return a.ID
	}
	return a.Component + "\x00" + a.Name
}

// open says that nobody takes care of it, and that it may be believed: only such
// alerts open an incident. The others are evidence in one.
func (a *Alert) open() bool {
	return !a.Handled && !a.Symptom && !a.Soft && !a.Flapping && !a.Stale
}

// Ref is a component for people.
type Ref struct {
	Component string `json:"component" doc:"id in the dependency graph: of a node, of a service, or of a program"`
	Name      string `json:"name" doc:"what people call it"`
	// Node, Service and Process are what it is on the chart; all are empty for what is
	// on no chart.
	Node    string `json:"node,omitempty"`
	Service string `json:"service,omitempty" doc:"id, if it is a service"`
	Process string `json:"process,omitempty" doc:"of a program that only calls"`
}

// State is where an incident stands.
type State string

// The states.
const (
	Open     State = "open"
	Resolved State = "resolved"
)

// Incident is alerts that have to do with each other, with what is likely behind them.
// One that was handed out is never written again.
type Incident struct {
	ID    string `json:"id"`
	State State  `json:"state" enum:"open,resolved"`
	// Title names the fault and the place, Sentence what was observed.
	Title    string `json:"title"`
	Sentence string `json:"sentence"`
	// Unclear says that the cause can't be told, Unsure why.
	Unclear bool   `json:"unclear,omitempty" doc:"the first cause is no more than the first of a list"`
	Unsure  string `json:"unsure,omitempty" doc:"why the cause can't be told"`
	// Status is the worst of the alerts that are not over.
	Status topology.Status `json:"status"`
	// Since is when the first thing went bad, as far as known; Opened when that made an
	// incident, Updated when anything of it changed last.
	Since    time.Time `json:"since"`
	Opened   time.Time `json:"opened"`
	Updated  time.Time `json:"updated"`
	Resolved time.Time `json:"resolved,omitzero"`
	Reopened int       `json:"reopened,omitempty" doc:"how often it came back"`
	// Into is the incident that it was merged into, From the one that it was split from.
	Into string `json:"into,omitempty"`
	From string `json:"from,omitempty"`
	Ack  *Ack   `json:"acknowledged,omitempty"`
	// Alerts are in the order in which they came, those that are over included.
	Alerts []Member `json:"alerts"`
	Causes []Cause  `json:"causes" doc:"the likeliest first, three at most"`
	Impact Impact   `json:"impact"`
	// NotVisible is what nobody watches, or what is silent, near the trouble.
	NotVisible []Ref `json:"not_visible"`
	// Changes are what was seen to change in the half hour before.
	Changes  []Change `json:"changes"`
	Timeline []Entry  `json:"timeline"`
	// Dropped is how many entries of the timeline there was no room for.
	Dropped int `json:"timeline_dropped,omitempty"`
	// Apart is since when its alerts are in several pieces; zero if they are in one.
	Apart time.Time `json:"apart,omitzero" doc:"since when its parts have nothing to do with each other: after ten minutes they are two"`

	ranked     time.Time // when its causes were ranked last
	pending    bool      // something changed since
	wasUnclear bool
}

// Ack is that somebody takes care of it.
type Ack struct {
	By      string    `json:"by"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
}

// Member is an alert of an incident.
type Member struct {
	ID     string             `json:"id" doc:"of the check"`
	About  Ref                `json:"about"`
	Source string             `json:"source"`
	Host   string             `json:"host"`
	Kind   topology.CheckKind `json:"kind"`
	Name   string             `json:"name" doc:"of the check; empty for that of a host"`
	Title  string             `json:"title,omitempty" doc:"what a signal says, as a sentence"`
	Status topology.Status    `json:"status"`
	Output string             `json:"output,omitempty"`
	// How says how it is handled; empty for what nobody takes care of.
	How []string `json:"handled,omitempty" doc:"acknowledged, in downtime, flapping, soft, suppressed, stale"`
	// After and By are the interval in which it went bad, by the clock of its source.
	After time.Time `json:"after,omitzero" doc:"when it was last fine, by its source"`
	By    time.Time `json:"by,omitzero" doc:"when it was first bad, by its source"`
	Clock string    `json:"clock"`
	// Stray says why it is about nothing that is on the chart.
	Stray string `json:"stray,omitempty" doc:"why the host is none of the chart; empty if it is one"`
	// Seen is when the server was told, Over when it was told that it is over; zero
	// while it is bad.
	Seen time.Time `json:"seen"`
	Over time.Time `json:"over,omitzero"`
}

// Cause is what is likely behind an incident.
type Cause struct {
	Ref
	Strength trouble.Strength `json:"strength" enum:"strong,moderate,weak"`
	Score    float64          `json:"score" doc:"orders the causes of one incident; no probability"`
	Sentence string           `json:"sentence"`
	Chips    []string         `json:"chips"`
	// Explains is how many components in trouble it reaches.
	Explains int `json:"explains"`
	// Path leads from the client that is furthest away to the cause.
	Path []Step `json:"path"`
}

// Step is one edge of a path.
type Step struct {
	Client Ref              `json:"client"`
	Server Ref              `json:"server"`
	Kind   trouble.EdgeKind `json:"kind" enum:"calls,on"`
}

// Impact is what an incident breaks. What is confirmed are its alerts; of a supposed
// failure there are none, so that it says itself what is in trouble already.
type Impact struct {
	Confirmed []Effect `json:"confirmed,omitempty" doc:"of a supposed failure: need it, and are in trouble already"`
	Predicted []Effect `json:"predicted" doc:"would fail next"`
	Possible  []Effect `json:"possible" doc:"behind something that stands between many and many, or by an edge that was idle"`
	Spared    []Effect `json:"spared" doc:"needs it, and something stands in"`
	// More is how many there are beside those listed.
	More int `json:"more,omitempty"`
}

// Effect is what becomes of one component.
type Effect struct {
	Ref
	Why  string `json:"why"`
	Hops int    `json:"hops,omitempty" doc:"edges between it and the cause"`
}

// Change is something that was seen to change.
type Change struct {
	Ref
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// EntryKind says what an entry of a timeline is.
type EntryKind string

// The kinds of entry.
const (
	EntryOpened    EntryKind = "opened"
	EntryAlert     EntryKind = "alert"     // a check went bad
	EntryStatus    EntryKind = "status"    // a check got worse or better, and stays bad
	EntryHandled   EntryKind = "handled"   // somebody takes care of a check, or no more
	EntryRecovered EntryKind = "recovered" // a check is fine again
	EntryCause     EntryKind = "cause"     // another cause is the likeliest
	EntryAck       EntryKind = "acknowledged"
	EntryMerged    EntryKind = "merged"
	EntrySplit     EntryKind = "split"
	EntryResolved  EntryKind = "resolved"
	EntryReopened  EntryKind = "reopened"
)

// Entry is something that happened in the course of an incident.
type Entry struct {
	At   time.Time `json:"at"`
	Kind EntryKind `json:"kind" enum:"opened,alert,status,handled,recovered,cause,acknowledged,merged,split,resolved,reopened"`
	Text string    `json:"text"`
	// About is the component, Check the check; empty if it is about the whole.
	About string `json:"about,omitempty"`
	Check string `json:"check,omitempty"`
}

// What says what is new of an incident.
type What string

// What may be new.
const (
	Opened       What = "opened"
	CauseChanged What = "cause-changed"
	Closed       What = "resolved"
	CameBack     What = "reopened"
	Acknowledged What = "acknowledged"
	Changed      What = "changed" // anything else
)

// News is that something is new of an incident.
type News struct {
	Incident *Incident
	What     What
}

// bad says whether an alert is not over.
func (m *Member) bad() bool { return m.Over.IsZero() }

// Bad is how many alerts are not over.
func (in *Incident) Bad() int {
	n := 0
	for i := range in.Alerts {
		if in.Alerts[i].bad() {
			n++
		}
	}
	return n
}

// copy is one that may be written.
func (in *Incident) copy() *Incident {
	c := *in
	c.Alerts, c.Timeline = slices.Clone(in.Alerts), slices.Clone(in.Timeline)
	return &c
}

// mostEntries bounds a timeline: of a longer one the beginning and the end stay.
const (
	mostEntries = 400
	firstStay   = 100
)

// note adds an entry to the timeline.
func (in *Incident) note(at time.Time, kind EntryKind, text, about, check string) {
	in.Timeline = append(in.Timeline, Entry{at, kind, text, about, check})
	if len(in.Timeline) > mostEntries {
		in.Timeline = slices.Delete(in.Timeline, firstStay, firstStay+1)
		in.Dropped++
	}
	in.Updated, in.pending = at, true
}
