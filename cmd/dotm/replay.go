package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/recording"
	"github.com/devops-trouble-map/dotm/server"
)

type replayCmd struct {
	File   string  `arg:"" help:"Recording of dotm serve --record, or dotm demo --write." type:"path"`
	Speed  float64 `help:"How many times as fast as it was." default:"1"`
	AtOnce bool    `help:"Show the end of the recording at once; all before that is its history."`
	Until  string  `help:"Moment at which to stop (RFC 3339)." placeholder:"TIME"`
	Listen string  `help:"Address to serve on." placeholder:"ADDR" default:"" env:"DOTM_LISTEN"`
}

// Run serves a recording from a folder that is gone when it ends.
func (c *replayCmd) Run(ctx context.Context, g *console.Globals) error {
	until, err := c.check()
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("reading recording: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading only
	from, err := recording.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	defer from.Close()
	head := from.Head()
	o := opening{siteFlags: siteFlags{Listen: c.Listen}, relives: head.Begin, shows: api.Replay}
	if head.MadeUp {
		o.shows = api.Demo
	}
	if len(head.Settings) > 0 {
		if err := json.Unmarshal(head.Settings, &o.cfg.Settings); err != nil {
			return fmt.Errorf("%s: settings of the recording: %w", c.File, err)
		}
	}
	if o.Data, err = os.MkdirTemp("", "dotm-replay-"); err != nil {
		return fmt.Errorf("making a folder for the replay: %w", err)
	}
	defer os.RemoveAll(o.Data) //nolint:errcheck // it is a temporary one
	s, err := openSite(ctx, g, o)
	if err != nil {
		return err
	}
	defer s.close()
	p := &player{from: from, to: s.server, until: until, last: head.Begin}
	if !c.AtOnce {
		p.pace = pace(time.Now(), head.Begin, c.Speed)
		c.announce(ctx, s, &head)
	}
	return s.run(ctx, func(ctx context.Context) error {
		err := p.play(ctx)
		if err != nil && !errors.Is(err, recording.ErrCut) {
			if errors.Is(err, recording.ErrDamaged) {
				return fmt.Errorf("%s: %w (what is before that is shown with --until %s)", c.File, err, p.last.UTC().Format(time.RFC3339))
			}
			return err
		}
		if c.AtOnce {
			c.announce(ctx, s, &head)
		}
		c.ended(s, p, err)
		return nil
	})
}

// check judges the flags.
func (c *replayCmd) check() (until time.Time, err error) {
	if c.Speed <= 0 || c.Speed > maxSpeed {
		return until, fmt.Errorf("--speed must be above 0 and at most %d, is %g", maxSpeed, c.Speed)
	}
	if c.Until == "" {
		return until, nil
	}
	if until, err = time.Parse(time.RFC3339, c.Until); err != nil {
		return until, fmt.Errorf("--until must be a time like 2026-01-31T02:13:00Z, is %q", c.Until)
	}
	return until, nil
}

// maxSpeed is how fast a replay may be asked to be.
const maxSpeed = 1000

// announce says what is shown, and where.
func (c *replayCmd) announce(ctx context.Context, s *site, h *recording.Head) {
	what := "REPLAY: a recording"
	if h.MadeUp {
		what = "DEMO: a recording of what was made up"
	}
	fmt.Fprintf(s.Out, "%s that begins at %s.\n", what, h.Begin.UTC().Format(time.RFC3339))
	s.greet(ctx)
}

// ended says that there is no more, and what is missing.
func (c *replayCmd) ended(s *site, p *player, cut error) {
	if cut != nil {
		s.log.Warn(cut.Error())
	}
	if p.lost > 0 {
		s.log.Warn("the recording lacks what came faster than it could be written", "entries", p.lost)
	}
	fmt.Fprintf(s.Out, "The recording ended at %s. That is shown until you stop this.\n", p.last.UTC().Format(time.RFC3339))
}

// moments are those of a recording, in their order, and then an error.
type moments interface {
	Next() (recording.Moment, error)
}

// player has a server relive moments.
type player struct {
	from  moments
	to    *server.Server
	pace  func(ctx context.Context, at time.Time) error // waits until a moment is due; nil: all are
	until time.Time                                     // zero: to the end
	last  time.Time                                     // up to when it is relived
	lost  uint64
}

// play relives all moments. The error is nil at the end or when ctx ends, or is
// that of the recording or the server.
func (p *player) play(ctx context.Context) error {
	err := p.playAll(ctx)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // that is how a replay is ended
	}
	return errors.Join(err, p.to.KeepRelived(ctx))
}

func (p *player) playAll(ctx context.Context) error {
	for {
		m, err := p.from.Next()
		if err != nil {
			return err
		}
		if !p.until.IsZero() && m.At.After(p.until) {
			return p.quiet(ctx, p.until)
		}
		if err := p.quiet(ctx, m.At); err != nil {
			return err
		}
		p.lost += m.Lost
		if err := p.relive(ctx, momentOf(&m)); err != nil {
			return err
		}
	}
}

// quietStep is how often it is looked at in a recording what turned silent or old
// while nothing came in; at most quietSteps times in one pause.
const (
	quietStep  = 5 * time.Second
	quietSteps = 1000
)

// Quiet lets the time pass up to a moment.
func (p *player) quiet(ctx context.Context, to time.Time) error {
	step := max(quietStep, to.Sub(p.last)/quietSteps)
	for at := p.last.Add(step); at.Before(to); at = at.Add(step) {
		if err := p.relive(ctx, server.Moment{At: at}); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) relive(ctx context.Context, m server.Moment) error {
	if p.pace != nil {
		if err := p.pace(ctx, m.At); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.to.Relive(ctx, m); err != nil {
		return err
	}
	if m.At.After(p.last) {
		p.last = m.At
	}
	return nil
}

func momentOf(m *recording.Moment) server.Moment {
	out := server.Moment{At: m.At, Checks: m.Checks}
	for _, r := range m.Reports {
		out.Reports = append(out.Reports, server.Received{At: r.At, Report: r.Report})
	}
	return out
}

// pace waits so that moments since begin come at a speed from now on.
func pace(now, begin time.Time, speed float64) func(context.Context, time.Time) error {
	return func(ctx context.Context, at time.Time) error {
		t := time.NewTimer(time.Until(now.Add(time.Duration(float64(at.Sub(begin)) / speed))))
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
