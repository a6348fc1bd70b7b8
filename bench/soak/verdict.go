package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// limit is how much something may grow after the warm-up: by so much of what it is, in
// half an hour as the trend goes on, or by so much in all, whichever is more. What is
// measured is noisy, and a short run says little of a long one.
type limit struct {
	column, unit string
	scale        float64 // of the unit
	part         float64
	least        float64 // in units of the column
}

var limits = []limit{
	{"anon_bytes", "MiB", 1 << 20, .25, 16 << 20},
	{"heap_bytes", "MiB", 1 << 20, .25, 16 << 20},
	{"rss_bytes", "MiB", 1 << 20, .25, 32 << 20},
	{"goroutines", "", 1, .1, 10},
	{"descriptors", "", 1, .1, 10},
	{"store_bytes", "MiB", 1 << 20, .25, 16 << 20},
	{"history_bytes", "MiB", 1 << 20, .25, 8 << 20},
	{"history_events", "", 1, .25, 5000},
	{"nodes", "", 1, .1, 30},
	{"connections", "", 1, .1, 500},
}

// verdict is what is said of a column.
type verdict struct {
	limit
	first, last float64 // medians of the first and the last tenth after the warm-up
	slope       float64 // per second: the median of the slopes between all pairs
	per30m      float64 // what that is in half an hour
	allowed     float64
	grew        bool
}

// trend is how long the growth is reckoned for.
const trend = 30 * time.Minute

// judge says of each limit whether it was kept.
func judge(s *samples, warm time.Duration) []verdict {
	at := s.column("seconds")
	begin, _ := slices.BinarySearch(at, warm.Seconds())
	out := make([]verdict, 0, len(limits))
	for _, l := range limits {
		v := verdict{limit: l}
		ys := s.column(l.column)[begin:]
		if xs := at[begin:]; len(xs) >= 3 {
			tenth := max(1, len(ys)/10)
			v.first, v.last = median(ys[:tenth]), median(ys[len(ys)-tenth:])
			v.slope = slope(xs, ys)
			v.per30m = v.slope * trend.Seconds()
			v.allowed = max(l.least, l.part*v.first)
			v.grew = v.per30m > v.allowed && v.last > v.first
		}
		out = append(out, v)
	}
	return out
}

// slope is that of a line through points, by Theil and Sen: the median of the slopes
// between all pairs, which outliers don't bend.
func slope(xs, ys []float64) float64 {
	var all []float64
	for i := range xs {
		for j := i + 1; j < len(xs); j++ {
			if xs[j] > xs[i] {
				all = append(all, (ys[j]-ys[i])/(xs[j]-xs[i]))
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	return median(all)
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// table prints the verdicts.
func table(out io.Writer, list []verdict) {
	fmt.Fprintln(out, "| what | after the warm-up | at the end | trend, in half an hour | allowed | |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for i := range list {
		v := &list[i]
		say := "steady"
		if v.grew {
			say = "GROWS"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %+.4g %s | %.4g | %s |\n", strings.TrimSuffix(v.column, "_bytes"), v.text(v.first), v.text(v.last), v.per30m/v.scale, v.unit, v.allowed/v.scale, say)
	}
}

func (v *verdict) text(x float64) string {
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", x/v.scale, v.unit))
}

// growth is what grew, as an error.
func growth(list []verdict) error {
	var names []string
	for i := range list {
		if list[i].grew {
			names = append(names, list[i].column)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("grew beyond the limit after the warm-up: %s", strings.Join(names, ", "))
}
