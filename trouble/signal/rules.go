package signal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Threshold says from when on something is a signal.
type Threshold struct {
	// Off has dotm not look for it.
	Off bool `json:"off" yaml:"off"`
	// Limit is the figure from which on it is trouble; what of is said with the
	// defaults. Zero leaves it as it is.
	Limit float64 `json:"limit" yaml:"limit"`
	// For is how long it must be so before it is told. It ends when it was not so for
	// three times as long, half a minute at most. Zero leaves it as it is.
	For topology.Duration `json:"for" yaml:"for"`
}

// Rules are those of all kinds.
type Rules map[topology.SignalKind]Threshold

// spec is what is known of a kind.
type spec struct {
	Threshold
	min, max float64 // of the limit
	of       string  // what the limit is
	status   topology.Status
	unit     string // of the figure
}

// specs say of each kind what it is like unless people say otherwise.
var specs = map[topology.SignalKind]spec{
	topology.SignalRefused:     {rule(2, 5*time.Second), 1, 1e6, "attempts a minute", topology.Critical, "attempts/min"},
	topology.SignalUnreachable: {rule(1, 5*time.Second), 1, 1e6, "attempts that get no answer", topology.Critical, "attempts"},
	topology.SignalQueue:       {rule(1, 10*time.Second), .1, 10, "times what may wait", topology.Critical, "connections"},
	topology.SignalRetransmits: {rule(.05, 30*time.Second), .005, 1, "of what is sent", topology.Warning, "share"},
	topology.SignalSlow:        {rule(4, 30*time.Second), 1.5, 1000, "times what is usual", topology.Warning, "ms"},
	topology.SignalCloseWait:   {rule(20, time.Minute), 1, 1e6, "connections", topology.Warning, "connections"},
	topology.SignalPorts:       {rule(.85, 10*time.Second), .1, 1, "of the ports", topology.Warning, "share"},
	topology.SignalDescriptors: {rule(.85, 10*time.Second), .1, 1, "of the descriptors", topology.Warning, "share"},
	topology.SignalStopped:     {rule(1, 10*time.Second), 1, 1e6, "clients", topology.Critical, "clients"},
	topology.SignalSilent:      {rule(3, 15*time.Second), 2, 1e6, "nodes at once are one signal", topology.Unknown, "nodes"},
	topology.SignalGone:        {rule(7, 10*time.Minute), 7, 28, "days of being there", topology.Warning, "days"},
}

func rule(limit float64, d time.Duration) Threshold {
	return Threshold{Limit: limit, For: topology.Duration(d)}
}

// The bounds of For.
const (
	minFor = time.Second
	maxFor = 24 * time.Hour
)

// settleMost is the longest time that something must be fine before a signal ends.
const settleMost = 30 * time.Second

// Defaults are the rules of a new installation.
func Defaults() Rules {
	out := make(Rules, len(specs))
	for kind, s := range specs {
		out[kind] = s.Threshold
	}
	return out
}

// Over are the rules with those of another set below them: kinds that r does not
// name, and what is zero in it, are as there.
func (r Rules) Over(below Rules) Rules {
	out := maps.Clone(below)
	if out == nil {
		out = Rules{}
	}
	for kind, is := range r {
		was := out[kind]
		if is.Limit == 0 {
			is.Limit = was.Limit
		}
		if is.For == 0 {
			is.For = was.For
		}
		out[kind] = is
	}
	return out
}

// RuleError is a rule that can't be.
type RuleError struct {
	Field string // "slow.limit"
	Rule  string
	Value string
}

// Error gives the field, the rule and the value.
func (e *RuleError) Error() string { return fmt.Sprintf("%s %s, is %s", e.Field, e.Rule, e.Value) }

// Validate returns the first rule, by name, that can't be, as a [*RuleError].
func (r Rules) Validate() error {
	for _, kind := range slices.Sorted(maps.Keys(r)) {
		is, s := r[kind], specs[kind]
		name := string(kind)
		switch {
		case s.unit == "":
			return &RuleError{name, "must be one of " + kinds(), "no signal"}
		case !(is.Limit >= s.min && is.Limit <= s.max): // NaN neither
			return &RuleError{name + ".limit", fmt.Sprintf("must be %s to %s (%s)", number(s.min), number(s.max), s.of), number(is.Limit)}
		case time.Duration(is.For) < minFor || time.Duration(is.For) > maxFor:
			return &RuleError{name + ".for", fmt.Sprintf("must be %s to %s", minFor, maxFor), time.Duration(is.For).String()}
		}
	}
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func kinds() string {
	known := topology.SignalKinds()
	names := make([]string, 0, len(known))
	for _, kind := range known {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}
