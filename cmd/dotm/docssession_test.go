package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exchange is a command of a session, and the answer that a page shows of it.
type exchange struct {
	command string // without its comment
	answer  []string
	line    int
}

// exchanges takes a session apart.
func (b block) exchanges() (all []exchange) {
	for i, line := range b.code {
		command, is := strings.CutPrefix(line, "$ ")
		if !is {
			if len(all) > 0 {
				all[len(all)-1].answer = append(all[len(all)-1].answer, line)
			}
			continue
		}
		command, _, _ = strings.Cut(command, " # ")
		all = append(all, exchange{command: strings.TrimSpace(command), line: b.line + i})
	}
	return all
}

func (b block) commands() (all []string) {
	for _, e := range b.exchanges() {
		all = append(all, e.command)
	}
	return all
}

// answers is whether any answer is shown.
func (b block) answers() bool {
	for _, e := range b.exchanges() {
		if len(e.answer) > 0 {
			return true
		}
	}
	return false
}

// fixedSite serves the end of a recording that is always the same: 40 hosts, of which
// one has a full disk. It returns the server's URL.
func fixedSite(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "site.dotmrec")
	made := exec.CommandContext(t.Context(), "dotm", "demo", "--hosts", "40", "--begin", "2026-01-31T02:00:00Z", "--duration", "2m", "--write", file)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	address := freeAddress(t)
	shown := exec.CommandContext(t.Context(), "dotm", "replay", file, "--at-once", "--listen", address)
	out, err := shown.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shown.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = shown.Process.Signal(os.Interrupt)
		_ = shown.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "The recording ended") {
			return "http://" + address
		}
	}
	t.Fatal("the recording does not end")
	return ""
}

// usual is where pages say that the server is.
const usual = "http://127.0.0.1:4849"

// session types what pages show.
type session struct{ server, dir string }

func (s session) typeAll(t *testing.T, blocks []block) {
	t.Helper()
	for _, b := range blocks {
		for _, e := range b.exchanges() {
			s.typeOne(t, b.page, e)
		}
	}
}

// typeOne runs a command and compares its answer, if one is shown. Status 1 means that
// trouble was found; status 2 must be among what is shown.
func (s session) typeOne(t *testing.T, page string, e exchange) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(e.command, usual, s.server))
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "DOTM_SERVER="+s.server, "HOME="+s.dir, "TZ=UTC", "LC_ALL=C.UTF-8", "COLUMNS=120")
	raw, err := cmd.CombinedOutput()
	said := strings.ReplaceAll(string(raw), s.server, usual)
	if err != nil && cmd.ProcessState.ExitCode() != exitTrouble && !strings.Contains(strings.Join(e.answer, "\n"), "dotm: ") {
		t.Errorf("%s:%d: $ %s: %v\n%s", page, e.line, e.command, err, said)
		return
	}
	if len(e.answer) > 0 && !pattern(e.answer).MatchString(bare(said)) {
		t.Errorf("%s:%d: $ %s is shown with\n%s\nand answers\n%s", page, e.line, e.command, strings.Join(e.answer, "\n"), said)
	}
}

// bare leaves out what is not seen: spaces and empty lines at ends.
func bare(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r\t")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// pattern is what an answer must look like.
func pattern(answer []string) *regexp.Regexp {
	text := regexp.QuoteMeta(bare(strings.Join(answer, "\n")))
	text = regexp.MustCompile(`(?m)^…$\n?`).ReplaceAllString(text, `(?s:.*)`)
	return regexp.MustCompile(`^` + strings.ReplaceAll(text, "…", `.*`) + `$`)
}

// TestPattern: what a page leaves out may be anything, all else may not.
func TestPattern(t *testing.T) {
	for _, c := range []struct {
		shown, said string
		fits        bool
	}{
		{"a\nb", "a \nb\n\n", true},
		{"a\nb", "a\nc", false},
		{"a …, b", "a 17, b", true},
		{"a …", "a\nb", false},
		{"a\n…", "a\nb\nc", true},
		{"…\nc", "a\nb\nc", true},
		{"a\n…\nc", "a\nc", true},
		{"a\n…\nc", "a\nb", false},
		{"a.c", "abc", false},
	} {
		if got := pattern(strings.Split(c.shown, "\n")).MatchString(bare(c.said)); got != c.fits {
			t.Errorf("%q fits %q: %t", c.said, c.shown, got)
		}
	}
}
