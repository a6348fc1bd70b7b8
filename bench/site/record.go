package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/devops-trouble-map/dotm/recording"
	"github.com/devops-trouble-map/dotm/report"
)

// record writes what the agents of a site report within the duration, for dotm replay.
func record(ctx context.Context, o options, out io.Writer) (err error) {
	begin := time.Now().Add(-o.duration).Truncate(time.Second)
	c, err := newCrowd(o, begin)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(o.record, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 256<<10)
	to, err := recording.NewDirect(buffered, recording.Head{Begin: begin, By: "bench/site", MadeUp: true, Settings: []byte("{}")})
	reports := 0
	if err == nil {
		reports, err = c.recordAll(ctx, to, begin.Add(o.duration))
		err = errors.Join(err, to.Close(), buffered.Flush())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing recording: %w", err)
	}
	_, err = fmt.Fprintf(out, "%d reports within %s are in %s\n", reports, o.duration, o.record)
	return err
}

// recordAll writes the reports of all agents up to a moment: all begin within an interval,
// and of the later ones as many as in a measurement have another structure.
func (c *crowd) recordAll(ctx context.Context, to *recording.Direct, end time.Time) (n int, err error) {
	begin := c.site.Now()
	for round := 0; ctx.Err() == nil; round++ {
		for i, a := range c.agents {
			at := begin.Add(time.Duration(round)*c.interval + c.interval*time.Duration(i)/time.Duration(len(c.agents)))
			if at.After(end) {
				return n, nil
			}
			if round > 0 && a.changes() {
				c.change(a)
			}
			r := c.site.ReportOver(a.name, at, at.Sub(a.last)*min(1, time.Duration(round)))
			if r == nil {
				continue
			}
			a.last, n = at, n+1
			r.Sequence = uint64(round) + 1
			if err := to.Report(at, steady(r)); err != nil {
				return n, err
			}
		}
	}
	return n, ctx.Err()
}

// steady is a report as agents send it.
func steady(r *report.Report) *report.Report {
	r.Steady()
	return r
}
