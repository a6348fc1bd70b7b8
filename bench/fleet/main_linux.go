// Command fleet measures what a fleet costs and how fast it is, with hosts that
// are namespaces, one server and one agent: how long a new connection takes to
// the chart's stream, how large reports and beats are, how long a report of
// 1,000 connections takes through push and through text, and what an agent
// costs while its server is away. Run it as root from the source folder after
// make build:
//
//	go run ./bench/fleet
//
// It prints a table, and last a line of JSON with the same figures.
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
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
)

func main() {
	os.Exit(bed.Main(func(string) ([]string, error) { return nil, nil }, func() int {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer cancel()
		if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench/fleet:", err)
			return 1
		}
		return 0
	}))
}

// options are the flags.
type options struct {
	dotm     string
	parts    []string
	trials   int
	interval time.Duration
	beats    int
	reports  int
	away     time.Duration
}

// parts are what can be measured, in this order.
var parts = []string{"latency", "bytes", "through", "away"}

func parse(args []string) (options, error) {
	var o options
	var only string
	f := flag.NewFlagSet("fleet", flag.ContinueOnError)
	f.StringVar(&o.dotm, "dotm", "bin/dotm", "the binary to measure")
	f.StringVar(&only, "only", strings.Join(parts, ","), "what to measure")
	f.IntVar(&o.trials, "trials", 40, "latency: new connections, each to a service of its own")
	f.DurationVar(&o.interval, "interval", 10*time.Second, "latency, away: the agent's interval")
	f.IntVar(&o.beats, "beats", 12, "bytes: beats of each state")
	f.IntVar(&o.reports, "reports", 20, "through: nodes that report 1,000 connections")
	f.DurationVar(&o.away, "away", time.Minute, "away: how long each state is measured")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.parts = strings.Split(only, ",")
	for _, p := range o.parts {
		if !slices.Contains(parts, p) {
			return o, fmt.Errorf("-only must name some of %s, has %q", strings.Join(parts, ","), p)
		}
	}
	if o.trials < 1 || o.beats < 1 || o.reports < 1 || o.away <= 0 {
		return o, errors.New("-trials, -beats, -reports and -away must be above 0")
	}
	var err error
	o.dotm, err = filepath.Abs(o.dotm)
	return o, err
}

// run measures what was asked for, and prints what came of it.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if why := bed.Lacks(); why != "" {
		return errors.New(why)
	}
	if _, err := os.Stat(o.dotm); err != nil {
		return fmt.Errorf("%w (run make build first)", err)
	}
	var d document
	measures := map[string]func(context.Context, *site, options) error{
		"latency": d.measureLatency, "bytes": d.measureBytes, "through": d.measureThrough, "away": d.measureAway,
	}
	for _, part := range parts {
		if !slices.Contains(o.parts, part) {
			continue
		}
		if err := onSite(ctx, o, measures[part]); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	fmt.Fprint(out, d.text())
	return json.NewEncoder(out).Encode(&d)
}

// onSite measures on hosts that are there for this alone.
func onSite(ctx context.Context, o options, measure func(context.Context, *site, options) error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	s, err := newSite(o.dotm)
	if err != nil {
		return err
	}
	defer s.end()
	return measure(ctx, s, o)
}
