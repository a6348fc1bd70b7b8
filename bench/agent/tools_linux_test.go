package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shell is a tool of the POSIX shell.
func shell(t *testing.T, script string) tool {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		cannot(t, "no sh")
	}
	return tool{Name: "sh", Args: []string{path, "-c", script}, Owners: true}
}

func TestFindTool(t *testing.T) {
	found := findTool("sh -c true", true, "dash")
	if found.Missing != "" || !strings.HasSuffix(found.Args[0], "/sh") || strings.Join(found.Args[1:], " ") != "-c true" || found.Name != "sh -c true" {
		t.Errorf("got %+v", found)
	}
	missing := findTool("no-such-tool -x", true, "no-such-package")
	if missing.Missing != "not installed: apt-get install no-such-package" {
		t.Errorf("got %+v", missing)
	}
}

func TestRunTool(t *testing.T) {
	var lines lineCounter
	c, cut, err := runTool(t.Context(), shell(t, "echo one; echo two; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"), toolLimit, &lines)
	must(t, err)
	if lines != 2 || cut {
		t.Errorf("%d lines, cut off: %v", lines, cut)
	}
	if c.wall <= 0 || c.peak < 100<<10 {
		t.Errorf("it cost nothing: %+v", c)
	}
}

// TestRunToolFails: figures of a tool that failed would be wrong.
func TestRunToolFails(t *testing.T) {
	_, _, err := runTool(t.Context(), shell(t, "echo no such option >&2; exit 3"), toolLimit, nil)
	if err == nil || err.Error() != "sh: exit status 3: no such option" {
		t.Errorf("got %v", err)
	}
	_, _, err = runTool(t.Context(), tool{Name: "none", Args: []string{"/no/such/tool"}}, toolLimit, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "none: ") {
		t.Errorf("got %v", err)
	}
}

// endless does nothing for ever, without children that would survive it.
const endless = "while :; do :; done"

func TestRunToolIsCutOff(t *testing.T) {
	c, cut, err := runTool(t.Context(), shell(t, endless), 50*time.Millisecond, nil)
	if err != nil || !cut || c.wall < 50*time.Millisecond {
		t.Errorf("got %+v, cut off: %v, %v", c, cut, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, cut, err = runTool(ctx, shell(t, endless), toolLimit, nil); err == nil || cut {
		t.Errorf("interrupted: cut off %v, %v", cut, err)
	}
}

func TestMeasureTools(t *testing.T) {
	j := &job{Connections: largeLoad, Size: sizeOf(true), Tools: []tool{
		shell(t, "echo one; echo two"),
		{Name: "missing", Missing: "not installed"},
	}}
	var f loadFigures
	must(t, f.measureTools(t.Context(), j))
	if f.Runs != j.Size.SmallRuns || len(f.OneShot) != 2 {
		t.Fatalf("got %+v", f)
	}
	if got := f.OneShot[0]; got.Lines != 2 || got.Cut || !got.Owners || got.PeakBytes <= 0 {
		t.Errorf("got %+v", got)
	}
	if got := f.OneShot[1]; got.Missing != "not installed" || got.CPUMillis != 0 {
		t.Errorf("got %+v", got)
	}
	j.Connections++
	must(t, f.measureTools(t.Context(), j))
	if f.Runs != j.Size.LargeRuns {
		t.Errorf("%d runs with a large load", f.Runs)
	}
	j.Tools = []tool{shell(t, "exit 1")}
	if err := f.measureTools(t.Context(), j); err == nil {
		t.Error("a tool that fails is measured")
	}
}

// TestSeries: medians of the runs; of what was cut off, the last.
func TestSeries(t *testing.T) {
	runs := []cost{
		{cpu: 30 * time.Millisecond, wall: 50 * time.Millisecond, peak: 300},
		{cpu: 10 * time.Millisecond, wall: 60 * time.Millisecond, peak: 100},
		{cpu: 20 * time.Millisecond, wall: 40 * time.Millisecond, peak: 200},
	}
	s := series{tool: tool{Name: "x", Owners: true}, lines: 7, runs: runs}
	want := toolFigures{Name: "x", Owners: true, CPUMillis: 20, WallMillis: 50, PeakBytes: 200, Lines: 7}
	if got := s.figures(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.cut = true
	must(t, s.runAgain(t.Context()))
	if len(s.runs) != len(runs) {
		t.Error("what was cut off runs again")
	}
}

func TestPeakOf(t *testing.T) {
	own, err := memoryOf("self", "VmHWM")
	must(t, err)
	for _, tt := range []struct{ kernel, sampled, want int64 }{
		{own << 4, 5, own << 4}, // more than this process had: it is the tool's own
		{own >> 1, 5, 5},        // may be this process's
		{own >> 1, 0, own >> 1}, // ended before it was seen
	} {
		if got := peakOf(tt.kernel, tt.sampled); got != tt.want {
			t.Errorf("kernel %d, sampled %d: got %d, want %d", tt.kernel, tt.sampled, got, tt.want)
		}
	}
}

func TestWriters(t *testing.T) {
	var n lineCounter
	h := &head{limit: 8}
	for _, text := range []string{"a\nb", "\n\n", "cdef", "gh"} {
		wrote, err := fmt.Fprint(&n, text)
		must(t, err)
		kept, err := fmt.Fprint(h, text)
		must(t, err)
		if wrote != len(text) || kept != len(text) {
			t.Errorf("of %q, %d and %d bytes were taken", text, wrote, kept)
		}
	}
	if n != 3 || h.String() != "a\nb\n\ncde" {
		t.Errorf("%d lines, kept %q", n, h)
	}
	if got := firstLine("one\ntwo"); got != "one" {
		t.Errorf("first line %q", got)
	}
}

// TestGoCommand: what the go command says about a failure is in the error.
func TestGoCommand(t *testing.T) {
	if _, err := goOutput(t.Context(), "", "list", "-m", "-f", "{{.Dir}}", module); err != nil {
		t.Error(err)
	}
	if _, err := goOutput(t.Context(), t.TempDir(), "build", "./no/such/folder"); err == nil || !strings.Contains(err.Error(), "go build: exit status 1: ") {
		t.Errorf("got %v", err)
	}
}
