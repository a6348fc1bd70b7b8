package mapping

import (
	"github.com/devops-trouble-map/dotm/mapping/lexicon"
	"github.com/devops-trouble-map/dotm/mapping/pattern"
	"github.com/devops-trouble-map/dotm/mapping/roster"
	"github.com/devops-trouble-map/dotm/topology"
)

// memory keeps what was worked out once: sites have few names of checks and of
// programs, and many checks.
type memory struct {
	subjects  map[subjectKey]*lexicon.Subject
	namings   map[string][]int32
	processes map[processKey]bool
	sayings   map[saying]*topology.Mapping
	scratch   []item // for a list that the next may overwrite
}

type subjectKey struct{ name, command string }

type processKey struct {
	rule    int32
	process string
}

func newMemory() memory {
	return memory{map[subjectKey]*lexicon.Subject{}, map[string][]int32{}, map[processKey]bool{}, map[saying]*topology.Mapping{}, nil}
}

// keep remembers a value under a key; when there are too many, all others are
// forgotten.
func keep[K comparable, V any](m map[K]V, key K, v V) {
	if len(m) >= maxMemory {
		clear(m)
	}
	m[key] = v
}

// subject is what a check says it is about. The host's own name in it says nothing,
// unless nothing is left without; of a host that is just called redis, even what is
// left has to be plain.
func (m *Mapper) subject(h *host, c *Check) *lexicon.Subject {
	if rest, ok := lexicon.Without(c.Name, h.Folded, roster.Short(h.Folded)); ok {
		s := m.read(rest, c.Command)
		if len(s.Kinds) > 0 || s.Strong || s.Whole != "" && !m.rules.words.Software(roster.Short(h.Folded)) {
			return s
		}
	}
	return m.read(c.Name, c.Command)
}

func (m *Mapper) read(name, command string) *lexicon.Subject {
	key := subjectKey{name, command}
	s := m.subjects[key]
	if s == nil {
		s = m.rules.subject(name, command)
		keep(m.subjects, key, s)
	}
	return s
}

// subject is what a name and a command say together: what a command is for says more
// than a name does.
func (r *Rules) subject(name, command string) *lexicon.Subject {
	s := r.words.Subject(name)
	if command == "" {
		return &s
	}
	how := r.words.Command(command)
	switch {
	case how.Strong:
		s.Kinds, s.Whole, s.Strong, s.Resource = nil, how.Whole, true, how.Resource
	case how.Precise():
		s.Kinds, s.Whole, s.Strong, s.Resource = append(how.Kinds, s.Kinds...), "", false, false
	case len(how.Kinds) > 0:
		s.Kinds, s.Whole, s.Strong, s.Resource = append(s.Kinds, how.Kinds...), "", false, false
	case s.Whole == "" && len(s.Kinds) == 0:
		s.Whole = how.Whole
	}
	return &s
}

// naming are the rules for a check's name.
func (m *Mapper) naming(name string) []int32 {
	if len(m.rules.rules) == 0 {
		return nil
	}
	list, ok := m.namings[name]
	if !ok {
		list = m.rules.naming(name)
		keep(m.namings, name, list)
	}
	return list
}

// fit says whether a rule is for a host.
type fit uint8

const (
	unasked fit = iota
	fits
	fitsNot
)

// meant says whether the i-th rule is for a host.
func (m *Mapper) meant(h *host, i int32) bool {
	p := &m.rules.rules[i].host
	if _, whole := p.Whole(); whole || p.Any() {
		return p.Matches(h.Name, h.Folded)
	}
	if h.fits == nil {
		h.fits = make([]fit, len(m.rules.rules))
	}
	if h.fits[i] == unasked {
		h.fits[i] = fitsNot
		if p.Matches(h.Name, h.Folded) {
			h.fits[i] = fits
		}
	}
	return h.fits[i] == fits
}

// runs says whether the i-th rule is for a process.
func (m *Mapper) runs(i int32, process string) bool {
	p := &m.rules.rules[i].process
	if p.Any() {
		return true
	}
	key := processKey{i, process}
	yes, ok := m.processes[key]
	if !ok {
		yes = p.Matches(process, pattern.Fold(process))
		keep(m.processes, key, yes)
	}
	return yes
}
