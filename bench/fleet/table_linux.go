package main

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// document is all that was measured.
type document struct {
	Interval string    `json:"interval,omitempty"`
	Latency  []latency `json:"latency,omitempty"`
	Sizes    []size    `json:"sizes,omitempty"`
	Through  []through `json:"through,omitempty"`
	Away     *away     `json:"away,omitempty"`
}

// text is the document for people.
func (d *document) text() string {
	var b strings.Builder
	if len(d.Latency) > 0 {
		fmt.Fprintf(&b, "New connection to event of the stream, interval %s (ms)\n%-22s %8s %8s %8s %8s\n", d.Interval, "agent", "trials", "median", "p95", "max")
	}
	for _, l := range d.Latency {
		fmt.Fprintf(&b, "%-22s %8d %8.0f %8.0f %8.0f\n", map[bool]string{true: "with eBPF", false: "without"}[l.EBPF], l.Trials, l.Median, l.P95, l.Max)
	}
	if len(d.Sizes) > 0 {
		fmt.Fprintf(&b, "\nBytes over the line, means\n%-22s %11s %8s  %-11s %8s %8s %8s\n", "connections to", "connections", "rows", "what", "plain", "gzip", "largest")
	}
	for _, s := range d.Sizes {
		fmt.Fprintf(&b, "%-22s %11d %8d  %-11s %8d %8d %8d\n", s.Load, s.Connections, s.Rows, s.What, s.Plain, s.Packed, s.Largest)
	}
	if len(d.Through) > 0 {
		fmt.Fprintf(&b, "\nOne report of %d connections of a new node (ms)\n%-22s %8s %8s %8s %8s %8s %8s %10s %8s\n", throughConnections, "way", "reports", "bytes", "answer", "again", "chart", "p95", "server CPU", "unseen")
	}
	for _, t := range d.Through {
		fmt.Fprintf(&b, "%-22s %8d %8d %8s %8s %8.1f %8.1f %10.1f %8s\n", t.Way, t.Reports, t.Bytes, orNone(t.Answer), orNone(t.Again), t.Chart, t.P95, t.CPU, orNone(t.Unseen))
	}
	if a := d.Away; a != nil {
		fmt.Fprintf(&b, "\nAgent with %d connections, %s each\n%-34s %8.2f %% of a processor\n%-34s %8.2f %%\n%-34s %8.1f s\n%-34s %4d of %d\n",
			throughConnections, a.Span, "while the server is there", 100*a.There, "while it is away", 100*a.Away,
			"back on the chart after its start", a.Back, "short connections counted", a.Counted, a.Visits)
	}
	return b.String()
}

// quantile is the value that a share q of the list doesn't exceed; the list is
// not empty.
func quantile[T cmp.Ordered](list []T, q float64) T {
	sorted := slices.Sorted(slices.Values(list))
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[max(i, 0)]
}

// orNone is a figure, if it was measured.
func orNone(ms float64) string {
	if ms == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", ms)
}

func millis(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/100) / 10 }

// portOf is the port of an address; 0 if it has none.
func portOf(address string) int {
	a, _ := netip.ParseAddrPort(address)
	return int(a.Port())
}
