// Package drift compares what is declared of a site with what is observed: which
// connections nobody declared, which declared ones are not there, which are.
//
// A declaration is a file of rules ([Parse]), a Compose file, a Backstage catalog, or
// the dependencies that people told a monitoring system ([OfDependencies]). [Compare]
// sets one beside a chart; [Initial] writes the one that a chart bears out.
//
// It is pure: who has files and answers hands over their bytes, and time is an
// argument.
package drift

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/topology"
)

// Declaration is what may, must and must not be connected.
type Declaration struct {
	// Of names it: the file, or the source.
	Of string
	// Form is what it is written in: "dotm", "compose", "backstage" or "monitoring".
	Form  string
	Rules []Rule
	// Scope are the ends that it speaks of; connections with others are not judged.
	Scope Ends
	Reach Reach
	// Loose are dependencies that can't be held against a chart, with the reason.
	Loose []Loose
}

// Reach says which ends of a connection must be in the scope for it to be judged.
type Reach int

// The reaches.
const (
	EitherEnd Reach = iota
	BothEnds
	ServerEnd
)

// Rule is one sentence of a declaration.
type Rule struct {
	Place
	Deny     bool
	From, To Ends
	Ports    []Ports // none for any
	Protocol topology.Protocol
	// Optional says that it may be so, and need not.
	Optional bool
	Why      string
}

// Ports are from the first to the last, both included.
type Ports struct{ First, Last uint16 }

func (p Ports) String() string {
	if p.First == p.Last {
		return strconv.Itoa(int(p.First))
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}

// Loose is a dependency that can't be held against a chart.
type Loose struct {
	Place
	Text string
}

// where says which ports and protocol a rule is for; "" for all.
func (r *Rule) where() string {
	list := make([]string, 0, len(r.Ports))
	for _, p := range r.Ports {
		list = append(list, p.String())
	}
	text := strings.Join(list, ",")
	switch {
	case r.Protocol == "":
		return text
	case text == "":
		return string(r.Protocol)
	}
	return string(r.Protocol) + "/" + text
}

// at says whether a rule is for a port.
func (r *Rule) at(protocol topology.Protocol, port uint16) bool {
	if r.Protocol != "" && r.Protocol != protocol {
		return false
	}
	for _, p := range r.Ports {
		if p.First <= port && port <= p.Last {
			return true
		}
	}
	return len(r.Ports) == 0
}

// Parse reads a declaration: rules of dotm, a Compose file or a Backstage catalog; what
// stands in it says which. The name is that of the file, for errors and answers; folder
// is the name of the folder in which it lies, as which Compose knows a project that has
// no name. An error is an [*Errors]: all that is wrong with the file.
func Parse(name, folder string, raw []byte) (*Declaration, error) {
	f := &file{name: name, left: maxNodes}
	d, err := f.parse(folder, raw)
	f.note(err)
	if err := f.verdict(); err != nil {
		return nil, err
	}
	return d, nil
}

// parse reads a declaration as far as it can be read. What is wrong is noted; the error is
// of what makes it none.
func (f *file) parse(folder string, raw []byte) (*Declaration, error) {
	docs, err := f.documents(raw)
	if err != nil {
		return nil, err
	}
	name := f.name
	if len(docs) == 0 {
		return nil, &Error{Place{File: name}, "", "must hold a declaration, is empty", ""}
	}
	top, err := docs[0].entries()
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for _, e := range top {
		keys[e.key] = true
	}
	switch {
	case keys["apiVersion"] && keys["kind"]:
		return f.backstage(docs)
	case len(docs) > 1:
		return nil, &Error{docs[1].place(), "", "must be one document: only a Backstage catalog has several", ""}
	case keys["allow"] || keys["deny"] || keys["sets"]:
		return rules(name, docs[0])
	case keys["services"]:
		return compose(folder, docs[0])
	}
	return nil, &Error{docs[0].place(), "", "must be rules of dotm (allow:), a Compose file (services:) or a Backstage catalog (apiVersion:, kind:)", ""}
}

// writer of rules: what is known while a file is read.
type ruleBook struct {
	*Declaration
	sets map[string][]Selector
}

// rules reads dotm's own form.
func rules(name string, doc field) (*Declaration, error) {
	b := ruleBook{&Declaration{Of: name, Form: "dotm"}, map[string][]Selector{}}
	top, err := doc.known("version", "sets", "scope", "allow", "deny")
	if err != nil {
		return nil, err
	}
	for _, e := range top { // whatever the order of the keys: rules name sets
		switch e.key {
		case "version":
			if e.node.Value != "1" {
				e.note(e.refuse("must be 1"))
			}
		case "sets":
			e.note(b.readSets(e.field))
		}
	}
	for _, e := range top {
		switch e.key {
		case "scope":
			b.Scope, err = b.ends(e.field)
			e.note(err)
		case "allow", "deny":
			e.note(b.readRules(e.field, e.key == "deny"))
		}
	}
	return b.Declaration, nil
}

// readSets reads named ends. A set may hold those that stand before it.
func (b *ruleBook) readSets(f field) error {
	list, err := f.entries()
	if err != nil {
		return err
	}
	if len(list) > maxSets {
		return f.refuse(fmt.Sprintf("must have at most %d entries, has %d", maxSets, len(list)))
	}
	for _, e := range list {
		before := len(f.noted)
		ends, err := b.ends(e.field)
		if !f.note(err) && len(ends.any) == 0 && len(f.noted) == before {
			f.note(e.refuse("must name something"))
		}
		b.sets[e.key] = ends.any // of one that is wrong, too: it is told once
	}
	return nil
}

func (b *ruleBook) readRules(f field, deny bool) error {
	list, err := f.list()
	if err != nil {
		return err
	}
	for _, one := range list {
		if len(b.Rules) == maxRules {
			return one.refuse(fmt.Sprintf("is too much: a file has at most %d rules", maxRules))
		}
		r, err := b.rule(one)
		if f.note(err) {
			continue
		}
		r.Deny = deny
		b.Rules = append(b.Rules, *r)
	}
	return nil
}

func (b *ruleBook) rule(f field) (*Rule, error) {
	list, err := f.known("from", "to", "port", "protocol", "why", "optional")
	if err != nil {
		return nil, err
	}
	r := &Rule{Place: f.place()}
	there := map[string]bool{}
	for _, e := range list {
		there[e.key] = true
		switch e.key {
		case "from":
			r.From, err = b.ends(e.field)
		case "to":
			r.To, err = b.ends(e.field)
		case "port":
			r.Ports, err = e.ports()
		case "protocol":
			r.Protocol, err = e.protocol()
		case "why":
			r.Why, err = e.text(maxReason)
		case "optional":
			r.Optional, err = e.yes()
		}
		f.note(err)
	}
	for _, key := range []string{"from", "to"} {
		if !there[key] {
			f.note(&Error{f.place(), f.path + "." + key, `must be there ("*" is everything)`, ""})
		}
	}
	return r, nil
}

// ends reads one selector or a list of them.
func (b *ruleBook) ends(f field) (Ends, error) {
	list := []field{f}
	if f.node.Kind == yaml.SequenceNode {
		var err error
		if list, err = f.list(); err != nil {
			return Ends{}, err
		}
		if len(list) == 0 {
			return Ends{}, f.refuse(`must name something ("*" is everything)`)
		}
	}
	var out Ends
	texts := make([]string, 0, len(list))
	all := false
	for _, one := range list {
		found, text, err := b.selectors(one)
		if f.note(err) {
			continue
		}
		if out.any = append(out.any, found...); len(out.any) > maxChoices {
			return out, f.refuse(fmt.Sprintf("must have at most %d entries", maxChoices))
		}
		for _, s := range found {
			all = all || len(s) == 0
		}
		texts = append(texts, text)
	}
	out.text = strings.Join(texts, ", ")
	if all {
		return Ends{}, nil
	}
	return out, nil
}

// selectors reads what one entry means: a text, or keys that must all hold. A set may
// be several.
func (b *ruleBook) selectors(f field) ([]Selector, string, error) {
	if f.node.Kind == yaml.MappingNode {
		list, err := f.entries()
		if err != nil {
			return nil, "", err
		}
		return b.all(f, list)
	}
	text, err := f.text(maxPattern)
	if err != nil {
		return nil, "", f.refuse("must be a name, a pattern, or keys with values like {node: web*, process: nginx}")
	}
	switch text {
	case "":
		return nil, "", f.refuse(`must not be empty ("*" is everything)`)
	case "*":
		return []Selector{{}}, text, nil
	}
	if name, is := strings.CutPrefix(text, "$"); is {
		set, known := b.sets[name]
		if !known {
			return nil, "", f.refuse("must name a set that stands before it under sets")
		}
		return set, text, nil
	}
	what, pattern := "node", text
	if before, after, is := strings.Cut(text, ":"); is && isTerm(before) {
		what, pattern = before, after
	}
	t, rule := newTerm(what, pattern)
	if rule != "" {
		return nil, "", f.refuse(rule)
	}
	return []Selector{{t}}, text, nil
}

// all reads keys that must all hold.
func (b *ruleBook) all(f field, list []entry) ([]Selector, string, error) {
	if len(list) == 0 {
		return nil, "", f.refuse(`must have a key ("*" is everything)`)
	}
	var s Selector
	texts := make([]string, 0, len(list))
	for _, e := range list {
		if !isTerm(e.key) {
			f.note(&Error{e.place(), e.path, "is not known here: keys are " + strings.Join(terms, ", "), ""})
			continue
		}
		pattern, err := e.text(maxPattern)
		if f.note(err) {
			continue
		}
		t, rule := newTerm(e.key, pattern)
		if rule != "" {
			f.note(e.refuse(rule))
			continue
		}
		s = append(s, t)
		if e.key == "node" {
			texts = append(texts, pattern)
		} else {
			texts = append(texts, e.key+":"+pattern)
		}
	}
	return []Selector{s}, strings.Join(texts, " "), nil
}

func isTerm(text string) bool {
	for _, t := range terms {
		if t == text {
			return true
		}
	}
	return false
}

func (f field) protocol() (topology.Protocol, error) {
	switch f.node.Value {
	case "tcp", "udp":
		return topology.Protocol(f.node.Value), nil
	}
	return "", f.refuse("must be tcp or udp")
}

// ports reads a port, a range, or a list of them.
func (f field) ports() ([]Ports, error) {
	list, err := f.texts(maxPattern)
	switch {
	case err != nil:
		return nil, f.refuse("must be a port, a range like 8000-8099, or a list of them")
	case len(list) > maxPorts:
		return nil, f.refuse(fmt.Sprintf("must have at most %d entries, has %d", maxPorts, len(list)))
	}
	out := make([]Ports, 0, len(list))
	for _, text := range list {
		p, ok := parsePorts(text)
		if !ok {
			f.note(&Error{f.place(), f.path, "must be a port from 1 to 65535, a range like 8000-8099, or a list of them", short(text)})
			continue
		}
		out = append(out, p)
	}
	return out, nil
}

func parsePorts(text string) (Ports, bool) {
	first, last, is := strings.Cut(text, "-")
	if !is {
		last = first
	}
	a, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	if err != nil || a == 0 {
		return Ports{}, false
	}
	z, err := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	return Ports{uint16(a), uint16(z)}, err == nil && a <= z
}
