// Package settings tells the settings in force and changes them.
package settings

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/store"
)

// Settings are the settings in force and how to change them.
type Settings interface {
	// Settings returns those in force and the names of the fixed ones.
	Settings() (in store.Settings, fixed []string)
	// ChangeSettings applies and keeps a patch. Errors that wrap
	// [*store.InvalidError] are the asker's.
	ChangeSettings(ctx context.Context, p store.Patch) error
}

// Options are what the routes need. All are required.
type Options struct {
	Settings Settings
	// Theirs are the settings that operators may change, too.
	Theirs []string
	// MaxBody bounds what is sent, in bytes.
	MaxBody int64
}

// Register adds the routes.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	huma.Register(a, read.Op("settings", "/settings", "The settings in force"), h.get)
	huma.Register(a, h.operation(a), h.patch)
}

type routes struct{ Options }

// operation describes PATCH /settings, whose body is read by package
// store: it knows what to say of each field.
func (h *routes) operation(a huma.API) huma.Operation {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[store.Patch](), true, "Patch")
	return huma.Operation{
		OperationID: "change-settings", Method: http.MethodPatch, Path: read.Prefix + "/settings", Summary: "Change settings",
		Errors: []int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		RequestBody: &huma.RequestBody{
			Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		},
		SkipValidateBody: true, MaxBodyBytes: h.MaxBody,
	}
}

// Answer is the answer of GET and PATCH /settings.
type Answer struct{ Body AnswerBody }

// AnswerBody are the settings and what of them is fixed.
type AnswerBody struct {
	Settings store.Settings `json:"settings"`
	Locked   []string       `json:"locked" doc:"set in dotm.yaml, not to be changed here"`
}

func (h *routes) get(context.Context, *struct{}) (*Answer, error) {
	out := &Answer{}
	out.Body.Settings, out.Body.Locked = h.Settings.Settings()
	if out.Body.Locked == nil {
		out.Body.Locked = []string{}
	}
	return out, nil
}

// Change is the body of PATCH /settings.
type Change struct {
	RawBody []byte `contentType:"application/json"`
}

func (h *routes) patch(ctx context.Context, p *Change) (*Answer, error) {
	patch, err := store.ParsePatch(p.RawBody)
	if err == nil {
		if err := h.mayChange(caller.Of(ctx), patch.Fields()); err != nil {
			return nil, err
		}
		before, _ := h.Settings.Settings()
		journal.Changed(ctx, strings.Join(patch.Fields(), ", "), before, patch.Apply(before))
		err = h.Settings.ChangeSettings(ctx, patch)
	}
	var invalid *store.InvalidError
	var locked interface{ LockedField() string }
	switch {
	case err == nil:
		return h.get(ctx, nil)
	case errors.Is(err, store.ErrNoPatch):
		return nil, huma.Error400BadRequest(err.Error())
	case errors.As(err, &invalid):
		return nil, huma.Error422UnprocessableEntity(err.Error(),
			&huma.ErrorDetail{Message: invalid.Rule, Location: "body." + invalid.Field, Value: invalid.Value})
	case errors.As(err, &locked):
		return nil, huma.Error409Conflict(err.Error(), &huma.ErrorDetail{Message: "is set in dotm.yaml", Location: "body." + locked.LockedField()})
	}
	return nil, huma.Error503ServiceUnavailable(err.Error())
}

// mayChange refuses operators the settings that are not theirs.
func (h *routes) mayChange(c *caller.Caller, fields []string) error {
	for _, f := range fields {
		if !c.Role.May(auth.Admin) && !slices.Contains(h.Theirs, f) {
			return huma.Error403Forbidden("setting " + f + " takes the role admin; operators change " + strings.Join(h.Theirs, ", "))
		}
	}
	return nil
}
