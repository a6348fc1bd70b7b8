package store

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/devops-trouble-map/dotm/topology"
)

// Settings are what people may change while dotm runs.
type Settings struct {
	// Ageing is how long after its last socket closed a connection is old.
	Ageing topology.Duration `json:"ageing" yaml:"ageing"`
	// HideAfter is how long after they were last seen old connections and gone
	// services stay on the chart; 0 is for ever.
	HideAfter topology.Duration `json:"hide_after" yaml:"hide_after"`
	// StaleAfter is how long a node may be silent, at least three of its
	// intervals.
	StaleAfter topology.Duration `json:"stale_after" yaml:"stale_after"`
	// Retention is how long events are kept; 0 is for ever.
	Retention topology.Duration `json:"retention" yaml:"retention"`
	// InternalNetworks are the site's own, beside the private ones, which
	// always are.
	InternalNetworks []netip.Prefix `json:"internal_networks" yaml:"internal_networks"`
	// IgnoredPorts and IgnoredNames are hidden on reading, never dropped.
	IgnoredPorts []uint16 `json:"ignored_ports" yaml:"ignored_ports"`
	IgnoredNames []string `json:"ignored_names" yaml:"ignored_names"`
}

// Defaults are the settings of a new installation.
func Defaults() Settings {
	return Settings{
		Ageing:           topology.Duration(5 * time.Minute),
		HideAfter:        topology.Duration(35 * 24 * time.Hour),
		StaleAfter:       topology.Duration(time.Minute),
		Retention:        topology.Duration(30 * 24 * time.Hour),
		InternalNetworks: []netip.Prefix{},
		IgnoredPorts:     []uint16{22, 25, 53, 111, 631, 953, 2049, 4848, 4949, 5666, 24007, 24009},
		IgnoredNames:     []string{"rpc.statd", "rpc.mountd"},
	}
}

// Limits of the settings.
const (
	minAgeing   = time.Second
	maxDuration = 10 * 365 * 24 * time.Hour
	maxEntries  = 1000
	maxNameLen  = 255
)

// InvalidError is a setting that breaks a rule.
type InvalidError struct {
	Field string // as in JSON: "ageing", "ignored_names[2]"
	Rule  string
	Value string
}

// Error gives the field, the rule and the value.
func (e *InvalidError) Error() string { return fmt.Sprintf("%s %s, is %s", e.Field, e.Rule, e.Value) }

// Validate returns the first broken rule as an [*InvalidError].
func (s *Settings) Validate() error {
	for _, d := range []struct {
		field string
		value topology.Duration
		min   time.Duration
	}{
		{"ageing", s.Ageing, minAgeing},
		{"hide_after", s.HideAfter, 0},
		{"stale_after", s.StaleAfter, minAgeing},
		{"retention", s.Retention, 0},
	} {
		if v := time.Duration(d.value); v < d.min || v > maxDuration {
			return &InvalidError{d.field, fmt.Sprintf("must be %s to %s", d.min, maxDuration), v.String()}
		}
	}
	for _, l := range []struct {
		field string
		n     int
	}{{"internal_networks", len(s.InternalNetworks)}, {"ignored_ports", len(s.IgnoredPorts)}, {"ignored_names", len(s.IgnoredNames)}} {
		if l.n > maxEntries {
			return &InvalidError{l.field, fmt.Sprintf("must have at most %d entries", maxEntries), strconv.Itoa(l.n)}
		}
	}
	return s.validateEntries()
}

func (s *Settings) validateEntries() error {
	for i, p := range s.InternalNetworks {
		if !p.IsValid() || p.Bits() == 0 {
			return &InvalidError{fmt.Sprintf("internal_networks[%d]", i), "must be a network like 203.0.113.0/24", p.String()}
		}
	}
	for i, p := range s.IgnoredPorts {
		if p == 0 {
			return &InvalidError{fmt.Sprintf("ignored_ports[%d]", i), "must be 1 to 65535", "0"}
		}
	}
	for i, n := range s.IgnoredNames {
		if n == "" || len(n) > maxNameLen || strings.ContainsFunc(n, unicode.IsControl) {
			return &InvalidError{fmt.Sprintf("ignored_names[%d]", i), fmt.Sprintf("must be a process name of 1 to %d bytes", maxNameLen), fmt.Sprintf("%q", n)}
		}
	}
	return nil
}

// Clone copies the lists, so that the copy may be changed.
func (s Settings) Clone() Settings {
	s.InternalNetworks = slices.Clone(s.InternalNetworks)
	s.IgnoredPorts = slices.Clone(s.IgnoredPorts)
	s.IgnoredNames = slices.Clone(s.IgnoredNames)
	return s
}

// Patch changes some settings; nil fields stay as they are.
type Patch struct {
	Ageing           *topology.Duration `json:"ageing,omitempty" yaml:"ageing"`
	HideAfter        *topology.Duration `json:"hide_after,omitempty" yaml:"hide_after"`
	StaleAfter       *topology.Duration `json:"stale_after,omitempty" yaml:"stale_after"`
	Retention        *topology.Duration `json:"retention,omitempty" yaml:"retention"`
	InternalNetworks *[]netip.Prefix    `json:"internal_networks,omitempty" yaml:"internal_networks"`
	IgnoredPorts     *[]uint16          `json:"ignored_ports,omitempty" yaml:"ignored_ports"`
	IgnoredNames     *[]string          `json:"ignored_names,omitempty" yaml:"ignored_names"`
}

// Apply returns s with the patch's fields in place. It does not validate.
func (p Patch) Apply(s Settings) Settings {
	s = s.Clone()
	set(&s.Ageing, p.Ageing)
	set(&s.HideAfter, p.HideAfter)
	set(&s.StaleAfter, p.StaleAfter)
	set(&s.Retention, p.Retention)
	set(&s.InternalNetworks, p.InternalNetworks)
	set(&s.IgnoredPorts, p.IgnoredPorts)
	set(&s.IgnoredNames, p.IgnoredNames)
	return s
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// Merge returns p with the fields that q sets on top.
func (p Patch) Merge(q Patch) Patch {
	over(&p.Ageing, q.Ageing)
	over(&p.HideAfter, q.HideAfter)
	over(&p.StaleAfter, q.StaleAfter)
	over(&p.Retention, q.Retention)
	over(&p.InternalNetworks, q.InternalNetworks)
	over(&p.IgnoredPorts, q.IgnoredPorts)
	over(&p.IgnoredNames, q.IgnoredNames)
	return p
}

func over[T any](field **T, to *T) {
	if to != nil {
		*field = to
	}
}

// Fields names the settings that the patch changes, as in JSON.
func (p Patch) Fields() []string {
	var out []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"ageing", p.Ageing != nil},
		{"hide_after", p.HideAfter != nil},
		{"stale_after", p.StaleAfter != nil},
		{"retention", p.Retention != nil},
		{"internal_networks", p.InternalNetworks != nil},
		{"ignored_ports", p.IgnoredPorts != nil},
		{"ignored_names", p.IgnoredNames != nil},
	} {
		if f.set {
			out = append(out, f.name)
		}
	}
	return out
}
