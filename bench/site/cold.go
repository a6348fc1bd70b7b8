package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// coldPatience is how long a cold start may take.
const coldPatience = 10 * time.Minute

// cold has all agents begin at once, each with its whole report, and measures until the
// chart shows all of them.
func (b *bench) cold(ctx context.Context) error {
	if err := b.prepareAll(); err != nil {
		return err
	}
	before, err := b.sample(ctx)
	if err != nil {
		return err
	}
	b.crowd.begin()
	began := time.Now()
	b.wait = append(b.wait, b.crowd.start(ctx, 0))
	if err := b.until(ctx, "all report", coldPatience, b.allReport); err != nil {
		return err
	}
	b.f.Reporting = round(time.Since(began).Seconds())
	complete := func() bool {
		n, err := b.viewers.complete(ctx)
		return err == nil && n >= len(b.crowd.site.Running())*999/1000 // who is off meanwhile is no matter
	}
	if err := b.until(ctx, "the chart is complete", coldPatience, complete); err != nil {
		return err
	}
	b.f.Complete = round(time.Since(began).Seconds())
	after, err := b.sample(ctx)
	if err != nil {
		return err
	}
	b.stalled(after.metrics)
	b.fill(before, after)
	b.f.Refusal = round(b.crowd.silence.longest().Seconds())
	fmt.Fprintf(b.say, "the chart was complete after %.1f s\n", b.f.Complete)
	return nil
}

// prepareAll has the first report of all agents be encoded, on all processors.
func (b *bench) prepareAll() error {
	var all sync.WaitGroup
	room := make(chan bool, b.f.Cores)
	failed := make(chan error, len(b.crowd.agents))
	for _, a := range b.crowd.agents {
		room <- true
		all.Go(func() {
			defer func() { <-room }()
			var err error
			if a.first, a.ready, err = a.prepare(); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}
