package monitoring

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/monitor"
)

// DeclaredParams narrow what is declared.
type DeclaredParams struct {
	Node string `query:"node" maxLength:"600" doc:"what is about this node alone, at either end"`
}

// DeclaredList is the answer of GET /declared.
type DeclaredList struct {
	Body struct {
		Declared []monitor.Relation `json:"declared" doc:"by source, kind and names"`
	}
}

func (h *routes) declared(ctx context.Context, p *DeclaredParams) (*DeclaredList, error) {
	list, err := h.Systems.Declared(ctx, p.Node)
	if err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	out := &DeclaredList{}
	if out.Body.Declared = list; list == nil {
		out.Body.Declared = []monitor.Relation{}
	}
	return out, nil
}
