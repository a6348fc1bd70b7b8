package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/devops-trouble-map/dotm/report"
)

// printable replaces what a terminal would not show as itself: control and
// format characters, such as those that turn the direction of writing around.
func printable(s string) string {
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

// counted says how many there are of something.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func orHidden(process string) string {
	if process == "" {
		return "(hidden)"
	}
	return process
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// ago is a time as people say it.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// sentence is a text with its hint.
func sentence(text, hint string) string {
	if hint == "" {
		return text
	}
	return text + ": " + hint
}

func noteText(n report.Note) string { return strings.TrimSpace(n.Text + " " + n.Hint) }

// printNotes says what could not be seen, a line each.
func printNotes(out io.Writer, notes []report.Note) {
	for _, n := range notes {
		fmt.Fprintln(out, noteText(n))
	}
}
