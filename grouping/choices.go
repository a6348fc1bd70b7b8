package grouping

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// The bounds of choices.
const (
	MaxChoices = 100_000 // entries of each map
	MaxText    = 255     // bytes of a name or ID
)

// Choices are made by people and win over what is found, at once. The zero value
// chooses nothing. A Choices that was given to [Memory.Advance] may be changed
// afterwards; the next call sees it.
type Choices struct {
	// Names are given to pools and groups, by ID.
	Names map[string]string `json:"names,omitempty" yaml:"names"`
	// Pool puts nodes into pools, by node; an ID that nothing has yet makes a new
	// pool, and the empty one leaves the node alone.
	Pool map[string]string `json:"pool,omitempty" yaml:"pool"`
	// Group puts nodes and pools into groups, by the name of the node or the ID of
	// the pool, or by the ID of a group: then all of that group is meant, so that
	// groups are merged. An ID that nothing has yet makes a new group; the empty
	// one means none. A node outweighs its pool, and a pool its group. A node that
	// is put elsewhere than its pool leaves that.
	Group map[string]string `json:"group,omitempty" yaml:"group"`
	// Shared says that a node is a shared service, or is none.
	Shared map[string]bool `json:"shared,omitempty" yaml:"shared"`
}

// ChoiceError refuses a choice.
type ChoiceError struct {
	Field string // "names[pool~1f0a33c2]", "pool"
	Rule  string // what it must be
	Value string // what it is, cut to 100 bytes
}

// Error names the field, the rule and the value.
func (e *ChoiceError) Error() string { return fmt.Sprintf("%s %s, is %q", e.Field, e.Rule, e.Value) }

// Validate checks the form of choices, not whether what they name exists: nodes
// come and go. A refusal is a [*ChoiceError].
func (c *Choices) Validate() error {
	for _, m := range []struct {
		field  string
		m      map[string]string
		needed bool
	}{{"names", c.Names, true}, {"pool", c.Pool, false}, {"group", c.Group, false}} {
		if err := checkMap(m.field, m.m, m.needed); err != nil {
			return err
		}
	}
	shared := make(map[string]string, len(c.Shared))
	for k := range c.Shared {
		shared[k] = ""
	}
	return checkMap("shared", shared, false)
}

func checkMap(field string, m map[string]string, needed bool) error {
	if len(m) > MaxChoices {
		return &ChoiceError{field, fmt.Sprintf("must have at most %d entries", MaxChoices), strconv.Itoa(len(m))}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := field + "[" + cut(key) + "]"
		if rule := brokenRule(key, true); rule != "" {
			return &ChoiceError{at, "has a key that " + rule, cut(key)}
		}
		if rule := brokenRule(m[key], needed); rule != "" {
			return &ChoiceError{at, rule, cut(m[key])}
		}
	}
	return nil
}

// brokenRule says which rule of a name or ID s breaks; empty for none.
func brokenRule(s string, needed bool) string {
	switch {
	case s == "" && needed:
		return "must not be empty"
	case len(s) > MaxText:
		return fmt.Sprintf("must be at most %d bytes", MaxText)
	case !utf8.ValidString(s):
		return "must be UTF-8"
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return "must hold no control characters"
		}
	}
	return ""
}

func cut(s string) string { return s[:min(len(s), 100)] }

// clone copies choices, so that their owner may change them.
func (c *Choices) clone() Choices {
	if c == nil {
		return Choices{}
	}
	return Choices{maps.Clone(c.Names), maps.Clone(c.Pool), maps.Clone(c.Group), maps.Clone(c.Shared)}
}

func (c *Choices) equal(o *Choices) bool {
	if o == nil {
		o = &Choices{}
	}
	return maps.Equal(c.Names, o.Names) && maps.Equal(c.Pool, o.Pool) && maps.Equal(c.Group, o.Group) && maps.Equal(c.Shared, o.Shared)
}
