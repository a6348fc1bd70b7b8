// Command agent measures what an agent's look at a host costs, beside the usual
// tools, on one load and in one run. It needs root and is run from the source
// folder:
//
//	sudo env "PATH=$PATH" go run ./bench/agent -n 1000,10000
//
// Everything happens in network namespaces of its own, which hold nothing but
// the load. What it starts ends with it, also when it is interrupted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if role := os.Getenv(envRole); role != "" {
		os.Exit(play(role, os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/agent:", err)
		os.Exit(1)
	}
}

// The parts of the benchmark.
const (
	partOneShot    = "one-shot"
	partWarm       = "warm"
	partChurn      = "churn"
	partShort      = "short"
	partTracepoint = "tracepoint"
)

var parts = []string{partOneShot, partWarm, partChurn, partShort, partTracepoint}

// options are the flags.
type options struct {
	connections []int
	only        []string
	quick       bool
	json        bool
}

// Limits of -n: every one of the pairs has a connection, and the ephemeral
// ports suffice for those to one server.
const (
	minConnections = pairs
	maxConnections = 250_000
	maxLoads       = 10
)

func parseFlags(args []string, messages io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("agent", flag.ContinueOnError)
	f.SetOutput(messages)
	n := f.String("n", "1000,10000,50000", "loopback connections of each load, separated by commas")
	only := f.String("only", strings.Join(parts, ","), "parts to measure, separated by commas")
	f.BoolVar(&o.quick, "quick", false, "few repetitions: whether it runs, not what it costs; -n 1000 unless given")
	f.BoolVar(&o.json, "json", false, "print one JSON document instead of tables")
	if err := f.Parse(args); err != nil {
		return options{}, err
	}
	if f.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	given := false
	f.Visit(func(f *flag.Flag) { given = given || f.Name == "n" })
	if o.quick && !given {
		*n = "1000"
	}
	var err error
	if o.connections, err = parseCounts(*n); err != nil {
		return options{}, err
	}
	o.only, err = parseParts(*only)
	return o, err
}

// parseCounts reads "1000,10000".
func parseCounts(text string) (list []int, err error) {
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < minConnections || n > maxConnections {
			return nil, fmt.Errorf("-n takes numbers from %d to %d, not %q", minConnections, maxConnections, field)
		}
		if list = append(list, n); len(list) > maxLoads {
			return nil, fmt.Errorf("-n takes at most %d numbers", maxLoads)
		}
	}
	return list, nil
}

// parseParts reads "warm,churn"; the order is that of the benchmark.
func parseParts(text string) (list []string, err error) {
	asked := map[string]bool{}
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		if !slices.Contains(parts, field) {
			return nil, fmt.Errorf("-only takes %s, not %q", strings.Join(parts, ", "), field)
		}
		asked[field] = true
	}
	for _, p := range parts {
		if asked[p] {
			list = append(list, p)
		}
	}
	return list, nil
}

// run measures what was asked for, and prints it when all is known. Parts that
// failed are named in what is printed, and in the error.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parseFlags(args, progress)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New(`needs root, to make network namespaces and to see every process: sudo env "PATH=$PATH" go run ./bench/agent`)
	}
	dir, err := os.MkdirTemp("", "dotm-bench-agent-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing more can be done
	d := document{Host: readHost(time.Now()), Quick: o.quick}
	b := bench{options: o, size: sizeOf(o.quick), progress: progress}
	if slices.Contains(o.only, partOneShot) {
		if b.tools, err = prepareTools(ctx, dir, progress); err != nil {
			return err
		}
	}
	b.measure(ctx, &d)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err := d.print(out, o.json); err != nil {
		return err
	}
	if len(d.Problems) > 0 {
		return fmt.Errorf("%d parts failed, see what was printed", len(d.Problems))
	}
	return nil
}

func (d *document) print(out io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	_, err := io.WriteString(out, d.text())
	return err
}

// bench is one run.
type bench struct {
	options
	size     size
	tools    []tool
	progress io.Writer
}

// size is how much is done.
type size struct {
	SmallRuns, LargeRuns int // of each tool; large is beyond largeLoad
	WarmUp, Looks        int
	Others               int // other descriptors of each of three processes
	Churned              int // connections replaced between two looks
	Short                int // short connections of each kind
	Rounds, Alternations int // of the connect-close loop
}

// largeLoad is the most connections of a small load.
const largeLoad = 10_000

func sizeOf(quick bool) size {
	if quick {
		return size{
			SmallRuns: 2, LargeRuns: 1, WarmUp: 3, Looks: 6,
			Others: 1600, Churned: 240, Short: 200, Rounds: 1000, Alternations: 2,
		}
	}
	return size{
		SmallRuns: 5, LargeRuns: 3, WarmUp: 6, Looks: 24,
		Others: 16_000, Churned: 2400, Short: 2000, Rounds: 10_000, Alternations: 5,
	}
}

// measure runs every part in a world of its own. A part that fails is a problem
// of the document, and the others go on.
func (b *bench) measure(ctx context.Context, d *document) {
	if loaded := b.wanted(partOneShot, partWarm, partChurn); len(loaded) > 0 {
		for _, n := range b.connections {
			j := job{Connections: n, Parts: loaded, Tools: b.tools}
			if found := b.run(ctx, thousands(n)+" connections", j, d); found.Load != nil {
				d.Loads = append(d.Loads, *found.Load)
			}
		}
	}
	if len(b.wanted(partShort)) > 0 {
		for _, kind := range shortKinds {
			for _, blind := range []bool{false, true} {
				j := job{Parts: []string{partShort}, Kind: kind, Blind: blind}
				if found := b.run(ctx, "short connections, "+kind+", "+sightOf(blind), j, d); found.Short != nil {
					d.Short = append(d.Short, *found.Short)
				}
			}
		}
	}
	if len(b.wanted(partTracepoint)) > 0 {
		d.Tracepoint = b.run(ctx, "tracepoint", job{Parts: []string{partTracepoint}}, d).Tracepoint
	}
}

func (b *bench) wanted(list ...string) (wanted []string) {
	for _, p := range list {
		if slices.Contains(b.only, p) {
			wanted = append(wanted, p)
		}
	}
	return wanted
}

// run does one job in a new world.
func (b *bench) run(ctx context.Context, what string, j job, d *document) (found findings) {
	if ctx.Err() != nil {
		return findings{}
	}
	fmt.Fprintf(b.progress, "%s\n", what)
	j.Size = b.size
	found, err := inWorld(ctx, j, b.progress)
	if err != nil {
		d.Problems = append(d.Problems, what+": "+err.Error())
	}
	return found
}
