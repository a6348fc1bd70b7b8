package nodes

import (
	"context"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/view"
)

// ServiceList is the answer of GET /services.
type ServiceList struct {
	Services []view.Service `json:"services"`
}

func (h *routes) services(ctx context.Context, p *read.Params) (*read.Answer[ServiceList], error) {
	shown, err := h.Views.List(ctx, p)
	if err != nil {
		return nil, err
	}
	return read.Named(shown.Revision, ServiceList{shown.Services}), nil
}

// ServiceDetail is the answer of GET /services/{id}.
type ServiceDetail struct {
	Service     view.Service      `json:"service"`
	Connections []view.Connection `json:"connections" doc:"to the service, and from it"`
}

// ServiceParams name a service.
type ServiceParams struct {
	read.Params
	ID string `path:"id" maxLength:"600"`
}

func (h *routes) service(ctx context.Context, p *ServiceParams) (*read.Answer[ServiceDetail], error) {
	shown, err := h.Views.List(ctx, &p.Params)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(shown.Services, func(s view.Service) bool { return s.ID == p.ID })
	if i < 0 {
		return nil, huma.Error404NotFound("no service has the id " + problem.Quote(p.ID))
	}
	out := ServiceDetail{Service: shown.Services[i], Connections: []view.Connection{}}
	for _, c := range shown.Connections {
		if c.Client.Service == p.ID || c.Server.Service == p.ID {
			out.Connections = append(out.Connections, c)
		}
	}
	return read.Named(shown.Revision, out), nil
}

// ConnectionList is the answer of GET /connections.
type ConnectionList struct {
	Connections []view.Connection `json:"connections"`
}

func (h *routes) connections(ctx context.Context, p *read.Params) (*read.Answer[ConnectionList], error) {
	shown, err := h.Views.List(ctx, p)
	if err != nil {
		return nil, err
	}
	return read.Named(shown.Revision, ConnectionList{shown.Connections}), nil
}
