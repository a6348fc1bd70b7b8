package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/report"
)

// ErrRelives refuses reports to a server that shows the past.
var ErrRelives = errors.New("this server shows what was recorded: it takes nothing in")

// ErrLive refuses to relive the past where the present is shown already.
var ErrLive = errors.New("this server shows the present")

// Recorder takes note of what a server takes in, in the order in which it is
// applied. Its methods must not block, and not write to what they are given.
type Recorder interface {
	// Report is told of a report that was received at a moment.
	Report(at time.Time, r *report.Report)
	// Checks is told of the results that changed at a moment.
	Checks(at time.Time, n mapping.News)
}

// Received is a report, and when it was.
type Received struct {
	At     time.Time
	Report *report.Report
}

// Moment is what a server took in within a short time.
type Moment struct {
	// At is the end of it.
	At      time.Time
	Reports []Received
	Checks  []mapping.News
}

// reliveKept is how much of the past is kept at a time.
const reliveKept = 5 * time.Second

// coherent is how far apart moments may be that incidents are made of: others tell
// nothing of what came first, and of what belongs together.
const coherent = time.Minute

// Relive takes in a moment of the past as it was taken in then: times, ages and
// the history are those of that moment. Moments must be given in their order, while
// the server runs. The same moments always give the same topology. When it returns
// nil, that is what [Server.Snapshot] shows. Errors are [ErrLive], [ErrStopped],
// those of a report that is not valid, or the store's.
func (s *Server) Relive(ctx context.Context, m Moment) error {
	s.reliving.Lock()
	defer s.reliving.Unlock()
	for _, r := range m.Reports {
		if err := r.Report.Validate(r.At); err != nil {
			return fmt.Errorf("report of %s from %s: %w", r.Report.Node.Name, r.At.Format(time.RFC3339), err)
		}
	}
	for _, n := range m.Checks {
		if err := s.know(n.Source); err != nil {
			return err
		}
	}
	live := false
	err := s.order(func(w *writer) {
		if live = !w.clock.held(); !live {
			w.relive(&m)
		}
	})
	switch {
	case err != nil:
		return err
	case live:
		return ErrLive
	}
	for _, n := range m.Checks {
		s.board.PassAt(m.At, n)
	}
	s.signals.Look(m.At)
	s.board.Settle(m.At)
	s.sampler.Hold(m.At)
	s.sampler.Take(m.At)
	if m.At.Sub(s.relived) <= coherent {
		s.incidents.Look(ctx)
	}
	s.relived = m.At
	if m.At.Sub(s.flushed) < reliveKept {
		return nil
	}
	s.flushed = m.At
	return s.keeper.Flush(ctx, m.At, false)
}

// relive applies the reports of a moment, and shows what they make of it.
func (w *writer) relive(m *Moment) {
	w.clock.hold(m.At)
	b := w.open()
	for _, r := range m.Reports {
		if w.last.judge(r.Report) == news {
			b.Report(r.Report, r.At)
		}
	}
	b.Age(m.At)
	if b.Changed() || len(m.Reports) > 0 {
		w.publish(m.At)
		return
	}
	w.batch = nil
}

// know makes a source passive of which nothing is known here.
func (s *Server) know(source string) error {
	s.sourcing.Lock()
	defer s.sourcing.Unlock()
	list, err := s.sources()
	if err != nil || slices.ContainsFunc(list, func(o monitor.Options) bool { return o.Name == source }) {
		return err
	}
	s.opt.Sources = append(slices.Clone(s.opt.Sources), monitor.Options{Name: source, Kind: monitor.Passive})
	return s.syncSources()
}

// Live ends the past: from now on time passes, and reports are taken in. What was
// relived is kept before that.
func (s *Server) Live(ctx context.Context) error {
	s.reliving.Lock()
	defer s.reliving.Unlock()
	if !s.clock.held() {
		return nil
	}
	if err := s.keeper.Flush(ctx, s.now(), false); err != nil {
		return err
	}
	return s.order(func(w *writer) {
		w.since = time.Now()
		w.clock.release()
	})
}

// KeepRelived writes what was relived and is not in the store yet.
func (s *Server) KeepRelived(ctx context.Context) error {
	s.reliving.Lock()
	defer s.reliving.Unlock()
	return s.keeper.Flush(ctx, s.now(), false)
}

// awaitLive waits until the server is live; false if ctx ends before.
func (s *Server) awaitLive(ctx context.Context) bool {
	select {
	case <-s.clock.released():
		return true
	case <-ctx.Done():
		return false
	}
}

// Now is the time of the server: it stands still while that relives the past.
func (s *Server) Now() time.Time { return s.now() }

func (s *Server) now() time.Time { return s.clock.now() }

// clock is the real one, or held at a moment of the past. The zero value is the
// real one.
type clock struct {
	at   atomic.Pointer[time.Time] // nil: it is not held
	free atomic.Pointer[chan struct{}]
}

// now is the time.
func (c *clock) now() time.Time {
	if at := c.at.Load(); at != nil {
		return *at
	}
	return time.Now()
}

// held says whether the clock stands still.
func (c *clock) held() bool { return c.at.Load() != nil }

// hold has the clock stand at a moment.
func (c *clock) hold(at time.Time) {
	if c.free.Load() == nil {
		ch := make(chan struct{})
		c.free.Store(&ch)
	}
	c.at.Store(&at)
}

// release lets the clock go, for good.
func (c *clock) release() {
	c.at.Store(nil)
	if ch := c.free.Load(); ch != nil {
		close(*ch)
	}
}

// released is closed when the clock goes.
func (c *clock) released() <-chan struct{} {
	if ch := c.free.Load(); ch != nil {
		return *ch
	}
	return closedChan
}

var closedChan = func() chan struct{} { ch := make(chan struct{}); close(ch); return ch }()
