package monitor

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most bytes that are kept of a text from outside; see [Clean].
const (
	MaxOutput = 1024 // of what a check said
	MaxName   = 512  // of names of hosts, checks and groups
	MaxLink   = 2048 // of links
)

// Clean is a text from outside as it can be kept: valid UTF-8 of at most limit
// bytes, cut at a rune, on one line, without characters that control something
// or turn the direction of writing, and without blanks at its ends.
func Clean(s string, limit int) string {
	if plain(s) && len(s) <= limit {
		return strings.Trim(s, " ")
	}
	if most := limit * utf8.UTFMax; len(s) > most {
		s = s[:most] // what is behind is cut anyway
	}
	s = strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(s, "�")))
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.TrimRight(s[:limit], " ")
}

// plain says whether a text is printable ASCII, as most are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func printable(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Bidi_Control, r) {
		return ' '
	}
	return r
}

// The most that a reading holds; see [Reading.Room].
const (
	MaxChecks = 500_000
	MaxHosts  = 100_000
)

// Room says whether a reading still holds no more than it may; if not, it is an
// [*Error] with [TooLarge].
func (r *Reading) Room() error { return Room(len(r.Hosts), len(r.Checks)) }

// Room is [Reading.Room] of a reading that is still to be made.
func Room(hosts, checks int) error {
	switch {
	case checks > MaxChecks:
		return &Error{Reason: TooLarge, Text: "it has more than 500,000 checks", Hint: "let the login see fewer of them, or split them among several sources"}
	case hosts > MaxHosts:
		return &Error{Reason: TooLarge, Text: "it has more than 100,000 hosts", Hint: "let the login see fewer of them, or split them among several sources"}
	}
	return nil
}

// Say adds a note; a second one with the same code is left out.
func (r *Reading) Say(code, text, hint string) {
	for _, n := range r.Notes {
		if n.Code == code {
			return
		}
	}
	r.Notes = append(r.Notes, Note{Code: code, Text: text, Hint: hint})
}
