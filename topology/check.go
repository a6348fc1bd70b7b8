package topology

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"
)

// Status is what a check says, or the worst of those on a thing.
type Status string

// NoStatus is the status of what no check is about.
const NoStatus Status = "NONE"

// The statuses of checks: of services OK to Pending, of hosts Up to
// Unreachable, and Pending of both.
const (
	OK          Status = "OK"
	Warning     Status = "WARNING"
	Critical    Status = "CRITICAL"
	Unknown     Status = "UNKNOWN"
	Pending     Status = "PENDING" // never checked
	Up          Status = "UP"
	Down        Status = "DOWN"
	Unreachable Status = "UNREACHABLE" // what lies before it is down
)

// Verdict is what the checks on a thing say together.
type Verdict struct {
	// Status is the worst of them all.
	Status Status `json:"status"`
	// OpenStatus is the worst of those that nobody takes care of and that are
	// not stale; see [Check.Open].
	OpenStatus Status `json:"open_status"`
	// StatusStale says that all of them are.
	StatusStale bool `json:"status_stale,omitempty"`
	// Checks counts them, Open those that are open, and Handled those that are
	// trouble which is not.
	Checks  int `json:"checks,omitempty"`
	Open    int `json:"open_checks,omitempty"`
	Handled int `json:"handled_checks,omitempty"`
	// StatusChanged is when one of them changed its status last, in UTC; zero if
	// that is not known.
	StatusChanged time.Time `json:"status_changed,omitzero"`
}

// NoVerdict is that on what no check is about.
var NoVerdict = Verdict{Status: NoStatus, OpenStatus: NoStatus}

// severities are the statuses from nothing to the worst.
var severities = []Status{NoStatus, Pending, OK, Up, Warning, Unknown, Unreachable, Critical, Down}

// Severity orders statuses: the higher the worse, from 0 for [NoStatus]; -1 for
// what is no status.
func (s Status) Severity() int { return slices.Index(severities, s) }

// Bad says whether a status is trouble.
func (s Status) Bad() bool { return s.Severity() >= Warning.Severity() }

// Worse is the worse of two statuses.
func Worse(a, b Status) Status {
	if b.Severity() > a.Severity() {
		return b
	}
	return a
}

// CheckKind says what a check is about.
type CheckKind string

// The kinds of check.
const (
	HostCheck    CheckKind = "host"
	ServiceCheck CheckKind = "service"
)

// Check is one result of a monitoring system. In a block it changes when the
// status or how it is handled does; what it last said, and when, is told by the
// live list.
type Check struct {
	// ID is stable and safe in a URL's path; see [CheckID].
	ID string `json:"id"`
	// Source is the name of the monitoring instance.
	Source string    `json:"source"`
	Kind   CheckKind `json:"kind"`
	// Host and Name are what the monitoring system calls it; the check of a host
	// has no name.
	Host   string `json:"host"`
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Hard is false while the system tries again before it believes the status.
	Hard         bool `json:"hard"`
	Acknowledged bool `json:"acknowledged"`
	Downtime     bool `json:"downtime"`
	Flapping     bool `json:"flapping"`
	// Suppressed says that the system takes it for a mere symptom: its host is
	// down, or another alert inhibits it.
	Suppressed bool `json:"suppressed"`
	// Since is when the status began; zero if unknown.
	Since time.Time `json:"since,omitzero"`
	// LastCheck is when the system last looked, LastOK when that last was fine;
	// zero for never or unknown.
	LastCheck time.Time `json:"last_check,omitzero"`
	LastOK    time.Time `json:"last_ok,omitzero"`
	// Interval is how often the system looks; zero if it doesn't say.
	Interval Duration `json:"interval,omitzero"`
	// Stale says that nothing is known of it any more: its source can't be read,
	// or it was not looked at for three of its intervals.
	Stale bool `json:"stale"`
	// Output is what the check said: one line, any characters.
	Output string `json:"output"`
	// Link leads to the check in the monitoring system's own pages.
	Link string `json:"link,omitempty"`
	// Groups are those that the monitoring system has it in, sorted.
	Groups []string `json:"groups,omitempty"`
	// Node and Service are what it is about; Service is empty if that is the
	// node as a whole, Node if that is none of the topology.
	Node    string `json:"node,omitempty"`
	Service string `json:"service,omitempty"`
	// Mapping says why, or why there is no node.
	Mapping *Mapping `json:"mapping,omitempty"`
	// Signal is what dotm saw in the sockets; nil for checks of other sources than
	// [SignalSource].
	Signal *Signal `json:"signal,omitempty"`
}

// Mapping is why a check belongs to what it is mapped on.
type Mapping struct {
	// Rule is what decided: "rule", "alias", "address", "port", "known", "name",
	// "host", or "signal" where dotm saw it there itself.
	Rule string `json:"rule"`
	// Evidence is one sentence.
	Evidence string `json:"evidence"`
	// Ambiguous says that several services would do, Candidates which: so it is
	// on the node.
	Ambiguous  bool     `json:"ambiguous,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
}

// CheckID names a check by what its source calls it. It is safe in a URL's path
// whatever those names hold; name is empty for a host.
func CheckID(source, host, name string) string {
	h := sha256.New()
	for _, part := range []string{source, host, name} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:15]))
}

// Handled says that somebody or something takes care of it, or that it may not be
// true: acknowledged, in downtime, flapping, soft, suppressed.
func (c *Check) Handled() bool {
	return c.Acknowledged || c.Downtime || c.Flapping || c.Suppressed || !c.Hard
}

// Open says that it is trouble nobody takes care of, as far as is known now.
func (c *Check) Open() bool { return c.Status.Bad() && !c.Handled() && !c.Stale }

// SameCheck says whether two results differ in nothing but when it was looked and
// what was said.
func SameCheck(x, y *Check) bool {
	return x.ID == y.ID && x.Source == y.Source && x.Kind == y.Kind && x.Host == y.Host && x.Name == y.Name &&
		x.Status == y.Status && x.Hard == y.Hard && x.Acknowledged == y.Acknowledged && x.Downtime == y.Downtime &&
		x.Flapping == y.Flapping && x.Suppressed == y.Suppressed && x.Stale == y.Stale && x.Since.Equal(y.Since) &&
		x.Interval == y.Interval && x.Link == y.Link && slices.Equal(x.Groups, y.Groups) &&
		x.Node == y.Node && x.Service == y.Service && sameMapping(x.Mapping, y.Mapping) && sameSignal(x.Signal, y.Signal)
}

func sameMapping(a, b *Mapping) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Rule == b.Rule && a.Evidence == b.Evidence && a.Ambiguous == b.Ambiguous && slices.Equal(a.Candidates, b.Candidates)
}

// SameChecks is [SameCheck] for lists in one order.
func SameChecks(a, b []Check) bool {
	return slices.EqualFunc(a, b, func(x, y Check) bool { return SameCheck(&x, &y) })
}

// SetChecks puts the checks on a block that may be written, sorts them by id, and
// derives the verdicts on the node and its services.
func (b *Block) SetChecks(checks []Check) {
	slices.SortFunc(checks, func(x, y Check) int { return cmp.Compare(x.ID, y.ID) })
	b.Checks = checks
	b.Judge()
}

// Judge derives the verdicts on the node and its services from the checks. The
// block may be written.
func (b *Block) Judge() {
	node := NoVerdict
	services := map[string]*Verdict{}
	for i := range b.Checks {
		c := &b.Checks[i]
		node.hear(c)
		if c.Service == "" {
			continue
		}
		j := services[c.Service]
		if j == nil {
			j = &Verdict{Status: NoStatus, OpenStatus: NoStatus}
			services[c.Service] = j
		}
		j.hear(c)
	}
	b.Node.Verdict = node
	for i := range b.Services {
		s := &b.Services[i]
		if s.Verdict = NoVerdict; services[s.ID] != nil {
			s.Verdict = *services[s.ID]
		}
	}
}

// hear takes in what one more check says.
func (j *Verdict) hear(c *Check) {
	j.Status = Worse(j.Status, c.Status)
	if !c.Stale && (!c.Status.Bad() || c.Open()) {
		j.OpenStatus = Worse(j.OpenStatus, c.Status)
	}
	j.StatusStale = c.Stale && (j.StatusStale || j.Checks == 0)
	j.Checks++
	switch {
	case c.Open():
		j.Open++
	case c.Status.Bad() && c.Handled():
		j.Handled++
	}
	if c.Since.After(j.StatusChanged) {
		j.StatusChanged = c.Since.UTC()
	}
}
