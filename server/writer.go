package server

import (
	"context"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/topology"
)

// writer is the state of the one goroutine that changes the topology.
type writer struct {
	*Server
	batch     *aggregate.Batch
	applied   []func(told bool) // who waits for the batch, where other servers are told
	published time.Time
	due       <-chan time.Time
	last      reports
	since     time.Time // when what is shown was loaded: silence counts from there
	mirroring bool      // another server leads: nothing is applied here
}

// write is the writer's loop. Reports that were already taken are applied
// before it ends.
func (s *Server) write(ctx context.Context) {
	w := &writer{Server: s, last: reports{}, since: s.started, mirroring: s.member != nil}
	tick := time.NewTicker(ageEvery)
	defer tick.Stop()
	for {
		var work func()
		select {
		case p := <-s.puts:
			work = func() { w.report(p) }
		case o := <-s.orders:
			work = func() {
				o.do(w)
				close(o.done)
			}
		case <-tick.C:
			work = func() {
				if !w.clock.held() {
					w.age(w.now())
				}
			}
		case <-w.due:
			work = func() { w.publish(w.now()) }
		case <-ctx.Done():
			w.drain()
			return
		}
		began := time.Now()
		work()
		s.pace.note(began, time.Now())
	}
}

func (w *writer) drain() {
	for {
		select {
		case p := <-w.puts:
			w.report(p)
		default:
			if w.batch != nil {
				w.publish(w.now())
			}
			return
		}
	}
}

func (w *writer) open() *aggregate.Batch {
	if w.batch == nil {
		w.batch = aggregate.Begin(w.Snapshot(), w.options())
	}
	return w.batch
}

func (w *writer) options() aggregate.Options {
	s := w.settings.Load()
	return aggregate.Options{
		Ageing: time.Duration(s.Ageing), StaleAfter: time.Duration(s.StaleAfter),
		ExpireAfter: time.Duration(s.ExpireAfter), Virtual: virtualOf(s), Outside: outsideOf(s), Split: w.split(s),
		Internal: s.InternalNetworks, Since: w.since,
	}
}

func (w *writer) report(p put) {
	if w.mirroring {
		p.done <- errNotLeading
		return
	}
	switch w.last.judge(p.report) {
	case replayed:
		p.done <- fmt.Errorf("sequence %d of %s: %w", p.report.Sequence, p.report.Node.Name, collect.ErrReplayed)
		return
	case repeated:
		w.answer(p)
		return
	case news:
	}
	if w.opt.Recorder != nil {
		w.opt.Recorder.Report(p.at, p.report)
	}
	w.open().Report(p.report, p.at)
	w.opt.Meter.Waited(time.Since(p.asked))
	if w.member != nil {
		w.answer(p)
	}
	w.publishSoon(w.now())
	if w.member == nil {
		w.answer(p)
	}
}

// answer says that a report is applied, now or with the next snapshot.
func (w *writer) answer(p put) {
	switch {
	case w.member == nil:
		p.done <- nil
	case w.batch == nil:
		w.member.Share(p.answer)
	default:
		w.applied = append(w.applied, p.answer)
	}
}

// answer tells the asker that its report is applied, as far as the servers that
// could lead next know of it; else another one is asked.
func (p put) answer(told bool) {
	if told {
		p.done <- nil
	} else {
		p.done <- errNotLeading
	}
}

// age publishes only if something aged: a quiet site makes no snapshots.
func (w *writer) age(now time.Time) {
	if w.mirroring {
		return
	}
	w.open().Age(now)
	if w.batch.Changed() {
		w.publishSoon(now)
	} else if w.due == nil {
		w.batch = nil
	}
}

// publishSoon publishes at once if the last time is long enough ago, else as
// soon as it is.
func (w *writer) publishSoon(now time.Time) {
	if w.due != nil {
		return
	}
	wait := PublishEvery - now.Sub(w.published)
	if wait <= 0 || w.clock.held() {
		w.publish(now)
		return
	}
	w.due = time.After(wait)
}

func (w *writer) publish(now time.Time) {
	begin := time.Now()
	prev := w.Snapshot()
	next := w.batch.Commit(now)
	w.batch, w.due, w.published = nil, nil, now
	w.keeper.Keep(next, topology.Diff(prev, next))
	w.show(next)
	w.opt.Meter.Snapshot(time.Since(begin))
}

// show makes a snapshot the newest one.
func (w *writer) show(next *topology.Snapshot) {
	w.snapshot.Store(next)
	w.beacon.light()
	if w.member != nil {
		w.member.Share(w.applied...)
		w.applied = nil
	}
}

// lead goes on from what is shown, in an epoch of its own.
func (w *writer) lead() {
	now := w.now()
	w.mirroring, w.batch, w.due = false, nil, nil
	w.snapshot.Store(w.Snapshot().Edit().Commit(topology.Revision{Epoch: epoch(now), Number: w.Snapshot().Revision().Number}, now))
	w.open().Touch()
	w.publish(now)
}
