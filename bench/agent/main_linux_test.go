package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// envRequire, if "all", makes what cannot be tested fail.
const envRequire = "DOTM_REQUIRE_REAL"

// TestMain: the processes that the benchmark starts are this test program.
func TestMain(m *testing.M) {
	if role := os.Getenv(envRole); role != "" {
		os.Exit(play(role, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// cannot skips for a stranger, and fails where everything must be tested.
func cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(envRequire) == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// needRoot skips a test that needs the host's root, who may make network
// namespaces.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		cannot(t, "needs root")
	}
	trial := exec.Command("true")
	trial.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := trial.Run(); err != nil {
		cannot(t, "no network namespace of our own: "+err.Error())
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestParseFlags(t *testing.T) {
	for _, tt := range []struct {
		args string
		want options
	}{
		{"", options{connections: []int{1000, 10_000, 50_000}, only: parts}},
		{"-quick", options{connections: []int{1000}, only: parts, quick: true}},
		{"-quick -n 20", options{connections: []int{20}, only: parts, quick: true}},
		{"-json -n 10,250000", options{connections: []int{10, 250_000}, only: parts, json: true}},
		{"-only tracepoint,warm,warm", options{connections: []int{1000, 10_000, 50_000}, only: []string{"warm", "tracepoint"}}},
	} {
		got, err := parseFlags(strings.Fields(tt.args), io.Discard)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%q: got %v (%v), want %v", tt.args, got, err, tt.want)
		}
	}
}

func TestWrongFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-n 9":                                `from 10 to 250000, not "9"`,
		"-n 250001":                           `not "250001"`,
		"-n 1000,":                            `not ""`,
		"-n ten":                              `not "ten"`,
		"-n 10,10,10,10,10,10,10,10,10,10,10": "at most 10 numbers",
		"-only warm,cold":                     `-only takes one-shot, warm, churn, short, tracepoint, not "cold"`,
		"-only=":                              `not ""`,
		"-quick again":                        `unexpected argument "again"`,
		"-slow":                               "not defined",
	} {
		if _, err := parseFlags(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", args, err, want)
		}
	}
	if _, err := parseFlags([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: got %v", err)
	}
}

func FuzzParseFlags(f *testing.F) {
	f.Add("1000,10000", "warm,churn")
	f.Add("-1, 10", " short")
	f.Fuzz(func(t *testing.T, n, only string) {
		o, err := parseFlags([]string{"-n=" + n, "-only=" + only}, io.Discard)
		if err != nil {
			return
		}
		if len(o.connections) == 0 || len(o.connections) > maxLoads || slices.Min(o.connections) < minConnections || slices.Max(o.connections) > maxConnections {
			t.Errorf("-n %q: %v", n, o.connections)
		}
		if len(o.only) == 0 || len(o.only) > len(parts) {
			t.Errorf("-only %q: %q", only, o.only)
		}
	})
}

// TestQuick runs everything once on few connections, and reads what it prints.
func TestQuick(t *testing.T) {
	needRoot(t)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-n", "25", "-json"}, &out, &progress); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), progress.String())
	}
	var d document
	must(t, json.Unmarshal(out.Bytes(), &d))
	if len(d.Loads) != 1 || d.Loads[0].Sockets != 60 || len(d.Loads[0].Warm) != 2 || len(d.Loads[0].Churn) != 2 {
		t.Fatalf("loads are not as asked for: %s", out.String())
	}
	checkTools(t, d.Loads[0].OneShot)
	checkLooks(t, d.Loads[0].Warm, 0)
	checkLooks(t, d.Loads[0].Churn, sizeOf(true).Churned)
	checkShort(t, d.Short)
	if d.Tracepoint == nil || (d.Tracepoint.Problem == "" && len(d.Tracepoint.Counted) != sizeOf(true).Alternations) {
		t.Errorf("tracepoint: %+v", d.Tracepoint)
	}
	text := d.text()
	for _, want := range []string{"25 loopback connections", "60 TCP sockets of 20 processes", "dotm scan", "with eBPF", "server-closes", "too few repetitions"} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q:\n%s", want, text)
		}
	}
}

// checkTools: every tool that is there has cost something and shows every
// socket.
func checkTools(t *testing.T, list []toolFigures) {
	t.Helper()
	if len(list) != 8 {
		t.Errorf("%d tools", len(list))
	}
	for _, f := range list {
		if f.Missing != "" {
			continue
		}
		if f.WallMillis <= 0 || f.PeakBytes < 1<<20 {
			t.Errorf("%s cost nothing: %+v", f.Name, f)
		}
		if f.Name != ours && f.Lines < 60 {
			t.Errorf("%s shows %d of 60 sockets", f.Name, f.Lines)
		}
	}
}

func checkLooks(t *testing.T, list []*lookFigures, timeWait int) {
	t.Helper()
	for i, f := range list {
		if want := sightOf(i == 1); f.Sight != want {
			t.Errorf("looks %s, not %s", f.Sight, want)
		}
		if f.Problem != "" {
			if os.Getenv(envRequire) == "all" {
				t.Error(f.Problem)
			}
			continue
		}
		if f.Sockets != 60 || f.Rows < 30 || f.Hidden != 0 || f.TimeWait < timeWait {
			t.Errorf("the look has not seen everything: %+v", f)
		}
		if f.WallMillis <= 0 || f.Allocations <= 0 || f.Allocated <= 0 || f.RSSBytes < 1<<20 {
			t.Errorf("it cost nothing: %+v", f)
		}
	}
}

// checkShort: with eBPF every one is seen; without, none that was refused.
func checkShort(t *testing.T, list []shortFigures) {
	t.Helper()
	if len(list) != 2*len(shortKinds) {
		t.Errorf("%d figures of short connections", len(list))
	}
	for _, f := range list {
		switch {
		case f.Problem != "":
			if os.Getenv(envRequire) == "all" {
				t.Error(f.Problem)
			}
		case f.Sight == sightOf(false) && f.seen() != 100:
			t.Errorf("with eBPF, not all are seen: %+v", f)
		case f.Sight == sightOf(true) && f.Kind == kindRefused && f.seen() != 0:
			t.Errorf("refused ones are seen by looks: %+v", f)
		}
	}
}

// interrupter interrupts when it reads a word, and remembers that it did.
type interrupter struct {
	at        string
	interrupt func()
	mu        sync.Mutex
	text      []byte
}

func (w *interrupter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	if bytes.Contains(w.text, []byte(w.at)) {
		w.interrupt()
	}
	return len(p), nil
}

// TestInterrupt: nothing is left, neither processes nor files.
func TestInterrupt(t *testing.T) {
	needRoot(t)
	mark := "DOTM_BENCH_TEST_MARK=" + t.TempDir()
	name, value, _ := strings.Cut(mark, "=")
	t.Setenv(name, value)
	t.Setenv("TMPDIR", value)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	during := 0
	progress := &interrupter{at: "  churn", interrupt: func() { during = len(marked(t, mark)); interrupt() }}
	err := run(ctx, []string{"-quick", "-n", "25", "-only", "churn"}, io.Discard, progress)
	if err == nil || err.Error() != "interrupted" {
		t.Fatalf("got %v, want interrupted\n%s", err, progress.text)
	}
	if during < 2*pairs {
		t.Errorf("%d processes were seen while it ran", during)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); len(marked(t, mark)) > 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("processes %q are still there", marked(t, mark))
		}
	}
	left, err := os.ReadDir(value)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

// marked lists the other processes that have a variable in their environment.
func marked(t *testing.T, mark string) (list []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	must(t, err)
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err == nil && path != fmt.Sprintf("/proc/%d/environ", os.Getpid()) && strings.Contains(string(text), mark) {
			list = append(list, path)
		}
	}
	return list
}

// TestProblemsAreTold: a part that fails does not take away the others, and is
// named.
func TestProblemsAreTold(t *testing.T) {
	d := document{Problems: []string{"tracepoint: no such thing"}, Short: []shortFigures{{Kind: kindReset, Sight: sightOf(true), Made: 200}}}
	var text, doc bytes.Buffer
	must(t, d.print(&text, false))
	must(t, d.print(&doc, true))
	for _, want := range []string{"FAILED: tracepoint: no such thing", "reset"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("lacks %q:\n%s", want, text.String())
		}
	}
	var again document
	must(t, json.Unmarshal(doc.Bytes(), &again))
	if len(again.Problems) != 1 || len(again.Short) != 1 {
		t.Errorf("got %+v", again)
	}
}
