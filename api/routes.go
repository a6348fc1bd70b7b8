package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/view"
)

// routes registers the reads and the settings.
func (h *handler) routes(a huma.API) {
	huma.Register(a, h.topologyOperation(a), h.topology)
	h.fleet(a)
	h.history(a)
	h.monitoring(a)
	h.incidents(a)
	h.receivers(a)
	h.arrangement(a)
	h.mapped(a)
	h.webhooks(a)
	h.exports(a)
	h.drift(a)
	h.recently(a)
	h.locations(a)
	huma.Register(a, read("services", "/services", "All services"), h.services)
	huma.Register(a, read("service", "/services/{id}", "One service and who is connected to it", http.StatusNotFound), h.service)
	huma.Register(a, read("connections", "/connections", "All connections"), h.connections)
	huma.Register(a, read("settings", "/settings", "The settings in force"), h.getSettings)
	huma.Register(a, settingsOperation(a), h.patchSettings)
	huma.Register(a, read("version", "/version", "What runs here"), h.version)
}

func read(id, path, summary string, errs ...int) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: Prefix + path, Summary: summary, Errors: errs}
}

// topologyOperation describes GET /topology, whose body is encoded once for
// all who ask.
func (h *handler) topologyOperation(a huma.API) huma.Operation {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Topology](), true, "Topology")
	op := read("topology", "/topology", "The chart: boxes with their places, services, connections", http.StatusUnprocessableEntity)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The newest state of the view",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}}
	return op
}

// settingsOperation describes PATCH /settings, whose body is read by package
// store: it knows what to say of each field.
func settingsOperation(a huma.API) huma.Operation {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[store.Patch](), true, "Patch")
	return huma.Operation{
		OperationID: "change-settings", Method: http.MethodPatch, Path: Prefix + "/settings", Summary: "Change settings",
		Errors: []int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		RequestBody: &huma.RequestBody{
			Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		},
		SkipValidateBody: true, MaxBodyBytes: maxBody / 2,
	}
}

// Params are what a read may be narrowed by.
type Params struct {
	Level  string `query:"level" doc:"service (default), node, pool or group"`
	Expand string `query:"expand" maxLength:"8192" doc:"pools that are shown as their nodes on level pool: a list of ids"`
	Hide   string `query:"hide" doc:"none, or a list of old, ignored, infrastructure, observers"`
	At     string `query:"at" doc:"the moment to show: RFC 3339, or a duration ago like -24h; empty is now"`
	Match  string `header:"If-None-Match"`
}

// RawAnswer is a body that is already encoded.
type RawAnswer struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	Coding       string `header:"Content-Encoding" hidden:"true"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

// ChartParams say which chart is asked for.
type ChartParams struct {
	Params
	Near
	Codings string `header:"Accept-Encoding" hidden:"true"`
}

// question reads them.
func (p *ChartParams) question() (q partQuestion, problem *huma.ErrorModel) {
	if q.Question, problem = parseRequest(p.Level, p.Hide, p.Expand, HideDefault); problem != nil {
		return q, problem
	}
	q.Filter, problem = p.filter()
	return q, problem
}

func (h *handler) topology(ctx context.Context, p *ChartParams) (*RawAnswer, error) {
	req, problem := p.question()
	if problem != nil {
		return nil, problem
	}
	if p.At != "" {
		return h.pastTopology(ctx, p, req)
	}
	answer := func() (*coded, string, error) { return h.views.answer(req.Question) }
	if req.Any() {
		answer = func() (body *coded, revision string, err error) {
			body, revision, there, err := h.parts.answer(req)
			if err == nil && !there {
				problem = noFocus(req.Focus)
			}
			return body, revision, err
		}
	}
	body, revision, err := answer()
	if err != nil {
		return nil, h.internal("computing the chart", err)
	}
	if problem != nil {
		return nil, problem
	}
	out := &RawAnswer{Status: http.StatusOK, ContentType: "application/json", ETag: etag(revision), CacheControl: "no-cache"}
	if p.holds(revision) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	if out.Body, out.Coding, err = body.in(p.Codings); err != nil {
		return nil, h.internal("compressing the chart", err)
	}
	return out, nil
}

// etag is weak (RFC 9110, 8.8.1): two answers of one revision may differ in
// times that merely advance.
func etag(revision string) string { return `W/"` + revision + `"` }

// holds says whether the asker has the answer of this revision already, by the
// weak comparison of RFC 9110, 13.1.2.
func (p *Params) holds(revision string) bool {
	for tag := range strings.SplitSeq(p.Match, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == `"`+revision+`"` {
			return true
		}
	}
	return false
}

// Answer is a JSON body named by the revision that it shows.
type Answer[T any] struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

func answer[T any](revision string, body T) *Answer[T] {
	return &Answer[T]{etag(revision), "no-cache", body}
}

// whole is the view behind the lists: without layout, and with everything
// unless the asker hides some.
func (h *handler) whole(ctx context.Context, p *Params) (*view.Topology, error) {
	req, problem := parseRequest("", p.Hide, "", "")
	if problem != nil {
		return nil, problem
	}
	snap, err := h.moment(ctx, p.At)
	if err != nil {
		return nil, err
	}
	if p.holds(snap.Revision().String()) {
		return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"ETag": {etag(snap.Revision().String())}})
	}
	return h.views.build(req, snap), nil
}

// ServiceList is the answer of GET /services.
type ServiceList struct {
	Services []view.Service `json:"services"`
}

func (h *handler) services(ctx context.Context, p *Params) (*Answer[ServiceList], error) {
	shown, err := h.whole(ctx, p)
	if err != nil {
		return nil, err
	}
	return answer(shown.Revision, ServiceList{shown.Services}), nil
}

// ServiceDetail is the answer of GET /services/{id}.
type ServiceDetail struct {
	Service     view.Service      `json:"service"`
	Connections []view.Connection `json:"connections" doc:"to the service, and from it"`
}

// ServiceParams name a service.
type ServiceParams struct {
	Params
	ID string `path:"id" maxLength:"600"`
}

func (h *handler) service(ctx context.Context, p *ServiceParams) (*Answer[ServiceDetail], error) {
	shown, err := h.whole(ctx, &p.Params)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(shown.Services, func(s view.Service) bool { return s.ID == p.ID })
	if i < 0 {
		return nil, huma.Error404NotFound("no service has the id " + quoteShort(p.ID))
	}
	out := ServiceDetail{Service: shown.Services[i], Connections: []view.Connection{}}
	for _, c := range shown.Connections {
		if c.Client.Service == p.ID || c.Server.Service == p.ID {
			out.Connections = append(out.Connections, c)
		}
	}
	return answer(shown.Revision, out), nil
}

// ConnectionList is the answer of GET /connections.
type ConnectionList struct {
	Connections []view.Connection `json:"connections"`
}

func (h *handler) connections(ctx context.Context, p *Params) (*Answer[ConnectionList], error) {
	shown, err := h.whole(ctx, p)
	if err != nil {
		return nil, err
	}
	return answer(shown.Revision, ConnectionList{shown.Connections}), nil
}

// SettingsAnswer is the answer of GET and PATCH /settings.
type SettingsAnswer struct {
	Body struct {
		Settings store.Settings `json:"settings"`
		Locked   []string       `json:"locked" doc:"set in dotm.yaml, not to be changed here"`
	}
}

func (h *handler) getSettings(context.Context, *struct{}) (*SettingsAnswer, error) {
	out := &SettingsAnswer{}
	out.Body.Settings, out.Body.Locked = h.Settings.Settings()
	if out.Body.Locked == nil {
		out.Body.Locked = []string{}
	}
	return out, nil
}

// SettingsChange is the body of PATCH /settings.
type SettingsChange struct {
	RawBody []byte `contentType:"application/json"`
}

func (h *handler) patchSettings(ctx context.Context, p *SettingsChange) (*SettingsAnswer, error) {
	patch, err := store.ParsePatch(p.RawBody)
	if err == nil {
		if err := mayChange(callerOf(ctx), patch.Fields()); err != nil {
			return nil, err
		}
		before, _ := h.Settings.Settings()
		changed(ctx, strings.Join(patch.Fields(), ", "), before, patch.Apply(before))
		err = h.Settings.ChangeSettings(ctx, patch)
	}
	var invalid *store.InvalidError
	var locked interface{ LockedField() string }
	switch {
	case err == nil:
		return h.getSettings(ctx, nil)
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
func mayChange(c *caller, fields []string) error {
	for _, f := range fields {
		if !c.role.May(auth.Admin) && !slices.Contains(ofOperators, f) {
			return huma.Error403Forbidden("setting " + f + " takes the role admin; operators change " + strings.Join(ofOperators, ", "))
		}
	}
	return nil
}

// VersionAnswer is the answer of GET /version.
type VersionAnswer struct{ Body Version }

func (h *handler) version(context.Context, *struct{}) (*VersionAnswer, error) {
	return &VersionAnswer{h.Version}, nil
}

// internal logs a fault of our own and says no more than that it happened.
func (h *handler) internal(doing string, err error) error {
	h.Log.Error(doing+" failed", "error", err)
	return huma.Error500InternalServerError(doing + " failed; the server's log says why")
}
