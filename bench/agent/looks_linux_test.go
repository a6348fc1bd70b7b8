package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
)

func TestEdgesOf(t *testing.T) {
	peer := netip.MustParseAddr("127.0.0.1")
	rows := []report.Connection{
		{Direction: report.Out, Protocol: report.TCP, Peer: peer, Port: 9000, Opened: 3, Refused: 2},
		{Direction: report.Out, Protocol: report.TCP, Peer: peer, Port: 9000, Process: "another", Opened: 4},
		{Direction: report.In, Protocol: report.TCP, Peer: peer, Port: 9000, Opened: 5},
		{Direction: report.Unknown, Protocol: report.TCP, Peer: peer, Port: 9000, LocalPort: 40000, Opened: 6},
		{Direction: report.Unknown, Protocol: report.TCP, Peer: peer, Port: 40000, LocalPort: 9000, Opened: 7},
		{Direction: report.Out, Protocol: report.UDP, Peer: peer, Port: 9000, Opened: 1000, Refused: 1000},
		{Direction: report.Out, Protocol: report.TCP, Peer: peer, Port: 9001, Opened: 1000, Refused: 1000},
	}
	got := edgesOf(rows, 9000)
	if want := (edges{Client: 7, Server: 5, Unknown: 13, Refused: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got.add(edges{Client: 1, Server: 2, Unknown: 3, Refused: 4})
	if want := (edges{Client: 8, Server: 7, Unknown: 16, Refused: 6}); got != want {
		t.Errorf("the sum is %+v, want %+v", got, want)
	}
}

func TestTell(t *testing.T) {
	var l look
	l.tell(&report.Report{
		Agent:       report.Agent{Method: "ebpf"},
		Listeners:   make([]report.Listener, 2),
		Connections: make([]report.Connection, 3),
		Coverage:    report.Coverage{Sockets: 12, HiddenProcesses: 1, OpensBy: "looks"},
		Notes:       []report.Note{{Code: "truncated", Text: "no"}, {Code: "short-connections", Text: "not permitted"}},
	}, 9000)
	if want := (look{Sockets: 12, Rows: 5, Hidden: 1, Method: "ebpf", OpensBy: "looks", Blindness: "not permitted"}); l != want {
		t.Errorf("got %+v, want %+v", l, want)
	}
}

func TestDoubt(t *testing.T) {
	for _, tt := range []struct {
		opensBy string
		blind   bool
		want    string
	}{
		{"kernel", false, ""},
		{"looks", true, ""},
		{"", true, ""},
		{"kernel", true, "although the rights"},
		{"looks", false, "no eBPF: the kernel does not permit it"},
	} {
		l := look{OpensBy: tt.opensBy, Blindness: "the kernel does not permit it"}
		got := l.doubt(tt.blind)
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("opens by %q, blind %v: got %q, want %q", tt.opensBy, tt.blind, got, tt.want)
		}
	}
}

func TestSummarize(t *testing.T) {
	looks := []look{
		{CPU: 3 * time.Millisecond, Wall: 9 * time.Millisecond, Allocations: 5, Allocated: 10, RSS: 1, Sockets: 1, Rows: 1},
		{CPU: 1 * time.Millisecond, Wall: 7 * time.Millisecond, Allocations: 500, Allocated: 30, RSS: 2, Sockets: 2, Rows: 2},
		{Measured: true, CPU: 5 * time.Millisecond, Wall: 8 * time.Millisecond, Allocations: 6, Allocated: 20, RSS: 3, Sockets: 3, Rows: 4, Hidden: 5, Method: "ebpf", OpensBy: "kernel"},
	}
	want := lookFigures{
		CPUMillis: 3, CPUMean: 3, Measured: 1, CPUMeasured: 5, WallMillis: 8, Allocations: 6, Allocated: 20, RSSBytes: 3,
		Sockets: 3, Rows: 4, Hidden: 5, Method: "ebpf", OpensBy: "kernel",
	}
	if got := summarize(looks); *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
}

// TestLooker: the process that looks answers, and says what is wrong with a
// command.
func TestLooker(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	c, err := startLooker(t.Context(), false)
	must(t, err)
	l, err := askLook(c, 9000)
	if err != nil || l.Wall <= 0 || l.Allocations == 0 || l.RSS < 1<<20 || l.Method == "" {
		t.Errorf("got %+v, %v", l, err)
	}
	limits, err := c.ask("memory")
	if err != nil || !strings.HasPrefix(limits, "GOMEMLIMIT 64 MiB, GOGC ") {
		t.Errorf("limits %q, %v", limits, err)
	}
	for _, bad := range []string{"look", "look 70000", "nonsense 1"} {
		if answer, err := c.ask(bad); err == nil || !strings.HasPrefix(err.Error(), `looker on "`+bad+`": `) {
			t.Errorf("%q: answered %q, %v", bad, answer, err)
		}
	}
	must(t, c.stop())
}

// TestBlind: who looks without eBPF has none of the rights for it, and still
// those to see other processes.
func TestBlind(t *testing.T) {
	needRoot(t)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	c, err := startLooker(t.Context(), true)
	must(t, err)
	l, err := askLook(c, 0) // it has become a looker by then
	must(t, err)
	if doubt := l.doubt(true); doubt != "" {
		t.Error(doubt)
	}
	sets := capabilities(t, c.cmd.Process.Pid)
	for _, no := range forEBPF {
		if sets[0].Effective&(1<<no) != 0 && no < 32 || no >= 32 && sets[1].Effective&(1<<(no-32)) != 0 {
			t.Errorf("capability %d is still there", no)
		}
	}
	if own := capabilities(t, os.Getpid()); own[0].Effective&(1<<unix.CAP_SYS_PTRACE) != sets[0].Effective&(1<<unix.CAP_SYS_PTRACE) {
		t.Error("other rights changed, too")
	}
	must(t, c.stop())
}

func capabilities(t *testing.T, pid int) (sets [2]unix.CapUserData) {
	t.Helper()
	must(t, unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3, Pid: int32(pid)}, &sets[0]))
	return sets
}

// TestJob: a job goes to a world and comes back whole.
func TestJob(t *testing.T) {
	j := job{Parts: []string{partShort}, Size: sizeOf(false), Kind: kindReset, Blind: true, Tools: []tool{{Name: "x", Args: []string{"y"}, Owners: true, Missing: "z"}}}
	text, err := json.Marshal(j)
	must(t, err)
	var again job
	must(t, json.Unmarshal(text, &again))
	if again.Kind != j.Kind || !again.Blind || again.Size != j.Size || again.Tools[0].Args[0] != "y" || again.Tools[0].Missing != "z" || !again.Tools[0].Owners {
		t.Errorf("got %+v, want %+v", again, j)
	}
}

// TestSizes: the full run is never less than the quick one.
func TestSizes(t *testing.T) {
	full, quick := sizeOf(false), sizeOf(true)
	for name, n := range map[string][2]int{
		"runs":         {full.SmallRuns, quick.SmallRuns},
		"large runs":   {full.LargeRuns, quick.LargeRuns},
		"looks":        {full.Looks, quick.Looks},
		"short":        {full.Short, quick.Short},
		"churned":      {full.Churned, quick.Churned},
		"rounds":       {full.Rounds, quick.Rounds},
		"alternations": {full.Alternations, quick.Alternations},
	} {
		if n[1] < 1 || n[0] < n[1] {
			t.Errorf("%s: %d, quick %d", name, n[0], n[1])
		}
	}
	if full.Churned*timeWaitLooks != maxTimeWait {
		t.Errorf("%d looks of %d closed connections do not fill %d", timeWaitLooks, full.Churned, maxTimeWait)
	}
}
