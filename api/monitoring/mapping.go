package monitoring

import (
	"context"
	"errors"
	"net/http"

	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/mapping/proposal"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"
)

// mapped registers what is about the way from checks to services.
func (h *routes) mapped(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "preview-mapping", Method: http.MethodPost, Path: read.Prefix + "/mapping/preview", Summary: "Which checks other aliases and rules would move",
		Errors: []int{http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.previewMapping)
	huma.Register(a, huma.Operation{
		OperationID: "map-check", Method: http.MethodPost, Path: read.Prefix + "/checks/{id}/map", Summary: "Have a check belong to a service, or a node as a whole: this writes a rule",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.mapCheck)
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

func (h *routes) previewMapping(ctx context.Context, p *MappingSettings) (*MoveList, error) {
	in, _ := h.Settings.Settings()
	m := in.Monitored()
	if p.Body.Aliases != nil {
		m.Aliases = p.Body.Aliases
	}
	if p.Body.Mapping != nil {
		m.Rules = p.Body.Mapping
	}
	moves, err := h.Systems.PreviewMapping(ctx, m)
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

func (h *routes) mapCheck(ctx context.Context, p *MappedCheck) (*WrittenRule, error) {
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
func (h *routes) corrected(ctx context.Context, p *MappedCheck, out *WrittenRule) (g proposal.Suggestion, err error) {
	journal.Changed(ctx, p.ID, nil, p.Body)
	if !p.Body.Preview {
		return h.Systems.CorrectMapping(ctx, p.ID, p.Body.Node, p.Body.Service)
	}
	if g, err = h.Systems.SuggestMapping(ctx, p.ID, p.Body.Node, p.Body.Service); err != nil {
		return g, err
	}
	in, _ := h.Settings.Settings()
	out.Body.Moves, err = h.Systems.PreviewMapping(ctx, g.Apply(in.Monitored()))
	return g, err
}
