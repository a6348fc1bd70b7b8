package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
)

// The patience of readers.
const (
	// readWithin is how long one reading may take at least.
	readWithin = 30 * time.Second
	// backOff and backOffMost bound the time until a source is asked again to tell
	// of changes.
	backOff     = time.Second
	backOffMost = 30 * time.Second
)

// start has a source read, if the board is active and runs. The caller holds the
// lock.
func (b *Board) start(s *source) {
	if s.from == nil || s.cancel != nil || !b.active || b.running == nil {
		return
	}
	ctx, cancel := context.WithCancel(b.running)
	s.cancel = cancel
	b.readers.Go(func() { b.read(ctx, s) })
	if w, ok := s.from.(monitor.Watcher); ok {
		b.readers.Go(func() { b.watch(ctx, s, w) })
	}
}

// read reads a source until ctx ends.
func (b *Board) read(ctx context.Context, s *source) {
	if c, ok := s.from.(io.Closer); ok {
		defer func() { _ = c.Close() }() // it was not to be read any more
	}
	for ctx.Err() == nil {
		begin := time.Now()
		r, err := b.readOnce(ctx, s)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			b.failed(s, err)
		default:
			b.took(s, r, time.Since(begin), time.Now())
			b.keep(s)
		}
		b.await(ctx, s, begin)
	}
}

// await waits for the next time to read.
func (b *Board) await(ctx context.Context, s *source, begin time.Time) {
	b.mu.Lock()
	wait := time.Until(begin.Add(s.every()))
	if s.told.After(begin) { // while it was read: the answer may be older
		wait = 0
	}
	b.mu.Unlock()
	// A source that answers slowly is left alone for as long as it took.
	t := time.NewTimer(max(wait, time.Since(begin), time.Second/4))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.again:
	case <-ctx.Done():
	}
}

// readOnce reads a source in the time that it has. Whatever goes wrong in a leaf
// ends as an error of that source.
func (b *Board) readOnce(ctx context.Context, s *source) (r *monitor.Reading, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(readWithin, s.opt.Every()))
	defer cancel()
	defer recovered(&err)
	r, err = s.from.Read(ctx)
	var known *monitor.Error
	if err != nil && ctx.Err() != nil && !errors.As(err, &known) {
		err = &monitor.Error{Reason: monitor.TooSlow, Text: "the answer took too long", Hint: "raise the interval, or ask a nearer instance", Err: err}
	}
	return r, err
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = &monitor.Error{Reason: monitor.NotIt, Text: "the answer can't be read", Hint: "report this as an error of dotm", Err: fmt.Errorf("%v", p)}
	}
}

// watch listens to what a source tells by itself, and comes back to it when it is
// lost.
func (b *Board) watch(ctx context.Context, s *source, w monitor.Watcher) {
	for wait := backOff; ctx.Err() == nil; wait = min(2*wait, backOffMost) {
		begin := time.Now()
		err := b.watchOnce(ctx, s, w)
		b.watches(s, false)
		if time.Since(begin) > backOffMost {
			wait = backOff
		}
		if ctx.Err() == nil {
			b.Log.Info("a monitoring source tells of changes no more; it is read until it does again", "source", s.opt.Name, "error", err)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

func (b *Board) watchOnce(ctx context.Context, s *source, w monitor.Watcher) (err error) {
	defer recovered(&err)
	ready := func() { b.watches(s, true) }
	return w.Watch(ctx, ready, func(checks []mapping.Check) {
		if len(checks) == 0 {
			s.refresh()
			return
		}
		b.told(s, checks, time.Now())
	})
}

// watches notes whether a source tells of changes. From when it does, nothing is
// missed: it is read once more.
func (b *Board) watches(s *source, does bool) {
	b.mu.Lock()
	s.watching = does
	b.mu.Unlock()
	s.refresh()
}

// failed notes that a source could not be read.
func (b *Board) failed(s *source, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sources[s.opt.Name] != s || !b.active {
		return
	}
	b.restore(s)
	if s.failed == nil {
		b.Log.Warn("a monitoring source can't be read", "source", s.opt.Name, "error", err)
	}
	s.failed = err
	s.state.Failures++
	b.rouse()
}

// Pass takes in results that were handed over to a source: those of a passive one,
// or what another one sends by itself. They are added to what is known of it; gone
// are named. It is false if there is no such source.
func (b *Board) Pass(name string, checks, gone []mapping.Check) bool {
	return b.PassAt(time.Now(), mapping.News{Source: name, Checks: checks, Gone: gone})
}

// PassAt is [Board.Pass] of what was handed over at a moment.
func (b *Board) PassAt(now time.Time, n mapping.News) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sources[n.Source]
	if s == nil {
		return false
	}
	b.restore(s)
	if s.from == nil {
		s.turns.all = s.turns.all || s.read.IsZero()
		s.read, s.failed = now, nil
	}
	if n.Hosts != nil {
		s.hosts, s.mapper = n.Hosts, nil
	}
	for i := range n.Checks {
		b.take(s, &n.Checks[i], s.down(n.Checks[i].Host), now)
	}
	if !s.own() { // they follow from what else is noted
		b.note(now, n)
	}
	for i := range n.Gone {
		if c := s.get(key{n.Gone[i].Host, n.Gone[i].Name}); c != nil {
			s.drop(c)
			b.touch(c)
		}
	}
	b.rouse()
	return true
}

// Acknowledge tells the source of a check that somebody takes care of it.
func (b *Board) Acknowledge(ctx context.Context, id, author, comment string) (did string, err error) {
	s, c := b.find(id)
	if s == nil {
		return "", monitor.ErrNoCheck
	}
	if !s.opt.Acknowledge {
		return "", fmt.Errorf("%w: set acknowledge of source %s", monitor.ErrNoAcknowledging, s.opt.Name)
	}
	a, ok := s.from.(monitor.Acknowledger)
	if !ok {
		return "", fmt.Errorf("%w: sources of kind %s can't", monitor.ErrNoAcknowledging, s.opt.Kind)
	}
	did, err = a.Acknowledge(ctx, monitor.Acknowledgement{Host: c.Host, Name: c.Name, Author: author, Comment: comment})
	if err != nil {
		return "", fmt.Errorf("acknowledging at %s: %w", s.opt.Name, err)
	}
	s.refresh()
	return did, nil
}

func (b *Board) find(id string) (*source, mapping.Check) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sources {
		for c := range s.all() {
			if c.ID == id {
				return s, c.Check
			}
		}
	}
	return nil, mapping.Check{}
}
