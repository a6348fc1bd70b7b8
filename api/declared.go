package api

import (
	"context"
	"fmt"

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

func (h *handler) declared(ctx context.Context, p *DeclaredParams) (*DeclaredList, error) {
	list, err := h.Monitoring.Declared(ctx, p.Node)
	if err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	out := &DeclaredList{}
	if out.Body.Declared = list; list == nil {
		out.Body.Declared = []monitor.Relation{}
	}
	return out, nil
}

// unseen are the declared dependencies that no direct connection bears out, though
// who depends does report.
func (h *handler) unseen(ctx context.Context) (out []NodeFinding) {
	list, err := h.Monitoring.Declared(ctx, "")
	if err != nil {
		return []NodeFinding{notAsked(err)}
	}
	for i := range list {
		if r := &list[i]; r.Observed == monitor.SeenNone {
			out = append(out, NodeFinding{
				Code: "declared-not-seen", Node: r.Of.Node,
				Text: fmt.Sprintf("%s says that %s depends on %s, and no direct connection from %s to %s is known", r.Source, nameOf(&r.Of), nameOf(r.To), r.Of.Node, r.To.Node),
				Hint: "it may lead by way of others, or be too rare to have been seen; else what is declared is out of date",
			})
		}
	}
	return out
}

func nameOf(p *monitor.Party) string {
	if p.Name == "" {
		return p.Host
	}
	return p.Host + " " + quoteShort(p.Name)
}

// notAsked tells that a part of the report is missing.
func notAsked(err error) NodeFinding {
	return NodeFinding{Code: "not-asked", Text: "what the monitoring systems say is missing here: " + err.Error(), Hint: "ask again when the server that leads can be reached"}
}
