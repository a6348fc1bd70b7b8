package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/topology"
)

// clientTimeout bounds one question to a server.
const clientTimeout = 30 * time.Second

// maxTopology bounds an answer.
const maxTopology = 1 << 30

// clientFlags say which server a command asks.
type clientFlags struct {
	Server string `help:"Address of the server." default:"http://127.0.0.1:4849" placeholder:"URL" env:"DOTM_SERVER"`
}

// get asks the server's API and decodes its answer into v.
func (c *clientFlags) get(ctx context.Context, path string, v any) error {
	return c.do(ctx, http.MethodGet, path, nil, v)
}

// do asks the server's API with a method, a body that goes as JSON unless it is
// nil, and decodes the answer into v unless that is nil.
func (c *clientFlags) do(ctx context.Context, method, path string, body, v any) error {
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" {
		return fmt.Errorf("--server must be an address like http://127.0.0.1:4849, is %q", c.Server)
	}
	var payload io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("asking %s: %w", c.Server, err)
		}
		payload = bytes.NewReader(raw)
	}
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Server, "/")+api.Prefix+path, payload)
	if err != nil {
		return fmt.Errorf("asking %s: %w", c.Server, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w (start one with dotm up, or name another with --server)", c.Server, err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	return c.decode(resp, v)
}

// decode reads an answer, or what it says is wrong.
func (c *clientFlags) decode(resp *http.Response, v any) error {
	body := io.LimitReader(resp.Body, maxTopology)
	if resp.StatusCode/100 != 2 {
		var p struct{ Detail string }
		_ = json.NewDecoder(body).Decode(&p)
		return fmt.Errorf("%s answers %s: %s", c.Server, resp.Status, p.Detail)
	}
	if v == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", c.Server, err)
	}
	return nil
}

type mapCmd struct {
	clientFlags
	Hide string `help:"What to leave out: none, or a list of old, ignored, infrastructure, observers." default:"ignored,infrastructure,observers"`
}

// Run prints the chart of a server.
func (c *mapCmd) Run(ctx context.Context, g *globals) error {
	var t api.Topology
	if err := c.get(ctx, "/topology?hide="+url.QueryEscape(c.Hide), &t); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, t)
	}
	return printMap(g.out, &t)
}

// printMap prints each node that reports with its services, who is connected
// to them, and what it calls.
func printMap(out io.Writer, t *api.Topology) error {
	var b strings.Builder
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.State == topology.Unheard {
			continue
		}
		fmt.Fprintf(&b, "%s%s\n", n.Name, nodeMark(n))
		for _, s := range servicesOf(t, n.Name) {
			fmt.Fprintf(&b, "  %s\n", serviceLine(s))
			printEdges(&b, t, "    ← ", func(c *api.Connection) string {
				return ifText(c.Server.Service == s.ID, endText(c.Client.Node, n.Name, c.Client.Process, 0))
			})
		}
		printEdges(&b, t, "  → ", func(c *api.Connection) string {
			return ifText(c.Client.Node == n.Name && c.Server.Node != n.Name,
				orHidden(c.Client.Process)+" → "+endText(c.Server.Node, n.Name, c.Server.Process, c.Server.Port))
		})
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "Reporting: %d of %d nodes. Revision %s.", t.Coverage.Reporting, t.Coverage.Nodes, t.Revision)
	if n := t.Hidden.Services + t.Hidden.Connections; n > 0 {
		fmt.Fprintf(&b, " Hidden: %d (--hide none shows all).", n)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(out, b.String())
	return err
}

// servicesOf lists a node's services by port, those that are gone last.
func servicesOf(t *api.Topology, node string) []*api.Service {
	var out []*api.Service
	for i := range t.Services {
		if t.Services[i].Node == node {
			out = append(out, &t.Services[i])
		}
	}
	slices.SortFunc(out, func(a, b *api.Service) int {
		return cmp.Or(
			cmp.Compare(gone(a), gone(b)), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.ID, b.ID),
		)
	})
	return out
}

func gone(s *api.Service) int {
	if s.State == topology.Gone {
		return 1
	}
	return 0
}

// printEdges prints the edges for which text is not empty, busiest first.
func printEdges(b *strings.Builder, t *api.Topology, lead string, text func(*api.Connection) string) {
	type line struct {
		text  string
		count int
		old   bool
	}
	var lines []line
	for i := range t.Connections {
		c := &t.Connections[i]
		if s := text(c); s != "" {
			lines = append(lines, line{s, c.Count, c.Status == topology.Old})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return b.count - a.count })
	for _, l := range lines {
		fmt.Fprintf(b, "%s%s ×%d%s\n", lead, l.text, l.count, ifText(l.old, " (old)"))
	}
}

func ifText(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

func nodeMark(n *api.Node) string {
	var marks []string
	if n.This {
		marks = append(marks, "this machine")
	}
	if n.State == topology.Stale {
		marks = append(marks, "silent since "+n.LastReport.Format(time.RFC3339))
	}
	if len(marks) == 0 {
		return ""
	}
	return " (" + strings.Join(marks, ", ") + ")"
}

func serviceLine(s *api.Service) string {
	text := fmt.Sprintf("%s :%d", orHidden(s.Process), s.Port)
	if s.Protocol != "tcp" {
		text += " " + string(s.Protocol)
	}
	if s.Scope == topology.ScopeLoopback {
		text += " (loopback only)"
	}
	if s.State == topology.Gone {
		text += " (gone since " + s.LastSeen.Format(time.RFC3339) + ")"
	}
	return text
}

// endText names one end of an edge as another node sees it.
func endText(node, self, process string, port uint16) string {
	parts := make([]string, 0, 3)
	if node != self {
		parts = append(parts, node)
	}
	if process != "" || node == self {
		parts = append(parts, orHidden(process))
	}
	text := strings.Join(parts, " ")
	if port != 0 {
		text += fmt.Sprintf(":%d", port)
	}
	return text
}
