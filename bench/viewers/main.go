// Command viewers measures what viewers of a chart cost the server: a site reports, and
// so many viewers follow its chart, first while nothing on it changes, then while its
// agents report. Run it from the source folder:
//
//	go run ./bench/viewers -nodes 100 -viewers 0,10,100 -for 20s
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/bench/load"
	"github.com/devops-trouble-map/dotm/site"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/viewers:", err)
		os.Exit(1)
	}
}

type options struct {
	nodes    int
	viewers  []int
	duration time.Duration
	interval time.Duration
	level    string
}

func parse() (o options, err error) {
	flag.IntVar(&o.nodes, "nodes", 100, "hosts of the site")
	flag.DurationVar(&o.duration, "for", 20*time.Second, "how long each is measured")
	flag.DurationVar(&o.interval, "interval", 10*time.Second, "time between two reports of an agent")
	flag.StringVar(&o.level, "level", "pool", "level of the chart")
	list := flag.String("viewers", "0,10,100", "numbers of viewers")
	flag.Parse()
	for word := range strings.SplitSeq(*list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 {
			return o, fmt.Errorf("-viewers must be numbers with commas, is %q", *list)
		}
		o.viewers = append(o.viewers, n)
	}
	return o, nil
}

func run(ctx context.Context, out io.Writer) error {
	o, err := parse()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dotm-bench-viewers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary one
	program, err := load.Build(ctx, dir)
	if err != nil {
		return err
	}
	// What falls silent must not change the chart while it is to stand still.
	s, err := load.Start(ctx, program, dir, "settings: {stale_after: 24h, ageing: 24h}\n")
	if err != nil {
		return err
	}
	defer s.Stop() //nolint:errcheck // what is measured is printed by then
	crowd, err := load.NewCrowd(site.Options{Hosts: o.nodes, Seed: 1, Interval: o.interval, Quiet: true}, 1)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "| chart | viewers | CPU, ms a second | of that per viewer | events a second, each | KiB a second, each | anonymous memory |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|")
	first, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- crowd.Run(first, s.URL, time.Second) }()
	wait(ctx, 5*time.Second)
	stop()
	if err := <-ended; err != nil {
		return err
	}
	if err := o.measure(ctx, out, s, "unchanging"); err != nil {
		return err
	}
	busy, stop := context.WithCancel(ctx)
	defer stop()
	go func() { _ = crowd.Run(busy, s.URL, o.interval) }()
	wait(ctx, o.interval)
	return o.measure(ctx, out, s, "busy")
}

func (o *options) measure(ctx context.Context, out io.Writer, s *load.Server, chart string) error {
	base := -1.0
	for _, n := range o.viewers {
		v := &load.Viewers{}
		watching, stop := context.WithCancel(ctx)
		left := v.Watch(watching, s.URL+"/api/v1/stream?level="+o.level, n)
		wait(ctx, 3*time.Second)
		before, err := load.UsageOf(s.PID)
		events, bytes, began := v.Events.Load(), v.Bytes.Load(), time.Now()
		wait(ctx, o.duration)
		after, err2 := load.UsageOf(s.PID)
		took := time.Since(began).Seconds()
		stop()
		left()
		if err != nil || err2 != nil || ctx.Err() != nil {
			return fmt.Errorf("measuring: %w %w %w", err, err2, ctx.Err())
		}
		cpu := (after.CPU - before.CPU) * 1000 / took
		if base < 0 {
			base = cpu
		}
		each := func(x float64) float64 { return x / took / float64(max(n, 1)) }
		fmt.Fprintf(out, "| %s | %d | %.1f | %.2f | %.2f | %.1f | %d MiB |\n", chart, n, cpu, (cpu-base)/float64(max(n, 1)),
			each(float64(v.Events.Load()-events)), each(float64(v.Bytes.Load()-bytes))/1024, after.Anon>>20)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
