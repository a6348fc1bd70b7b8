// Package lexicon knows the words of checks and the names of programs: that "pgsql"
// is PostgreSQL, that postgres is one and listens on port 5432, and that "load" is
// about a host as a whole. It knows nothing of hosts and services that are there.
package lexicon

import (
	"slices"
	"strings"
)

// Lexicon looks words up. It is safe for any number of readers.
type Lexicon struct {
	kinds     []Kind
	words     map[string]meaning
	programs  map[string]*Kind
	runtimes  map[string]bool
	proxies   map[string]bool
	roles     map[string]bool
	exported  map[uint16]*Kind
	measuring map[uint16]bool
}

// meaning is what a word of a check's name says.
type meaning struct {
	kind *Kind
	role role
}

// role is the part a word plays that names no kind.
type role uint8

const (
	names   role = iota // a kind
	whole               // a host as a whole, what it has
	reach               // whether it can be reached
	perhaps             // that, if no kind is named
	filler              // nothing
)

// New is a lexicon of all that is known.
func New() *Lexicon {
	l := &Lexicon{
		kinds: slices.Clone(table), words: map[string]meaning{}, programs: map[string]*Kind{},
		runtimes: set(runtimes), proxies: set(proxies), roles: set(roles), exported: map[uint16]*Kind{}, measuring: map[uint16]bool{},
	}
	for role, list := range map[role]string{whole: wholes, reach: reaches, perhaps: maybes, filler: fillers} {
		for word := range strings.FieldsSeq(list) {
			l.words[word] = meaning{role: role}
		}
	}
	for i := range l.kinds {
		l.add(&l.kinds[i])
	}
	for port, id := range exported {
		l.exported[port], l.measuring[port] = l.Kind(id), true
	}
	return l
}

func (l *Lexicon) add(k *Kind) {
	k.ports = ports(k.Listens)
	if k.Is(Agent) && len(k.ports) > 0 {
		l.measuring[k.ports[0].Number] = true
	}
	for word := range strings.FieldsSeq(k.Words) {
		l.words[word] = meaning{kind: k}
	}
	for program := range strings.FieldsSeq(k.Processes) {
		l.programs[program] = k
	}
}

func set(list string) map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		out[word] = true
	}
	return out
}

// Kind finds a kind by its id, or nil.
func (l *Lexicon) Kind(id string) *Kind {
	for i := range l.kinds {
		if l.kinds[i].ID == id {
			return &l.kinds[i]
		}
	}
	return nil
}

// Runtime says whether a process is named after what runs it, and not after what it
// is: java.
func (l *Lexicon) Runtime(process string) bool { return l.runtimes[process] }

// Proxy says whether a process passes on what it takes.
func (l *Lexicon) Proxy(process string) bool { return l.proxies[process] }

// Exported is what the exporter that usually answers on a port measures, or nil.
func (l *Lexicon) Exported(port uint16) *Kind { return l.exported[port] }

// Measuring says whether what listens at a port usually measures something else: an
// exporter, or an agent of a monitoring system.
func (l *Lexicon) Measuring(port uint16) bool { return l.measuring[port] }

// Program is the kind of what has these names, as a service does; nil if they tell
// none. A process named after what runs it is known by its unit, its container or
// its image.
func (l *Lexicon) Program(process, unit, container, image string) *Kind {
	process = strings.ToLower(process)
	if k := l.programs[process]; k != nil && !l.runtimes[process] {
		return k
	}
	if process != "" && !l.runtimes[process] {
		if k := l.named(process); k != nil {
			return k
		}
	}
	for _, name := range []string{UnitName(unit), imageName(image), container} {
		if k := l.named(strings.ToLower(name)); k != nil {
			return k
		}
	}
	return l.programs[process]
}

// named is the kind that a name of a program, unit, image or container begins or
// ends with, beside numbers and words for its part: "shop-redis-1", "mysql-primary".
// An exporter is nothing but that, and what has another word behind it ("redis-ui")
// is something else.
func (l *Lexicon) named(name string) *Kind {
	if name == "" {
		return nil
	}
	if k := l.programs[name]; k != nil {
		return k
	}
	var found *Kind
	tokens := Tokens(name)
	for i := range tokens {
		m, n := l.at(tokens, i)
		switch {
		case m.kind == nil || m.kind.Is(Vague) && !m.kind.Is(Agent):
		case m.kind.Is(Agent):
			return m.kind
		case found == nil && l.parts(tokens[i+n:]):
			found = m.kind
		}
	}
	return found
}

// parts says whether tokens are but numbers and words for the part that something
// plays.
func (l *Lexicon) parts(tokens []Token) bool {
	for _, t := range tokens {
		if !t.Digits && !l.roles[t.Text] {
			return false
		}
	}
	return true
}

// UnitName is a systemd unit's name without its type and instance: "postgresql" of
// "postgresql@15-main.service". Scopes and slices say nothing.
func UnitName(unit string) string {
	base := unit
	if i := strings.LastIndexByte(unit, '.'); i >= 0 {
		base = unit[:i]
		if suffix := unit[i+1:]; suffix == "scope" || suffix == "slice" {
			return ""
		}
	}
	base, _, _ = strings.Cut(base, "@")
	return base
}

// imageName is the last part of an image's name, without tag and digest: "postgres"
// of "docker.io/library/postgres:16".
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndexByte(image, '/')+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}

// at is what the longest word that begins with the i-th token means, and how many
// tokens it has; 0 if that is not known.
func (l *Lexicon) at(tokens []Token, i int) (meaning, int) {
	if tokens[i].Path {
		return meaning{}, 0
	}
	var buf [64]byte
	joined := append(buf[:0], tokens[i].Text...)
	best, length := meaning{}, 0
	for n := 1; ; n++ {
		if m, ok := l.words[string(joined)]; ok {
			best, length = m, n
		}
		if n == maxJoined || i+n == len(tokens) || tokens[i+n].Path {
			return best, length
		}
		joined = append(joined, tokens[i+n].Text...)
	}
}
