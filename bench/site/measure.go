package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// figures are what is measured; the names of the JSON are stable.
type figures struct {
	Nodes       int     `json:"nodes"`                    // that report
	Connections int     `json:"connections"`              // edges on the chart
	Rows        float64 `json:"rows_per_report"`          // of whole reports
	Viewers     int     `json:"viewers"`                  // connected to the stream
	Checks      int     `json:"checks"`                   // that the sources tell
	Seconds     float64 `json:"seconds"`                  // how long was measured
	Cores       int     `json:"machine_cores"`            // that server and load share
	Reports     int64   `json:"reports"`                  // taken in
	PerSecond   float64 `json:"reports_per_second"`       //
	WholePart   float64 `json:"whole_percent"`            // of them
	Asked       int64   `json:"whole_wanted"`             // beats that were answered so
	Refused     int64   `json:"refused"`                  //
	Errors      int64   `json:"errors"`                   // without an answer
	ServerCPU   float64 `json:"server_cpu_cores"`         //
	LoadCPU     float64 `json:"load_cpu_cores"`           // this process: agents, viewers, monitoring
	RSS         int64   `json:"server_rss_bytes"`         // the most while it was measured
	Anon        int64   `json:"server_anon_bytes"`        // at the end, without pages of files
	Heap        int64   `json:"server_heap_bytes"`        // in use at the end, garbage included
	Goroutines  int     `json:"server_goroutines"`        //
	Threads     int     `json:"server_threads"`           //
	Files       int     `json:"server_open_files"`        //
	Store       int64   `json:"store_bytes"`              // size of the file
	StoreGrowth float64 `json:"store_bytes_per_second"`   //
	P50         float64 `json:"report_p50_ms"`            // from a report to its answer
	P99         float64 `json:"report_p99_ms"`            //
	Longest     float64 `json:"report_max_ms"`            //
	Delay       float64 `json:"stream_delay_p50_ms"`      // from a report to the delta that shows it
	Delay95     float64 `json:"stream_delay_p95_ms"`      //
	DelayMax    float64 `json:"stream_delay_max_ms"`      //
	Marks       int     `json:"stream_marks"`             // of how many reports that is known
	Unseen      int     `json:"stream_marks_unseen"`      //
	Stall       float64 `json:"writer_stall_max_ms"`      // the longest work of the writer on one thing
	WriterBusy  float64 `json:"writer_busy_cores"`        //
	Resyncs     int64   `json:"stream_resyncs"`           //
	Reconnects  int64   `json:"stream_reconnects"`        //
	StreamBytes float64 `json:"stream_bytes_per_viewer"`  // over the line, in a second
	ChartBytes  int64   `json:"chart_bytes"`              // the answer for level pool, over the line
	Late        string  `json:"late,omitempty"`           // what did not come in time
	Complaint   string  `json:"last_error,omitempty"`     //
	Complete    float64 `json:"cold_complete_s,omitzero"` // from the first report to the whole chart
	Reporting   float64 `json:"cold_reporting_s,omitzero"`
	Refusal     float64 `json:"cold_longest_refusal_s,omitzero"` // from an agent's first try to the answer
}

// bench is one measurement that runs.
type bench struct {
	options
	say     io.Writer
	server  *server
	crowd   *crowd
	viewers *viewers
	checks  *monitoring
	f       figures
	wait    []func() // for what was started
}

// measure builds up a load, lets it run, and takes it down.
func measure(ctx context.Context, o options, out io.Writer) (f *figures, err error) {
	b := &bench{options: o, say: out, f: figures{Cores: runtime.NumCPU()}}
	if o.json {
		b.say = io.Discard
	}
	if b.options.checks < 0 {
		b.options.checks = 10 * o.nodes
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for _, wait := range b.wait {
			wait()
		}
		if b.checks != nil {
			b.checks.stop()
		}
		if b.server != nil {
			b.server.stop()
		}
	}()
	if err := b.begin(ctx); err != nil {
		return nil, err
	}
	if o.cold {
		err = b.cold(ctx)
	} else {
		err = b.steady(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &b.f, nil
}

// begin plans the site, and starts the server and its sources.
func (b *bench) begin(ctx context.Context) (err error) {
	if b.crowd, err = newCrowd(b.options, time.Now()); err != nil {
		return err
	}
	running := b.crowd.site.Running()
	sources := ""
	if b.options.checks > 0 {
		if b.checks, err = startMonitoring(running, b.options.checks, b.seed); err != nil {
			return err
		}
		sources = b.checks.sources()
		var flipping sync.WaitGroup
		flipping.Go(func() { b.flipping(ctx) })
		b.wait = append(b.wait, flipping.Wait)
	}
	if b.server, err = startServer(ctx, b.dotm, sources); err != nil {
		return err
	}
	for i, a := range b.crowd.agents {
		a.line.address, a.line.from = b.server.address(), ownLoopback(i)
	}
	b.viewers = newViewers(b.server.url, b.crowd.marks)
	fmt.Fprintf(b.say, "%d hosts, of which %d run; the server is process %d on %s\n", len(b.crowd.agents), len(running), b.server.cmd.Process.Pid, b.server.url)
	return nil
}

// flipping changes results, until ctx ends.
func (b *bench) flipping(ctx context.Context) {
	for sleep(ctx, time.Second) {
		b.checks.flip(b.flips)
	}
}

// eachBegins is the time for an agent's first report, which is whole, while others begin,
// too: a server is not to be flooded where that isn't what is measured.
const eachBegins = 6 * time.Millisecond

// steady measures a site that runs.
func (b *bench) steady(ctx context.Context) error {
	ramp := max(b.interval, time.Duration(len(b.crowd.agents))*eachBegins)
	b.wait = append(b.wait, b.crowd.start(ctx, ramp))
	if err := b.untilOrLate(ctx, "all report", ramp+b.patience, b.allReport); err != nil {
		return err
	}
	sleep(ctx, time.Second) // the last of them are part of the chart
	b.wait = append(b.wait, b.viewers.start(ctx, questions(b.options.viewers, b.crowd.site.Running())))
	if err := b.untilOrLate(ctx, "all viewers look", b.patience, func() bool { return int(b.viewers.connected.Load()) >= b.options.viewers }); err != nil {
		return err
	}
	fmt.Fprintf(b.say, "%d report, and %d viewers look; warming up for %s\n", b.crowd.reporting.Load(), b.viewers.connected.Load(), b.warm)
	sleep(ctx, b.warm)
	if err := b.span(ctx); err != nil {
		return err
	}
	return ctx.Err()
}

func (b *bench) allReport() bool {
	b.crowd.mu.Lock()
	defer b.crowd.mu.Unlock()
	return int(b.crowd.reporting.Load()) >= len(b.crowd.site.Running())
}

// untilOrLate is until for what goes on without it: that it is late is told with the
// figures.
func (b *bench) untilOrLate(ctx context.Context, what string, within time.Duration, done func() bool) error {
	err := b.until(ctx, what, within, done)
	if errors.Is(err, errLate) {
		b.f.Late = fmt.Sprintf("%s: not within %s (agents: %s; viewers: %s)", what, within.Round(time.Second), b.crowd.complaint(), b.viewers.complaint())
		fmt.Fprintln(b.say, b.f.Late)
		return nil
	}
	return err
}

// errLate is wrapped by the error for what did not come in time.
var errLate = errors.New("too late")

// until waits for something.
func (b *bench) until(ctx context.Context, what string, within time.Duration, done func() bool) error {
	for end := time.Now().Add(within); !done(); {
		if time.Now().After(end) {
			return fmt.Errorf("%w: %s: not within %s; %d agents report, the last error is %q; the server says:\n%s",
				errLate, what, within, b.crowd.reporting.Load(), b.crowd.complaint(), b.server.complaint())
		}
		if _, err := b.server.usage(); err != nil {
			return fmt.Errorf("the server is gone: %s", b.server.complaint())
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// sample is what is known at one moment.
type sample struct {
	usage
	metrics map[string]float64
	own     time.Duration // processor time of this process
	stored  int64
	stream  int64
}

func (b *bench) sample(ctx context.Context) (s sample, err error) {
	if s.metrics, err = b.server.metrics(ctx); err != nil {
		return s, err
	}
	s.stored, s.stream, s.own = b.server.stored(), b.viewers.bytes.Load(), ownCPU()
	s.usage, err = b.server.usage()
	return s, err
}

// ownCPU is what this process has used of processors so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// scrapeEvery is how often the server's metrics are read, as Prometheus would.
const scrapeEvery = 15 * time.Second

// span measures for the duration that was asked for.
func (b *bench) span(ctx context.Context) error {
	before, err := b.sample(ctx)
	if err != nil {
		return err
	}
	b.crowd.begin()
	profiled := b.profileFor(ctx, b.duration)
	end := before.at.Add(b.duration)
	for scraped := before.at; ctx.Err() == nil && time.Now().Before(end); {
		sleep(ctx, min(time.Second, time.Until(end)))
		u, err := b.server.usage()
		if err != nil {
			return fmt.Errorf("the server is gone: %s", b.server.complaint())
		}
		b.f.RSS = max(b.f.RSS, u.rss)
		if time.Since(scraped) >= scrapeEvery {
			scraped = time.Now()
			if m, err := b.server.metrics(ctx); err == nil {
				b.stalled(m)
			}
		}
	}
	after, err := b.sample(ctx)
	if err != nil {
		return err
	}
	b.stalled(after.metrics)
	b.fill(before, after)
	return profiled()
}

// stalled notes the longest work of the writer that the server remembers.
func (b *bench) stalled(m map[string]float64) {
	longest, known := m["dotm_writer_longest_seconds"]
	if !known {
		longest = m["dotm_writer_wait_longest_seconds"]
	}
	b.f.Stall = max(b.f.Stall, math.Round(longest*1e5)/100)
}

// profileFor takes profiles of the server meanwhile, if they were asked for.
func (b *bench) profileFor(ctx context.Context, d time.Duration) (wait func() error) {
	if b.profile == "" {
		return func() error { return nil }
	}
	name := func(kind string) string { return filepath.Join(b.profile, fmt.Sprintf("%s-%d.pprof", kind, b.nodes)) }
	done := make(chan error, 1)
	go func() {
		err := os.MkdirAll(b.profile, 0o750)
		if err == nil {
			err = b.server.profile(ctx, fmt.Sprintf("profile?seconds=%d", int(max(d.Seconds()-2, 1))), name("cpu"))
		}
		if err == nil {
			err = b.server.profile(ctx, "heap", name("heap"))
		}
		done <- err
	}()
	return func() error { return <-done }
}

// fill puts in what was measured between two moments.
func (b *bench) fill(before, after sample) {
	f, c := &b.f, b.crowd
	f.Seconds = round(after.at.Sub(before.at).Seconds())
	per := func(x float64) float64 { return round(x / after.at.Sub(before.at).Seconds()) }
	f.Nodes, f.Viewers = int(c.reporting.Load()), int(b.viewers.connected.Load())
	f.Connections = int(sum(after.metrics, "dotm_connections{"))
	f.Checks = int(sum(after.metrics, "dotm_source_checks{"))
	whole, beats := c.whole.Load(), c.beats.Load()
	f.Reports, f.PerSecond = whole+beats, per(float64(whole+beats))
	if f.Reports > 0 {
		f.WholePart = round(100 * float64(whole) / float64(f.Reports))
	}
	if whole > 0 {
		f.Rows = round(float64(c.rows.Load()) / float64(whole))
	}
	f.Asked, f.Refused, f.Errors = c.asked.Load(), c.refused.Load(), c.failed.Load()
	f.ServerCPU, f.LoadCPU = per((after.cpu - before.cpu).Seconds()), per((after.own - before.own).Seconds())
	f.RSS, f.Anon, f.Heap = max(f.RSS, after.rss), after.anon, int64(after.metrics["go_memstats_heap_alloc_bytes"])
	f.Goroutines, f.Threads, f.Files = int(after.metrics["go_goroutines"]), after.threads, after.open
	f.Store, f.StoreGrowth = after.stored, per(float64(after.stored-before.stored))
	f.P50, f.P99, f.Longest = ms(c.took.quantile(.5)), ms(c.took.quantile(.99)), ms(c.took.longest())
	d := &c.marks.delay
	f.Delay, f.Delay95, f.DelayMax, f.Marks = ms(d.quantile(.5)), ms(d.quantile(.95)), ms(d.longest()), d.n()
	f.Unseen = c.marks.unseen(after.at.Add(-5 * time.Second))
	f.WriterBusy = per(after.metrics["dotm_writer_busy_seconds_total"] - before.metrics["dotm_writer_busy_seconds_total"])
	f.Resyncs, f.Reconnects, f.ChartBytes = b.viewers.resyncs.Load(), b.viewers.again.Load(), b.viewers.chart.Load()
	if f.Viewers > 0 {
		f.StreamBytes = per(float64(after.stream-before.stream) / float64(f.Viewers))
	}
	if f.Refused+f.Errors > 0 {
		f.Complaint = c.complaint()
	}
	if f.Reconnects > 0 && f.Complaint == "" {
		f.Complaint = b.viewers.complaint()
	}
}

// round leaves three digits behind the point.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// sum adds up the samples whose name begins so.
func sum(m map[string]float64, prefix string) (total float64) {
	for name, v := range m {
		if strings.HasPrefix(name, prefix) {
			total += v
		}
	}
	return total
}
