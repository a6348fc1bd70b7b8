package api

import (
	"context"
	"errors"
	"net/http"
	"sync"

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

// cast has the roles as views ask for them. It is the same value as long as the roles
// are the same.
type cast struct {
	mu     sync.Mutex
	newest *members
}

// members answers views.
type members struct {
	*grouping.Roles
	titles map[string]string
}

var _ view.Roles = (*members)(nil)

func (c *cast) of(r *grouping.Roles) view.Roles {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest != nil && c.newest.Roles == r {
		return c.newest
	}
	m := &members{Roles: r, titles: make(map[string]string, len(r.Pools)+len(r.Groups))}
	for i := range r.Pools {
		m.titles[r.Pools[i].ID] = r.Pools[i].Name
	}
	for i := range r.Groups {
		m.titles[r.Groups[i].ID] = r.Groups[i].Name
	}
	c.newest = m
	return m
}

// Pool is the id of the pool that a node is in.
func (m *members) Pool(node string) string {
	if p := m.PoolOf(node); p != nil {
		return p.ID
	}
	return ""
}

// Group is the id of the group that a node is in.
func (m *members) Group(node string) string { return m.GroupOf(node) }

// Shared says whether a node serves everyone.
func (m *members) Shared(node string) bool { return m.IsShared(node) }

// Title is what people call a pool or a group.
func (m *members) Title(id string) string { return m.titles[id] }

// RolesAnswer is the answer of GET /roles.
type RolesAnswer struct {
	Body struct {
		grouping.Roles
		Choices grouping.Choices `json:"choices" doc:"what people decided; it wins over what is found"`
	}
}

func (h *handler) rolesOf(context.Context, *struct{}) (*RolesAnswer, error) {
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

func (h *handler) chooseRoles(ctx context.Context, p *RolesChange) (*RolesAnswer, error) {
	before := h.Roles.RoleChoices()
	err := h.Roles.ChooseRoles(ctx, func(c *grouping.Choices) error {
		choose(&c.Names, p.Body.Names)
		choose(&c.Pool, p.Body.Pool)
		choose(&c.Group, p.Body.Group)
		choose(&c.Shared, p.Body.Shared)
		return nil
	})
	changed(ctx, "", before, h.Roles.RoleChoices())
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
func (h *handler) arrangement(a huma.API) {
	change := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: Prefix + path, Summary: summary, DefaultStatus: status,
			Errors: []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
			// null is a value, and what is wrong is said by who keeps it.
			SkipValidateBody: true,
		}
	}
	huma.Register(a, read("roles", "/roles", "What the nodes are to each other: pools, groups, shared services"), h.rolesOf)
	huma.Register(a, change("choose-roles", http.MethodPatch, "/roles", "Name, merge, move: what people decide wins over what is found", http.StatusOK), h.chooseRoles)
	huma.Register(a, change("move-boxes", http.MethodPatch, "/charts/{level}", "Put boxes where they shall stand, or let them go again", http.StatusNoContent), h.moveBoxes)
	huma.Register(a, change("tidy-chart", http.MethodPost, "/charts/{level}/tidy", "Place all boxes anew but those that people put somewhere", http.StatusNoContent), h.tidyChart)
}

// BoxMoves is the body of PATCH /charts/{level}.
type BoxMoves struct {
	Level view.Level `path:"level" enum:"service,node,pool,group"`
	Body  struct {
		Pins map[string]*view.Point `json:"pins" doc:"by box: its top left corner, in chart units; null lets it go"`
	}
}

func (h *handler) moveBoxes(ctx context.Context, p *BoxMoves) (*struct{}, error) {
	changed(ctx, string(p.Level), nil, map[string]any{"pins": p.Body.Pins})
	err := h.Charts.MoveBoxes(ctx, p.Level, p.Body.Pins)
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

// ChartLevel names a chart in a path.
type ChartLevel struct {
	Level view.Level `path:"level" enum:"service,node,pool,group"`
}

func (h *handler) tidyChart(ctx context.Context, p *ChartLevel) (*struct{}, error) {
	if err := h.Charts.TidyChart(ctx, p.Level); err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return nil, nil
}
