// Package monitoring tells what monitoring systems say, takes in what is handed over, and
// keeps which of them are read and what their checks belong to.
package monitoring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/store"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// Systems are what monitoring systems say, and which of them are read.
type Systems interface {
	// Sources lists them and how they are, by name.
	Sources(ctx context.Context) ([]monitor.State, error)
	// PutSource adds a source, or changes one. Errors that wrap
	// [*monitor.OptionError], [*monitor.Error], [monitor.ErrExists] or
	// [monitor.ErrNoSource], or have a method LockedField, are the asker's.
	PutSource(ctx context.Context, o monitor.Options, isNew bool) (monitor.Options, error)
	// RemoveSource reads one no longer; it is false if there is none.
	RemoveSource(ctx context.Context, name string) (bool, error)
	// TestSource reads one once, without keeping it.
	TestSource(ctx context.Context, o monitor.Options) (monitor.Options, *monitor.Summary, error)
	// RefreshSource reads one now, or all with an empty name; it is false if there
	// is none.
	RefreshSource(ctx context.Context, name string) (bool, error)
	// Checks are the newest results that a filter lets through.
	Checks(ctx context.Context, f monitor.Filter) ([]topology.Check, error)
	// Declared is what people declared there that is about a node, or all of it with
	// an empty name, and what the sockets tell of it.
	Declared(ctx context.Context, node string) ([]monitor.Relation, error)
	// PassChecks takes in results that somebody hands over, and forgets others.
	PassChecks(ctx context.Context, source string, checks, gone []mapping.Check) error
	// PreviewMapping lists the checks that other rules would move. SuggestMapping
	// is the rule by which a check is on a service, CorrectMapping writes it.
	PreviewMapping(ctx context.Context, m mapping.Settings) ([]monitor.Moved, error)
	SuggestMapping(ctx context.Context, id, node, service string) (proposal.Suggestion, error)
	CorrectMapping(ctx context.Context, id, node, service string) (proposal.Suggestion, error)
	// Acknowledge tells a monitoring system that somebody takes care.
	Acknowledge(ctx context.Context, id, author, comment string) (did string, err error)
}

// Settings are those in force, with the names of the fixed ones.
type Settings interface {
	Settings() (in store.Settings, fixed []string)
}

// Options are what the routes need. ReadAlerts may be nil, all else is required.
type Options struct {
	Systems  Systems
	Settings Settings
	Moments  *read.Moments
	// ReadAlerts reads what Alertmanager sends to a webhook; nil takes none.
	ReadAlerts ReadAlerts
	Now        func() time.Time
}

type routes struct{ Options }

// Register adds the routes about monitoring systems, and what they send by themselves.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	h.systems(a)
	h.mapped(a)
	h.webhooks(a)
}

// systems registers what is about monitoring systems.
func (h *routes) systems(a huma.API) {
	change := func(id, method, path, summary string, status int, errs ...int) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: read.Prefix + path, Summary: summary, DefaultStatus: status,
			Errors: append(errs, http.StatusUnprocessableEntity, http.StatusServiceUnavailable),
		}
	}
	huma.Register(a, read.Op("checks", "/checks", "The newest results of all monitoring systems, or what the chart of a moment gone by showed"), h.checks)
	huma.Register(a, read.Op("declared", "/declared", "What people declared in monitoring systems: dependencies, parents, groups, and what the sockets tell of them"), h.declared)
	huma.Register(a, change("submit-checks", http.MethodPost, "/checks", "Hand over results, of any script or notification command", http.StatusAccepted, http.StatusNotFound), h.submitChecks)
	huma.Register(a, change("acknowledge", http.MethodPost, "/checks/{id}/acknowledge", "Tell the monitoring system that somebody takes care", http.StatusOK, http.StatusNotFound, http.StatusConflict), h.acknowledge)
	huma.Register(a, read.Op("sources", "/sources", "The monitoring systems that are read, and how they are"), h.sources)
	huma.Register(a, change("add-source", http.MethodPost, "/sources", "Read a monitoring system from now on", http.StatusCreated, http.StatusConflict), h.addSource)
	huma.Register(a, change("change-source", http.MethodPut, "/sources/{name}", "Change how a monitoring system is read", http.StatusOK, http.StatusConflict, http.StatusNotFound), h.changeSource)
	huma.Register(a, change("remove-source", http.MethodDelete, "/sources/{name}", "Read a monitoring system no longer", http.StatusNoContent, http.StatusConflict, http.StatusNotFound), h.removeSource)
	huma.Register(a, change("test-source", http.MethodPost, "/sources/test", "Read a monitoring system once, and tell what there is", http.StatusOK), h.testSource)
	huma.Register(a, change("refresh-sources", http.MethodPost, "/sources/refresh", "Read all monitoring systems now", http.StatusAccepted), h.refreshSources)
	huma.Register(a, change("refresh-source", http.MethodPost, "/sources/{name}/refresh", "Read a monitoring system now", http.StatusAccepted, http.StatusNotFound), h.refreshSource)
}

// CheckParams narrow the list of checks.
type CheckParams struct {
	ID       string `query:"id" maxLength:"64" doc:"of one check"`
	Node     string `query:"node" maxLength:"600"`
	Service  string `query:"service" maxLength:"600" doc:"id of a service"`
	Source   string `query:"source" maxLength:"64"`
	Host     string `query:"host" maxLength:"1024" doc:"as the monitoring system calls it"`
	Status   string `query:"status" enum:"OK,WARNING,CRITICAL,UNKNOWN,PENDING,UP,DOWN,UNREACHABLE"`
	Bad      bool   `query:"bad" doc:"trouble alone"`
	Open     bool   `query:"open" doc:"trouble alone that nobody takes care of"`
	Unmapped bool   `query:"unmapped" doc:"what is of no node alone"`
	Find     string `query:"find" maxLength:"200" doc:"words, in any case, that all stand in its host, name or node"`
	Limit    int    `query:"limit" minimum:"0" maximum:"500000" doc:"at most so many; 0 is all"`
	At       string `query:"at" doc:"the moment to show: RFC 3339, or a duration ago like -24h; empty is now"`
}

// CheckList is the answer of GET /checks.
type CheckList struct {
	Body struct {
		At     time.Time        `json:"at"`
		Checks []topology.Check `json:"checks" doc:"by node, host and name; those of no node last"`
	}
}

func (h *routes) checks(ctx context.Context, p *CheckParams) (*CheckList, error) {
	f := monitor.Filter{
		ID: p.ID, Node: p.Node, Service: p.Service, Source: p.Source, Host: p.Host, Status: topology.Status(p.Status),
		Bad: p.Bad, Open: p.Open, Unmapped: p.Unmapped, Find: p.Find,
	}
	out := &CheckList{}
	var err error
	if p.At == "" {
		out.Body.At = h.Now().UTC()
		out.Body.Checks, err = h.Systems.Checks(ctx, f)
		if err != nil {
			return nil, huma.Error503ServiceUnavailable(err.Error())
		}
	} else {
		snap, err := h.Moments.At(ctx, p.At)
		if err != nil {
			return nil, err
		}
		out.Body.At, out.Body.Checks = snap.At(), checksOf(snap, &f)
	}
	if out.Body.Checks == nil {
		out.Body.Checks = []topology.Check{}
	}
	if p.Limit > 0 && len(out.Body.Checks) > p.Limit {
		out.Body.Checks = out.Body.Checks[:p.Limit]
	}
	return out, nil
}

// checksOf are those that a topology holds.
func checksOf(snap *topology.Snapshot, f *monitor.Filter) (out []topology.Check) {
	for b := range snap.Blocks() {
		for i := range b.Checks {
			if f.Lets(&b.Checks[i]) {
				out = append(out, b.Checks[i])
			}
		}
	}
	return out
}

// Result is one that is handed over.
type Result struct {
	Host         string            `json:"host" minLength:"1" maxLength:"255"`
	Name         string            `json:"name,omitempty" maxLength:"255" doc:"empty: of the host itself"`
	Status       string            `json:"status" doc:"OK, WARNING, CRITICAL, UNKNOWN, UP, DOWN or UNREACHABLE, or the exit code 0 to 3 of a plugin"`
	Output       string            `json:"output,omitempty" maxLength:"8192"`
	Soft         bool              `json:"soft,omitempty" doc:"not to be believed yet"`
	Acknowledged bool              `json:"acknowledged,omitempty"`
	Downtime     bool              `json:"downtime,omitempty"`
	Flapping     bool              `json:"flapping,omitempty"`
	Interval     topology.Duration `json:"interval,omitzero" doc:"how often it is told: after three of them it is stale"`
	Address      string            `json:"address,omitempty" maxLength:"255" doc:"where it looked, if that is not the host"`
	Port         uint16            `json:"port,omitempty" doc:"the port that it looked at"`
	Link         string            `json:"link,omitempty" maxLength:"2048" doc:"a page about it"`
	Time         time.Time         `json:"time,omitzero" doc:"when it was checked; now if empty"`
	Remove       bool              `json:"remove,omitempty" doc:"forget it"`
}

// Results is the body of POST /checks.
type Results struct {
	Body struct {
		Source string   `json:"source,omitempty" maxLength:"64" doc:"a source of kind passive; empty is the one of that name"`
		Checks []Result `json:"checks" minItems:"1" maxItems:"10000"`
	}
}

// Accepted is the answer of POST /checks.
type Accepted struct {
	Body struct {
		Accepted int `json:"accepted"`
	}
}

func (h *routes) submitChecks(ctx context.Context, p *Results) (*Accepted, error) {
	source := p.Body.Source
	if source == "" {
		source = string(monitor.Passive)
	}
	var checks, gone []mapping.Check
	for i := range p.Body.Checks {
		c, wrong := p.Body.Checks[i].check(i, h.Now())
		switch {
		case wrong != nil:
			return nil, wrong
		case p.Body.Checks[i].Remove:
			gone = append(gone, c)
		default:
			checks = append(checks, c)
		}
	}
	err := h.Systems.PassChecks(ctx, source, checks, gone)
	switch {
	case errors.Is(err, monitor.ErrNoSource):
		return nil, huma.Error404NotFound("no source of kind passive is named " + problem.Quote(source))
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	out := &Accepted{}
	out.Body.Accepted = len(p.Body.Checks)
	return out, nil
}

// exitCodes are what plugins end with: of services, and of hosts.
var exitCodes = map[topology.CheckKind]map[string]topology.Status{
	topology.ServiceCheck: {"0": topology.OK, "1": topology.Warning, "2": topology.Critical, "3": topology.Unknown},
	topology.HostCheck:    {"0": topology.Up, "1": topology.Up, "2": topology.Down, "3": topology.Down},
}

// statuses are what may be said of services and of hosts.
var statuses = map[topology.CheckKind][]topology.Status{
	topology.ServiceCheck: {topology.OK, topology.Warning, topology.Critical, topology.Unknown, topology.Pending},
	topology.HostCheck:    {topology.Up, topology.Down, topology.Unreachable, topology.Pending},
}

// check is the result as sources tell it.
func (r *Result) check(i int, now time.Time) (mapping.Check, *huma.ErrorModel) {
	c := mapping.Check{Check: topology.Check{
		Kind: topology.ServiceCheck, Host: r.Host, Name: r.Name, Hard: !r.Soft, Acknowledged: r.Acknowledged, Downtime: r.Downtime,
		Flapping: r.Flapping, Interval: r.Interval, Output: monitor.Clean(r.Output, monitor.MaxOutput), Link: r.Link, LastCheck: r.Time,
	}}
	if r.Name == "" {
		c.Kind = topology.HostCheck
	}
	if c.LastCheck.IsZero() || c.LastCheck.After(now) {
		c.LastCheck = now
	}
	if c.Status = exitCodes[c.Kind][r.Status]; c.Status == "" {
		c.Status = topology.Status(strings.ToUpper(r.Status))
	}
	field := func(name, rule, value string) *huma.ErrorModel { return wrongItem(i, name, rule, value) }
	switch {
	case r.Remove:
		return c, nil
	case !slices.Contains(statuses[c.Kind], c.Status) && c.Kind == topology.HostCheck:
		return c, field("status", "must be UP, DOWN, UNREACHABLE or PENDING for a host, or 0 to 3", r.Status)
	case !slices.Contains(statuses[c.Kind], c.Status):
		return c, field("status", "must be OK, WARNING, CRITICAL, UNKNOWN or PENDING for a service, or 0 to 3", r.Status)
	case r.Link != "" && !strings.HasPrefix(r.Link, "https://") && !strings.HasPrefix(r.Link, "http://"):
		return c, field("link", "must begin with http:// or https://", r.Link)
	case r.Interval < 0:
		return c, field("interval", "must not be negative", time.Duration(r.Interval).String())
	}
	if r.Port != 0 || r.Address != "" {
		c.Hints = []mapping.Hint{{Address: r.Address, Port: r.Port, From: "who handed it over"}}
	}
	return c, nil
}

// wrongItem is the problem of one field of an entry of a list.
func wrongItem(i int, name, rule, value string) *huma.ErrorModel {
	where := fmt.Sprintf("checks[%d].%s", i, name)
	m := problem.Of(http.StatusUnprocessableEntity, fmt.Sprintf("%s %s, is %s", where, rule, problem.Quote(value)))
	m.Errors = []*huma.ErrorDetail{{Message: rule, Location: "body." + where, Value: value}}
	return m
}

// Acknowledging is the body of POST /checks/{id}/acknowledge.
type Acknowledging struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Comment string `json:"comment,omitempty" maxLength:"1024"`
	}
}

// Acknowledged says what acknowledging did.
type Acknowledged struct {
	Body struct {
		Did string `json:"did"`
	}
}

func (h *routes) acknowledge(ctx context.Context, p *Acknowledging) (*Acknowledged, error) {
	author, comment := cmp.Or(caller.Of(ctx).Name(), "dotm"), p.Body.Comment
	journal.Changed(ctx, p.ID, nil, map[string]string{"comment": comment})
	if comment == "" {
		comment = "acknowledged from DevOps Trouble Map"
	}
	did, err := h.Systems.Acknowledge(ctx, p.ID, author, comment)
	var refused interface{ Refused() bool }
	switch {
	case err == nil:
		out := &Acknowledged{}
		out.Body.Did = did
		return out, nil
	case errors.Is(err, monitor.ErrNoCheck):
		return nil, huma.Error404NotFound("there is no such check any more")
	case errors.Is(err, monitor.ErrNoAcknowledging), errors.As(err, &refused):
		return nil, huma.Error409Conflict(err.Error())
	}
	return nil, huma.Error503ServiceUnavailable(err.Error())
}

// SourceList is the answer of GET /sources.
type SourceList struct {
	Body struct {
		Sources []monitor.State `json:"sources"`
		// Monitored says that a monitoring system is read, or hands over results.
		Monitored bool `json:"monitored" doc:"there is a monitoring system: dotm's own source of signals is none, whatever it tells"`
	}
}

func (h *routes) sources(ctx context.Context, _ *struct{}) (*SourceList, error) {
	list, err := h.Systems.Sources(ctx)
	if err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	out := &SourceList{}
	out.Body.Sources = list
	out.Body.Monitored = slices.ContainsFunc(list, func(s monitor.State) bool { return s.Monitors() })
	return out, nil
}

// SourceBody is a source as people describe it.
type SourceBody struct {
	Name        string            `json:"name,omitempty" maxLength:"64"`
	Kind        monitor.Kind      `json:"kind,omitempty" doc:"empty: find it out"`
	URL         string            `json:"url,omitempty" maxLength:"2048"`
	User        string            `json:"user,omitempty" maxLength:"255"`
	Password    string            `json:"password,omitempty" maxLength:"4096" doc:"written once, never read back; empty keeps the one that is known"`
	Interval    topology.Duration `json:"interval,omitzero"`
	TLS         monitor.TLS       `json:"tls,omitzero"`
	Link        string            `json:"link,omitempty" maxLength:"2048" doc:"where people see it, if that is not the URL"`
	Acknowledge bool              `json:"acknowledge,omitempty" doc:"allow to acknowledge from here"`
}

func (b *SourceBody) options() monitor.Options { return monitor.Options(*b) }

// NewSource is the body of POST /sources.
type NewSource struct{ Body SourceBody }

// ChangedSource is the body of PUT /sources/{name}.
type ChangedSource struct {
	Name string `path:"name" maxLength:"64"`
	Body SourceBody
}

// SourceAnswer is a source without its password.
type SourceAnswer struct{ Body monitor.Options }

func (h *routes) addSource(ctx context.Context, p *NewSource) (*SourceAnswer, error) {
	return h.putSource(ctx, p.Body.options(), true)
}

func (h *routes) changeSource(ctx context.Context, p *ChangedSource) (*SourceAnswer, error) {
	o := p.Body.options()
	o.Name = p.Name
	return h.putSource(ctx, o, false)
}

func (h *routes) putSource(ctx context.Context, o monitor.Options, isNew bool) (*SourceAnswer, error) {
	journal.Changed(ctx, o.Name, h.sourceNamed(ctx, o.Name), o)
	kept, err := h.Systems.PutSource(ctx, o, isNew)
	if err != nil {
		return nil, sourceProblem(err)
	}
	kept.Password = ""
	return &SourceAnswer{kept}, nil
}

// sourceNamed is how a source is read now; nil if there is none.
func (h *routes) sourceNamed(ctx context.Context, name string) any {
	list, err := h.Systems.Sources(ctx)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(list, func(s monitor.State) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return list[i].Options
}

// sourceProblem words what is wrong with a source.
func sourceProblem(err error) error {
	var option *monitor.OptionError
	var locked interface{ LockedField() string }
	var trouble *monitor.Error
	switch {
	case errors.As(err, &option):
		return huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: option.Rule, Location: "body." + option.Field, Value: option.Value})
	case errors.Is(err, monitor.ErrExists), errors.As(err, &locked):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, monitor.ErrNoSource):
		return huma.Error404NotFound(err.Error())
	case errors.As(err, &trouble):
		return huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: string(trouble.Reason), Location: "body.url"})
	}
	return huma.Error503ServiceUnavailable(err.Error())
}

// SourceName names a source in a path.
type SourceName struct {
	Name string `path:"name" maxLength:"64"`
}

func (h *routes) removeSource(ctx context.Context, p *SourceName) (*struct{}, error) {
	journal.Changed(ctx, p.Name, h.sourceNamed(ctx, p.Name), nil)
	there, err := h.Systems.RemoveSource(ctx, p.Name)
	switch {
	case err != nil:
		return nil, sourceProblem(err)
	case !there:
		return nil, huma.Error404NotFound("no source is named " + problem.Quote(p.Name))
	}
	return nil, nil
}

func (h *routes) refreshSources(ctx context.Context, _ *struct{}) (*struct{}, error) {
	if _, err := h.Systems.RefreshSource(ctx, ""); err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return nil, nil
}

func (h *routes) refreshSource(ctx context.Context, p *SourceName) (*struct{}, error) {
	there, err := h.Systems.RefreshSource(ctx, p.Name)
	switch {
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	case !there:
		return nil, huma.Error404NotFound("no source is named " + problem.Quote(p.Name))
	}
	return nil, nil
}

// SourceTest is the answer of POST /sources/test.
type SourceTest struct {
	Body struct {
		Kind monitor.Kind `json:"kind"`
		monitor.Summary
	}
}

// testWithin bounds a test.
const testWithin = 25 * time.Second

func (h *routes) testSource(ctx context.Context, p *NewSource) (*SourceTest, error) {
	ctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	journal.Changed(ctx, p.Body.Name, nil, map[string]string{"url": p.Body.URL, "kind": string(p.Body.Kind)})
	o, found, err := h.Systems.TestSource(ctx, p.Body.options())
	if err != nil {
		return nil, sourceProblem(err)
	}
	out := &SourceTest{}
	out.Body.Kind, out.Body.Summary = o.Kind, *found
	return out, nil
}
