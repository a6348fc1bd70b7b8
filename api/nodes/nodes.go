// Package nodes tells of the nodes, their services and connections, and takes in which nodes
// are asked.
package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/store"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Fleet is which nodes there are, and how they come to report.
type Fleet interface {
	// Targets lists the nodes that are asked.
	Targets() []collect.State
	// AddTarget asks a node from now on. Errors that wrap
	// [*collect.TargetError] or [collect.ErrTargetExists] are the asker's.
	AddTarget(ctx context.Context, t collect.Target) (collect.Target, error)
	// RemoveTarget asks a node no longer; it is false if nobody asked it.
	RemoveTarget(ctx context.Context, url string) (bool, error)
	// RemoveNode forgets a node; it is false if there is none. One whose agent
	// still reports is not removed: the error wraps [collect.ErrReports].
	RemoveNode(ctx context.Context, name string) (bool, error)
}

// Settings are those in force, with the names of the fixed ones.
type Settings interface {
	Settings() (in store.Settings, fixed []string)
}

// Strays are the monitored hosts that are no nodes.
type Strays interface {
	Strays(ctx context.Context) ([]monitor.Stray, error)
}

// Options are what the routes need. Agents and Hosts may be nil, all else is required.
type Options struct {
	Model interface {
		// Snapshot is the newest topology.
		Snapshot() *topology.Snapshot
	}
	Views    *views.Views
	Settings Settings
	Fleet    Fleet
	Recent   Recent
	Strays   Strays
	Agents   *auth.Agents
	// Hosts lists the names of the server's hosts file.
	Hosts func() map[netip.Addr]string
	Now   func() time.Time
	Log   *slog.Logger
}

type routes struct{ Options }

// Register adds the routes about nodes, their services and connections.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	huma.Register(a, read.Op("nodes", "/nodes", "All nodes, and how those that don't report by themselves are asked"), h.nodes)
	huma.Register(a, read.Op("node", "/nodes/{name}", "One node with its services and connections", http.StatusNotFound), h.node)
	huma.Register(a, huma.Operation{
		OperationID: "add-node", Method: http.MethodPost, Path: read.Prefix + "/nodes", Summary: "Ask a node from now on",
		DefaultStatus: http.StatusCreated,
		Errors:        []int{http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.addNode)
	huma.Register(a, huma.Operation{
		OperationID: "remove-node", Method: http.MethodDelete, Path: read.Prefix + "/nodes/{name}", Summary: "Forget a node, and don't ask it any longer",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, h.removeNode)
	huma.Register(a, huma.Operation{
		OperationID: "remove-target", Method: http.MethodDelete, Path: read.Prefix + "/targets", Summary: "Don't ask a node any longer",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, h.removeTarget)
	huma.Register(a, read.Op("suggestions", "/suggestions", "Hosts that others know and that don't report"), h.suggestions)
	h.recently(a)
	huma.Register(a, read.Op("services", "/services", "All services"), h.services)
	huma.Register(a, read.Op("service", "/services/{id}", "One service and who is connected to it", http.StatusNotFound), h.service)
	huma.Register(a, read.Op("connections", "/connections", "All connections"), h.connections)
	huma.Register(a, read.Op("explain", "/explain", "What the connections between two ends rest on", http.StatusNotFound), h.explain)
}

// NodeSummary is a node with how much it holds.
type NodeSummary struct {
	view.Node
	Services    int    `json:"services"`
	Connections int    `json:"connections"`
	Problem     string `json:"problem,omitempty" doc:"why it does not report any more"`
}

// NodeList is the answer of GET /nodes.
type NodeList struct {
	Nodes   []NodeSummary `json:"nodes"`
	Targets []TargetState `json:"targets" doc:"nodes that are asked, because they don't report by themselves"`
}

// nodes answers with a tag of its own: how asking goes changes without a
// revision, so that the tag names the targets' states, too.
func (h *routes) nodes(ctx context.Context, p *read.Params) (*read.Answer[NodeList], error) {
	targets := h.targets()
	mark, err := targetsMark(targets)
	if err != nil {
		return nil, problem.Internal(h.Log, "naming the targets' states", err)
	}
	snap, err := h.Views.At(ctx, p.At)
	if err != nil {
		return nil, err
	}
	if tag := snap.Revision().String() + mark; p.Holds(tag) {
		return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"ETag": {read.ETag(tag)}})
	}
	shown, err := h.Views.List(ctx, &read.Params{Hide: p.Hide, At: p.At})
	if err != nil {
		return nil, err
	}
	services, connections := map[string]int{}, map[string]int{}
	for _, s := range shown.Services {
		services[s.Node]++
	}
	for _, c := range shown.Connections {
		connections[c.Client.Node]++
		if c.Server.Node != c.Client.Node {
			connections[c.Server.Node]++
		}
	}
	revoked := Revoked(h.Agents)
	out := NodeList{Nodes: []NodeSummary{}, Targets: targets}
	for _, n := range shown.Nodes {
		n.Rows = nil
		out.Nodes = append(out.Nodes, NodeSummary{n, services[n.Name], connections[n.Name], Silence(&n.Node, revoked)})
	}
	return read.Named(shown.Revision+mark, out), nil
}

// Revoked are the identities of hosts whose agents were all revoked, with when the
// last one was. agents may be nil.
func Revoked(agents *auth.Agents) map[string]time.Time {
	if agents == nil {
		return nil
	}
	out := map[string]time.Time{}
	for _, a := range agents.List() {
		id := report.IdentityEnrolled + ":" + a.Identity
		if was, known := out[id]; known && was.IsZero() {
			continue // another one speaks for the host
		}
		out[id] = a.Revoked
	}
	maps.DeleteFunc(out, func(_ string, at time.Time) bool { return at.IsZero() })
	return out
}

// Silence says why a node that reported once does not any more; empty if it does. revoked
// are those of [Revoked].
func Silence(n *topology.Node, revoked map[string]time.Time) string {
	switch n.State {
	case topology.Reporting, topology.Unheard:
		return ""
	case topology.Left:
		return "shut down at " + n.LastReport.UTC().Format(time.RFC3339)
	case topology.Rebooting:
		return "rebooting since " + n.LastReport.UTC().Format(time.RFC3339)
	case topology.Stopped:
		return "its agent was stopped at " + n.LastReport.UTC().Format(time.RFC3339) + ", and has not reported since"
	case topology.Stale:
		if n.LastReport.IsZero() {
			return "" // a network of callers that are known by now
		}
	}
	if at, ok := revoked[n.Identity]; ok {
		return "its agent was revoked at " + at.UTC().Format(time.RFC3339)
	}
	return "has not reported since " + n.LastReport.UTC().Format(time.RFC3339)
}

// targetsMark is what the tag of a list of nodes has after the revision: nothing
// where nobody is asked, else a hash of all that is said of the targets.
func targetsMark(targets []TargetState) (string, error) {
	if len(targets) == 0 {
		return "", nil
	}
	sum := fnv.New64a()
	if err := json.NewEncoder(sum).Encode(targets); err != nil {
		return "", err
	}
	return fmt.Sprintf(".%016x", sum.Sum64()), nil
}

// NodeDetail is the answer of GET /nodes/{name}.
type NodeDetail struct {
	Node        view.Node         `json:"node"`
	Problem     string            `json:"problem,omitempty" doc:"why it does not report any more"`
	Services    []view.Service    `json:"services"`
	Connections []view.Connection `json:"connections" doc:"in both directions"`
}

// NodeParams name a node.
type NodeParams struct {
	read.Params
	Name string `path:"name" maxLength:"600"`
}

func (h *routes) node(ctx context.Context, p *NodeParams) (*read.Answer[NodeDetail], error) {
	shown, err := h.Views.List(ctx, &p.Params)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(shown.Nodes, func(n view.Node) bool { return n.Name == p.Name })
	if i < 0 {
		return nil, huma.Error404NotFound("no node is named " + problem.Quote(p.Name))
	}
	out := NodeDetail{Node: shown.Nodes[i], Problem: Silence(&shown.Nodes[i].Node, Revoked(h.Agents)), Services: []view.Service{}, Connections: []view.Connection{}}
	for _, s := range shown.Services {
		if s.Node == p.Name {
			out.Services = append(out.Services, s)
		}
	}
	for _, c := range shown.Connections {
		if c.Client.Node == p.Name || c.Server.Node == p.Name {
			out.Connections = append(out.Connections, c)
		}
	}
	return read.Named(shown.Revision, out), nil
}

// TargetState is a node that is asked, and how that goes.
type TargetState struct {
	collect.State
	Interval topology.Duration `json:"interval" doc:"time between two polls"`
}

func (h *routes) targets() []TargetState {
	in, _ := h.Settings.Settings()
	list := h.Fleet.Targets()
	out := make([]TargetState, 0, len(list))
	for _, s := range list {
		out = append(out, TargetState{s, in.PollInterval})
	}
	return out
}

// NewTarget is the body of POST /nodes.
type NewTarget struct {
	Body struct {
		URL  string `json:"url" doc:"text://host:4848 or ssh://user@host" maxLength:"1024"`
		Zone string `json:"zone,omitempty" doc:"part of the site in which the node's addresses mean one thing" maxLength:"1024"`
		Name string `json:"name,omitempty" doc:"what the node is called, whatever it says" maxLength:"1024"`
	}
}

// TargetAnswer is the answer of POST /nodes.
type TargetAnswer struct{ Body collect.Target }

func (h *routes) addNode(ctx context.Context, p *NewTarget) (*TargetAnswer, error) {
	journal.Changed(ctx, p.Body.URL, nil, p.Body)
	added, err := h.Fleet.AddTarget(ctx, collect.Target{URL: p.Body.URL, Zone: p.Body.Zone, Name: p.Body.Name})
	var wrong *collect.TargetError
	switch {
	case err == nil:
		return &TargetAnswer{added}, nil
	case errors.As(err, &wrong):
		return nil, huma.Error422UnprocessableEntity(err.Error(),
			&huma.ErrorDetail{Message: wrong.Rule, Location: "body." + wrong.Field, Value: wrong.Value})
	case errors.Is(err, collect.ErrTargetExists):
		return nil, huma.Error409Conflict(err.Error(), &huma.ErrorDetail{Message: collect.ErrTargetExists.Error(), Location: "body.url", Value: p.Body.URL})
	}
	return nil, huma.Error503ServiceUnavailable(err.Error())
}

// NodeName names a node in a path.
type NodeName struct {
	Name string `path:"name" maxLength:"600"`
}

// removeNode drops a node's target first: else it would come back with the next
// answer.
func (h *routes) removeNode(ctx context.Context, p *NodeName) (*struct{}, error) {
	asked := false
	for _, t := range h.Fleet.Targets() {
		if t.Node != p.Name {
			continue
		}
		asked = true
		if _, err := h.Fleet.RemoveTarget(ctx, t.URL); err != nil {
			return nil, removalProblem(err)
		}
	}
	there, err := h.Fleet.RemoveNode(ctx, p.Name)
	switch {
	case err != nil:
		return nil, removalProblem(err)
	case !there && !asked:
		return nil, huma.Error404NotFound("no node is named " + problem.Quote(p.Name))
	}
	return nil, nil
}

// TargetURL names a target in a query.
type TargetURL struct {
	URL string `query:"url" required:"true" maxLength:"600"`
}

func (h *routes) removeTarget(ctx context.Context, p *TargetURL) (*struct{}, error) {
	journal.Changed(ctx, p.URL, nil, nil)
	there, err := h.Fleet.RemoveTarget(ctx, p.URL)
	if err != nil {
		return nil, removalProblem(err)
	}
	if !there {
		return nil, huma.Error404NotFound("nobody asks " + problem.Quote(p.URL))
	}
	return nil, nil
}

func removalProblem(err error) error {
	var locked interface{ LockedField() string }
	if errors.As(err, &locked) || errors.Is(err, collect.ErrReports) {
		return huma.Error409Conflict(err.Error())
	}
	return huma.Error503ServiceUnavailable(err.Error())
}
