package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/site"
)

// crowd are the agents of a made-up site, which lives in step with the clock.
type crowd struct {
	options
	counts
	agents []*agent
	byName map[string]*agent
	marks  *marks

	mu   sync.Mutex // of the site, which is for one at a time
	site *site.Site
}

// counts are what the crowd counts. They begin anew with the measurement.
type counts struct {
	whole, beats     atomic.Int64 // reports that were taken in
	asked            atomic.Int64 // beats that were answered with the wish for the whole
	refused, failed  atomic.Int64 // reports that were answered otherwise, and not answered
	rows, told       atomic.Int64 // of whole reports, and of beats
	bytes, beatBytes atomic.Int64 // packed, of whole reports and of beats
	took             durations    // from a report to its answer
	reporting        atomic.Int64 // agents whose last report was taken in
	silence          durations    // from an agent's first try to its first success
	lastError        atomic.Value
}

// newCrowd plans a site of which about opt.nodes hosts run now.
func newCrowd(opt options, begin time.Time) (*crowd, error) {
	s, err := newSite(opt, begin)
	if err != nil {
		return nil, err
	}
	c := &crowd{options: opt, site: s, byName: map[string]*agent{}, marks: newMarks()}
	for i, name := range s.Nodes() {
		a := newAgent(c, name, uint64(i))
		c.agents = append(c.agents, a)
		c.byName[name] = a
	}
	return c, nil
}

// newSite makes a site as large as that so many hosts of it run: some are in reserve for
// the hours with more to do.
func newSite(opt options, begin time.Time) (s *site.Site, err error) {
	hosts := opt.nodes
	for range 4 {
		s, err = site.New(site.Options{
			Hosts: hosts, Connections: opt.connections, Seed: opt.seed, Begin: begin, Interval: opt.interval,
			Monitoring: site.Monitoring{Off: true},
		})
		if err != nil {
			return nil, err
		}
		missing := opt.nodes - len(s.Running())
		if math.Abs(float64(missing)) <= float64(opt.nodes)/500 {
			break
		}
		hosts += missing
	}
	return s, nil
}

// moveEvery is how often it is looked at what happened on the site.
const moveEvery = 250 * time.Millisecond

// live lets the site live, until ctx ends.
func (c *crowd) live(ctx context.Context) {
	tick := time.NewTicker(moveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.mu.Lock()
			c.site.Advance(time.Now())
			c.stir()
			c.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// stir has the agents look whose hosts were stirred. The caller holds the lock.
func (c *crowd) stir() {
	for _, name := range c.site.Stirred() {
		c.byName[name].stirred.Store(true)
	}
}

// look is what an agent sees now, of the time since its last look; nil if its host does
// not run.
func (c *crowd) look(name string, span time.Duration) *report.Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.site.ReportOver(name, time.Now(), span)
}

// change has an agent's host call another one, or end what it called so. It returns the
// number of the mark, if the call is one; see [marks].
func (c *crowd) change(a *agent) (mark int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.stir()
	if a.called != "" {
		c.site.HangUp(a.name, a.caller, a.called)
		a.called, a.caller = "", ""
		return 0
	}
	to := c.site.Stranger(a.name, a.rng.Uint64())
	if to == "" {
		to = c.agents[a.rng.Uint64()%uint64(len(c.agents))].name
	}
	caller := ""
	if mark = c.marks.next(); mark != 0 {
		caller = markName(mark)
	}
	if c.site.Call(a.name, caller, to) != nil {
		return 0
	}
	a.called, a.caller = to, caller
	return mark
}

// start has all agents begin within a time, and returns a function that waits for their
// end.
func (c *crowd) start(ctx context.Context, within time.Duration) (wait func()) {
	var all sync.WaitGroup
	all.Go(func() { c.live(ctx) })
	for i, a := range c.agents {
		first := within * time.Duration(i) / time.Duration(len(c.agents))
		all.Go(func() { a.run(ctx, first) })
	}
	return all.Wait
}

// begin begins to count anew.
func (c *crowd) begin() {
	for _, n := range []*atomic.Int64{&c.whole, &c.beats, &c.asked, &c.refused, &c.failed, &c.rows, &c.told, &c.bytes, &c.beatBytes} {
		n.Store(0)
	}
	c.took.reset()
	c.marks.begin()
}

// complain keeps the newest error, for people.
func (c *crowd) complain(err error) { c.lastError.Store(fmt.Sprint(err)) }

func (c *crowd) complaint() string {
	text, _ := c.lastError.Load().(string)
	return text
}
