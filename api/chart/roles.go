package chart

import (
	"context"
	"errors"
	"net/http"

	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/view"
)

// Roles says what the nodes are to each other, and takes what people decide of that.
type Roles interface {
	Roles() *grouping.Roles
	RoleChoices() grouping.Choices
	// ChooseRoles changes what people decided. An error that wraps
	// [*grouping.ChoiceError] is the asker's.
	ChooseRoles(ctx context.Context, change func(*grouping.Choices) error) error
}

// RolesAnswer is the answer of GET /roles.
type RolesAnswer struct {
	Body struct {
		grouping.Roles
		Choices grouping.Choices `json:"choices" doc:"what people decided; it wins over what is found"`
	}
}

func (h *routes) rolesOf(context.Context, *struct{}) (*RolesAnswer, error) {
	out := &RolesAnswer{}
	out.Body.Roles, out.Body.Choices = *h.Roles.Roles(), h.Roles.RoleChoices()
	return out, nil
}

// RolesChange is the body of PATCH /roles: null takes back what was decided.
type RolesChange struct {
	Body struct {
		Names  map[string]*string `json:"names,omitempty" doc:"by id of a pool or group: what to call it"`
		Pool   map[string]*string `json:"pool,omitempty" doc:"by node: the pool that it is in; empty is none, an id that nothing has a new one"`
		Group  map[string]*string `json:"group,omitempty" doc:"by node, or id of a pool or group: the group that it is in; empty is none"`
		Shared map[string]*bool   `json:"shared,omitempty" doc:"by node: whether it serves everyone"`
	}
}

func (h *routes) chooseRoles(ctx context.Context, p *RolesChange) (*RolesAnswer, error) {
	before := h.Roles.RoleChoices()
	err := h.Roles.ChooseRoles(ctx, func(c *grouping.Choices) error {
		choose(&c.Names, p.Body.Names)
		choose(&c.Pool, p.Body.Pool)
		choose(&c.Group, p.Body.Group)
		choose(&c.Shared, p.Body.Shared)
		return nil
	})
	journal.Changed(ctx, "", before, h.Roles.RoleChoices())
	var wrong *grouping.ChoiceError
	switch {
	case errors.As(err, &wrong):
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: wrong.Rule, Location: "body." + wrong.Field, Value: wrong.Value})
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return h.rolesOf(ctx, nil)
}

// choose applies changes to choices; nil takes one back.
func choose[T any](to *map[string]T, changes map[string]*T) {
	if *to == nil {
		*to = map[string]T{}
	}
	for key, value := range changes {
		if value == nil {
			delete(*to, key)
		} else {
			(*to)[key] = *value
		}
	}
}

// arrangement registers what people decide of the chart.
func (h *routes) arrangement(a huma.API) {
	change := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: read.Prefix + path, Summary: summary, DefaultStatus: status,
			Errors: []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
			// null is a value, and what is wrong is said by who keeps it.
			SkipValidateBody: true,
		}
	}
	huma.Register(a, read.Op("roles", "/roles", "What the nodes are to each other: pools, groups, shared services"), h.rolesOf)
	huma.Register(a, change("choose-roles", http.MethodPatch, "/roles", "Name, merge, move: what people decide wins over what is found", http.StatusOK), h.chooseRoles)
	huma.Register(a, change("move-boxes", http.MethodPatch, "/charts/{level}", "Put boxes where they shall stand, or let them go again", http.StatusNoContent), h.moveBoxes)
	huma.Register(a, change("tidy-chart", http.MethodPost, "/charts/{level}/tidy", "Place all boxes anew but those that people put somewhere", http.StatusNoContent), h.tidyChart)
}

// Boxes are those of the charts.
type Boxes interface {
	// MoveBoxes puts boxes where they shall stand; nil lets one go. An error with a
	// method WrongField is the asker's.
	MoveBoxes(ctx context.Context, level view.Level, pins map[string]*view.Point) error
	// TidyChart has all boxes placed anew but those that people moved.
	TidyChart(ctx context.Context, level view.Level) error
}

// BoxMoves is the body of PATCH /charts/{level}.
type BoxMoves struct {
	Level view.Level `path:"level" enum:"service,node,pool,group"`
	Body  struct {
		Pins map[string]*view.Point `json:"pins" doc:"by box: its top left corner, in chart units; null lets it go"`
	}
}

func (h *routes) moveBoxes(ctx context.Context, p *BoxMoves) (*struct{}, error) {
	journal.Changed(ctx, string(p.Level), nil, map[string]any{"pins": p.Body.Pins})
	err := h.Boxes.MoveBoxes(ctx, p.Level, p.Body.Pins)
	var wrong interface {
		WrongField() (field, rule, value string)
	}
	switch {
	case errors.As(err, &wrong):
		field, rule, value := wrong.WrongField()
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: rule, Location: "body." + field, Value: value})
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return nil, nil
}

// Level names a chart in a path.
type Level struct {
	Level view.Level `path:"level" enum:"service,node,pool,group"`
}

func (h *routes) tidyChart(ctx context.Context, p *Level) (*struct{}, error) {
	if err := h.Boxes.TidyChart(ctx, p.Level); err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return nil, nil
}
