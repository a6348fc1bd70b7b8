package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is rows of cells under a head. The first column reads from the left,
// the others are numbers.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// text aligns the columns. A row may have fewer cells than the head; a last
// cell in the place of several may be as long as it likes.
func (t *table) text() string {
	width := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			if i == 0 || len(row) == len(t.head) {
				width[i] = max(width[i], utf8.RuneCountInString(cell))
			}
		}
	}
	var b strings.Builder
	for _, row := range append([][]string{t.head}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			switch {
			case i == 0:
				fmt.Fprintf(&line, "%-*s", width[0], cell)
			case len(row) < len(t.head):
				line.WriteString("  " + cell)
			default:
				fmt.Fprintf(&line, "  %*s", width[i], cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// text is the document for people.
func (d *document) text() string {
	var b strings.Builder
	h := &d.Host
	fmt.Fprintf(&b, "%s: Linux %s %s, %d processors, %s, load average before the start %s\n",
		h.Time.Format("2006-01-02 15:04"), h.Kernel, h.Machine, h.Processors, h.Go, h.LoadAverage)
	b.WriteString("Compare within this run only. CPU is user and system time.\n")
	if d.Quick {
		b.WriteString("-quick: too few repetitions to quote.\n")
	}
	for i := range d.Loads {
		b.WriteString(d.Loads[i].text())
	}
	if len(d.Short) > 0 {
		b.WriteString(shortText(d.Short))
	}
	if d.Tracepoint != nil {
		b.WriteString(d.Tracepoint.text())
	}
	for _, p := range d.Problems {
		b.WriteString("\nFAILED: " + p + "\n")
	}
	return b.String()
}

func (f *loadFigures) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s loopback connections, both ends here: %s TCP sockets of %d processes; 3 processes with %s other descriptors each\n",
		thousands(f.Connections), thousands(f.Sockets), f.Processes, thousands(f.Others))
	if len(f.OneShot) > 0 {
		fmt.Fprintf(&b, "\nOne-shot commands, median of %s, output to /dev/null:\n", times(f.Runs))
		b.WriteString(toolText(f.OneShot))
	}
	if len(f.Warm) > 0 {
		fmt.Fprintf(&b, "\nWarm looks of package scan in one process (%s), nothing changes, of %d looks after %d, %s apart for them:\n", f.Memory, f.Looks, f.WarmUp, interval)
		b.WriteString(lookText(f.Warm))
	}
	if len(f.Churn) > 0 {
		fmt.Fprintf(&b, "\nThe same while %s connections close and as many open between two looks, median of %d looks after %d:\n",
			thousands(f.Churned), f.Looks, f.churnWarmUp())
		b.WriteString(lookText(f.Churn))
	}
	return b.String()
}

// churnWarmUp is longer than that of other looks: until as many sockets stand in
// TIME-WAIT as will.
func (f *loadFigures) churnWarmUp() int { return max(f.WarmUp, timeWaitLooks) }

// The tools that others are compared with.
const (
	reference    = "ss -tanp"
	ours         = "dotm scan"
	withoutOwner = "ss -tan"
)

func toolText(list []toolFigures) string {
	byName := map[string]*toolFigures{}
	for i := range list {
		byName[list[i].Name] = &list[i]
	}
	t := table{head: []string{"command", "names owners", "CPU ms", "wall ms", "peak RSS MiB", "CPU / " + reference, "lines"}}
	for i := range list {
		f := &list[i]
		if f.Missing != "" {
			t.add(f.Name, f.Missing)
			continue
		}
		cpu, wall := number(f.CPUMillis), number(f.WallMillis)
		if f.Cut {
			cpu, wall = "> "+cpu, "> "+toolLimitText
		}
		t.add(f.Name, yesNo(f.Owners), cpu, wall, mebi(f.PeakBytes), f.ratio(byName[reference]), thousands(f.Lines))
	}
	return t.text() + "The usual tools print a line per socket, dotm a row per process, peer and port.\n" + remark(byName[ours], byName[withoutOwner])
}

// ratio is the CPU time of a tool in that of another; of what was cut off it is
// not known.
func (f *toolFigures) ratio(to *toolFigures) string {
	if !to.measured() || to.CPUMillis == 0 || !f.measured() {
		return "-"
	}
	return fmt.Sprintf("%.2f", f.CPUMillis/to.CPUMillis)
}

func (f *toolFigures) measured() bool { return f != nil && f.Missing == "" && !f.Cut }

// remark says where a tool that names no owners is the faster one.
func remark(ours, other *toolFigures) string {
	if !ours.measured() || !other.measured() || other.CPUMillis >= ours.CPUMillis {
		return ""
	}
	return fmt.Sprintf("%s names no owners, and is faster here than %s: %.2f of its CPU time.\n",
		other.Name, ours.Name, other.CPUMillis/ours.CPUMillis)
}

func lookText(list []*lookFigures) string {
	t := table{head: []string{
		"look", "CPU mean ms", "with health", "CPU median ms", "wall ms", "allocations", "KiB allocated", "RSS MiB after",
		"sockets", "rows", "nameless rows", "TIME-WAIT", "sockets by", "opens by",
	}}
	for _, f := range list {
		if f.Problem != "" {
			t.add(f.Sight, f.Problem)
			continue
		}
		t.add(f.Sight, number(f.CPUMean), number(f.CPUMeasured), number(f.CPUMillis), number(f.WallMillis), number(f.Allocations), number(f.Allocated/1024),
			mebi(f.RSSBytes), thousands(f.Sockets), thousands(f.Rows), thousands(f.Hidden), thousands(f.TimeWait), orDash(f.Method), orDash(f.OpensBy))
	}
	return t.text()
}

func shortText(list []shortFigures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nShort connections, %s of each kind, open for %s (the refused never), all between two looks: what the reports tell of them\n",
		thousands(list[0].Made), holdFor)
	t := table{head: []string{"kind", "sight", "seen", "opened at client", "opened at server", "no direction", "refused", "TIME-WAIT before", "looks after", "opens by"}}
	for i := range list {
		f := &list[i]
		if f.Problem != "" {
			t.add(f.Kind, f.Sight+"  "+f.Problem)
			continue
		}
		t.add(f.Kind, f.Sight, share(f.seen()), count(f.Client), count(f.Server), count(f.Unknown), count(f.Refused), thousands(f.TimeWait), strconv.Itoa(f.Looks), orDash(f.OpensBy))
	}
	b.WriteString(t.text())
	b.WriteString("Seen is what the end that tells more tells, or the refused. TIME-WAIT is what the kernel itself still shows of them before the looks.\n")
	return b.String()
}

func (f *tracepointFigures) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nCost of counting: a loop that connects and closes over loopback, client and server in one thread, %s rounds, alternately %s each\n",
		thousands(f.Rounds), times(len(f.Plain)))
	if f.Problem != "" {
		return b.String() + f.Problem + "\n"
	}
	wall := func(l lap) float64 { return l.WallMicros }
	cpu := func(l lap) float64 { return l.CPUMicros }
	t := table{head: []string{"median", "no Scanner µs", "one that counts µs", "more"}}
	for _, row := range []struct {
		name string
		get  func(lap) float64
	}{{"CPU of a round", cpu}, {"wall time of a round", wall}} {
		plain, counted := of(f.Plain, row.get), of(f.Counted, row.get)
		t.add(row.name, number(median(plain)), number(median(counted)), fmt.Sprintf("%+.1f %%", more(plain, counted)))
	}
	return b.String() + t.text()
}

// number shows three or more digits.
func number(f float64) string {
	switch {
	case math.IsNaN(f):
		return "-"
	case math.Abs(f) < 10:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case math.Abs(f) < 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return thousands(int(math.Round(f)))
}

// thousands separates them by commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func count(n uint64) string { return thousands(int(min(n, math.MaxInt64))) }

func mebi(bytes int64) string { return number(float64(bytes) / (1 << 20)) }

// share never rounds to all or to nothing what isn't.
func share(p float64) string {
	switch {
	case p > 99.9 && p < 100:
		return "> 99.9 %"
	case p > 0 && p < 0.1:
		return "< 0.1 %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

func times(n int) string {
	if n == 1 {
		return "1 run"
	}
	return strconv.Itoa(n) + " runs"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
