// Package chart are the commands that ask a running server what it shows: the chart, what is
// in trouble on it, how it differs from another moment or from what is declared.
package chart

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Map is dotm map.
type Map struct {
	client.Flags
	Hide string `help:"What to leave out: none, or a list of old, ignored, infrastructure, observers." default:"ignored,infrastructure,observers"`
}

// Run prints the chart of a server.
func (c *Map) Run(ctx context.Context, g *console.Globals) error {
	var t api.Topology
	if err := c.Get(ctx, "/topology?hide="+url.QueryEscape(c.Hide), &t); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, t)
	}
	var v api.Version
	if err := c.Get(ctx, "/version", &v); err != nil {
		return err
	}
	fmt.Fprint(g.Out, originOf(v.Data))
	return printMap(g.Out, &t)
}

// originOf says of what isn't live that it isn't; "" of what is.
func originOf(d api.Data) string {
	switch d {
	case api.Demo:
		return "DEMO: all of this is made up.\n\n"
	case api.Replay:
		return "REPLAY: this was recorded before.\n\n"
	case api.Live:
	}
	return ""
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
			printEdges(&b, t, "    ← ", func(c *view.Connection) string {
				return ifText(c.Server.Service == s.ID, endText(c.Client.Node, n.Name, c.Client.Process, 0))
			})
		}
		printEdges(&b, t, "  → ", func(c *view.Connection) string {
			return ifText(c.Client.Node == n.Name && c.Server.Node != n.Name,
				console.OrHidden(c.Client.Process)+" → "+endText(c.Server.Node, n.Name, c.Server.Process, c.Server.Port))
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
func servicesOf(t *api.Topology, node string) []*view.Service {
	var out []*view.Service
	for i := range t.Services {
		if t.Services[i].Node == node {
			out = append(out, &t.Services[i])
		}
	}
	slices.SortFunc(out, func(a, b *view.Service) int {
		return cmp.Or(
			cmp.Compare(gone(a), gone(b)), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.ID, b.ID),
		)
	})
	return out
}

func gone(s *view.Service) int {
	if s.State == topology.Gone {
		return 1
	}
	return 0
}

// printEdges prints the edges for which text is not empty, busiest first.
func printEdges(b *strings.Builder, t *api.Topology, lead string, text func(*view.Connection) string) {
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

func nodeMark(n *view.Node) string {
	var marks []string
	if n.This {
		marks = append(marks, "this machine")
	}
	switch at := n.LastReport.Format(time.RFC3339); n.State {
	case topology.Stale:
		marks = append(marks, "silent since "+at)
	case topology.Left:
		marks = append(marks, "shut down at "+at)
	case topology.Rebooting:
		marks = append(marks, "rebooting since "+at)
	case topology.Stopped:
		marks = append(marks, "agent stopped at "+at)
	case topology.Reporting, topology.Unheard:
	}
	if len(marks) == 0 {
		return ""
	}
	return " (" + strings.Join(marks, ", ") + ")"
}

func serviceLine(s *view.Service) string {
	text := fmt.Sprintf("%s :%d", console.OrHidden(s.Process), s.Port)
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
		parts = append(parts, console.OrHidden(process))
	}
	text := strings.Join(parts, " ")
	if port != 0 {
		text += fmt.Sprintf(":%d", port)
	}
	return text
}
