// Package plaintext makes names that come from hosts into texts that can only be read:
// whatever somebody there called things, it is text in a terminal, a file, a document.
//
// It is pure.
package plaintext

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of one name is shown, in runes.
const maxText = 255

// Clean is a text from a host as one that can only be read: control and format
// characters, among them those that turn the direction of what follows, are replaced,
// and so is what is no UTF-8. It is one line of at most 255 runes.
func Clean(text string) string {
	n := 0
	out := strings.Map(func(r rune) rune {
		switch n++; {
		case n > maxText:
			return -1
		case r == ' ':
			return r
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsPrint(r):
			return utf8.RuneError
		}
		return r
	}, text)
	if n > maxText {
		out += "…"
	}
	return out
}

// Markdown makes a text one that CommonMark, and GitHub's tables, mentions and links,
// read as that text: a backslash before each sign, entities for what makes HTML and
// mentions.
func Markdown(text string) string {
	at, runes := -1, []rune(text)
	return Replace(text, func(r rune) string {
		at++
		switch {
		case r == '<':
			return "&lt;"
		case r == '>':
			return "&gt;"
		case r == '&':
			return "&amp;"
		case r == '@':
			return "&#64;"
		case r == ':' && at+1 < len(runes) && (runes[at+1] == '/' || runes[at+1] > '9'):
			return "&#58;" // neither a link's scheme nor an emoji
		case r < ' ':
			return " "
		case r == '-', r == ',', r == ' ', r == ':':
			return "" // inside a line they mean nothing
		case r > ' ' && r < 0x7F && !isAlnum(r):
			return `\` + string(r)
		}
		return ""
	})
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// Replace writes a text with each rune replaced for which as gives something.
func Replace(text string, as func(r rune) string) string {
	var b strings.Builder
	for _, r := range text {
		if s := as(r); s != "" {
			b.WriteString(s)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// YAML is a text as a value of YAML in double quotes, on one line (YAML 1.2, 5.7).
func YAML(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ', r == 0x7f, r == 0x85, r == 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
