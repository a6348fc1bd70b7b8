package census

import "strings"

// Stem is a node's name without what only counts: the domain and digits, and the
// signs at its ends. "web-07.example.com" is "web". It is empty for an address,
// and for names that say nothing, like "ip-10-0-0-7" or "node3".
func Stem(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 { // a container's own name
		name = name[i+1:]
	}
	if i := strings.IndexByte(name, '.'); i >= 0 {
		name = name[:i]
	}
	var words []string
	for _, word := range strings.FieldsFunc(strings.ToLower(name), separates) {
		if w := letters(word); w != "" {
			words = append(words, w)
		}
	}
	stem := strings.Join(words, "-")
	if len(stem) < 2 || vague[stem] || strings.ContainsRune(name, ':') {
		return ""
	}
	return stem
}

func separates(r rune) bool { return r == '-' || r == '_' || r == '@' }

// letters is a word without digits; empty for one that a machine made up, which
// mixes them with letters, and for a single letter before digits.
func letters(word string) string {
	runs, digits := 0, 0
	var out strings.Builder
	inDigits := false
	for _, r := range word {
		isDigit := r >= '0' && r <= '9'
		if isDigit {
			digits++
			if !inDigits {
				runs++
			}
		} else {
			out.WriteRune(r)
		}
		inDigits = isDigit
	}
	if runs > 1 && len(word) >= 5 || digits > 0 && out.Len() == 1 {
		return ""
	}
	return out.String()
}

// vague are stems that nodes of any role have.
var vague = map[string]bool{
	"ip": true, "host": true, "node": true, "vm": true, "server": true, "srv": true, "localhost": true, "instance": true, "ec": true, "i": true,
}
