package read

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/topology"
)

// Moment reads a time, or a duration before now. Its errors, and those below, are problem
// documents.
func Moment(name, text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && strings.HasPrefix(text, "-") {
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, problem.Parameter(name, "must be a time like 2026-01-31T12:00:00Z or a duration ago like -24h", text)
	}
	return at, nil
}

// Range are a range of time.
type Range struct {
	From string `query:"from" doc:"RFC 3339, or a duration ago like -24h"`
	To   string `query:"to" doc:"RFC 3339, or a duration ago; empty is now"`
}

// Span reads a range; without a start it begins so long before its end.
func (p *Range) Span(now time.Time, long time.Duration) (from, to time.Time, err error) {
	to = now
	if p.To != "" {
		if to, err = Moment("to", p.To, now); err != nil {
			return from, to, err
		}
	}
	from = to.Add(-long)
	if p.From != "" {
		if from, err = Moment("from", p.From, now); err != nil {
			return from, to, err
		}
	}
	if !from.Before(to) {
		return from, to, problem.Parameter("from", "must be before to, "+to.UTC().Format(time.RFC3339), p.From)
	}
	return from, to, nil
}

// Moments are the topologies that reads are about.
type Moments struct {
	Model interface {
		// Snapshot is the newest topology.
		Snapshot() *topology.Snapshot
	}
	History interface {
		// At is the topology of a moment. Errors with a method Moment are the
		// asker's.
		At(ctx context.Context, at time.Time) (*topology.Snapshot, error)
	}
	Now func() time.Time
	Log *slog.Logger
}

// At is the topology that a read is about: the newest one without a time.
func (m *Moments) At(ctx context.Context, at string) (*topology.Snapshot, error) {
	if at == "" {
		return m.Model.Snapshot(), nil
	}
	t, err := Moment("at", at, m.Now())
	if err != nil {
		return nil, err
	}
	snap, err := m.History.At(ctx, t)
	return snap, m.Wrong("at", at, err)
}

// Wrong words what is wrong with a moment; nil stays nil.
func (m *Moments) Wrong(name, value string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, history.ErrBefore):
		return huma.Error404NotFound(err.Error() + ": GET " + Prefix + "/history says since when the site is known")
	case errors.Is(err, history.ErrFuture):
		return problem.Parameter(name, "must not lie in the future", value)
	}
	m.Log.Error("reading the history failed", "error", err)
	return huma.Error503ServiceUnavailable("reading the history failed; the live chart is not affected, the server's log says why")
}
