package views

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Model is the live topology.
type Model interface {
	// Snapshot is the newest topology.
	Snapshot() *topology.Snapshot
}

// Settings are those in force, with the names of the fixed ones.
type Settings interface {
	Settings() (in store.Settings, fixed []string)
}

// Roles says what the nodes are to each other.
type Roles interface {
	Roles() *grouping.Roles
}

// Gaps are the times in which nothing was seen.
type Gaps interface {
	// Gaps are those of a range, of a node or, with an empty name, of any.
	Gaps(ctx context.Context, from, to time.Time, node string) ([]store.Gap, error)
}

// Options are what views are made of. Names and Meter may be nil.
type Options struct {
	Model    Model
	Settings Settings
	Roles    Roles
	Charts   Charts
	Gaps     Gaps
	Moments  *read.Moments
	// This is the name of the node that the server runs on.
	This string
	// Names gives the name of an address that doesn't report itself, "" if it has
	// none; it never blocks.
	Names func(netip.Addr) string
	Meter *metrics.Meter
}

// Views answers questions about the chart. Its methods are safe for concurrent use. What
// they give must not be written.
type Views struct {
	*read.Moments
	opt   Options
	views *views
	parts *parts
}

// New has nothing kept yet.
func New(opt Options) *Views {
	v := newViews(&opt)
	return &Views{opt.Moments, opt, v, newParts(v)}
}

// Answer is a chart of now as JSON, or the part of it that is asked for, with its
// revision; there is false if the chart doesn't show its focus.
func (v *Views) Answer(q read.Question) (body *coding.Body, revision string, there bool, err error) {
	if q.Any() {
		return v.parts.answer(q)
	}
	body, revision, err = v.views.answer(q.Question)
	return body, revision, true, err
}

// Newest is a chart of now, or a part of it, as [Views.Answer] tells it.
func (v *Views) Newest(q read.Question) (shown *view.Topology, there bool, err error) {
	if !q.Any() {
		shown, err = v.views.whole(q.Question)
		return shown, true, err
	}
	k, err := v.parts.newest(q, true)
	if err != nil {
		return nil, false, err
	}
	defer k.mu.Unlock()
	return k.shown, k.part.There(), nil
}

// Since returns the deltas that lead from a revision to the newest chart, or part, and
// that one's revision. ok is false where there is no way: ask anew.
func (v *Views) Since(q read.Question, revision string) (list []Delta, newest string, ok bool, err error) {
	return v.parts.since(q, revision)
}

// RestOf is for how long who follows a chart waits before it is asked again; not above
// zero if it needn't.
func (v *Views) RestOf(q read.Question) time.Duration { return v.parts.restOf(q) }

// Topology is the answer of GET /topology.
type Topology struct {
	view.Topology
	// Past says that this is how it was, not how it is.
	Past bool `json:"past,omitempty" doc:"how it was at a moment gone by"`
	// Gaps are the times around a moment gone by in which nothing was seen, so
	// that it shows what was seen last.
	Gaps []store.Gap `json:"gaps,omitempty" doc:"what could not be seen at a moment gone by"`
}

// Then is the chart of a moment gone by, or the part of it that is asked for. Boxes stand
// where they stand today. snap is of the moment, which was asked for as asked. Errors are
// problem documents.
func (v *Views) Then(ctx context.Context, asked string, snap *topology.Snapshot, q read.Question) (*Topology, error) {
	shown, err := v.views.past(q.Question, snap)
	if err != nil {
		return nil, problem.Internal(v.Log, "computing the chart", err)
	}
	part, there := shown.Narrow(q.Filter, SignalsOf(snap))
	if !there {
		return nil, read.NoFocus(q.Focus)
	}
	at, out := snap.At(), &Topology{Topology: *part, Past: snap != v.opt.Model.Snapshot()}
	if out.Gaps, err = v.opt.Gaps.Gaps(ctx, at, at.Add(time.Millisecond), ""); err != nil {
		return nil, v.Wrong("at", asked, err)
	}
	return out, nil
}

// Whole is a whole chart: the newest one, or with past that of a snapshot gone by.
func (v *Views) Whole(q view.Question, snap *topology.Snapshot, past bool) (*view.Topology, error) {
	if past {
		return v.views.past(q, snap)
	}
	return v.views.whole(q)
}

// List is the view behind lists: without layout, and with everything unless the asker
// hides some. Errors are problem documents, and that the asker has it already.
func (v *Views) List(ctx context.Context, p *read.Params) (*view.Topology, error) {
	q, wrong := read.Parse("", p.Hide, "", "")
	if wrong != nil {
		return nil, wrong
	}
	snap, err := v.At(ctx, p.At)
	if err != nil {
		return nil, err
	}
	if p.Holds(snap.Revision().String()) {
		return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"ETag": {read.ETag(snap.Revision().String())}})
	}
	return v.views.build(q, snap), nil
}

// Unwatched tells the services that nobody is told to monitor: those that the settings
// ignore, and those that only their own host reaches.
func (v *Views) Unwatched() func(*topology.Service) bool {
	in, _ := v.opt.Settings.Settings()
	look := Look(&in, v.opt.This, nil)
	return func(s *topology.Service) bool {
		return s.Scope == topology.ScopeLoopback || look.Ignores(s.Port, s.Process)
	}
}
