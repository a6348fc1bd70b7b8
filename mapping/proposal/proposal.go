// Package proposal says what other settings would move, and which settings bring a
// check where people point.
package proposal

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
)

// Move is a check that other settings would put elsewhere.
type Move struct {
	// ID, Host and Name are those of the check.
	ID, Host, Name string
	From, To       mapping.Place
}

// Preview lists the checks that other settings would move, sorted by host and name.
// Neither the checks nor m change, which is what maps them now.
func Preview(m *mapping.Mapper, rules *mapping.Rules, checks []mapping.Check) []Move {
	now, then := m.Under(nil), m.Under(rules)
	var out []Move
	for i := range checks {
		c := &checks[i]
		if from, to := now.Place(c), then.Place(c); from.Node != to.Node || from.Service != to.Service {
			out = append(out, Move{ID: c.ID, Host: c.Host, Name: c.Name, From: from, To: to})
		}
	}
	slices.SortFunc(out, func(a, b Move) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return out
}

// Suggestion is what to write into the settings: a rule, or the alias of a host.
type Suggestion struct {
	Rule *mapping.Rule // nil if it is an alias; before all other rules
	// Host is to be an alias of Node; empty if it is a rule.
	Host, Node string
}

// Apply is settings with the suggestion in them. s itself doesn't change.
func (g *Suggestion) Apply(s mapping.Settings) mapping.Settings {
	if g.Rule != nil {
		s.Rules = append([]mapping.Rule{*g.Rule}, s.Rules...)
		return s
	}
	aliases := map[string]string{g.Host: g.Node}
	for name, node := range s.Aliases {
		if !strings.EqualFold(name, g.Host) {
			aliases[name] = node
		}
	}
	s.Aliases = aliases
	return s
}

// ErrSuggest is why nothing can be suggested: there is no such node or service, or no
// rule tells it from others.
var ErrSuggest = errors.New("no rule leads there")

// Suggest is what brings a check onto a service, or with none onto a node as a whole,
// and moves no other check: for that of a host an alias, for others a rule for
// exactly this name on exactly this host. An alias brings all checks of the host
// along, and does not mind case.
func Suggest(m *mapping.Mapper, c *mapping.Check, node, service string) (Suggestion, error) {
	b := m.Snapshot().Block(node)
	if b == nil || b.Node.Kind == topology.Network || b.Node.Kind == topology.Internet {
		return Suggestion{}, fmt.Errorf("%w: %q is no node that checks can be on", ErrSuggest, node)
	}
	if c.Kind == topology.HostCheck || c.Name == "" {
		if service != "" {
			return Suggestion{}, fmt.Errorf("%w: the check of a host is about a node as a whole: choose the node", ErrSuggest)
		}
		return Suggestion{Host: c.Host, Node: node}, nil
	}
	r := mapping.Rule{Check: exactly(c.Name), Host: exactly(c.Host)}
	if service == "" || m.Host(c.Host).Node != node {
		r.Node = node
	}
	if service != "" {
		s := b.Service(service)
		if s == nil {
			return Suggestion{}, fmt.Errorf("%w: %q is no service of %q", ErrSuggest, service, node)
		}
		r.Port, r.Protocol = s.Port, s.Protocol
		if s.Process != "" {
			r.Process = exactly(s.Process)
		}
	}
	return proven(m, c, Suggestion{Rule: &r}, node, service)
}

// proven is the suggestion, if it does what it is for. A rule finds services by
// process and port, and so can't tell two of the same apart.
func proven(m *mapping.Mapper, c *mapping.Check, g Suggestion, node, service string) (Suggestion, error) {
	rules, err := mapping.Compile(mapping.Settings{Rules: []mapping.Rule{*g.Rule}})
	if err != nil {
		return Suggestion{}, fmt.Errorf("%w: its name is too long for one: write one with a part of it: %w", ErrSuggest, err)
	}
	if to := m.Under(rules.Over(m.Rules())).Place(c); to.Node != node || to.Service != service {
		return Suggestion{}, fmt.Errorf("%w: the process and port of %q don't tell it from other services of %q", ErrSuggest, service, node)
	}
	return g, nil
}

// exactly is the regular expression for one text, in these letters.
func exactly(text string) string {
	quoted := regexp.QuoteMeta(text)
	if strings.ToLower(text) == strings.ToUpper(text) {
		return "^" + quoted + "$"
	}
	return "^(?-i:" + quoted + ")$"
}
