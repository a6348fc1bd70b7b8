// Package findings tells what is odd about the site, and what nobody watches.
package findings

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/auth"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/monitor"

	"github.com/devops-trouble-map/dotm/topology"
)

// NodeFinding is one thing that is odd about a node, and what to do about it.
type NodeFinding struct {
	Code string `json:"code" doc:"clone, same-name, revoked, renamed, replaced, duplicate-address, clock-skew, silent, weak-identity, old-agent, not-answering, source-failing, unmonitored-node, unchecked-service, unmapped-host, declared-not-seen, no-use-seen, …"`
	Node string `json:"node" doc:"the node that it is about, or the address of one that never answered"`
	// Service is the id of the service that it is about; empty if it is about the
	// node.
	Service string `json:"service,omitempty"`
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"`
	// Since is when it began, as far as known.
	Since time.Time `json:"since,omitzero"`
}

// Monitoring is what monitoring systems say.
type Monitoring interface {
	// Sources lists the systems and how they are, by name.
	Sources(ctx context.Context) ([]monitor.State, error)
	// Strays are the monitored hosts that are no nodes.
	Strays(ctx context.Context) ([]monitor.Stray, error)
	// Declared is what people declared there that is about a node, or all of it with
	// an empty name, and what the sockets tell of it.
	Declared(ctx context.Context, node string) ([]monitor.Relation, error)
}

// Options are what the routes need. Agents may be nil, all else is required.
type Options struct {
	Model interface {
		// Snapshot is the newest topology.
		Snapshot() *topology.Snapshot
	}
	Views      *views.Views
	Monitoring Monitoring
	Gaps       views.Gaps
	Agents     *auth.Agents
	// Revoked are the identities of hosts whose agents were all revoked, with when; Silence
	// says why a node that reported once does not any more.
	Revoked func() map[string]time.Time
	Silence func(n *topology.Node, revoked map[string]time.Time) string
	// Targets are the nodes that are asked.
	Targets func() []collect.State
	Now     func() time.Time
	// Version is the server's, for agents to be as new as it.
	Version string
}

// Register adds the routes.
func Register(a huma.API, opt Options) {
	h := &routes{opt}
	huma.Register(a, read.Op("findings", "/report", "What is odd about the site"), h.findings)
	op := read.Op("definitions", "/report/definitions/{system}", "Object definitions for what runs unmonitored", http.StatusUnprocessableEntity)
	op.Responses = map[string]*huma.Response{"200": {Description: "A file for the system to read beside its own", Content: map[string]*huma.MediaType{"text/plain": {}}}}
	huma.Register(a, op, h.definitions)
}

type routes struct{ Options }

// FindingList is the answer of GET /report.
type FindingList struct {
	Findings []NodeFinding `json:"findings"`
}

func (h *routes) findings(ctx context.Context, p *read.Params) (*read.Answer[FindingList], error) {
	shown, err := h.Views.List(ctx, p)
	if err != nil {
		return nil, err
	}
	out := FindingList{Findings: []NodeFinding{}}
	revoked := h.Revoked()
	for i := range shown.Nodes {
		out.Findings = append(out.Findings, h.findingsOf(&shown.Nodes[i].Node, revoked)...)
	}
	out.Findings = append(out.Findings, h.clones()...)
	for _, t := range h.Targets() {
		if t.Problem != "" {
			out.Findings = append(out.Findings, NodeFinding{Code: "not-answering", Node: cmp.Or(t.Node, t.URL), Text: "asking " + t.URL + " failed: " + t.Problem})
		}
	}
	if p.At == "" {
		out.Findings = append(out.Findings, h.unmonitored(ctx, h.Model.Snapshot())...)
		out.Findings = append(out.Findings, h.unused(ctx, h.Model.Snapshot(), h.Now())...)
	}
	slices.SortFunc(out.Findings, func(a, b NodeFinding) int {
		return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(a.Node, b.Node), strings.Compare(a.Text, b.Text))
	})
	return read.Named(shown.Revision, out), nil
}

// clones are hosts that enrolled each for itself, and yet have one machine-id: what
// goes by that elsewhere takes them for one.
func (h *routes) clones() (out []NodeFinding) {
	if h.Agents == nil {
		return nil
	}
	for name, others := range h.Agents.Clones() {
		out = append(out, NodeFinding{
			Code: "clone", Node: name, Text: "has the same machine-id as " + strings.Join(others, ", ") + ": one is a copy of the other",
			Hint: "give the copy one of its own: rm /etc/machine-id, then systemd-machine-id-setup",
		})
	}
	return out
}

// findingsOf are what a node's reports, and their absence, tell.
func (h *routes) findingsOf(n *topology.Node, revoked map[string]time.Time) (out []NodeFinding) {
	for _, f := range n.Findings {
		out = append(out, NodeFinding{Code: f.Code, Node: n.Name, Text: f.Text, Hint: f.Hint})
	}
	if n.Kind != topology.Host {
		return out
	}
	if at, ok := revoked[n.Identity]; ok && n.State == topology.Stale {
		out = append(out, NodeFinding{
			Code: "revoked", Node: n.Name, Since: at, Text: h.Silence(n, revoked),
			Hint: "enrol it anew with a token, or remove the node",
		})
	} else if n.State == topology.Stale {
		out = append(out, NodeFinding{
			Code: "silent", Node: n.Name, Since: n.LastReport, Text: "has not reported since " + n.LastReport.UTC().Format(time.RFC3339),
			Hint: "is the host up, and its agent running? What the chart shows of it is as of then",
		})
	}
	if n.State == topology.Stopped {
		out = append(out, NodeFinding{
			Code: "stopped", Node: n.Name, Since: n.LastReport, Text: "its agent was stopped at " + n.LastReport.UTC().Format(time.RFC3339) + ", and has not reported since",
			Hint: "start it again, or remove the node. What the chart shows of it is as of then",
		})
	}
	if n.Weak {
		out = append(out, NodeFinding{
			Code: "weak-identity", Node: n.Name, Since: n.FirstSeen, Text: "is known by its name alone, so that another host of that name would be taken for it",
			Hint: "run an agent there that can read /etc/machine-id",
		})
	}
	if n.Collect == "agent" && n.Agent != "" && n.Agent != h.Version {
		out = append(out, NodeFinding{
			Code: "old-agent", Node: n.Name, Text: fmt.Sprintf("its agent is %s, the server %s", n.Agent, h.Version), Hint: "update the older of the two",
		})
	}
	return out
}
