// Package console is what every command has: where to print, as what, and the forms of what
// is printed.
package console

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
)

// ErrTrouble ends a command that was asked to fail if there is trouble. What that is was
// printed.
var ErrTrouble = errors.New("trouble was found")

// Globals are what every command can use.
type Globals struct {
	JSON bool `help:"Answer in JSON; commands that keep running log in JSON." name:"json"`

	Out, Err io.Writer `kong:"-"`
}

// WriteJSON prints an answer for programs.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Red and reset colour a warning where a person reads it.
func Red(g *Globals) string { return ansi(g, "\x1b[1;31m") }

// Reset ends what Red began.
func Reset(g *Globals) string { return ansi(g, "\x1b[0m") }

func ansi(g *Globals, code string) string {
	f, ok := g.Out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return ""
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return ""
	}
	return code
}

// Log is where commands that keep running say what happens.
func Log(g *Globals) *slog.Logger {
	if g.JSON {
		return slog.New(slog.NewJSONHandler(g.Err, nil))
	}
	return slog.New(slog.NewTextHandler(g.Err, nil))
}

// Version is that of the program, which only main knows: it says so once, before
// a command runs.
var Version = "unknown"
