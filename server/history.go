package server

import (
	"context"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// now is how near a moment must be to be shown as it is now: what happened since
// may not be in the store yet.
const nowWithin = 2 * time.Second

// At is the topology of a moment; of one within the last two seconds it is the
// newest. Errors wrap [history.ErrFuture] and [history.ErrBefore].
func (s *Server) At(ctx context.Context, at time.Time) (*topology.Snapshot, error) {
	now := s.now()
	switch {
	case at.After(now.Add(nowWithin)):
		return nil, history.ErrFuture
	case now.Sub(at) < nowWithin:
		return s.Snapshot(), nil
	}
	return s.past.At(ctx, at)
}

// Compare tells what changed from one moment to a later one.
func (s *Server) Compare(ctx context.Context, from, to time.Time) (*history.Comparison, error) {
	a, err := s.At(ctx, from)
	if err != nil {
		return nil, err
	}
	b, err := s.At(ctx, to)
	if err != nil {
		return nil, err
	}
	return s.past.Compare(ctx, a, b)
}

// Used says who used a service since a time.
func (s *Server) Used(ctx context.Context, service, node string, since time.Time) (*history.Usage, error) {
	return s.past.Used(ctx, service, node, since, s.now())
}

// Events are those of a range that want lets through, the newest first, at most
// limit; more says that the range has older ones.
func (s *Server) Events(ctx context.Context, from, to time.Time, want func(*topology.Event) bool, limit int) (events []topology.Event, more bool, err error) {
	return s.past.Events(ctx, from, to, want, limit)
}

// Gaps are the times of a range in which nothing was seen, of a node or, with an
// empty name, of any.
func (s *Server) Gaps(ctx context.Context, from, to time.Time, node string) ([]store.Gap, error) {
	return s.past.Gaps(ctx, from, to, node)
}

// Extent says how much history there is.
func (s *Server) Extent(ctx context.Context) (e store.Extent, err error) {
	if e, err = s.past.Extent(ctx); err != nil {
		return e, fmt.Errorf("history: %w", err)
	}
	return e, nil
}

// Losses are what was lost of it since the start.
func (s *Server) Losses() store.Losses { return s.keeper.Losses() }
