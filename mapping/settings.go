package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping/lexicon"
	"github.com/devops-trouble-map/dotm/mapping/pattern"
	"github.com/devops-trouble-map/dotm/topology"
)

// The bounds of settings.
const (
	MaxRules   = 1000
	MaxText    = 1 << 10 // bytes of a name or regular expression
	MaxAliases = 100_000
)

// Settings are what people say about what belongs to what.
type Settings struct {
	// Aliases are names of monitored hosts with the node that each is.
	Aliases map[string]string `json:"aliases,omitempty" yaml:"aliases"`
	// Rules say which service a check is about. The first that leads to one
	// decides.
	Rules []Rule `json:"mapping,omitempty" yaml:"mapping"`
}

// Rule leads checks to a service, or to a node: that of the check's host unless
// Node names another. Check, Process and Host are regular expressions (RE2) that
// match anywhere, and don't mind case. A rule needs Check or Host to say which
// checks, and Process, Port or Node to say where they belong.
type Rule struct {
	// Name is what people call the rule; it may be empty.
	Name string `json:"name,omitempty" yaml:"name"`
	// Check matches the names of checks; empty matches all.
	Check string `json:"check,omitempty" yaml:"check"`
	// Process matches the process of the service; empty matches all. With neither
	// Process nor Port the rule leads to the node as a whole.
	Process string `json:"process,omitempty" yaml:"process"`
	// Host matches the monitoring system's name of the host; empty matches all.
	Host string `json:"host,omitempty" yaml:"host"`
	// Node is the name of a node.
	Node string `json:"node,omitempty" yaml:"node"`
	// Port is that of the service, and Protocol its protocol; zero and empty match
	// all.
	Port     uint16            `json:"port,omitempty" yaml:"port"`
	Protocol topology.Protocol `json:"protocol,omitempty" yaml:"protocol"`
}

// SettingError refuses a part of the settings.
type SettingError struct {
	Field string // "mapping[2].check", "aliases[db-main]"; indices count from 0
	Rule  string // what it must be
	Value string // what it is, cut to 100 bytes
	Err   error  // nil if there is nothing more to say
}

// Error names the field, the rule and the value.
func (e *SettingError) Error() string {
	s := fmt.Sprintf("%s %s, is %q", e.Field, e.Rule, e.Value)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *SettingError) Unwrap() error { return e.Err }

// Rules are settings made ready for use. They are safe for any number of readers.
type Rules struct {
	aliases map[string]string // by folded name
	rules   []rule
	exact   map[string][]int32 // rules for exactly one name of a check, by that folded
	others  []int32            // the rest of them
	words   *lexicon.Lexicon
}

// rule is a [Rule] made ready.
type rule struct {
	Rule
	label                string // "rule 3" or its name
	check, process, host pattern.Pattern
}

// Compile makes settings ready. Its error joins a [SettingError] for all that is
// wrong with them.
func Compile(s Settings) (*Rules, error) {
	r := &Rules{aliases: map[string]string{}, exact: map[string][]int32{}, words: lexicon.New()}
	errs := r.compileAliases(s.Aliases)
	if len(s.Rules) > MaxRules {
		errs = append(errs, &SettingError{Field: "mapping", Rule: fmt.Sprintf("must hold at most %d rules", MaxRules), Value: strconv.Itoa(len(s.Rules))})
		return nil, errors.Join(errs...)
	}
	for i := range s.Rules {
		one, wrong := compileRule(i, &s.Rules[i])
		errs = append(errs, wrong...)
		r.add(one)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Rules) add(one rule) {
	i := int32(len(r.rules))
	r.rules = append(r.rules, one)
	if name, whole := one.check.Whole(); whole {
		r.exact[name] = append(r.exact[name], i)
	} else {
		r.others = append(r.others, i)
	}
}

func (r *Rules) compileAliases(aliases map[string]string) (errs []error) {
	if len(aliases) > MaxAliases {
		return []error{&SettingError{Field: "aliases", Rule: fmt.Sprintf("must hold at most %d names", MaxAliases), Value: strconv.Itoa(len(aliases))}}
	}
	for _, name := range slices.Sorted(maps.Keys(aliases)) {
		node, field := aliases[name], "aliases["+pattern.Cut(name)+"]"
		key := pattern.Fold(name)
		other, twice := r.aliases[key]
		switch {
		case strings.TrimSpace(name) == "" || len(name) > MaxText:
			errs = append(errs, &SettingError{Field: field, Rule: fmt.Sprintf("must be the alias of a name of 1 to %d bytes", MaxText), Value: pattern.Cut(name)})
		case strings.TrimSpace(node) == "" || len(node) > MaxText:
			errs = append(errs, &SettingError{Field: field, Rule: fmt.Sprintf("must name a node, in 1 to %d bytes", MaxText), Value: pattern.Cut(node)})
		case twice && other != node:
			errs = append(errs, &SettingError{Field: field, Rule: "must be the same node as for the name in other letters, " + pattern.Cut(other), Value: pattern.Cut(node)})
		default:
			r.aliases[key] = node
		}
	}
	return errs
}

// compileRule makes the i-th rule ready.
func compileRule(i int, r *Rule) (out rule, errs []error) {
	field := func(name string) string { return fmt.Sprintf("mapping[%d].%s", i, name) }
	out = rule{Rule: *r, label: fmt.Sprintf("rule %d", i+1)}
	if r.Name != "" {
		out.label = fmt.Sprintf("rule %q", pattern.Cut(r.Name))
	}
	for _, text := range []struct{ field, value string }{{"name", r.Name}, {"node", r.Node}} {
		if len(text.value) > MaxText {
			errs = append(errs, &SettingError{Field: field(text.field), Rule: fmt.Sprintf("must have at most %d bytes", MaxText), Value: pattern.Cut(text.value)})
		}
	}
	for _, one := range []struct {
		field, value string
		to           *pattern.Pattern
	}{{"check", r.Check, &out.check}, {"process", r.Process, &out.process}, {"host", r.Host, &out.host}} {
		var err error
		if len(one.value) > MaxText {
			errs = append(errs, &SettingError{Field: field(one.field), Rule: fmt.Sprintf("must have at most %d bytes", MaxText), Value: pattern.Cut(one.value)})
		} else if *one.to, err = pattern.Compile(one.value); err != nil {
			errs = append(errs, &SettingError{Field: field(one.field), Rule: "must be a regular expression as RE2 takes them", Value: pattern.Cut(one.value), Err: err})
		}
	}
	if r.Check == "" && r.Host == "" {
		errs = append(errs, &SettingError{Field: field("check"), Rule: "must say which checks are meant, if host doesn't", Value: ""})
	}
	if r.Process == "" && r.Port == 0 && r.Node == "" {
		errs = append(errs, &SettingError{Field: field("process"), Rule: "must say where the checks belong, if neither port nor node does", Value: ""})
	}
	if r.Protocol != "" && r.Protocol != "tcp" && r.Protocol != "udp" {
		errs = append(errs, &SettingError{Field: field("protocol"), Rule: "must be tcp or udp", Value: pattern.Cut(string(r.Protocol))})
	}
	return out, errs
}

// Over are rules that go before others. Aliases that only the others have stay.
func (r *Rules) Over(others *Rules) *Rules {
	out := &Rules{aliases: map[string]string{}, exact: map[string][]int32{}, words: r.words}
	maps.Copy(out.aliases, others.aliases)
	maps.Copy(out.aliases, r.aliases)
	for _, one := range slices.Concat(r.rules, others.rules) {
		out.add(one)
	}
	return out
}

// naming lists the rules that match a check's name, ascending.
func (r *Rules) naming(name string) (out []int32) {
	if len(r.rules) == 0 {
		return nil
	}
	folded := pattern.Fold(name)
	for _, i := range r.exact[folded] {
		if r.rules[i].check.Matches(name, folded) {
			out = append(out, i)
		}
	}
	sorted := len(out) == 0
	for _, i := range r.others {
		if r.rules[i].check.Matches(name, folded) {
			out = append(out, i)
		}
	}
	if !sorted {
		slices.Sort(out)
	}
	return out
}
