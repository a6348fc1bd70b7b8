package topology

import (
	"strconv"
	"strings"
)

// SignalKind says what kind of trouble the sockets show.
type SignalKind string

// The kinds of signal.
const (
	SignalRefused     SignalKind = "refused"     // attempts to connect are refused
	SignalUnreachable SignalKind = "unreachable" // attempts to connect get no answer
	SignalQueue       SignalKind = "queue"       // more wait to be accepted than may
	SignalRetransmits SignalKind = "retransmits" // much of what is sent is lost
	SignalSlow        SignalKind = "slow"        // round trips take many times what is usual
	SignalCloseWait   SignalKind = "close-wait"  // a process doesn't close what its peers closed
	SignalPorts       SignalKind = "ports"       // local ports for calling out run out
	SignalDescriptors SignalKind = "descriptors" // file descriptors run out
	SignalStopped     SignalKind = "stopped"     // a service with clients listens no more
	SignalSilent      SignalKind = "silent"      // a node that reported doesn't
	SignalGone        SignalKind = "gone"        // a connection that was always there is not
)

// SignalKinds are all of them.
func SignalKinds() []SignalKind {
	return []SignalKind{
		SignalRefused, SignalUnreachable, SignalQueue, SignalRetransmits, SignalSlow, SignalCloseWait,
		SignalPorts, SignalDescriptors, SignalStopped, SignalSilent, SignalGone,
	}
}

// predicates are what a signal of a kind says of what it is about. What it says beyond that
// is with whom.
var predicates = map[SignalKind]string{
	SignalRefused:     "refuses connections",
	SignalUnreachable: "does not answer",
	SignalQueue:       "accepts connections too slowly",
	SignalRetransmits: "loses much of its traffic",
	SignalSlow:        "is slow to reach",
	SignalCloseWait:   "does not close connections",
	SignalPorts:       "runs out of local ports",
	SignalDescriptors: "runs out of file descriptors",
	SignalStopped:     "listens no more",
	SignalSilent:      "reports no more",
}

// Says is what signals of a kind say of what they are about, as the rest of a sentence;
// empty where that names the other end, too.
func (k SignalKind) Says() string { return predicates[k] }

// ShortTitle is a [Signal.Title] without the other end, where one signal of many names one
// of many clients.
func (k SignalKind) ShortTitle(title string) string {
	if at := strings.Index(title, " "+predicates[k]); predicates[k] != "" && at > 0 {
		return title[:at+1+len(predicates[k])]
	}
	return title
}

// SignalSource is the source of the checks that dotm makes itself of what it sees
// in the sockets.
const SignalSource = "dotm"

// Signal is what a check of [SignalSource] saw.
type Signal struct {
	Kind SignalKind `json:"kind"`
	// Title is what it says as a plain sentence without figures: who does what, with
	// whom last, as in "db01 postgres:5432 refuses connections of app01 puma". Records
	// of former versions have none.
	Title string `json:"title,omitempty"`
	// Connection is the id of the edge that it is about, with both its ends; empty
	// if it is about none.
	Connection string `json:"connection,omitempty"`
	Client     Client `json:"client,omitzero"`
	Server     Server `json:"server,omitzero"`
	// Figure is what was measured, in Unit; Baseline is what is usual there, zero if
	// nothing is or it is not known; Limit is from which on it is trouble. In a block
	// they are as of when the signal began, in the live list of now.
	Figure   float64 `json:"figure"`
	Unit     string  `json:"unit,omitempty"`
	Baseline float64 `json:"baseline,omitempty"`
	Limit    float64 `json:"limit,omitempty"`
	// Nodes is of how many nodes one signal speaks, where that are several which
	// fell silent at once.
	Nodes int `json:"nodes,omitempty"`
}

// sameSignal says whether two differ in figures alone.
func sameSignal(a, b *Signal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Connection == b.Connection && a.Client == b.Client && a.Server == b.Server
}

// Shortage is what a node is about to run out of.
type Shortage struct {
	// Kind is [SignalPorts] or [SignalDescriptors].
	Kind SignalKind `json:"kind"`
	// Process and PID are whose descriptors they are; the kernel's own have none.
	Process string `json:"process,omitempty"`
	PID     int    `json:"pid,omitempty"`
	// Server is the address and port that the ports are taken for.
	Server string `json:"server,omitempty"`
	// Used of Max are taken. Used has two digits.
	Used uint64 `json:"used"`
	Max  uint64 `json:"max"`
}

// Of says what of in words: whose descriptors, or ports for calls to whom.
func (s *Shortage) Of() string {
	switch {
	case s.Kind == SignalPorts:
		return s.Server
	case s.PID == 0:
		return "all processes"
	}
	return s.Process + " (pid " + strconv.Itoa(s.PID) + ")"
}
