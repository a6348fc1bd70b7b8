package nodes

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Explanation is the answer of GET /explain.
type Explanation struct {
	Connections []view.Connection `json:"connections"`
	Text        []string          `json:"text" doc:"the same in sentences, connection by connection"`
}

// ExplainParams name two ends.
type ExplainParams struct {
	Client string `query:"client" required:"true" maxLength:"600" doc:"a node, or node:process"`
	Server string `query:"server" required:"true" maxLength:"600" doc:"a node, or node:port"`
	At     string `query:"at" doc:"the moment to explain: RFC 3339, or a duration ago like -24h; empty is now"`
}

func (h *routes) explain(ctx context.Context, p *ExplainParams) (*read.Answer[Explanation], error) {
	shown, err := h.Views.List(ctx, &read.Params{At: p.At})
	if err != nil {
		return nil, err
	}
	client, server := endOf(shown, p.Client), endOf(shown, p.Server)
	if client.node == "" || server.node == "" {
		missing := p.Client
		if client.node != "" {
			missing = p.Server
		}
		return nil, huma.Error404NotFound("no node is named " + problem.Quote(missing) + ": dotm map lists them")
	}
	out := Explanation{Connections: []view.Connection{}, Text: []string{}}
	snap, err := h.Views.At(ctx, p.At)
	if err != nil {
		return nil, err
	}
	for _, c := range shown.Connections {
		if c.Client.Node != client.node || c.Server.Node != server.node ||
			(client.detail != "" && c.Client.Process != client.detail) ||
			(server.detail != "" && strconv.Itoa(int(c.Server.Port)) != server.detail) {
			continue
		}
		out.Connections = append(out.Connections, c)
		out.Text = append(out.Text, topology.Explain(snap, &c.Connection)...)
	}
	if len(out.Connections) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("nobody has seen %s connect to %s", p.Client, p.Server))
	}
	return read.Named(shown.Revision, out), nil
}

// named is an end as somebody wrote it.
type named struct{ node, detail string }

// endOf reads "node" or "node:detail". A node's name may hold colons, as IPv6
// addresses do: the longest name that exists counts.
func endOf(shown *view.Topology, s string) named {
	for i := range shown.Nodes {
		if n := shown.Nodes[i].Name; n == s {
			return named{n, ""}
		}
	}
	if i := strings.LastIndexByte(s, ':'); i > 0 {
		node := strings.Trim(s[:i], "[]")
		for j := range shown.Nodes {
			if shown.Nodes[j].Name == node {
				return named{node, s[i+1:]}
			}
		}
	}
	return named{}
}
