package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentedCommands: each command of these pages is run by a scene, letter by
// letter.
func TestDocumentedCommands(t *testing.T) {
	for page, scenes := range map[string][]string{"drift.md": {"drift.txtar"}, "export.md": {"exportsite.txtar"}} {
		run := ""
		for _, scene := range scenes {
			raw, err := os.ReadFile(filepath.Join("testdata", "script", scene))
			if err != nil {
				t.Fatal(err)
			}
			run += string(raw) + "\n"
		}
		raw, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.SplitSeq(string(raw), "\n") {
			command, is := strings.CutPrefix(line, "$ ")
			if !is {
				continue
			}
			command, _, _ = strings.Cut(command, " #")
			if found++; !strings.Contains(run, "exec "+strings.TrimSpace(command)+"\n") {
				t.Errorf("%s: %q is run by none of %v", page, strings.TrimSpace(command), scenes)
			}
		}
		if found == 0 {
			t.Errorf("%s has no command", page)
		}
	}
}
