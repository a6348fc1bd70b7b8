package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
)

// errTrouble ends a command that was asked to fail if there is trouble. What that is was
// printed.
var errTrouble = errors.New("trouble was found")

// globals are what every command can use.
type globals struct {
	JSON bool `help:"Answer in JSON; commands that keep running log in JSON." name:"json"`

	out, err io.Writer
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// red and reset colour a warning where a person reads it.
func red(g *globals) string   { return ansi(g, "\x1b[1;31m") }
func reset(g *globals) string { return ansi(g, "\x1b[0m") }

func ansi(g *globals, code string) string {
	f, ok := g.out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return ""
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return ""
	}
	return code
}

func newLog(g *globals) *slog.Logger {
	if g.JSON {
		return slog.New(slog.NewJSONHandler(g.err, nil))
	}
	return slog.New(slog.NewTextHandler(g.err, nil))
}

// thisVersion is that of the program, which only main knows: it says so once, before
// a command runs.
var thisVersion = "unknown"
