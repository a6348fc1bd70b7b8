package lexicon

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what is read of a name.
const (
	maxName   = 512 // bytes
	maxTokens = 48
	maxJoined = 4 // tokens that are one word: "Post", "gre", "SQL"
)

// Token is a piece of a name: letters, or digits, in lower case.
type Token struct {
	Text string
	// Digits says that it is a number, Path that it is a path or the rest of a URL.
	Digits, Path bool
	colon        bool // a colon stands right before it
}

// Tokens cuts a name at whatever is neither letter nor digit, where small letters
// become capitals (PostgresqlDown), and between letters and digits (redis01). Paths
// stay whole.
func Tokens(name string) []Token {
	return appendTokens(make([]Token, 0, 8), name)
}

func appendTokens(out []Token, name string) []Token {
	if len(name) > maxName {
		name = name[:maxName]
	}
	before := ' '
	for i := 0; i < len(name) && len(out) < maxTokens; {
		r, size := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == '/' && !isWord(before):
			n := strings.IndexFunc(name[i:], unicode.IsSpace)
			if n < 0 {
				n = len(name) - i
			}
			out = append(out, Token{Text: strings.ToLower(name[i : i+n]), Path: true})
			i, before = i+n, ' '
		case isWord(r):
			n := run(name[i:])
			out = append(out, Token{Text: strings.ToLower(name[i : i+n]), Digits: unicode.IsDigit(r), colon: before == ':'})
			i += n
			before = 'x'
		default:
			i, before = i+size, r
		}
	}
	return out
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// run is the length of the token that s begins with.
func run(s string) int {
	first, at := utf8.DecodeRuneInString(s)
	digits, before := unicode.IsDigit(first), first
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		if !isWord(r) || unicode.IsDigit(r) != digits {
			return at
		}
		if unicode.IsUpper(r) && (!unicode.IsUpper(before) || smallAfter(s[at+size:])) {
			return at
		}
		before, at = r, at+size
	}
	return at
}

// smallAfter says whether a small letter comes next: in "HTTPDown" the D begins a
// word. A plural's s doesn't: "URLs".
func smallAfter(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	if !unicode.IsLower(r) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(s[size:])
	return r != 's' || unicode.IsLower(next)
}

// Without takes the first of some words that stands in a name by itself out of it.
// Those of less than three bytes don't count.
func Without(name string, words ...string) (rest string, ok bool) {
	const least = 3
	for _, part := range words {
		if len(part) < least || len(part) > len(name) || len(name) > maxName {
			continue
		}
		if i := indexFold(name, part); i >= 0 {
			return name[:i] + " " + name[i+len(part):], true
		}
	}
	return "", false
}

// indexFold finds a folded word in a text, with no letter or digit beside it; ASCII
// only.
func indexFold(text, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0]|0x20 && strings.EqualFold(text[i:i+len(word)], word) &&
			(i == 0 || !alphanumeric(text[i-1])) && (i+len(word) == len(text) || !alphanumeric(text[i+len(word)])) {
			return i
		}
	}
	return -1
}

func alphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c >= 0x80
}
