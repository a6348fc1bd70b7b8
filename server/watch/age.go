package watch

import (
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// turns says when the results of a source are to be looked at, as nothing else makes them
// stale, or has them dropped, than that time goes by.
type turns struct {
	all   bool      // now
	stale time.Time // when the first of them turns stale, as of the source; zero for never
	drop  time.Time // when the first of them is dropped; zero for never
}

// earlier is the earlier of two times of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due says whether any of them may be another now.
func (t *turns) due(s *source, now time.Time) bool {
	return t.all || !t.stale.IsZero() && s.there(now).After(t.stale) || !t.drop.IsZero() && now.After(t.drop)
}

// expect takes a result into account.
func (t *turns) expect(s *source, c *check) {
	switch {
	case c.Stale:
		t.all = true // when it is dropped is found then
	case s.mayTurn(c):
		t.stale = earlier(t.stale, goodUntil(c))
	}
}

// age finds what turned stale, and drops what has been so for too long.
func (b *Board) age(now time.Time) {
	if now.Sub(b.aged) < lookEvery {
		return
	}
	b.aged = now
	for _, s := range b.sources {
		was := s.stale
		s.judge(now)
		if s.turns.due(s, now) || s.stale != was {
			b.ageOf(s, now)
		}
	}
}

// ageOf looks at all results of a source.
func (b *Board) ageOf(s *source, now time.Time) {
	s.turns = turns{}
	for c := range s.all() {
		if stale := s.isStale(c, now); stale != c.Stale {
			c.Stale = stale
			b.touch(c)
		}
		switch end := s.lastHeard(c).Add(b.expiry); {
		case !c.Stale && s.mayTurn(c):
			s.turns.stale = earlier(s.turns.stale, goodUntil(c))
		case !c.Stale || b.expiry <= 0:
		case now.After(end):
			s.drop(c)
			b.touch(c)
		default:
			s.turns.drop = earlier(s.turns.drop, end)
		}
	}
}

// isStale says whether a result counts no more: its source was not read, or it was
// not looked at, for some of their intervals.
func (s *source) isStale(c *check, now time.Time) bool {
	switch {
	case s.stale || s.own():
		return s.stale || c.Stale
	case !s.mayTurn(c):
		return c.Stale && s.read.IsZero()
	}
	return s.there(now).After(goodUntil(c))
}

// mayTurn says whether a result turns stale by itself.
func (s *source) mayTurn(c *check) bool {
	return !s.own() && c.Interval > 0 && !c.LastCheck.IsZero() && (!s.read.IsZero() || s.passive())
}

// goodUntil is up to when a result counts, by the source's clock.
func goodUntil(c *check) time.Time {
	return c.LastCheck.Add(max(staleAfter*time.Duration(c.Interval), leastStale))
}

// there is which time it is at the source, as of when it was read: one that tells of
// changes is read seldom.
func (s *source) there(now time.Time) time.Time {
	switch {
	case !s.at.IsZero():
		return s.at // by its clock
	case !s.read.IsZero() && s.from != nil:
		return s.read
	}
	return now
}

// lastHeard is when a result was last confirmed.
func (s *source) lastHeard(c *check) time.Time {
	if s.passive() || s.read.IsZero() {
		return maxTime(c.LastCheck, s.state.Since)
	}
	return s.read
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judge says how a source is.
func (s *source) judge(now time.Time) {
	is := monitor.Fine
	switch begun := maxTime(s.read, s.begun); {
	case s.passive():
	case now.Sub(begun) > max(staleAfter*s.every(), leastStale) || monitor.ReasonOf(s.failed) == monitor.OldData:
		is = monitor.Blind
	case s.failed != nil:
		is = monitor.Failing
	case s.read.IsZero():
		is = monitor.Unread
	}
	s.stale = is == monitor.Blind
	if is != s.state.State {
		s.state.State, s.state.Since = is, now
	}
}
