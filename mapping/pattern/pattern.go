// Package pattern matches the regular expressions of settings: without case, and fast
// where they are one name, or hold a word without which they can't match.
package pattern

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is a regular expression that doesn't mind case, with what makes it fast:
// most are one name, or hold a word without which they can't match. The zero Pattern
// matches everything.
type Pattern struct {
	re *regexp.Regexp
	// literal is folded. Texts that lack it don't match; whole says that no more
	// is needed than to be it, exact that it has to be text as it is.
	literal string
	whole   bool
	exact   string
}

// Compile makes a regular expression (RE2) ready. An empty one matches everything.
func Compile(text string) (p Pattern, err error) {
	if text == "" {
		return Pattern{}, nil
	}
	tree, err := syntax.Parse(text, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return Pattern{}, err
	}
	if p.re, err = regexp.Compile("(?i)" + text); err != nil {
		return Pattern{}, err
	}
	tree = tree.Simplify()
	if runes, folds, ok := anchored(tree); ok {
		p.literal, p.whole = Fold(runes), true
		if !folds {
			p.exact = runes
		}
		return p, nil
	}
	p.literal = Fold(needed(tree))
	return p, nil
}

// Matches says whether a text matches; folded is the text folded.
func (p *Pattern) Matches(text, folded string) bool {
	switch {
	case p.re == nil:
		return true
	case p.whole:
		return folded == p.literal && (p.exact == "" || p.exact == text)
	case !strings.Contains(folded, p.literal):
		return false
	}
	return p.re.MatchString(text)
}

// Any says whether the pattern matches everything.
func (p *Pattern) Any() bool { return p.re == nil }

// Whole is the one text, folded, that matches, if there is but one in these or other
// letters.
func (p *Pattern) Whole() (folded string, ok bool) { return p.literal, p.whole }

// anchored is the text that an expression matches, if that is one text from
// beginning to end: ^name$.
func anchored(re *syntax.Regexp) (text string, folds, ok bool) {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op != syntax.OpConcat || len(re.Sub) != 3 || re.Sub[0].Op != syntax.OpBeginText ||
		re.Sub[1].Op != syntax.OpLiteral || re.Sub[2].Op != syntax.OpEndText {
		return "", false, false
	}
	literal := re.Sub[1]
	return string(literal.Rune), literal.Flags&syntax.FoldCase != 0, true
}

// needed is the longest text that every match holds; empty if none is known.
func needed(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needed(re.Sub[0])
		}
	case syntax.OpConcat:
		longest := ""
		for _, sub := range re.Sub {
			if s := needed(sub); len(s) > len(longest) {
				longest = s
			}
		}
		return longest
	default:
		return ""
	}
	return ""
}

// Fold brings texts that differ only in case to one form, as regular expressions
// without case compare them.
func Fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

// foldRune is the smallest of the runes that differ from r in case only, as a small
// letter where that is one of ASCII.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

// Cut shortens a text for people to 100 bytes.
func Cut(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Quote is a text between quotation marks, cut.
func Quote(s string) string { return `"` + Cut(s) + `"` }
