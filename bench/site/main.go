// Command site measures what a large site costs the server: thousands of agents of a
// made-up site, which speak the real protocol, viewers of the chart and monitoring
// systems, all in this process, against a `dotm serve` of its own, which is measured from
// outside. Run it from the source folder:
//
//	go run ./bench/site -nodes 1000 -duration 60s          # a table
//	go run ./bench/site -nodes 10000 -duration 2m -json    # one line of JSON at the end
//	go run ./bench/site -nodes 10000 -cold                 # all agents report at once
//	go run ./bench/site -scale 100,1000,10000              # how the costs grow
//	go run ./bench/site -nodes 100 -duration 10m -record site.dotmrec
//
// The last writes a recording for dotm replay and starts no server. With -profile DIR the
// server's processor and heap profiles of the measurement are kept there.
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
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/site:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	nodes, connections int
	interval           time.Duration
	structure          float64
	warm, duration     time.Duration
	patience           time.Duration
	viewers            int
	checks             int
	flips              int
	seed               uint64
	json, cold         bool
	scale              []int
	record             string
	dotm               string
	profile            string
}

func parseFlags(args []string, out io.Writer) (o options, err error) {
	f := flag.NewFlagSet("site", flag.ContinueOnError)
	f.SetOutput(out)
	f.IntVar(&o.nodes, "nodes", 1000, "hosts that report")
	f.IntVar(&o.connections, "connections", 100, "rows of a report, on average")
	f.DurationVar(&o.interval, "interval", 10*time.Second, "time between two reports of an agent")
	f.Float64Var(&o.structure, "structure", 2, "percent of the reports whose structure is another")
	f.DurationVar(&o.warm, "warm", 30*time.Second, "how long all report before it is measured")
	f.DurationVar(&o.duration, "duration", time.Minute, "how long it is measured, or recorded")
	f.DurationVar(&o.patience, "patience", 2*time.Minute, "how long is waited for all to report, and to look; then it is measured all the same")
	f.IntVar(&o.viewers, "viewers", 100, "viewers of the chart")
	f.IntVar(&o.checks, "checks", -1, "results of monitoring systems; -1: ten for each node")
	f.IntVar(&o.flips, "flips", 10, "how many of them go bad, or fine again, in a second")
	f.Uint64Var(&o.seed, "seed", 1, "another number makes another site")
	f.BoolVar(&o.json, "json", false, "print nothing but one line of JSON for each measurement")
	f.BoolVar(&o.cold, "cold", false, "have all agents begin at once, and measure until the chart is complete")
	scale := f.String("scale", "", "numbers of nodes, to measure one after the other")
	f.StringVar(&o.record, "record", "", "write a recording of the site's reports into a new file, instead of measuring")
	f.StringVar(&o.dotm, "dotm", "", "the program to measure; without it, it is built of this source folder")
	f.StringVar(&o.profile, "profile", "", "folder to keep the server's profiles in")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for word := range strings.SplitSeq(*scale, ",") {
		if word == "" {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil {
			return o, fmt.Errorf("-scale must be numbers with commas, is %q", *scale)
		}
		o.scale = append(o.scale, n)
	}
	return o, o.check()
}

// check says what is wrong with the flags.
func (o *options) check() error {
	switch {
	case o.nodes < 3:
		return fmt.Errorf("-nodes must be 3 or more, is %d", o.nodes)
	case o.interval < 100*time.Millisecond:
		return fmt.Errorf("-interval must be 100ms or more, is %s", o.interval)
	case o.structure < 0 || o.structure > 100:
		return fmt.Errorf("-structure must be 0 to 100, is %g", o.structure)
	case o.duration < time.Second:
		return fmt.Errorf("-duration must be 1s or more, is %s", o.duration)
	case o.viewers < 0 || o.flips < 0:
		return errors.New("-viewers and -flips must be 0 or more")
	}
	return nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseFlags(args, out)
	if err != nil {
		return err
	}
	debug.SetGCPercent(200) // the load is to be cheap, and may be large
	if o.record != "" {
		return record(ctx, o, out)
	}
	if o.dotm == "" {
		dir, err := os.MkdirTemp("", "dotm-bench-site-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary one
		if o.dotm, err = buildDotm(ctx, dir); err != nil {
			return err
		}
	}
	sizes := o.scale
	if len(sizes) == 0 {
		sizes = []int{o.nodes}
	}
	var list []*figures
	for _, n := range sizes {
		one := o
		one.nodes = n
		f, err := measure(ctx, one, out)
		if err != nil {
			return err
		}
		list = append(list, f)
		if o.json {
			if err := json.NewEncoder(out).Encode(f); err != nil {
				return err
			}
		}
	}
	if !o.json {
		return table(out, list)
	}
	return nil
}
