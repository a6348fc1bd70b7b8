// Package incidents is the part of the API that tells what is in trouble, what is likely
// behind it, and what would fail with a thing.
package incidents

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/auth"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// Model has the incidents of a site.
type Model interface {
	// Incidents are all that are known, the open ones first, then the newest; Incident
	// is one of them, or nil. They must not be written.
	Incidents() []*incident.Incident
	Incident(id string) *incident.Incident
	// AcknowledgeIncident notes that somebody takes care of one.
	AcknowledgeIncident(ctx context.Context, id, by, comment string) (*incident.Incident, error)
	// Impact says what fails with components of a topology.
	Impact(snap *topology.Snapshot, of []string) (incident.Impact, error)
}

// History is what is known of the past.
type History interface {
	// Used says who used a service, which is a node's, since a time.
	Used(ctx context.Context, service, node string, since time.Time) (*history.Usage, error)
}

// Checks are those of monitoring systems.
type Checks interface {
	// Acknowledge tells the system of a check that somebody takes care.
	Acknowledge(ctx context.Context, id, author, comment string) (did string, err error)
}

// Options are what the routes need. All are required.
type Options struct {
	Model   Model
	Moments *read.Moments
	History History
	Checks  Checks
	Telling Telling
	Now     func() time.Time
}

// Register adds the routes.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	huma.Register(a, read.Op("incidents", "/incidents", "What is in trouble, and what was", http.StatusUnprocessableEntity), h.list)
	huma.Register(a, read.Op("incident", "/incidents/{id}", "One incident: likely causes, order in time, impact, timeline", http.StatusNotFound, http.StatusUnprocessableEntity), h.one)
	huma.Register(a, huma.Operation{
		OperationID: "acknowledge-incident", Method: http.MethodPatch, Path: read.Prefix + "/incidents/{id}", Summary: "Say that somebody takes care of an incident: here, and in the monitoring systems if asked to",
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.acknowledge)
	huma.Register(a, read.Op("impact", "/impact", "What fails if something does, and who was seen to need it", http.StatusNotFound, http.StatusUnprocessableEntity), h.impact)
	h.receivers(a)
}

type routes struct{ Options }

// Params narrow the list of incidents.
type Params struct {
	State string `query:"state" enum:"open,resolved,all" default:"open"`
	From  string `query:"from" doc:"that were not resolved before: RFC 3339, or a duration ago like -24h; empty is all that is kept"`
	To    string `query:"to" doc:"that were opened before: RFC 3339, or a duration ago; empty is now"`
	Limit int    `query:"limit" minimum:"1" maximum:"5000" default:"500"`
	At
}

// At is a moment gone by that is asked about.
type At struct {
	At string `query:"at" doc:"the moment to tell of: RFC 3339, or a duration ago like -24h; empty is now. What is said of causes, impact and each check is what was said last"`
}

// Summary is an incident in a list.
type Summary struct {
	ID           string           `json:"id"`
	State        incident.State   `json:"state" enum:"open,resolved"`
	Title        string           `json:"title"`
	Sentence     string           `json:"sentence"`
	Unclear      bool             `json:"unclear,omitempty" doc:"the first cause is no more than the first of a list"`
	Status       topology.Status  `json:"status" doc:"the worst of the alerts that are not over"`
	Strength     trouble.Strength `json:"strength,omitempty" enum:"strong,moderate,weak" doc:"of the first cause"`
	Cause        *incident.Ref    `json:"cause,omitempty" doc:"the likeliest"`
	Since        time.Time        `json:"since"`
	Opened       time.Time        `json:"opened"`
	Updated      time.Time        `json:"updated"`
	Resolved     time.Time        `json:"resolved,omitzero"`
	Reopened     int              `json:"reopened,omitempty"`
	Into         string           `json:"into,omitempty" doc:"the incident that it was merged into"`
	Acknowledged *incident.Ack    `json:"acknowledged,omitempty"`
	Bad          int              `json:"bad" doc:"checks in trouble"`
	Handled      int              `json:"handled" doc:"of them, those that somebody takes care of, or that may not be true"`
	Alerts       int              `json:"alerts" doc:"checks that were in trouble in its course"`
	Predicted    int              `json:"predicted" doc:"what would fail next"`
	Nodes        []string         `json:"nodes" doc:"that are in trouble; 50 at most"`
}

// List is the answer of GET /incidents.
type List struct{ Body Page }

// Page is a list of incidents.
type Page struct {
	At        time.Time `json:"at"`
	Incidents []Summary `json:"incidents" doc:"the open ones first, then the newest"`
	More      bool      `json:"more,omitempty" doc:"there are more than the limit"`
}

func (h *routes) list(_ context.Context, p *Params) (*List, error) {
	now := h.Now()
	at, err := h.at(&p.At, now)
	if err != nil {
		return nil, err
	}
	from, to := time.Time{}, at
	if p.From != "" {
		if from, err = read.Moment("from", p.From, now); err != nil {
			return nil, err
		}
	}
	if p.To != "" {
		if to, err = read.Moment("to", p.To, now); err != nil {
			return nil, err
		}
	}
	out := &List{}
	out.Body.At, out.Body.Incidents = at.UTC(), []Summary{}
	for _, in := range as(h.Model.Incidents(), p.At, at, p.State) {
		if p.State != "all" && string(in.State) != p.State || in.Opened.After(to) || in.State == incident.Resolved && in.Resolved.Before(from) {
			continue
		}
		if len(out.Body.Incidents) == p.Limit {
			out.Body.More = true
			break
		}
		out.Body.Incidents = append(out.Body.Incidents, Summarise(in))
	}
	return out, nil
}

// at is the moment that is asked about.
func (h *routes) at(p *At, now time.Time) (time.Time, error) {
	if p.At == "" {
		return now, nil
	}
	at, err := read.Moment("at", p.At, now)
	if err == nil && at.After(now) {
		err = huma.Error422UnprocessableEntity("at must not lie in the future, is "+strconv.Quote(p.At),
			&huma.ErrorDetail{Message: "must not lie in the future", Location: "query.at", Value: p.At})
	}
	return at, err
}

// as are incidents as of a moment gone by, in the order of lists; without one they stay as
// they are. Those that were over may be left out if the open ones are asked for.
func as(list []*incident.Incident, p At, at time.Time, state string) []*incident.Incident {
	if p.At == "" {
		return list
	}
	out := make([]*incident.Incident, 0, len(list))
	for _, in := range list {
		if over := !in.Resolved.IsZero() && !in.Resolved.After(at); over && state == string(incident.Open) {
			continue
		}
		if was := in.As(at); was != nil {
			out = append(out, was)
		}
	}
	slices.SortStableFunc(out, func(x, y *incident.Incident) int {
		return cmp.Or(cmp.Compare(x.State, y.State), y.Opened.Compare(x.Opened))
	})
	return out
}

// mostNodes bounds how many nodes a summary names.
const mostNodes = 50

// Summarise is what a list tells of an incident.
func Summarise(in *incident.Incident) Summary {
	s := Summary{
		ID: in.ID, State: in.State, Title: in.Title, Sentence: in.Sentence, Unclear: in.Unclear, Status: in.Status,
		Since: in.Since, Opened: in.Opened, Updated: in.Updated, Resolved: in.Resolved, Reopened: in.Reopened, Into: in.Into,
		Acknowledged: in.Ack, Alerts: len(in.Alerts), Predicted: len(in.Impact.Predicted), Nodes: []string{},
	}
	if len(in.Causes) > 0 {
		s.Strength, s.Cause = in.Causes[0].Strength, &in.Causes[0].Ref
	}
	for i := range in.Alerts {
		m := &in.Alerts[i]
		if !m.Over.IsZero() && in.State == incident.Open {
			continue
		}
		if m.Over.IsZero() {
			s.Bad++
			if len(m.How) > 0 {
				s.Handled++
			}
		}
		if n := m.About.Node; n != "" && len(s.Nodes) < mostNodes && !slices.Contains(s.Nodes, n) {
			s.Nodes = append(s.Nodes, n)
		}
	}
	slices.Sort(s.Nodes)
	return s
}

// ID names an incident in a path.
type ID struct {
	ID string `path:"id" maxLength:"64"`
}

// Asked names an incident, and the moment to tell of.
type Asked struct {
	ID
	At
}

// Card is all that is told of an incident.
type Card struct {
	incident.Incident
	Bad   int            `json:"bad" doc:"checks in trouble"`
	Order []incident.Row `json:"order" doc:"components in the order in which they went bad"`
}

// CardAnswer is the answer of GET /incidents/{id}.
type CardAnswer struct{ Body Card }

func card(in *incident.Incident) Card { return Card{*in, in.Bad(), in.Order()} }

func (h *routes) one(_ context.Context, p *Asked) (*CardAnswer, error) {
	at, err := h.at(&p.At, h.Now())
	if err != nil {
		return nil, err
	}
	in := h.Model.Incident(p.ID.ID)
	if in == nil {
		return nil, unknown(p.ID.ID)
	}
	list := as([]*incident.Incident{in}, p.At, at, "all")
	if len(list) == 0 {
		return nil, huma.Error404NotFound("the incident " + strconv.Quote(in.ID) + " began at " + in.Opened.UTC().Format(time.RFC3339) + ": after the moment that is asked about")
	}
	return &CardAnswer{card(list[0])}, nil
}

func unknown(id string) error {
	return huma.Error404NotFound("no incident has the id " + strconv.Quote(id) + ": GET /incidents?state=all lists those that are kept")
}

// Acknowledging is the body of PATCH /incidents/{id}.
type Acknowledging struct {
	ID
	Body CareTaking
}

// CareTaking is that somebody takes care.
type CareTaking struct {
	Acknowledge bool   `json:"acknowledge" doc:"must be true: an acknowledgement is not taken back"`
	Comment     string `json:"comment,omitempty" maxLength:"1024"`
	Checks      bool   `json:"checks,omitempty" doc:"acknowledge its checks in their monitoring systems, too"`
}

// Acknowledged is the answer of PATCH /incidents/{id}.
type Acknowledged struct{ Body CareTaken }

// CareTaken is what came of an acknowledgement.
type CareTaken struct {
	Incident Card    `json:"incident"`
	Checks   []Check `json:"checks" doc:"what became of its checks, if they were to be acknowledged"`
}

// Check says what acknowledging one did.
type Check struct {
	ID    string `json:"id"`
	Did   string `json:"did,omitempty"`
	Error string `json:"error,omitempty"`
}

// mostChecks is how many checks are acknowledged at a time.
const mostChecks = 200

func (h *routes) acknowledge(ctx context.Context, p *Acknowledging) (*Acknowledged, error) {
	in := h.Model.Incident(p.ID.ID)
	journal.Changed(ctx, p.ID.ID, nil, p.Body)
	who := caller.Of(ctx)
	by, acts := who.Author(), who.Role.May(auth.Operator)
	switch {
	case in == nil:
		return nil, unknown(p.ID.ID)
	case !p.Body.Acknowledge:
		return nil, huma.Error422UnprocessableEntity("acknowledge must be true, is false",
			&huma.ErrorDetail{Message: "must be true", Location: "body.acknowledge", Value: false})
	case p.Body.Checks && !acts:
		return nil, huma.Error403Forbidden("this login may not act on monitoring systems: acknowledge without checks")
	}
	out := &Acknowledged{}
	out.Body.Checks = []Check{}
	if p.Body.Checks {
		out.Body.Checks = h.acknowledgeChecks(ctx, in, by, p.Body.Comment)
	}
	in, err := h.Model.AcknowledgeIncident(ctx, in.ID, by, p.Body.Comment)
	if err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	out.Body.Incident = card(in)
	return out, nil
}

// acknowledgeChecks tells the monitoring systems. One that refuses doesn't keep the
// others from it.
func (h *routes) acknowledgeChecks(ctx context.Context, in *incident.Incident, by, comment string) []Check {
	out := []Check{}
	if comment == "" {
		comment = "acknowledged from DevOps Trouble Map: " + in.Title
	}
	for i := range in.Alerts {
		m := &in.Alerts[i]
		if !m.Over.IsZero() || slices.Contains(m.How, "acknowledged") || len(out) == mostChecks {
			continue
		}
		c := Check{ID: m.ID}
		did, err := h.Checks.Acknowledge(ctx, m.ID, by, comment)
		if c.Did = did; err != nil {
			c.Error = err.Error()
		}
		out = append(out, c)
	}
	return out
}

// wrong makes an error of somebody's input, unless it is one already.
func wrong(err error) error {
	var status huma.StatusError
	if errors.As(err, &status) {
		return err
	}
	return huma.Error503ServiceUnavailable(err.Error())
}
