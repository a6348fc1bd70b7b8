// Package monitor reads what monitoring systems say. It doesn't monitor anything
// itself. Each kind of system is a leaf; a leaf makes a [Source] of [Options].
package monitor

import (
	"context"
	"errors"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
)

// Source is one monitoring instance. Its methods are called one at a time, but
// for those of [Watcher] and [Acknowledger]. One that is an [io.Closer] is closed when
// it is no longer read, and may be read again after that.
type Source interface {
	// Read reads all there is: hosts and the newest result of every check. What
	// it doesn't name is gone. Errors are an [*Error] where the cause is known.
	Read(ctx context.Context) (*Reading, error)
}

// Watcher is a source that tells of changes by itself, beside being read.
type Watcher interface {
	// Watch calls tell for what changes, until ctx ends or the system is lost;
	// then it returns why. tell gets whole checks, which replace those of the
	// same host and name; with none of them, all is to be read again. ready is
	// called once, when nothing that changes from then on is missed.
	Watch(ctx context.Context, ready func(), tell func(checks []mapping.Check)) error
}

// Acknowledger is a source whose problems can be acknowledged.
type Acknowledger interface {
	// Acknowledge tells the system that somebody takes care. What it did is one
	// sentence for people: "silence 12ab… until 14:00".
	Acknowledge(ctx context.Context, a Acknowledgement) (did string, err error)
	// Acknowledges says what the button does and where, for people: "acknowledges
	// in Icinga 2".
	Acknowledges() string
}

// Acknowledgement is what somebody says about a problem.
type Acknowledgement struct {
	Host, Name string // of the check; Name is empty for a host
	Author     string
	Comment    string
}

// Reading is what a system says at one moment.
type Reading struct {
	// Program and Version name what answered: "Nagios Core", "4.4.6".
	Program, Version string
	// At is when the system itself brought its data up to date, by its own clock,
	// and Age how long ago that was when it answered; zero if it doesn't say.
	At  time.Time
	Age time.Duration
	// Hosts and Checks are in no particular order, and must not be written: the source
	// may hold them, too. Checks have no ID, Source, Node,
	// Service, Mapping: these are given to them. Host checks are among them.
	Hosts  []mapping.Host
	Checks []mapping.Check
	// Dependencies are those that people declared there.
	Dependencies []Dependency
	// Notes say what could not be read, or looks wrong, each once.
	Notes []Note
}

// Dependency says that one thing needs another: hosts where the names are empty.
type Dependency struct {
	Host       string `json:"host"` // what needs
	Name       string `json:"name,omitempty"`
	ParentHost string `json:"parent_host"` // what is needed
	ParentName string `json:"parent_name,omitempty"`
}

// Note is one sentence about a reading, with what to do.
type Note = topology.Note

// Reason says why a source can't be read.
type Reason string

// The reasons.
const (
	NoConnection Reason = "connection" // nobody answers there
	NoTrust      Reason = "certificate"
	NoLogin      Reason = "login"  // refused: who asks is not known
	NoRight      Reason = "rights" // known, and may not
	NotThere     Reason = "path"   // something answers, not this
	NotIt        Reason = "format" // the answer is not what such a system says
	NotRunning   Reason = "stopped"
	OldData      Reason = "stale" // answers, with data that are no longer brought up to date
	TooLarge     Reason = "size"
	TooSlow      Reason = "time"
)

// Error is why a source can't be read, for people.
type Error struct {
	Reason Reason
	// Text is one sentence; Hint what to do next.
	Text, Hint string
	Err        error // nil if there is nothing more to say
}

// Error is text and hint.
func (e *Error) Error() string {
	s := e.Text
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errors about sources themselves.
var (
	ErrExists   = errors.New("there is a source of this name already")
	ErrNoSource = errors.New("there is no such source")

	ErrNoCheck         = errors.New("there is no such check")
	ErrNoAcknowledging = errors.New("acknowledging from here is off")
)

// ReasonOf is why err says that a source can't be read; empty if it doesn't.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
