package monitor

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/devops-trouble-map/dotm/mapping"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		limit    int
		want     string
	}{
		{"plain", "PING ok", 100, "PING ok"},
		{"blanks at the ends", "  a b ", 100, "a b"},
		{"lines and tabs", "one\ntwo\tthree\r\n", 100, "one two three"},
		{"markup stays: it is escaped where it is shown", `<b>"x"</b>`, 100, `<b>"x"</b>`},
		{"invalid UTF-8", "a\xff\xfeb", 100, "a�b"},
		{"Latin-1", "Gr\xfc\xdfe", 100, "Gr�e"},
		{"cut", "abcdef", 3, "abc"},
		{"cut at a rune", "äöü", 3, "ä"},
		{"cut leaves no blank", "ab cd", 3, "ab"},
		{"escape sequences", "\x1b[31mred\x1b[0m", 100, "[31mred [0m"},
		{"direction of writing", "a\u202egnp.exe", 100, "a gnp.exe"},
		{"line separator", "a\u2028b", 100, "a b"},
		{"NUL", "a\x00b", 100, "a b"},
		{"empty", "", 10, ""},
		{"no room", "ä", 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in, tt.limit); got != tt.want {
				t.Errorf("Clean(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("Größe \"C:\\temp\" <b>\t", 10)
	f.Add("a\xff\u202e\x00", 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 0), 2000)
		got := Clean(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t\x00\x1b\x7f\u202e\u2028") {
			t.Errorf("Clean(%q, %d) = %q", s, limit, got)
		}
	})
}

func TestRoom(t *testing.T) {
	r := &Reading{Checks: make([]mapping.Check, MaxChecks), Hosts: make([]mapping.Host, MaxHosts)}
	if err := r.Room(); err != nil {
		t.Errorf("full: %v", err)
	}
	r.Checks = append(r.Checks, mapping.Check{})
	if got := ReasonOf(r.Room()); got != TooLarge {
		t.Errorf("one check too many: %q", got)
	}
	r.Checks = nil
	r.Hosts = append(r.Hosts, mapping.Host{})
	if got := ReasonOf(r.Room()); got != TooLarge {
		t.Errorf("one host too many: %q", got)
	}
}

func TestSay(t *testing.T) {
	var r Reading
	r.Say("a", "first", "do")
	r.Say("a", "again", "")
	r.Say("b", "other", "")
	if len(r.Notes) != 2 || r.Notes[0] != (Note{Code: "a", Text: "first", Hint: "do"}) || r.Notes[1].Code != "b" {
		t.Errorf("notes: %+v", r.Notes)
	}
}
