package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/mapping/gap"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// mapped registers what is about the way from checks to services.
func (h *handler) mapped(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "preview-mapping", Method: http.MethodPost, Path: Prefix + "/mapping/preview", Summary: "Which checks other aliases and rules would move",
		Errors: []int{http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.previewMapping)
	huma.Register(a, huma.Operation{
		OperationID: "map-check", Method: http.MethodPost, Path: Prefix + "/checks/{id}/map", Summary: "Have a check belong to a service, or a node as a whole: this writes a rule",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.mapCheck)
	op := read("definitions", "/report/definitions/{system}", "Object definitions for what runs unmonitored", http.StatusUnprocessableEntity)
	op.Responses = map[string]*huma.Response{"200": {Description: "A file for the system to read beside its own", Content: map[string]*huma.MediaType{"text/plain": {}}}}
	huma.Register(a, op, h.definitions)
}

// MappingSettings is the body of POST /mapping/preview.
type MappingSettings struct {
	Body struct {
		Aliases map[string]string `json:"aliases,omitempty" doc:"names of monitored hosts with the node that each is; without it those in force"`
		Mapping []mapping.Rule    `json:"mapping,omitempty" doc:"rules; without it those in force"`
	}
}

// MoveList is the answer of POST /mapping/preview.
type MoveList struct {
	Body struct {
		Moves []monitor.Moved `json:"moves"`
	}
}

func (h *handler) previewMapping(ctx context.Context, p *MappingSettings) (*MoveList, error) {
	in, _ := h.Settings.Settings()
	m := in.Monitored()
	if p.Body.Aliases != nil {
		m.Aliases = p.Body.Aliases
	}
	if p.Body.Mapping != nil {
		m.Rules = p.Body.Mapping
	}
	moves, err := h.Monitoring.PreviewMapping(ctx, m)
	var wrong *mapping.SettingError
	switch {
	case errors.As(err, &wrong):
		return nil, huma.Error422UnprocessableEntity(wrong.Error(), &huma.ErrorDetail{Message: wrong.Rule, Location: "body." + wrong.Field, Value: wrong.Value})
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	out := &MoveList{}
	out.Body.Moves = moves
	return out, nil
}

// MappedCheck is the body of POST /checks/{id}/map.
type MappedCheck struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Node    string `json:"node" minLength:"1" maxLength:"600"`
		Service string `json:"service,omitempty" maxLength:"600" doc:"id of a service of the node; empty is the node as a whole"`
		Preview bool   `json:"preview,omitempty" doc:"only say which rule that takes, and which checks it moves; nothing is written"`
	}
}

// WrittenRule is the answer of POST /checks/{id}/map.
type WrittenRule struct {
	Body struct {
		Rule  *mapping.Rule   `json:"rule,omitempty" doc:"the rule that was written"`
		Alias string          `json:"alias,omitempty" doc:"the monitored host that is an alias of the node from now on"`
		Node  string          `json:"node"`
		Moves []monitor.Moved `json:"moves,omitempty" doc:"of a preview: the checks that it moves"`
	}
}

func (h *handler) mapCheck(ctx context.Context, p *MappedCheck) (*WrittenRule, error) {
	out := &WrittenRule{}
	g, err := h.corrected(ctx, p, out)
	var locked interface{ LockedField() string }
	var invalid *store.InvalidError
	switch {
	case err == nil:
		out.Body.Rule, out.Body.Alias, out.Body.Node = g.Rule, g.Host, p.Body.Node
		return out, nil
	case errors.Is(err, monitor.ErrNoCheck):
		return nil, huma.Error404NotFound("there is no such check any more")
	case errors.Is(err, proposal.ErrSuggest), errors.As(err, &invalid):
		return nil, huma.Error422UnprocessableEntity(err.Error())
	case errors.As(err, &locked):
		return nil, huma.Error409Conflict(err.Error())
	}
	return nil, huma.Error503ServiceUnavailable(err.Error())
}

// corrected is what brings a check where it belongs: written, or with what it would
// move.
func (h *handler) corrected(ctx context.Context, p *MappedCheck, out *WrittenRule) (g proposal.Suggestion, err error) {
	changed(ctx, p.ID, nil, p.Body)
	if !p.Body.Preview {
		return h.Monitoring.CorrectMapping(ctx, p.ID, p.Body.Node, p.Body.Service)
	}
	if g, err = h.Monitoring.SuggestMapping(ctx, p.ID, p.Body.Node, p.Body.Service); err != nil {
		return g, err
	}
	in, _ := h.Settings.Settings()
	out.Body.Moves, err = h.Monitoring.PreviewMapping(ctx, g.Apply(in.Monitored()))
	return g, err
}

// DefinitionParams say what to write.
type DefinitionParams struct {
	System          gap.System `path:"system" enum:"nagios,icinga2"`
	Source          string     `query:"source" maxLength:"64" doc:"the monitoring system whose checks count; empty is all"`
	HostTemplate    string     `query:"host_template" maxLength:"255"`
	ServiceTemplate string     `query:"service_template" maxLength:"255"`
}

func (h *handler) definitions(_ context.Context, p *DefinitionParams) (*RawAnswer, error) {
	opt := gap.Options{Source: p.Source, Ignore: h.unwatched(), HostTemplate: p.HostTemplate, ServiceTemplate: p.ServiceTemplate}
	snap := h.Model.Snapshot()
	var text strings.Builder
	if _, err := gap.Define(&text, p.System, snap, gap.Find(snap, opt), opt); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	return &RawAnswer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", CacheControl: "no-cache", Body: []byte(text.String())}, nil
}

// unwatched are the services that nobody is told to monitor: those that the
// settings ignore, and those that only their own host reaches.
func (h *handler) unwatched() func(*topology.Service) bool {
	in, _ := h.Settings.Settings()
	look := lookOf(&in, h.This, nil)
	return func(s *topology.Service) bool {
		return s.Scope == topology.ScopeLoopback || look.Ignores(s.Port, s.Process)
	}
}

// unmonitored are the findings about what monitoring doesn't watch. Without any
// monitoring system there is nothing to say.
func (h *handler) unmonitored(ctx context.Context, snap *topology.Snapshot) (out []NodeFinding) {
	states, err := h.Monitoring.Sources(ctx)
	if err != nil {
		return []NodeFinding{notAsked(err)}
	}
	any := false
	for i := range states {
		s := &states[i]
		any = any || s.Monitors()
		if s.Error != nil {
			out = append(out, NodeFinding{Code: "source-failing", Node: s.Name, Text: "can't be read: " + s.Error.Text, Hint: s.Error.Hint, Since: s.Since})
		}
		for _, n := range s.Notes {
			out = append(out, NodeFinding{Code: "source-note", Node: s.Name, Text: n.Text, Hint: n.Hint})
		}
	}
	if !any {
		return out
	}
	out = append(append(out, h.gaps(snap)...), h.unseen(ctx)...)
	list, err := h.Monitoring.Strays(ctx)
	if err != nil {
		return append(out, notAsked(err))
	}
	for i := range list {
		out = append(out, strayFinding(&list[i]))
	}
	return out
}

func (h *handler) gaps(snap *topology.Snapshot) (out []NodeFinding) {
	for _, g := range gap.Find(snap, gap.Options{Ignore: h.unwatched()}) {
		if !g.Monitored && g.Kind == topology.Host {
			out = append(out, NodeFinding{
				Code: "unmonitored-node", Node: g.Node, Text: "no check is on it",
				Hint: "dotm report --definitions nagios or icinga2 writes what would monitor it",
			})
			continue
		}
		for _, id := range g.Services {
			out = append(out, NodeFinding{Code: "unchecked-service", Node: g.Node, Service: id, Text: "no check is on " + id})
		}
	}
	return out
}

// strayFinding tells of a host that monitoring knows and the chart doesn't.
func strayFinding(s *monitor.Stray) NodeFinding {
	f := NodeFinding{
		Code: "unmapped-host", Node: s.Host, Text: fmt.Sprintf("%s has %s on it, and it is no node", s.Source, countOf(s.Checks, "check", "checks")),
		Hint: "run an agent there, or say in the settings which node it is",
	}
	if s.Mapping != nil && s.Mapping.Evidence != "" {
		f.Text += ": " + s.Mapping.Evidence
	}
	return f
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
