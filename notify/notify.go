// Package notify tells people about incidents: by webhook, through Alertmanager, by
// e-mail, each a leaf. It pages nobody and escalates nothing: that belongs to those
// who are told.
//
// A [Desk] is given the incidents as they are, not what became of them, and compares
// that with what each receiver was told last. So nothing is told twice after a
// restart or by a second server, what was missed while a receiver was away is made
// up for, and a storm is as many notices as there are incidents.
package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// News is what there is to tell of an incident.
type News string

// The kinds of news.
const (
	Opened       News = "opened"
	CauseChanged News = "cause-changed"
	Resolved     News = "resolved"
	Reopened     News = "reopened"
	Test         News = "test" // somebody wants to see whether it arrives
)

// Incident is what is told of one, as it is now. All texts are plain, and may hold
// what hosts and monitoring systems said.
type Incident struct {
	ID       string          `json:"id"`
	Title    string          `json:"title"`
	Sentence string          `json:"sentence"`
	Status   topology.Status `json:"status"`
	// Opened is when it opened, or opened again; Ended when it was resolved, zero
	// while it is open.
	Opened time.Time `json:"opened"`
	Ended  time.Time `json:"ended,omitzero"`
	// Acknowledged says that somebody takes care of it: only its end is told then.
	Acknowledged bool `json:"acknowledged"`
	// Unclear says that the first cause is no more than the first of a list.
	Unclear bool `json:"unclear"`
	// Causes are the likely ones, the likeliest first. CauseSince is how long the
	// first is that.
	Causes     []Cause   `json:"causes"`
	CauseSince time.Time `json:"cause_since,omitzero"`
	// Confirmed is in trouble, Predicted likely next, of NotVisible nothing is known.
	Confirmed  []Effect `json:"confirmed"`
	Predicted  []Effect `json:"predicted"`
	NotVisible []string `json:"not_visible"`
	// Link leads to it in the UI; empty if nobody said how that is reached.
	Link string `json:"link,omitempty"`
}

// Cause is what is likely behind an incident.
type Cause struct {
	Component string `json:"component"`
	Strength  string `json:"strength"`
	Sentence  string `json:"sentence"`
}

// Effect is what became or may become of one component.
type Effect struct {
	Component string `json:"component"`
	Why       string `json:"why"`
}

// cause is the first cause's component; empty if that is unclear.
func (in *Incident) cause() string {
	if len(in.Causes) == 0 || in.Unclear {
		return ""
	}
	return in.Causes[0].Component
}

// Notice is what a receiver gets.
type Notice struct {
	News     News      `json:"news"`
	At       time.Time `json:"at"`
	Incident Incident  `json:"incident"`
	// Picture is an SVG of the piece of chart; nil if there is none.
	Picture []byte `json:"-"`
	// Text is the card as plain text.
	Text string `json:"text"`
}

// ID is the same for the same news, so that who gets it twice can tell.
func (n *Notice) ID() string {
	in := &n.Incident
	sum := sha256.Sum256([]byte(string(n.News) + "\x00" + in.ID + "\x00" + in.cause() + "\x00" + in.Opened.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:12])
}

// Sender brings a notice to one receiver. An error is tried again later, unless it is
// a [*Refused]: then much later.
type Sender interface {
	Send(ctx context.Context, n *Notice) error
}

// Repeater is a [Sender] whose receiver forgets an open incident that it isn't told
// of again and again.
type Repeater interface {
	// Repeat is the time between two.
	Repeat() time.Duration
}

// Refused is an error of a receiver that would say the same again.
type Refused struct{ Err error }

// Error is the cause's.
func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap is the cause.
func (r *Refused) Unwrap() error { return r.Err }
