// Package past tells what was: how much of it is known, what changed, and who used what.
package past

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// History is what is known of the past.
type History interface {
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

// Model is the live topology.
type Model interface {
	// Ready says what is wrong, if something is.
	Ready() error
}

// Settings are those in force, with the names of the fixed ones.
type Settings interface {
	Settings() (in store.Settings, fixed []string)
}

// Options are what the routes need. Member may be nil, all else is required.
type Options struct {
	Model    Model
	Settings Settings
	History  History
	Moments  *read.Moments
	Now      func() time.Time
	// Member says what this server is to others that share its store; nil, or an
	// answer of nil, if there are none.
	Member func() *Member
}

type routes struct{ Options }

// Register adds the reads of the past.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	huma.Register(a, read.Op("history", "/history", "How much of the past is known, and what of it is not"), h.extent)
	huma.Register(a, read.Op("events", "/events", "What appeared, vanished and changed, the newest first"), h.events)
	huma.Register(a, read.Op("event-counts", "/events/counts", "How much changed in each step of a time"), h.eventCounts)
	huma.Register(a, read.Op("diff", "/diff", "What differs between two moments", http.StatusNotFound), h.diff)
	huma.Register(a, read.Op("service-uses", "/services/{id}/uses", "Who used a service"), h.uses)
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

func (h *routes) extent(ctx context.Context, p *read.Range) (*HistoryAnswer, error) {
	from, to, err := p.Span(h.Now(), 30*24*time.Hour)
	if err != nil {
		return nil, err
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
	read.Range
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

func (h *routes) events(ctx context.Context, p *EventParams) (*EventList, error) {
	from, to, err := p.Span(h.Now(), 24*time.Hour)
	if err != nil {
		return nil, err
	}
	want := func(e *topology.Event) bool {
		return (p.Node == "" || e.Node == p.Node || e.Peer == p.Node || e.ID == p.Node) &&
			(p.Subject == "" || string(e.Subject) == p.Subject) && (p.Kind == "" || string(e.Kind) == p.Kind)
	}
	out := &EventList{}
	if out.Body.Events, out.Body.More, err = h.History.Events(ctx, from, to, want, min(p.Limit, maxEvents)); err != nil {
		return nil, h.Moments.Wrong("from", p.From, err)
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
	read.Range
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
func (h *routes) eventCounts(ctx context.Context, p *CountParams) (*EventCounts, error) {
	from, to, err := p.Span(h.Now(), 24*time.Hour)
	if err != nil {
		return nil, err
	}
	step, err := time.ParseDuration(p.Step)
	if err != nil || step < time.Second {
		return nil, problem.Parameter("step", "must be a duration like 12m, of a second or more", p.Step)
	}
	steps := to.Sub(from) / step
	if to.Sub(from)%step > 0 {
		steps++
	}
	if steps > maxCounts {
		return nil, problem.Parameter("step", "must be longer: at most 1000 are counted at once", p.Step)
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
		return nil, h.Moments.Wrong("from", p.From, err)
	}
	return out, nil
}

// DiffParams are two moments.
type DiffParams struct {
	read.Range
	Hide string `query:"hide" doc:"none, or a list of ignored, infrastructure, observers (default: all of them)"`
}

// Difference is what GET /diff tells.
type Difference struct {
	history.Comparison
	Gaps []store.Gap `json:"gaps" doc:"times between the two in which nothing was seen"`
}

// DiffAnswer is the answer of GET /diff.
type DiffAnswer struct{ Body Difference }

func (h *routes) diff(ctx context.Context, p *DiffParams) (*DiffAnswer, error) {
	if p.From == "" {
		return nil, problem.Parameter("from", "must be given: RFC 3339, or a duration ago like -24h", "")
	}
	from, to, err := p.Span(h.Now(), 0)
	if err != nil {
		return nil, err
	}
	req, unknown := read.Parse("", p.Hide, "", read.HideDefault)
	if unknown != nil {
		return nil, unknown
	}
	c, err := h.History.Compare(ctx, from, to)
	if err != nil {
		return nil, h.Moments.Wrong("from", p.From, err)
	}
	settings, _ := h.Settings.Settings()
	narrow(c, req, settings)
	out := &DiffAnswer{}
	out.Body.Comparison = *c
	if out.Body.Gaps, err = h.History.Gaps(ctx, from, to, ""); err != nil {
		return nil, h.Moments.Wrong("from", p.From, err)
	}
	return out, nil
}

// narrow leaves out of a comparison what a view leaves out.
func narrow(c *history.Comparison, req view.Question, settings store.Settings) {
	look := views.Look(&settings, "", nil)
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

func (h *routes) uses(ctx context.Context, p *UsesParams) (*UsesAnswer, error) {
	since, err := read.Moment("since", p.Since, h.Now())
	if err != nil {
		return nil, err
	}
	node, _, ok := strings.Cut(p.ID, "~")
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("no service has the id %s: it is node~protocol~port", problem.Quote(p.ID)))
	}
	usage, err := h.History.Used(ctx, p.ID, strings.ReplaceAll(node, "!", "/"), since)
	if err != nil {
		return nil, h.Moments.Wrong("since", p.Since, err)
	}
	return &UsesAnswer{usage}, nil
}
