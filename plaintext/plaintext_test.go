package plaintext

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"web":          "web",
		"a\tb\nc":      "a b c",
		"\u202Eevil":   "\uFFFDevil",
		"\x00\x1b[31m": "\uFFFD\uFFFD[31m",
		"\xff":         "\uFFFD",
		"Zürich 北京":    "Zürich 北京",
		"a\u200bb":     "a\uFFFDb",
		long(300):      long(255) + "…",
		long(255):      long(255),
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// FuzzMarkdown: no sign is left that means something.
func FuzzMarkdown(f *testing.F) {
	f.Add("<script>alert(1)</script>\"'&|`\\ \u202Eevil\n]]>;--")
	f.Add("@team [x](http://a) ![y] `z` *b* :tada: #1")
	f.Fuzz(func(t *testing.T, text string) {
		got := Markdown(Clean(text))
		for i, r := range got {
			if r == ':' && i+1 < len(got) && got[i+1] != '/' && got[i+1] < 'A' {
				continue
			}
			if strings.ContainsRune("<>@:`*_[]|\n", r) && (i == 0 || got[i-1] != '\\') {
				t.Fatalf("%q has a bare %q", got, r)
			}
			if unicode.IsControl(r) {
				t.Fatalf("%q has a control character", got)
			}
		}
	})
}

// FuzzYAML has the library read what is quoted.
func FuzzYAML(f *testing.F) {
	f.Add("true")
	f.Add("\x00\u0085\u2028 \\\"\n: #")
	f.Add("\U0001F600\U000E0001")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		var back []string
		quoted := YAML(text)
		if err := yaml.Load([]byte("- "+quoted+"\n"), &back); err != nil || len(back) != 1 || back[0] != text || strings.Contains(quoted, "\n") {
			t.Fatalf("%q came back as %q from %s: %v", text, back, quoted, err)
		}
	})
}
