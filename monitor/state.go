package monitor

import (
	"fmt"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Condition is how a source is.
type Condition string

// The conditions of a source.
const (
	Unread  Condition = "new"     // not read yet
	Fine    Condition = "ok"      // read lately
	Failing Condition = "failing" // could not be read the last time
	Blind   Condition = "stale"   // not for so long that its results count no more
)

// State is a source and how it is, for people. It holds no secret.
type State struct {
	Options
	// Fixed says that the configuration file sets it.
	Fixed bool `json:"fixed"`
	// BuiltIn says that it is dotm's own, which can't be changed or removed.
	BuiltIn bool `json:"built_in,omitempty"`
	// Login says that there is a password.
	Login bool `json:"login"`
	// State is how it is, Since when that began.
	State Condition `json:"state"`
	Since time.Time `json:"since"`
	// Error is why it could not be read the last time; nil if it could.
	Error *Problem `json:"error,omitempty"`
	// Failures counts the readings that failed since this server reads it.
	Failures int `json:"failures,omitempty"`
	// LastRead is when it was read last; zero for never.
	LastRead time.Time `json:"last_read,omitzero"`
	// Watching says that it tells of changes by itself, beside being read.
	Watching bool `json:"watching"`
	Summary
	// Acknowledges is what acknowledging does and where; empty if it can't be
	// done from here.
	Acknowledges string `json:"acknowledges,omitempty"`
}

// Monitors says that it is a monitoring system: dotm's own source is none, nor one that
// results may be handed to and that has none.
func (s *State) Monitors() bool {
	return !s.BuiltIn && (s.Checks > 0 || s.Kind != Passive)
}

// Summary is what there is of a source.
type Summary struct {
	Program string `json:"program,omitempty"`
	Version string `json:"version,omitempty"`
	Hosts   int    `json:"hosts"`
	Checks  int    `json:"checks"`
	// Unmapped counts the checks that are of no node.
	Unmapped int `json:"unmapped"`
	// Took is how long reading it took.
	Took  int64  `json:"took_ms"`
	Notes []Note `json:"notes,omitempty"`
}

// Problem is why something did not work.
type Problem struct {
	Reason Reason `json:"reason,omitempty"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

// ProblemOf words an error; nil stays nil.
func ProblemOf(err error) *Problem {
	if err == nil {
		return nil
	}
	p := &Problem{Reason: ReasonOf(err), Text: err.Error()}
	if e, ok := err.(*Error); ok { //nolint:errorlint // what wraps it says more
		p.Hint = e.Hint
		bare := *e
		bare.Hint = ""
		p.Text = bare.Error()
	}
	return p
}

// Filter is which checks are asked for; empty fields let all through.
type Filter struct {
	ID      string `json:"id,omitempty"`
	Node    string `json:"node,omitempty"`
	Service string `json:"service,omitempty"`
	Source  string `json:"source,omitempty"`
	Host    string `json:"host,omitempty"`
	// Status lets through those of a status.
	Status topology.Status `json:"status,omitempty"`
	// Bad lets through trouble, Open trouble that nobody takes care of, Unmapped
	// what is of no node.
	Bad, Open, Unmapped bool `json:",omitempty"`
	// Find are words, in any case, that all stand in its host, name or node.
	Find string `json:"find,omitempty"`
}

// Lets says whether a check is among what is asked for.
func (f *Filter) Lets(c *topology.Check) bool {
	same := func(want, is string) bool { return want == "" || want == is }
	return same(f.ID, c.ID) && same(f.Node, c.Node) && same(f.Service, c.Service) && same(f.Source, c.Source) && same(f.Host, c.Host) &&
		same(string(f.Status), string(c.Status)) && (!f.Bad || c.Status.Bad()) && (!f.Open || c.Open()) && (!f.Unmapped || c.Node == "") &&
		(f.Find == "" || f.found(c))
}

// found says whether all words that are looked for stand in a check's names.
func (f *Filter) found(c *topology.Check) bool {
	text := strings.ToLower(c.Host + "\n" + c.Name + "\n" + c.Node)
	for word := range strings.FieldsSeq(strings.ToLower(f.Find)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// Moved is a check that other rules would put elsewhere.
type Moved struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Host   string `json:"host"`
	Name   string `json:"name"`
	From   About  `json:"from"`
	To     About  `json:"to"`
}

// About is what a check is about, and why.
type About struct {
	Node    string            `json:"node,omitempty"`
	Service string            `json:"service,omitempty"`
	Mapping *topology.Mapping `json:"mapping,omitempty"`
}

// Stray is a monitored host that is no node.
type Stray struct {
	Source string `json:"source"`
	Host   string `json:"host"`
	// Addresses are where the source looks for it: IP addresses or host names.
	Addresses []string `json:"addresses,omitempty"`
	// Checks counts those on it, its own among them.
	Checks int `json:"checks"`
	// Mapping says why it is none; its candidates are nodes.
	Mapping *topology.Mapping `json:"mapping,omitempty"`
}

// Counted is how many checks are on it, in words.
func (s *Stray) Counted() string {
	if s.Checks == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", s.Checks)
}
