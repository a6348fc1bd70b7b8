// Command layout compares the places that package layout gives with those of dot of
// Graphviz, on the same graphs: made-up sites of several sizes (package site), with
// lanes and shared services and without, products at random, and the call graphs of
// two public systems.
//
//	go run ./bench/layout [-json] [-only EXPRESSION] [-dot PATH] [-patience D]
//
// Times are the best of several runs of Place, and of dot's process with its start;
// where others use the machine, too, processor time tells more.
// Crossings are counted between straight lines from centre to centre. The shift is
// how far boxes that stay move, on average, in percent of the chart's diagonal: after
// one change of 1 % of the boxes, and after 50 of them. Shared services and their
// edges are neither drawn by dot nor counted. Where dot is missing (Debian: apt
// install graphviz), ours is measured alone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/layout"
	"github.com/devops-trouble-map/dotm/test/charts"
	"github.com/devops-trouble-map/dotm/view"
)

// result is a line of the table.
type result struct {
	Graph       string  `json:"graph"`
	By          string  `json:"by"`
	Boxes       int     `json:"boxes"`
	Edges       int     `json:"edges"`
	Millis      float64 `json:"ms"`
	CPU         float64 `json:"cpu_ms"`
	Crossings   float64 `json:"crossings_per_edge"`
	Overlaps    int     `json:"overlaps"`
	LeftToRight float64 `json:"left_to_right"`
	EdgeLength  float64 `json:"edge_length"`
	Aspect      float64 `json:"aspect"`
	Shift       float64 `json:"shift_percent"`
	ShiftLong   float64 `json:"shift_50_rounds_percent"`
	Failed      string  `json:"failed,omitempty"`
}

// named is a graph, made when it is measured.
type named struct {
	name string
	make func() (*layout.Graph, error)
}

// graphs are what is laid out: two public systems, made-up sites as the server lays them
// out, and products whose hosts call each other at random, which have no better order
// to be found.
func graphs() []named {
	fixed := func(g *layout.Graph) func() (*layout.Graph, error) {
		return func() (*layout.Graph, error) { return g, nil }
	}
	random := func(g *layout.Graph) func() (*layout.Graph, error) { return fixed(charts.Hubs(charts.Lanes(g))) }
	site := func(hosts int, level view.Level) func() (*layout.Graph, error) {
		return func() (*layout.Graph, error) { return siteGraph(hosts, level) }
	}
	return []named{
		{"online-boutique", fixed(charts.OnlineBoutique())},
		{"otel-demo", fixed(charts.OtelDemo())},
		{"site of 10", site(10, view.LevelNode)},
		{"site of 100", site(100, view.LevelNode)},
		{"site of 1,000", site(1000, view.LevelNode)},
		{"site of 1,000 in pools", site(1000, view.LevelPool)},
		{"site of 3,000", site(3000, view.LevelNode)},
		{"random, 100 hosts", random(charts.Hosts(1, 101, 380))},
		{"random, 971 hosts", random(charts.Hosts(1, 971, 3782))},
		{"random, 1,158 boxes", random(charts.Hosts(1, 1158, 4400))},
		{"random, 209 pools", random(charts.Pools(1, 209, 210))},
	}
}

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "layout:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, args []string) error {
	flags := flag.NewFlagSet("layout", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print one JSON object per line instead of a table")
	only := flags.String("only", "", "measure the graphs whose name this regular `expression` finds")
	path := flags.String("dot", "dot", "the `path` of dot")
	patience := flags.Duration("patience", time.Minute, "how long dot may take for one graph")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	d, err := findDot(*path, *patience)
	if err != nil {
		fmt.Fprintf(os.Stderr, "layout: %v; ours is measured alone\n", err)
	}
	enc := json.NewEncoder(w)
	if !*asJSON {
		fmt.Fprint(w, head())
	}
	for _, g := range graphs() {
		if !wanted.MatchString(g.name) {
			continue
		}
		results, err := measure(g, d)
		if err != nil {
			return err
		}
		for _, r := range results {
			if !*asJSON {
				fmt.Fprint(w, r.line())
			} else if err := enc.Encode(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure lays out one graph in all ways.
func measure(g named, d *dot) ([]result, error) {
	var all []result
	full, err := g.make()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.name, err)
	}
	plain := charts.Plain(full)
	if hasLanes(full) {
		r, err := ours(g.name, full, "dotm, lanes")
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	r, err := ours(g.name, plain, "dotm")
	if err != nil {
		return nil, err
	}
	all = append(all, r)
	if d != nil {
		all = append(all, theirs(g.name, plain, d))
	}
	return all, nil
}

func hasLanes(g *layout.Graph) bool {
	for _, b := range g.Boxes {
		if b.Lane != "" {
			return true
		}
	}
	return false
}

// ours measures Place and Update.
func ours(name string, g *layout.Graph, by string) (result, error) {
	var chart *layout.Chart
	best := cost{time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)}
	for start := time.Now(); chart == nil || time.Since(start) < 2*time.Second; {
		before, cpu := time.Now(), ownCPU()
		c, err := layout.Place(g)
		if err != nil {
			return result{}, fmt.Errorf("%s: %w", name, err)
		}
		chart, best = c, best.least(cost{time.Since(before), ownCPU() - cpu})
	}
	r := judge(name, g, by, chart, best)
	shift := func(rounds int) (float64, error) {
		now, at := g, chart
		for i := range rounds {
			now = charts.Change(now, uint64(i), 0.01)
			c, err := layout.Update(at, now)
			if err != nil {
				return 0, fmt.Errorf("%s, round %d: %w", name, i, err)
			}
			at = c
		}
		return layout.Shift(chart, at), nil
	}
	var err error
	if r.Shift, err = shift(1); err != nil {
		return r, err
	}
	r.ShiftLong, err = shift(50)
	return r, err
}

// theirs measures dot.
func theirs(name string, g *layout.Graph, d *dot) result {
	chart, took, err := d.place(g)
	if err != nil {
		return result{Graph: name, By: "dot", Boxes: len(g.Boxes), Edges: len(g.Edges), Failed: err.Error()}
	}
	best := took
	for range 2 {
		if _, again, err := d.place(g); err == nil && took.wall < 5*time.Second {
			best = best.least(again)
		}
	}
	r := judge(name, g, "dot", chart, best)
	now := g
	for i := range 50 {
		now = charts.Change(now, uint64(i), 0.01)
		if i > 0 && i < 49 {
			continue
		}
		c, _, err := d.place(now)
		if err != nil {
			r.Failed = err.Error()
			return r
		}
		if i == 0 {
			r.Shift = layout.Shift(chart, c)
		} else {
			r.ShiftLong = layout.Shift(chart, c)
		}
	}
	return r
}

func judge(name string, g *layout.Graph, by string, c *layout.Chart, took cost) result {
	q := layout.Measure(g, c)
	return result{
		Graph: name, By: by, Boxes: len(g.Boxes), Edges: len(g.Edges),
		Millis: millis(took.wall), CPU: millis(took.cpu),
		Crossings: float64(q.Crossings) / float64(max(1, q.Edges)),
		Overlaps:  q.Overlaps, LeftToRight: q.LeftToRight, EdgeLength: q.EdgeLength,
		Aspect: c.Width / c.Height,
	}
}

// cost is what a layout takes.
type cost struct{ wall, cpu time.Duration }

func (c cost) least(o cost) cost { return cost{min(c.wall, o.wall), min(c.cpu, o.cpu)} }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ownCPU is the processor time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// row is how a line of the table is set.
const row = "%-22s %-12s %6s %6s %9s %9s %10s %9s %7s %8s %7s %8s %8s\n"

func head() string {
	return fmt.Sprintf(row, "graph", "by", "boxes", "edges", "ms", "cpu ms", "crossings", "overlaps", "right", "length", "aspect", "shift %", "after 50")
}

// line is the result for people.
func (r result) line() string {
	if r.Failed != "" {
		return fmt.Sprintf("%-22s %-12s %6d %6d %s\n", r.Graph, r.By, r.Boxes, r.Edges, r.Failed)
	}
	f := func(digits int, v float64) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	return fmt.Sprintf(row, r.Graph, r.By, strconv.Itoa(r.Boxes), strconv.Itoa(r.Edges), f(1, r.Millis), f(1, r.CPU), f(2, r.Crossings),
		strconv.Itoa(r.Overlaps), f(3, r.LeftToRight), f(0, r.EdgeLength), f(2, r.Aspect), f(2, r.Shift), f(2, r.ShiftLong))
}
