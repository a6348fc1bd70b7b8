package console

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/devops-trouble-map/dotm/report"
)

// Printable replaces what a terminal would not show as itself: control and
// format characters, such as those that turn the direction of writing around.
func Printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Counted says how many there are of something.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// OrHidden is a process, or what stands for one that may not be seen.
func OrHidden(process string) string {
	if process == "" {
		return "(hidden)"
	}
	return process
}

// OrDash is a text, or what stands for none.
func OrDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Ago is a time as people say it.
func Ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

// Stamp is a moment in the zone of who reads it, to the minute.
func Stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// Sentence is a text with its hint.
func Sentence(text, hint string) string {
	if hint == "" {
		return text
	}
	return text + ": " + hint
}

// NoteText is a note with its hint.
func NoteText(n report.Note) string { return strings.TrimSpace(n.Text + " " + n.Hint) }

// PrintNotes says what could not be seen, a line each.
func PrintNotes(out io.Writer, notes []report.Note) {
	for _, n := range notes {
		fmt.Fprintln(out, NoteText(n))
	}
}
