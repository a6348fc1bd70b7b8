package pattern

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPatterns: what makes a pattern fast changes nothing.
func TestPatterns(t *testing.T) {
	letters := []string{"a", "B", "k", "K", "K", "ſ", "s", "É", "é", "0", " ", "\xff", "HTTP", "http", "-"}
	rapid.Check(t, func(t *rapid.T) {
		words := func(label string) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(letters), 0, 4).Draw(t, label), "")
		}
		quoted := regexp.QuoteMeta(strings.ToValidUTF8(words("expression"), ""))
		text := words("text")
		if rapid.Bool().Draw(t, "same") {
			text = strings.ToValidUTF8(text, "")
			quoted = regexp.QuoteMeta(text)
			text = rapid.SampledFrom([]string{text, strings.ToUpper(text), strings.ToLower(text)}).Draw(t, "case")
		}
		form := rapid.SampledFrom([]string{"%s", "^%s$", "^(?-i:%s)$", "(%s)+", "x|%s", "%s.*", "(%s)?", `\Q%s`, "^%s", "(?s).%s", "(?:%s){2,3}"}).Draw(t, "form")
		if form == `\Q%s` {
			quoted = strings.ReplaceAll(quoted, `\`, "")
		}
		p, err := Compile(fmt.Sprintf(form, quoted))
		if err != nil {
			t.Skip(err)
		}
		if want := regexp.MustCompile("(?i)" + fmt.Sprintf(form, quoted)).MatchString(text); p.Matches(text, Fold(text)) != want {
			t.Fatalf(form+" and %q: want %v, %+v", quoted, text, want, p)
		}
	})
}
