package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/devops-trouble-map/dotm/collect"
)

// What markers begin with, and the version of the form that [Command] prints.
const (
	greeting = "@dotm-ssh "
	version  = "1"
)

// Limits of an answer's form.
const (
	maxSections = 64
	maxWord     = 64 // bytes of the random word
)

// answer is what [Command] printed.
type answer struct {
	sections map[string]section
	// refusedBefore says that sudo was not tried, because it was refused not
	// long ago.
	refusedBefore bool
}

// section is what one command of [Command] printed.
type section struct {
	text   []byte
	status int // how it ended (exit(3)); 0 is well
}

// readAnswer takes an answer apart. What stands before it (a shell's greeting)
// is left out. An answer without its end is an error: it is not known what is
// missing. Sections that are not known are kept, and harm nothing.
func readAnswer(text []byte) (*answer, error) {
	rest, word, err := opened(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", collect.ErrUnreadable, err)
	}
	a := &answer{sections: map[string]section{}}
	marker := []byte(greeting + word + " ")
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		name, ok := bytes.CutPrefix(line, marker)
		switch {
		case !ok: // stray output between two sections
			continue
		case string(name) == "end":
			return a, nil
		case len(a.sections) >= maxSections:
			return nil, fmt.Errorf("%w: it has more than %d sections", collect.ErrUnreadable, maxSections)
		}
		if rest, err = a.take(string(name), rest, marker); err != nil {
			return nil, fmt.Errorf("%w: %w", collect.ErrUnreadable, err)
		}
	}
	return nil, fmt.Errorf("%w: its end is missing", collect.ErrUnreadable)
}

// opened finds the first marker, and the word that the others hold.
func opened(text []byte) (rest []byte, word string, err error) {
	at := 0
	if !bytes.HasPrefix(text, []byte(greeting)) {
		at = bytes.Index(text, []byte("\n"+greeting)) + 1
		if at == 0 {
			return nil, "", fmt.Errorf("the node printed something else: %s. %s", quote(string(text)), foreignHint)
		}
	}
	line, rest, _ := bytes.Cut(text[at+len(greeting):], []byte{'\n'})
	of, w, _ := bytes.Cut(line, []byte{' '})
	switch {
	case string(of) != version:
		return nil, "", fmt.Errorf("it has the form %.20q, not %s: update the command= in authorized_keys to what dotm node ssh-command prints", of, version)
	case len(w) == 0:
		return nil, "", errors.New("the node has no /proc/sys/kernel/random/uuid; only Linux is understood")
	case len(w) > maxWord || bytes.ContainsAny(w, " \t\r"):
		return nil, "", fmt.Errorf("its first line must end with a word, not %.80q", w)
	}
	return rest, string(w), nil
}

// take reads one section up to the marker that says how its command ended. If a
// name occurs twice, one that ended well counts.
func (a *answer) take(name string, text, marker []byte) (rest []byte, err error) {
	ended := append(append([]byte{'\n'}, marker...), "ended "...)
	var body []byte
	if after, ok := bytes.CutPrefix(text, ended[1:]); ok {
		rest = after
	} else {
		at := bytes.Index(text, ended)
		if at < 0 {
			return nil, fmt.Errorf("the end of section %.40q is missing", name)
		}
		body, rest = text[:at], text[at+len(ended):]
	}
	line, rest, _ := bytes.Cut(rest, []byte{'\n'})
	status, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("section %.40q must end with a status, not %.40q", name, line)
	}
	if before, known := a.sections[name]; !known || before.status != 0 {
		a.sections[name] = section{body, int(status)}
	}
	return rest, nil
}

// text gives a section's text; empty if it is not there or its command failed.
func (a *answer) text(name string) []byte {
	s, there := a.sections[name]
	if !there || s.status != 0 {
		return nil
	}
	return s.text
}

// word gives a section's text without the blanks around it.
func (a *answer) word(name string) string { return string(bytes.TrimSpace(a.text(name))) }

// well tells whether a section's command ended well.
func (a *answer) well(name string) bool {
	s, there := a.sections[name]
	return there && s.status == 0
}

// failed tells whether a section's command ran, and failed.
func (a *answer) failed(name string) bool {
	s, there := a.sections[name]
	return there && s.status != 0
}

// sudoRefused tells whether sudo was tried in vain.
func (a *answer) sudoRefused() bool { return a.failed("sudo-ss") || a.failed("sudo-netstat") }

// seesAll tells whether root listed the sockets, and so every process shows.
func (a *answer) seesAll() bool {
	return a.word("user") == "0" || a.well("sudo-ss") || a.well("sudo-netstat")
}
