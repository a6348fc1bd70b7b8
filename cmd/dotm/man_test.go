package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/need"
)

var update = flag.Bool("update", false, "write the golden files anew")

// manPages writes all pages.
func manPages(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	if code := run([]string{"man", "--dir", dir, "--date", "2026-01-31"}, os.Stdout, os.Stderr); code != exitOK {
		t.Fatalf("dotm man ends with %d", code)
	}
	pages, err := filepath.Glob(dir + "/*.1")
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestMan: each command that help lists has a page, with each of its flags, and
// man finds nothing to warn of.
func TestMan(t *testing.T) {
	man := need.Program(t, "man")
	pages := manPages(t)
	root := model(t)
	if want := len(visible(root)) + 1; len(pages) != want {
		t.Errorf("%d pages for %d commands and dotm itself", len(pages), want-1)
	}
	for _, path := range pages {
		cmd := exec.CommandContext(t.Context(), man, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path)
		cmd.Env = append(os.Environ(), "MANROFFSEQ=", "MANWIDTH=80")
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "warning") {
			t.Errorf("man -l %s: %v\n%.2000s", filepath.Base(path), err, out)
		}
	}
	for _, n := range visible(root) {
		text := render(t, man, filepath.Join(filepath.Dir(pages[0]), pageName(n)+".1"))
		for _, leaf := range leaves(n) {
			if !strings.Contains(text, leaf.FullPath()) {
				t.Errorf("the page of %s doesn't show %q", n.Name, leaf.FullPath())
			}
			for _, f := range leaf.Flags {
				if name := strings.TrimPrefix(f.Name, "no-"); !strings.Contains(text, "--"+name) && !strings.Contains(text, "--[no-]"+name) {
					t.Errorf("the page of %s doesn't show --%s", n.Name, f.Name)
				}
			}
		}
	}
	text := render(t, man, filepath.Join(filepath.Dir(pages[0]), "dotm-backup.1"))
	if !strings.HasPrefix(text, "DOTM-BACKUP(1)") || !strings.Contains(text, "dotm-backup - save everything that a running server keeps into a file\n") {
		t.Errorf("the page reads\n%s", text)
	}
}

// TestCommandsPage: docs/cli.md is what the program says of itself.
func TestCommandsPage(t *testing.T) {
	var b strings.Builder
	if err := printMarkdown(&b, model(t)); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join("..", "..", "docs", "cli.md")
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if raw, err := os.ReadFile(page); err != nil || string(raw) != b.String() {
		t.Errorf("docs/cli.md (%v) is not what the commands say: go test ./cmd/dotm -run CommandsPage -update", err)
	}
}

// render gives a page as a person reads it.
func render(t *testing.T, man, path string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), man, "-E", "UTF-8", "-l", path)
	cmd.Env = append(os.Environ(), "MANWIDTH=300", "MANPAGER=cat", "GROFF_NO_SGR=1", "MAN_KEEP_FORMATTING=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("man -l %s: %v", path, err)
	}
	return string(out)
}

// TestRoff: nothing of a text is taken for a request or an escape.
func TestRoff(t *testing.T) {
	p := &manPage{}
	p.text(roff(`.it's \fB--x`))
	if got, want := p.b.String(), `\&.it\(aqs \efB\-\-x`+"\n"; got != want {
		t.Errorf("%q is written, want %q", got, want)
	}
	p = &manPage{}
	p.macro("TH", `a "b"`)
	if got, want := p.b.String(), `.TH "a \(dqb\(dq"`+"\n"; got != want {
		t.Errorf("%q is written, want %q", got, want)
	}
}
