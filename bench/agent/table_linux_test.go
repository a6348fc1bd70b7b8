package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	tab := table{head: []string{"name", "µs", "wide head"}}
	tab.add("a", "1", "22")
	tab.add("longer", "1,000", "3")
	tab.add("missing", "not installed: apt-get install this-and-that")
	want := "" +
		"name        µs  wide head\n" +
		"a            1         22\n" +
		"longer   1,000          3\n" +
		"missing  not installed: apt-get install this-and-that\n"
	if got := tab.text(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.00", 0.126: "0.13", 9.99: "9.99", 10: "10.0", 99.94: "99.9", 100: "100", 1234.5: "1,235", -3: "-3.00", math.NaN(): "-",
	} {
		if got := number(f); got != want {
			t.Errorf("%v reads %s, want %s", f, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 250_000: "250,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d reads %s, want %s", n, got, want)
		}
	}
	if got := count(math.MaxUint64); got != "9,223,372,036,854,775,807" {
		t.Errorf("the largest count reads %s", got)
	}
	if got := mebi(20 << 20); got != "20.0" {
		t.Errorf("20 MiB read %s", got)
	}
}

func TestShare(t *testing.T) {
	for p, want := range map[float64]string{0: "0.0 %", 100: "100.0 %", 99.99: "> 99.9 %", 99.5: "99.5 %", 0.05: "< 0.1 %", 200: "200.0 %"} {
		if got := share(p); got != want {
			t.Errorf("%v reads %s, want %s", p, got, want)
		}
	}
}

func TestToolText(t *testing.T) {
	list := []toolFigures{
		{Name: ours, Owners: true, CPUMillis: 50, WallMillis: 60, PeakBytes: 20 << 20, Lines: 30},
		{Name: reference, Owners: true, CPUMillis: 200, WallMillis: 210, PeakBytes: 5 << 20, Lines: 2001},
		{Name: withoutOwner, CPUMillis: 10, WallMillis: 11, PeakBytes: 3 << 20, Lines: 2001},
		{Name: "netstat -antp", Owners: true, Missing: "not installed: apt-get install net-tools"},
		{Name: "lsof -nP -iTCP", Owners: true, CPUMillis: 58_000, WallMillis: 60_000, PeakBytes: 4 << 20, Cut: true},
	}
	want := "" +
		"command         names owners    CPU ms  wall ms  peak RSS MiB  CPU / ss -tanp  lines\n" +
		"dotm scan                yes      50.0     60.0          20.0            0.25     30\n" +
		"ss -tanp                 yes       200      210          5.00            1.00  2,001\n" +
		"ss -tan                   no      10.0     11.0          3.00            0.05  2,001\n" +
		"netstat -antp   not installed: apt-get install net-tools\n" +
		"lsof -nP -iTCP           yes  > 58,000   > 60 s          4.00               -      0\n" +
		"The usual tools print a line per socket, dotm a row per process, peer and port.\n" +
		"ss -tan names no owners, and is faster here than dotm scan: 0.20 of its CPU time.\n"
	if got := toolText(list); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	list[1] = toolFigures{Name: reference, Missing: "not installed"}
	list[2].CPUMillis = 51
	got := toolText(list)
	if strings.Contains(got, "0.25") || strings.Contains(got, "faster") {
		t.Errorf("compared with what is missing, or what is slower is called faster:\n%s", got)
	}
	if toolLimit != time.Minute {
		t.Errorf("%s is not %s", toolLimitText, toolLimit)
	}
}

func TestDocumentText(t *testing.T) {
	d := document{
		Host: host{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kernel: "6.18.0", Machine: "amd64", Processors: 2, Go: "go1.26", LoadAverage: "0.10"},
		Loads: []loadFigures{{
			Connections: 10_000, Sockets: 20_010, Processes: 20, Others: 16_000, WarmUp: 5, Looks: 20, Memory: "GOMEMLIMIT 64 MiB, GOGC 50", Churned: 2400,
			Warm:  []*lookFigures{{Sight: "with eBPF", CPUMillis: 25, CPUMean: 26, CPUMeasured: 31, Measured: 7, WallMillis: 27, Allocations: 250, Allocated: 2048, RSSBytes: 20 << 20, Sockets: 20_010, Rows: 520, Method: "ebpf", OpensBy: "kernel"}},
			Churn: []*lookFigures{{Sight: "with eBPF", Problem: "not measured"}},
		}},
		Tracepoint: &tracepointFigures{Rounds: 10_000, Plain: []lap{{50, 40}}, Counted: []lap{{51, 42}}},
	}
	want := `2026-01-02 03:04: Linux 6.18.0 amd64, 2 processors, go1.26, load average before the start 0.10
Compare within this run only. CPU is user and system time.

10,000 loopback connections, both ends here: 20,010 TCP sockets of 20 processes; 3 processes with 16,000 other descriptors each

Warm looks of package scan in one process (GOMEMLIMIT 64 MiB, GOGC 50), nothing changes, of 20 looks after 5, 10s apart for them:
look       CPU mean ms  with health  CPU median ms  wall ms  allocations  KiB allocated  RSS MiB after  sockets  rows  nameless rows  TIME-WAIT  sockets by  opens by
with eBPF         26.0         31.0           25.0     27.0          250           2.00           20.0   20,010   520              0          0        ebpf    kernel

The same while 2,400 connections close and as many open between two looks, median of 20 looks after 6:
look       CPU mean ms  with health  CPU median ms  wall ms  allocations  KiB allocated  RSS MiB after  sockets  rows  nameless rows  TIME-WAIT  sockets by  opens by
with eBPF  not measured

Cost of counting: a loop that connects and closes over loopback, client and server in one thread, 10,000 rounds, alternately 1 run each
median                no Scanner µs  one that counts µs    more
CPU of a round                 40.0                42.0  +5.0 %
wall time of a round           50.0                51.0  +2.0 %
`
	if got := d.text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d.Tracepoint.Problem = "not measured, no eBPF"
	if got := d.text(); !strings.HasSuffix(got, "not measured, no eBPF\n") || strings.Contains(got, "+5.0 %") {
		t.Errorf("got\n%s", got)
	}
}

func TestShortText(t *testing.T) {
	got := shortText([]shortFigures{
		{Kind: kindClient, Sight: sightOf(false), Made: 2000, TimeWait: 1990, Looks: 1, OpensBy: "kernel", Client: 2000, Server: 2000},
		{Kind: kindReset, Sight: sightOf(true), Made: 2000, Looks: 2, OpensBy: "looks", Client: 1},
		{Kind: kindRefused, Sight: sightOf(false), Made: 2000, Problem: "not measured"},
	})
	want := `
Short connections, 2,000 of each kind, open for 5ms (the refused never), all between two looks: what the reports tell of them
kind                  sight     seen  opened at client  opened at server  no direction  refused  TIME-WAIT before  looks after  opens by
client-closes     with eBPF  100.0 %             2,000             2,000             0        0             1,990            1    kernel
reset          without eBPF  < 0.1 %                 1                 0             0        0                 0            2     looks
refused        with eBPF  not measured
Seen is what the end that tells more tells, or the refused. TIME-WAIT is what the kernel itself still shows of them before the looks.
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
