package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/recording"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/server"
	generated "github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/store"
)

// demoSource is the name of the monitoring system of a made-up site.
const demoSource = "demo"

// The rhythm of a demo's trouble: a fault in each period, for a part of it.
const (
	demoPeriod = 4 * time.Minute
	demoLasts  = 150 * time.Second
	demoFirst  = 20 * time.Second
	// demoFaults is how many faults are planned at a time; the story then goes on.
	demoFaults = 12
)

type demoCmd struct {
	Hosts    int    `help:"Hosts of the site." default:"100"`
	Products int    `help:"Products that they serve; 0 is as many as such sites have." default:"0"`
	Seed     uint64 `help:"Another number makes another site." default:"1"`

	Listen string `help:"Address to serve on." placeholder:"ADDR" default:"" env:"DOTM_LISTEN"`

	Write    string        `help:"Write a recording for dotm replay instead of serving. The file must not exist." placeholder:"FILE" type:"path"`
	Duration time.Duration `help:"How long the recording is." default:"10m"`
	Begin    string        `help:"When it begins (RFC 3339). Without it: so that it ends now." placeholder:"TIME"`
}

// Options of the site that the flags ask for.
func (c *demoCmd) options(begin time.Time) generated.Options {
	return generated.Options{
		Hosts: c.Hosts, Products: c.Products, Seed: c.Seed, Begin: begin, Version: version,
		Monitoring: generated.Monitoring{Interval: c.checksEvery(), Missing: 0.03},
	}
}

// checksEvery is how often each check of the site runs: on a small one often enough that
// trouble shows, and is believed, within a quarter of a minute.
func (c *demoCmd) checksEvery() time.Duration {
	if c.Hosts > 300 {
		return 20 * time.Second
	}
	return 6 * time.Second
}

// Run serves a made-up site, or writes it.
func (c *demoCmd) Run(ctx context.Context, g *console.Globals) error {
	if c.Write != "" {
		return c.write(ctx, g)
	}
	return c.serve(ctx, g)
}

// serve serves a made-up site from a folder that is gone when it ends.
func (c *demoCmd) serve(ctx context.Context, g *console.Globals) error {
	begin := time.Now().Add(-demoHistory)
	made, err := generated.New(c.options(begin))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dotm-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary one
	s, err := openSite(ctx, g, opening{
		siteFlags: siteFlags{Listen: c.Listen, Data: dir}, cfg: demoConfig(), shows: api.Demo, relives: begin,
	})
	if err != nil {
		return err
	}
	defer s.close()
	d := &demo{crowd: newCrowd(made), to: s.server}
	return s.run(ctx, func(ctx context.Context) error {
		err := d.remember(ctx, func() {
			fmt.Fprintf(s.Out, "DEMO: %d hosts, all of them made up, with faults that come and go.\n", c.Hosts)
			s.greet(ctx)
		})
		if err != nil || ctx.Err() != nil {
			return d.unlessStopped(ctx, err)
		}
		return d.run(ctx)
	})
}

// demoConfig is the configuration of a made-up site.
func demoConfig() config.Config {
	return config.Config{
		Sources:  []config.Source{{Options: monitor.Options{Name: demoSource, Kind: monitor.Passive}}},
		Settings: demoSettings(),
		Places: []api.Site{
			{Name: "Frankfurt (made up)", Latitude: 50.1, Longitude: 8.7, Networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}},
			{Name: "Amsterdam (made up)", Latitude: 52.4, Longitude: 4.9, Networks: []netip.Prefix{netip.MustParsePrefix("10.21.0.0/16")}},
		},
	}
}

func demoSettings() store.Patch {
	return store.Patch{OutsideNetworks: &[]store.NamedNetwork{
		{Name: "Payment partner", Networks: []netip.Prefix{generated.PartnerNetwork}},
	}}
}

// crowd are the agents and the monitoring of a made-up site.
type crowd struct {
	site  *generated.Site
	nodes []string
	next  map[string]time.Time // when each node reports
	story time.Time            // up to when faults are planned
	// callersFirst says that nobody has reported yet.
	callersFirst bool
}

func newCrowd(made *generated.Site) *crowd {
	return &crowd{site: made, nodes: made.Nodes(), next: map[string]time.Time{}, callersFirst: true}
}

// plot plans the faults that come next.
func (c *crowd) plot(now time.Time) error {
	if c.story.IsZero() {
		c.story = now.Add(demoFirst)
	}
	if now.Add(demoPeriod).Before(c.story) {
		return nil
	}
	return c.tell(demoPeriod, demoLasts, demoFaults)
}

// tell plans n faults, one in each period.
func (c *crowd) tell(period, lasts time.Duration, n int) error {
	for _, f := range c.site.Story(c.story, period, lasts, n) {
		if err := c.site.Inject(f); err != nil {
			return err
		}
	}
	c.story = c.story.Add(time.Duration(n) * period)
	return nil
}

// due are the reports of the nodes whose time it is. All report at first; then
// each has its own moment within the interval.
func (c *crowd) due(now time.Time) (out []*report.Report) {
	c.site.Advance(now)
	every := c.site.Interval()
	for i, name := range c.nodes {
		next, known := c.next[name]
		if known && now.Before(next) {
			continue
		}
		if r := c.site.Report(name, now); r != nil {
			out = append(out, r)
		}
		if known {
			next = next.Add(every)
		} else {
			next = now.Add(every * time.Duration(i+1) / time.Duration(len(c.nodes)))
		}
		if next.Before(now) {
			next = now.Add(every)
		}
		c.next[name] = next
	}
	if c.callersFirst {
		c.callersFirst = false
		sortByCalled(out)
	}
	return out
}

// sortByCalled puts those first whom nobody calls. A server that reports before the many
// who call it takes them for a network, which stays on the chart when all of them are known.
func sortByCalled(list []*report.Report) {
	called := func(r *report.Report) (n int) {
		for i := range r.Connections {
			if r.Connections[i].Direction == report.In {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(list, func(a, b *report.Report) int { return cmp.Compare(called(a), called(b)) })
}

// news are what monitoring says since the last call.
func (c *crowd) news() mapping.News {
	results, gone := c.site.Results()
	return mapping.News{Source: demoSource, Checks: checksOf(results), Gone: checksOf(gone)}
}

// checksOf are results as they are mapped.
func checksOf(list []generated.Check) []mapping.Check {
	out := make([]mapping.Check, 0, len(list))
	for i := range list {
		out = append(out, mapping.Check{Check: list[i].Check, Command: list[i].Command})
	}
	return out
}

// demo lets a made-up site live in step with the clock.
type demo struct {
	*crowd
	to *server.Server
}

// The past of a demo, in which its nodes reported seldom: so many reports cost
// less than two seconds.
const (
	demoHistory     = 6 * time.Hour
	demoPastReports = 2400
)

// pastStep is how often nodes reported in the past, of so many: the fewer, the
// more often.
func pastStep(nodes int) time.Duration {
	return demoHistory / time.Duration(min(max(demoPastReports/nodes, 4), 24))
}

// remember gives the server a past. As soon as there is something to see, greet is
// called.
func (d *demo) remember(ctx context.Context, greet func()) error {
	step := pastStep(len(d.nodes))
	period := max(time.Hour, 2*step)
	d.story = d.site.Now().Add(step / 2)
	if err := d.tell(period, max(25*time.Minute, step*6/5), int((demoHistory-step)/period)); err != nil {
		return err
	}
	d.story = time.Time{}
	for at, end := d.site.Now(), time.Now(); at.Before(end); at = at.Add(step) {
		m := server.Moment{At: at}
		d.site.Advance(at)
		var reports []*report.Report
		for _, name := range d.nodes {
			if r := d.site.Report(name, at); r != nil {
				r.IntervalMS = step.Milliseconds()
				reports = append(reports, r)
			}
		}
		if d.callersFirst {
			d.callersFirst = false
			sortByCalled(reports)
		}
		for _, r := range reports {
			m.Reports = append(m.Reports, server.Received{At: at, Report: r})
		}
		m.Checks = []mapping.News{d.news()}
		if err := d.to.Relive(ctx, m); err != nil || ctx.Err() != nil {
			return err
		}
		if greet != nil {
			greet()
			greet = nil
		}
	}
	return d.to.Live(ctx)
}

// demoStep is how often a demo looks what is due.
const demoStep = 250 * time.Millisecond

// Run hands over what the agents of the site report, and what its monitoring
// says, until ctx ends.
func (d *demo) run(ctx context.Context) error {
	tick := time.NewTicker(demoStep)
	defer tick.Stop()
	for {
		if err := d.step(ctx, time.Now()); err != nil {
			return d.unlessStopped(ctx, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// unlessStopped is an error that did not come from ending the demo.
func (d *demo) unlessStopped(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, server.ErrStopped) || ctx.Err() != nil {
		return nil //nolint:nilerr // that is how a demo is ended
	}
	return err
}

// demoSenders is how many reports of a demo are on their way at a time.
const demoSenders = 8

// step brings the server up to a moment.
func (d *demo) step(ctx context.Context, now time.Time) error {
	if err := d.plot(now); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(demoSenders)
	for _, r := range d.due(now) {
		g.Go(func() error { return d.to.Put(ctx, r) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	n := d.news()
	if n.Empty() {
		return nil
	}
	return d.to.PassChecks(context.WithoutCancel(ctx), n.Source, n.Checks, n.Gone)
}

// write writes a recording, as fast as it can.
func (c *demoCmd) write(ctx context.Context, g *console.Globals) (err error) {
	begin := time.Now().Add(-c.Duration).Truncate(time.Second)
	if c.Begin != "" {
		if begin, err = time.Parse(time.RFC3339, c.Begin); err != nil {
			return fmt.Errorf("--begin must be a time like 2026-01-31T02:13:00Z, is %q", c.Begin)
		}
	}
	if c.Duration < time.Second {
		return fmt.Errorf("--duration must be at least a second, is %s", c.Duration)
	}
	made, err := generated.New(c.options(begin))
	if err != nil {
		return err
	}
	settings, err := json.Marshal(demoSettings())
	if err != nil {
		return fmt.Errorf("writing recording: %w", err)
	}
	f, err := createRecording(c.Write)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 256<<10)
	rec, err := recording.NewDirect(buffered, recording.Head{Begin: begin, By: version, MadeUp: true, Settings: settings})
	if err == nil {
		err = errors.Join(newCrowd(made).record(ctx, rec, begin.Add(c.Duration)), rec.Close(), buffered.Flush())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing recording: %w", err)
	}
	_, err = fmt.Fprintf(g.Out, "Recorded %s of %d made-up hosts into %s.\n", c.Duration, c.Hosts, c.Write)
	return err
}

// record writes what is reported up to a moment.
func (c *crowd) record(ctx context.Context, to *recording.Direct, end time.Time) error {
	for at := c.site.Now(); at.Before(end) && ctx.Err() == nil; at = at.Add(time.Second) {
		if err := c.plot(at); err != nil {
			return err
		}
		for _, r := range c.due(at) {
			if err := to.Report(at, r); err != nil {
				return err
			}
		}
		if n := c.news(); !n.Empty() {
			if err := to.Checks(at, n); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}
