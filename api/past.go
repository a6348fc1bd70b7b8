package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// History is what is known of the past.
type History interface {
	// At is the topology of a moment. Errors with a method Moment are the
	// asker's.
	At(ctx context.Context, at time.Time) (*topology.Snapshot, error)
	// Compare tells what changed from one moment to a later one.
	Compare(ctx context.Context, from, to time.Time) (*history.Comparison, error)
	// Used says who used a service, which is a node's, since a time.
	Used(ctx context.Context, service, node string, since time.Time) (*history.Usage, error)
	// Events are those of a range that want lets through, the newest first.
	Events(ctx context.Context, from, to time.Time, want func(*topology.Event) bool, limit int) (events []topology.Event, more bool, err error)
	// Gaps are those of a range, of a node or, with an empty name, of any.
	Gaps(ctx context.Context, from, to time.Time, node string) ([]store.Gap, error)
	// Extent says how much there is, Losses what was lost of it since the start.
	Extent(ctx context.Context) (store.Extent, error)
	Losses() store.Losses
}

// history registers the reads of the past.
func (h *handler) history(a huma.API) {
	huma.Register(a, read("history", "/history", "How much of the past is known, and what of it is not"), h.extent)
	huma.Register(a, read("events", "/events", "What appeared, vanished and changed, the newest first"), h.events)
	huma.Register(a, read("event-counts", "/events/counts", "How much changed in each step of a time"), h.eventCounts)
	huma.Register(a, read("diff", "/diff", "What differs between two moments", http.StatusNotFound), h.diff)
	huma.Register(a, read("service-uses", "/services/{id}/uses", "Who used a service"), h.uses)
}

// parseMoment reads a time, or a duration before now.
func parseMoment(name, text string, now time.Time) (time.Time, *huma.ErrorModel) {
	if d, err := time.ParseDuration(text); err == nil && strings.HasPrefix(text, "-") {
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, wrongParameter(name, "must be a time like 2026-01-31T12:00:00Z or a duration ago like -24h", text)
	}
	return at, nil
}

// moment is the topology that a read is about: the newest one without a time.
func (h *handler) moment(ctx context.Context, at string) (*topology.Snapshot, error) {
	if at == "" {
		return h.Model.Snapshot(), nil
	}
	t, problem := parseMoment("at", at, h.Now())
	if problem != nil {
		return nil, problem
	}
	snap, err := h.History.At(ctx, t)
	return snap, h.wrongMoment("at", at, err)
}

// wrongMoment words what is wrong with a moment; nil stays nil.
func (h *handler) wrongMoment(name, value string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, history.ErrBefore):
		return huma.Error404NotFound(err.Error() + ": GET " + Prefix + "/history says since when the site is known")
	case errors.Is(err, history.ErrFuture):
		return wrongParameter(name, "must not lie in the future", value)
	}
	h.Log.Error("reading the history failed", "error", err)
	return huma.Error503ServiceUnavailable("reading the history failed; the live chart is not affected, the server's log says why")
}

// Topology is the answer of GET /topology.
type Topology struct {
	view.Topology
	// Past says that this is how it was, not how it is.
	Past bool `json:"past,omitempty" doc:"how it was at a moment gone by"`
	// Gaps are the times around a moment gone by in which nothing was seen, so
	// that it shows what was seen last.
	Gaps []store.Gap `json:"gaps,omitempty" doc:"what could not be seen at a moment gone by"`
}

// pastTopology is the chart of a moment gone by. Boxes stand where they stand
// today; see [views.past].
func (h *handler) pastTopology(ctx context.Context, p *ChartParams, req partQuestion) (*RawAnswer, error) {
	snap, err := h.moment(ctx, p.At)
	if err != nil {
		return nil, err
	}
	raw := &RawAnswer{Status: http.StatusOK, ContentType: "application/json", ETag: etag(snap.Revision().String()), CacheControl: "no-cache"}
	if p.holds(snap.Revision().String()) {
		raw.Status = http.StatusNotModified
		return raw, nil
	}
	out, err := h.past(ctx, p.At, snap, req)
	if err != nil {
		return nil, err
	}
	if raw.Body, err = json.Marshal(out); err != nil {
		return nil, h.internal("encoding the chart", err)
	}
	return raw, nil
}

// past is the chart of a moment, or the part of it that is asked for.
func (h *handler) past(ctx context.Context, asked string, snap *topology.Snapshot, req partQuestion) (*Topology, error) {
	shown, err := h.views.past(req.Question, snap)
	if err != nil {
		return nil, h.internal("computing the chart", err)
	}
	part, there := shown.Narrow(req.Filter, signalsOf(snap))
	if !there {
		return nil, noFocus(req.Focus)
	}
	shown = part
	at, out := snap.At(), &Topology{Topology: *shown, Past: snap != h.Model.Snapshot()}
	if out.Gaps, err = h.History.Gaps(ctx, at, at.Add(time.Millisecond), ""); err != nil {
		return nil, h.wrongMoment("at", asked, err)
	}
	return out, nil
}

// Member is one of several servers that share a store.
type Member struct {
	Name    string `json:"name"`
	Role    string `json:"role" enum:"joining,leading,following,alone"`
	Leader  string `json:"leader" doc:"the name of the one that leads"`
	Trouble string `json:"trouble,omitempty" doc:"why this one is alone"`
}

// HistoryAnswer is the answer of GET /history.
type HistoryAnswer struct {
	Body struct {
		Now     time.Time   `json:"now"`
		From    *time.Time  `json:"from" doc:"the oldest moment that can be shown; null if there is none"`
		Events  int64       `json:"events"`
		Records int64       `json:"records" doc:"states of nodes"`
		Uses    int64       `json:"uses" doc:"edges in the ledger"`
		Bytes   int64       `json:"bytes" doc:"what the history takes up, about"`
		Lost    uint64      `json:"events_lost" doc:"events that were dropped since the start, because they could not be written"`
		Lapses  uint64      `json:"lapses" doc:"how often since the start the store turned out to lack what it had acknowledged; what was known was written again"`
		Unsure  uint64      `json:"events_unconfirmed" doc:"events since the start that no replica of the store confirmed in time: if its master died right then, they are lost"`
		Gaps    []store.Gap `json:"gaps" doc:"times in which nothing was seen, of the last 30 days or of the range"`
		Server  *Member     `json:"server,omitempty" doc:"what this server is to others of its store"`
		Problem string      `json:"problem,omitempty" doc:"why the history is not being written"`
	}
}

// RangeParams are a range of time.
type RangeParams struct {
	From string `query:"from" doc:"RFC 3339, or a duration ago like -24h"`
	To   string `query:"to" doc:"RFC 3339, or a duration ago; empty is now"`
}

// span reads a range; without a start it begins so long before its end.
func (p *RangeParams) span(now time.Time, long time.Duration) (from, to time.Time, problem *huma.ErrorModel) {
	to = now
	if p.To != "" {
		if to, problem = parseMoment("to", p.To, now); problem != nil {
			return from, to, problem
		}
	}
	from = to.Add(-long)
	if p.From != "" {
		if from, problem = parseMoment("from", p.From, now); problem != nil {
			return from, to, problem
		}
	}
	if !from.Before(to) {
		return from, to, wrongParameter("from", "must be before to, "+to.UTC().Format(time.RFC3339), p.From)
	}
	return from, to, nil
}

func (h *handler) extent(ctx context.Context, p *RangeParams) (*HistoryAnswer, error) {
	from, to, problem := p.span(h.Now(), 30*24*time.Hour)
	if problem != nil {
		return nil, problem
	}
	out := &HistoryAnswer{}
	b := &out.Body
	e, err := h.History.Extent(ctx)
	if err == nil {
		b.Gaps, err = h.History.Gaps(ctx, from, to, "")
	}
	if err != nil { // the store is away: that is the answer
		b.Problem, b.Gaps = err.Error(), []store.Gap{}
	}
	lost := h.History.Losses()
	b.Now, b.Events, b.Records, b.Uses, b.Bytes = h.Now().UTC(), e.Events, e.Records, e.Uses, e.Bytes
	b.Lost, b.Lapses, b.Unsure = lost.Events, lost.Lapses, lost.Unconfirmed
	if !e.From.IsZero() {
		first := e.From.UTC()
		b.From = &first
	}
	if h.Member != nil {
		b.Server = h.Member()
	}
	if err := h.Model.Ready(); err != nil {
		b.Problem = err.Error()
	}
	return out, nil
}

// maxEvents is how many events one answer holds.
const maxEvents = 10_000

// EventParams narrow the feed of events.
type EventParams struct {
	RangeParams
	Node    string `query:"node" maxLength:"600" doc:"of this node, at either end"`
	Subject string `query:"subject" enum:"node,service,connection,check" doc:"of such things only"`
	Kind    string `query:"kind" enum:"appeared,vanished,changed" doc:"of this kind only"`
	Limit   int    `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"the newest so many"`
}

// EventList is the answer of GET /events.
type EventList struct {
	Body struct {
		From   time.Time        `json:"from"`
		To     time.Time        `json:"to"`
		Events []topology.Event `json:"events" doc:"the newest first"`
		More   bool             `json:"more" doc:"the range has older ones: ask again, to the time of the last"`
	}
}

func (h *handler) events(ctx context.Context, p *EventParams) (*EventList, error) {
	from, to, problem := p.span(h.Now(), 24*time.Hour)
	if problem != nil {
		return nil, problem
	}
	want := func(e *topology.Event) bool {
		return (p.Node == "" || e.Node == p.Node || e.Peer == p.Node || e.ID == p.Node) &&
			(p.Subject == "" || string(e.Subject) == p.Subject) && (p.Kind == "" || string(e.Kind) == p.Kind)
	}
	out := &EventList{}
	var err error
	if out.Body.Events, out.Body.More, err = h.History.Events(ctx, from, to, want, min(p.Limit, maxEvents)); err != nil {
		return nil, h.wrongMoment("from", p.From, err)
	}
	if out.Body.Events == nil {
		out.Body.Events = []topology.Event{}
	}
	out.Body.From, out.Body.To = from.UTC(), to.UTC()
	return out, nil
}

// maxCounts is how many steps one answer counts.
const maxCounts = 1000

// CountParams name a time and its steps.
type CountParams struct {
	RangeParams
	Step string `query:"step" maxLength:"32" default:"12m" doc:"how long each step is, a duration; at most 1000 are counted at once"`
}

// EventCounts is the answer of GET /events/counts.
type EventCounts struct {
	Body struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
		// Up and Down have a number for each step from From on; the last may end after To.
		Up   []int `json:"up" doc:"what appeared or changed in each step, from the oldest on"`
		Down []int `json:"down" doc:"what vanished in it"`
	}
}

// eventCounts counts without holding the events: of a large site they are many.
func (h *handler) eventCounts(ctx context.Context, p *CountParams) (*EventCounts, error) {
	from, to, problem := p.span(h.Now(), 24*time.Hour)
	if problem != nil {
		return nil, problem
	}
	step, err := time.ParseDuration(p.Step)
	if err != nil || step < time.Second {
		return nil, wrongParameter("step", "must be a duration like 12m, of a second or more", p.Step)
	}
	steps := to.Sub(from) / step
	if to.Sub(from)%step > 0 {
		steps++
	}
	if steps > maxCounts {
		return nil, wrongParameter("step", "must be longer: at most 1000 are counted at once", p.Step)
	}
	out := &EventCounts{}
	out.Body.From, out.Body.To = from.UTC(), to.UTC()
	out.Body.Up, out.Body.Down = make([]int, steps), make([]int, steps)
	count := func(e *topology.Event) bool {
		i := int(e.At.Sub(from) / step)
		switch {
		case e.At.Before(from) || i >= len(out.Body.Up):
		case e.Kind == topology.Vanished:
			out.Body.Down[i]++
		default:
			out.Body.Up[i]++
		}
		return false
	}
	if _, _, err := h.History.Events(ctx, from, to, count, 0); err != nil {
		return nil, h.wrongMoment("from", p.From, err)
	}
	return out, nil
}

// DiffParams are two moments.
type DiffParams struct {
	RangeParams
	Hide string `query:"hide" doc:"none, or a list of ignored, infrastructure, observers (default: all of them)"`
}

// Difference is what GET /diff tells.
type Difference struct {
	history.Comparison
	Gaps []store.Gap `json:"gaps" doc:"times between the two in which nothing was seen"`
}

// DiffAnswer is the answer of GET /diff.
type DiffAnswer struct{ Body Difference }

func (h *handler) diff(ctx context.Context, p *DiffParams) (*DiffAnswer, error) {
	if p.From == "" {
		return nil, wrongParameter("from", "must be given: RFC 3339, or a duration ago like -24h", "")
	}
	from, to, problem := p.span(h.Now(), 0)
	if problem != nil {
		return nil, problem
	}
	req, problem := parseRequest("", p.Hide, "", HideDefault)
	if problem != nil {
		return nil, problem
	}
	c, err := h.History.Compare(ctx, from, to)
	if err != nil {
		return nil, h.wrongMoment("from", p.From, err)
	}
	settings, _ := h.Settings.Settings()
	narrow(c, req, settings)
	out := &DiffAnswer{}
	out.Body.Comparison = *c
	if out.Body.Gaps, err = h.History.Gaps(ctx, from, to, ""); err != nil {
		return nil, h.wrongMoment("from", p.From, err)
	}
	return out, nil
}

// narrow leaves out of a comparison what a view leaves out.
func narrow(c *history.Comparison, req view.Question, settings store.Settings) {
	look := lookOf(&settings, "", nil)
	c.Services = slices.DeleteFunc(c.Services, func(s history.ServiceChange) bool {
		return (req.Hides(view.HideIgnored) && look.Ignores(s.Service.Port, s.Service.Process)) || (req.Hides(view.HideInfrastructure) && s.Service.Own)
	})
	c.Connections = slices.DeleteFunc(c.Connections, func(e history.ConnectionChange) bool {
		conn := &e.Connection
		return (req.Hides(view.HideIgnored) && look.Ignores(conn.Server.Port, conn.Server.Process)) ||
			(req.Hides(view.HideInfrastructure) && conn.Own) || (req.Hides(view.HideObservers) && conn.Observer)
	})
}

// UsesParams are a service and a time.
type UsesParams struct {
	ID    string `path:"id" maxLength:"600"`
	Since string `query:"since" default:"-720h" doc:"RFC 3339, or a duration ago like -720h"`
}

// UsesAnswer is the answer of GET /services/{id}/uses.
type UsesAnswer struct{ Body *history.Usage }

func (h *handler) uses(ctx context.Context, p *UsesParams) (*UsesAnswer, error) {
	since, problem := parseMoment("since", p.Since, h.Now())
	if problem != nil {
		return nil, problem
	}
	node, _, ok := strings.Cut(p.ID, "~")
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("no service has the id %s: it is node~protocol~port", quoteShort(p.ID)))
	}
	usage, err := h.History.Used(ctx, p.ID, strings.ReplaceAll(node, "!", "/"), since)
	if err != nil {
		return nil, h.wrongMoment("since", p.Since, err)
	}
	return &UsesAnswer{usage}, nil
}
