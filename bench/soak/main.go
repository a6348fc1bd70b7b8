// Command soak has a server run for long under load, with its time scaled, and says
// whether it grows: agents of a made-up site report every second, so that ten of their
// looks are what usual ones take two minutes for; the site's own day takes minutes; and
// the history is forgotten after minutes, so that it is full early. Run it from the source
// folder:
//
//	go run ./bench/soak -for 1h -out soak        # an hour: soak/samples.csv, soak/*.svg
//	go run ./bench/soak -read soak/samples.csv   # judge and plot what was sampled before
//
// It ends with an error if something grew beyond its limit after the warm-up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/bench/load"
	"github.com/devops-trouble-map/dotm/site"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/soak:", err)
		os.Exit(1)
	}
}

type options struct {
	nodes, viewers  int
	interval, every time.Duration
	duration, warm  time.Duration
	day, retention  time.Duration
	out, read       string
}

func parse(args []string, out io.Writer) (o options, err error) {
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.SetOutput(out)
	f.IntVar(&o.nodes, "nodes", 300, "hosts that report")
	f.IntVar(&o.viewers, "viewers", 20, "viewers of the chart, of whom a tenth leaves and comes back all the time")
	f.DurationVar(&o.interval, "interval", time.Second, "time between two reports of an agent")
	f.DurationVar(&o.every, "every", 5*time.Second, "time between two samples")
	f.DurationVar(&o.duration, "for", 10*time.Minute, "how long")
	f.DurationVar(&o.warm, "warm", 0, "what of that doesn't count; 0 is a third")
	f.DurationVar(&o.day, "day", 5*time.Minute, "how long a day of the site takes: deploys, autoscaling, reboots")
	f.DurationVar(&o.retention, "retention", 2*time.Minute, "how long the history is kept, and silent nodes twice as long")
	f.StringVar(&o.out, "out", "", "folder for the samples and plots; without it they are dropped")
	f.StringVar(&o.read, "read", "", "judge a file of samples instead")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.warm == 0 {
		o.warm = o.duration / 3
	}
	if o.nodes < 3 || o.every < time.Second || o.duration < 2*o.warm || o.day < time.Minute {
		return o, errors.New("-nodes must be 3 or more, -every 1s, -day 1m, and -for twice -warm")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	var s *samples
	if o.read != "" {
		s, err = read(o.read)
	} else {
		s, err = o.soak(ctx, out)
	}
	if err != nil {
		return err
	}
	verdicts := judge(s, o.warm)
	table(out, verdicts)
	if o.out != "" {
		for i := range verdicts {
			path := filepath.Join(o.out, verdicts[i].column+".svg")
			if err := os.WriteFile(path, plot(s, &verdicts[i], o.warm), 0o600); err != nil {
				return err
			}
		}
	}
	return growth(verdicts)
}

// settings scale the server's time as the site's is.
const settings = `settings:
  ageing: 20s
  stale_after: 5s
  expire_after: %s
  retention: %s
  ledger_retention: %s
`

// soak runs the load, and samples the server.
func (o *options) soak(ctx context.Context, out io.Writer) (s *samples, err error) {
	dir, err := os.MkdirTemp("", "dotm-bench-soak-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary one
	program, err := load.Build(ctx, dir)
	if err != nil {
		return nil, err
	}
	server, err := load.Start(ctx, program, dir, fmt.Sprintf(settings, 2*o.retention, o.retention, 2*o.retention))
	if err != nil {
		return nil, err
	}
	defer func() {
		if stopped := server.Stop(); err == nil {
			err = stopped
		}
	}()
	crowd, err := load.NewCrowd(site.Options{Hosts: o.nodes, Seed: 1, Interval: o.interval, Version: "bench"}, float64(24*time.Hour)/float64(o.day))
	if err != nil {
		return nil, err
	}
	busy, stop := context.WithTimeout(ctx, o.duration)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- crowd.Run(busy, server.URL, o.interval) }()
	left := o.watch(busy, server)
	s, err = o.sample(busy, server, out)
	stop()
	left()
	if crowded := <-ended; err == nil {
		err = crowded
	}
	if err == nil {
		err = ctx.Err()
	}
	return s, err
}

// stay is how long those stay who come and go.
const stay = 7 * time.Second

// watch has viewers come, stay, and come and go.
func (o *options) watch(ctx context.Context, server *load.Server) (wait func()) {
	v := &load.Viewers{}
	passing := o.viewers / 10
	url := server.URL + "/api/v1/stream?level="
	left := v.Watch(ctx, url+"pool", o.viewers-passing)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			visit, leave := context.WithTimeout(ctx, stay)
			gone := v.Watch(visit, url+"service", passing)
			<-visit.Done()
			leave()
			gone()
			_, _ = load.Get(ctx, server.URL+"/api/v1/topology?level=service&at=-30s") // the past, too
		}
	}()
	return func() { left(); <-done }
}
