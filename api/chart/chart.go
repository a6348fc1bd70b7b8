// Package chart answers what the chart is, and takes what people decide of it.
package chart

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"
)

// Options are what the routes need. All are required.
type Options struct {
	Views *views.Views
	Roles Roles
	Boxes Boxes
	Log   *slog.Logger
}

// Register adds the routes.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	huma.Register(a, h.topologyOperation(a), h.topology)
	h.arrangement(a)
}

type routes struct{ Options }

// topologyOperation describes GET /topology, whose body is encoded once for
// all who ask.
func (h *routes) topologyOperation(a huma.API) huma.Operation {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[views.Topology](), true, "Topology")
	op := read.Op("topology", "/topology", "The chart: boxes with their places, services, connections", http.StatusUnprocessableEntity)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The newest state of the view",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}}
	return op
}

func (h *routes) topology(ctx context.Context, p *read.ChartParams) (*read.Raw, error) {
	req, wrong := p.Question()
	if wrong != nil {
		return nil, wrong
	}
	if p.At != "" {
		return h.pastTopology(ctx, p, req)
	}
	body, revision, there, err := h.Views.Answer(req)
	if err != nil {
		return nil, problem.Internal(h.Log, "computing the chart", err)
	}
	if !there {
		return nil, read.NoFocus(req.Focus)
	}
	out := &read.Raw{Status: http.StatusOK, ContentType: "application/json", ETag: read.ETag(revision), CacheControl: "no-cache"}
	if p.Holds(revision) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	if out.Body, out.Coding, err = body.In(p.Codings); err != nil {
		return nil, problem.Internal(h.Log, "compressing the chart", err)
	}
	return out, nil
}

// pastTopology is the chart of a moment gone by. Boxes stand where they stand
// today; see [views.Views.Then].
func (h *routes) pastTopology(ctx context.Context, p *read.ChartParams, req read.Question) (*read.Raw, error) {
	snap, err := h.Views.At(ctx, p.At)
	if err != nil {
		return nil, err
	}
	raw := &read.Raw{Status: http.StatusOK, ContentType: "application/json", ETag: read.ETag(snap.Revision().String()), CacheControl: "no-cache"}
	if p.Holds(snap.Revision().String()) {
		raw.Status = http.StatusNotModified
		return raw, nil
	}
	out, err := h.Views.Then(ctx, p.At, snap, req)
	if err != nil {
		return nil, err
	}
	if raw.Body, err = json.Marshal(out); err != nil {
		return nil, problem.Internal(h.Log, "encoding the chart", err)
	}
	return raw, nil
}
