package drift

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// The bounds of a declaration.
const (
	MaxBytes    = 4 << 20
	maxNodes    = 500_000 // values in a file, those that aliases stand for counted anew
	maxDepth    = 40
	maxRules    = 20_000
	maxSets     = 5_000
	maxChoices  = 1_000 // selectors at one end of a rule
	maxPattern  = 2_048
	maxReason   = 1_000
	maxPorts    = 1_000
	maxEntities = 20_000
	maxShown    = 80 // runes of a value in an error
	maxErrors   = 20 // that are told of one file
	maxNoted    = 1_000
)

// Place is where something is declared.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// String is file:line, or the file alone.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Error is what is wrong with a declaration.
type Error struct {
	Place
	Field string // "allow[2].port"; empty for the file as a whole
	Rule  string // "must be a number from 1 to 65535"
	Value string // as it stands there; empty where that says nothing
}

// Error names file and line, field, rule and value.
func (e *Error) Error() string {
	text := e.Place.String() + ": " //nolint:staticcheck // it says whose
	if e.Field != "" {
		text += e.Field + " "
	}
	text += e.Rule
	if e.Value != "" {
		text += ", is " + strconv.Quote(e.Value)
	}
	return text
}

// Errors is all that is wrong with a declaration, in the order of its lines: a person
// mends it once, not line by line.
type Errors struct {
	List []*Error // at least one, and no more than a person reads
	More int      // how many others there are; they are counted up to a thousand
}

// Error has a line for each, if there are several.
func (e *Errors) Error() string {
	if len(e.List) == 1 && e.More == 0 {
		return e.List[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s has %d errors:", e.List[0].File, len(e.List)+e.More)
	for _, one := range e.List {
		b.WriteString("\n  " + one.Error())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more", e.More)
	}
	return b.String()
}

// Unwrap gives each.
func (e *Errors) Unwrap() []error {
	out := make([]error, 0, len(e.List))
	for _, one := range e.List {
		out = append(out, one)
	}
	return out
}

// file is YAML that is being read. Values are counted as they are looked at, so that
// aliases of aliases end (the billion laughs).
type file struct {
	name  string
	left  int
	wrong Errors
	noted map[Error]bool // what is in it, as some values are read twice
}

// note remembers what is wrong, so that reading goes on behind it, and says whether
// something is.
func (f *file) note(err error) bool {
	var e *Error
	switch {
	case err == nil:
		return false
	case !errors.As(err, &e):
		e = &Error{Place{File: f.name}, "", err.Error(), ""}
	case f.left < 0 && len(f.wrong.List) > 0 && f.wrong.List[len(f.wrong.List)-1].Rule == e.Rule:
		return true // it is too much, and stays so
	}
	switch {
	case f.noted[*e], len(f.noted) == maxNoted:
		return true
	case f.noted == nil:
		f.noted = map[Error]bool{}
	}
	f.noted[*e] = true
	if len(f.wrong.List) == maxErrors {
		f.wrong.More++
	} else {
		f.wrong.List = append(f.wrong.List, e)
	}
	return true
}

// verdict is all that was noted, nil for nothing.
func (f *file) verdict() error {
	if len(f.wrong.List) == 0 {
		return nil
	}
	slices.SortStableFunc(f.wrong.List, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	return &f.wrong
}

// field is a value of a file with the way to it.
type field struct {
	*file
	path  string
	node  *yaml.Node
	depth int
}

// how the YAML library says where it stopped.
var yamlAt = regexp.MustCompile(`^go-yaml load error in \w+ (?:\(.*?\) )?at L(\d+)\.C\d+(?:-L(\d+)\.C\d+)?: `)

// documents reads YAML of one document or several.
func (f *file) documents(raw []byte) ([]field, error) {
	if len(raw) > MaxBytes {
		return nil, &Error{Place{File: f.name}, "", fmt.Sprintf("must be at most %d bytes, has %d", MaxBytes, len(raw)), ""}
	}
	loader, err := yaml.NewLoader(bytes.NewReader(raw))
	if err != nil {
		return nil, f.syntax(err)
	}
	var out []field
	for {
		var n yaml.Node
		err := loader.Load(&n)
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, f.syntax(err)
		case len(out) == maxEntities:
			return nil, &Error{Place{f.name, n.Line}, "", fmt.Sprintf("must hold at most %d documents", maxEntities), ""}
		}
		if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
			out = append(out, field{file: f, node: n.Content[0]})
		}
	}
}

// syntax words what the library says of text that is no YAML.
func (f *file) syntax(err error) error {
	text, line := err.Error(), 0
	if m := yamlAt.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		if m[2] != "" {
			line, _ = strconv.Atoi(m[2])
		}
		text = text[len(m[0]):]
	}
	return &Error{Place{f.name, line}, "", "must be YAML: " + strings.TrimPrefix(text, "yaml: "), ""}
}

// place is where the value stands.
func (f field) place() Place { return Place{f.name, f.node.Line} }

// refuse says what is wrong with the value.
func (f field) refuse(rule string) error {
	value := ""
	if n := f.node; n.Kind == yaml.ScalarNode {
		value = short(n.Value)
	}
	return &Error{f.place(), f.path, rule, value}
}

func short(text string) string {
	if r := []rune(text); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return text
}

// at is a value within this one, with aliases followed.
func (f field) at(path string, n *yaml.Node) (field, error) {
	in := field{f.file, path, n, f.depth + 1}
	if in.depth > maxDepth {
		return in, in.refuse(fmt.Sprintf("must not lie deeper than %d levels", maxDepth))
	}
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		if f.left--; f.left < 0 {
			break
		}
		n = n.Alias
	}
	if f.left--; f.left < 0 {
		return in, in.refuse(fmt.Sprintf("is too much: a file holds at most %d values", maxNodes))
	}
	if n != in.node { // the line is that of the alias: there it is said
		copied := *n
		copied.Line = in.node.Line
		in.node = &copied
	}
	return in, nil
}

// entry is a key with its value.
type entry struct {
	key string
	field
}

// null says that nothing stands there.
func (f field) null() bool {
	return f.node.Kind == yaml.ScalarNode && f.node.Tag == "!!null"
}

// entries are the keys of a mapping in their order, each once; nothing for an empty
// value. What is wrong with one is noted, and that left out; the error is of the value as
// a whole. Keys that are merged (<<) come last, as far as they don't stand there.
func (f field) entries() ([]entry, error) {
	if f.null() {
		return nil, nil
	}
	if f.node.Kind != yaml.MappingNode {
		return nil, f.refuse("must be keys with values")
	}
	var out []entry
	var merged []field
	seen := map[string]bool{}
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		key := f.node.Content[i]
		path := key.Value
		if f.path != "" {
			path = f.path + "." + key.Value
		}
		v, err := f.at(short(path), f.node.Content[i+1])
		if f.note(err) {
			continue
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			f.note((field{f.file, f.path, key, f.depth}).refuse("must have keys that are plain text"))
			continue
		case key.Tag == "!!merge":
			merged = append(merged, v)
			continue
		case seen[key.Value]:
			f.note(&Error{Place{f.name, key.Line}, short(path), "must stand there once", ""})
			continue
		}
		seen[key.Value] = true
		v.node = placed(v.node, key.Line)
		out = append(out, entry{key.Value, v})
	}
	for _, m := range merged {
		more, err := m.mergedEntries()
		if f.note(err) {
			continue
		}
		for _, e := range more {
			if !seen[e.key] {
				seen[e.key] = true
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// placed is a value at the line of its key, where people look for it.
func placed(n *yaml.Node, line int) *yaml.Node {
	if n.Kind == yaml.ScalarNode || n.Line == line {
		return n
	}
	c := *n
	c.Line = line
	return &c
}

func (f field) mergedEntries() ([]entry, error) {
	if f.node.Kind != yaml.SequenceNode {
		return f.entries()
	}
	list, err := f.list()
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, one := range list {
		more, err := one.entries()
		if f.note(err) {
			continue
		}
		out = append(out, more...)
	}
	return out, nil
}

// known are the entries of a mapping that may have these keys and no other, which are
// noted.
func (f field) known(keys ...string) ([]entry, error) {
	list, err := f.entries()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(e entry) bool {
		if slices.Contains(keys, e.key) {
			return false
		}
		return f.note(&Error{e.place(), e.path, "is not known here: keys are " + strings.Join(keys, ", "), ""})
	}), nil
}

// list is the values of a sequence; nothing for an empty value. Errors are as those of
// [field.entries].
func (f field) list() ([]field, error) {
	if f.null() {
		return nil, nil
	}
	if f.node.Kind != yaml.SequenceNode {
		return nil, f.refuse("must be a list")
	}
	out := make([]field, 0, len(f.node.Content))
	for i, n := range f.node.Content {
		one, err := f.at(fmt.Sprintf("%s[%d]", f.path, i), n)
		if !f.note(err) {
			out = append(out, one)
		}
	}
	return out, nil
}

// text is a value that is text, of at most so many bytes.
func (f field) text(most int) (string, error) {
	switch {
	case f.node.Kind != yaml.ScalarNode || f.null():
		return "", f.refuse("must be text")
	case len(f.node.Value) > most:
		return "", f.refuse(fmt.Sprintf("must be at most %d bytes", most))
	}
	return f.node.Value, nil
}

// texts are the texts of a list, or one text.
func (f field) texts(most int) ([]string, error) {
	if f.node.Kind != yaml.SequenceNode && !f.null() {
		one, err := f.text(most)
		return []string{one}, err
	}
	list, err := f.list()
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(list))
	for _, one := range list {
		t, err := one.text(most)
		if !f.note(err) {
			out = append(out, t)
		}
	}
	return out, nil
}

// yes is a value that is true or false.
func (f field) yes() (bool, error) {
	switch f.node.Value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, f.refuse("must be true or false")
}
