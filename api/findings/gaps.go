package findings

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/mapping/gap"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// DefinitionParams say what to write.
type DefinitionParams struct {
	System          gap.System `path:"system" enum:"nagios,icinga2"`
	Source          string     `query:"source" maxLength:"64" doc:"the monitoring system whose checks count; empty is all"`
	HostTemplate    string     `query:"host_template" maxLength:"255"`
	ServiceTemplate string     `query:"service_template" maxLength:"255"`
}

func (h *routes) definitions(_ context.Context, p *DefinitionParams) (*read.Raw, error) {
	opt := gap.Options{Source: p.Source, Ignore: h.Views.Unwatched(), HostTemplate: p.HostTemplate, ServiceTemplate: p.ServiceTemplate}
	snap := h.Model.Snapshot()
	var text strings.Builder
	if _, err := gap.Define(&text, p.System, snap, gap.Find(snap, opt), opt); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	return &read.Raw{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", CacheControl: "no-cache", Body: []byte(text.String())}, nil
}

// unmonitored are the findings about what monitoring doesn't watch. Without any
// monitoring system there is nothing to say.
func (h *routes) unmonitored(ctx context.Context, snap *topology.Snapshot) (out []NodeFinding) {
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

func (h *routes) gaps(snap *topology.Snapshot) (out []NodeFinding) {
	for _, g := range gap.Find(snap, gap.Options{Ignore: h.Views.Unwatched()}) {
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
		Code: "unmapped-host", Node: s.Host, Text: fmt.Sprintf("%s has %s on it, and it is no node", s.Source, s.Counted()),
		Hint: "run an agent there, or say in the settings which node it is",
	}
	if s.Mapping != nil && s.Mapping.Evidence != "" {
		f.Text += ": " + s.Mapping.Evidence
	}
	return f
}

// unseen are the declared dependencies that no direct connection bears out, though
// who depends does report.
func (h *routes) unseen(ctx context.Context) (out []NodeFinding) {
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
	return p.Host + " " + problem.Quote(p.Name)
}

// notAsked tells that a part of the report is missing.
func notAsked(err error) NodeFinding {
	return NodeFinding{Code: "not-asked", Text: "what the monitoring systems say is missing here: " + err.Error(), Hint: "ask again when the server that leads can be reached"}
}
