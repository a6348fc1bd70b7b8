package chart

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/topology"
)

// Diff is dotm diff.
type Diff struct {
	client.Flags
	From string `required:"" help:"The earlier moment: RFC 3339, or a duration ago like 24h." placeholder:"TIME"`
	To   string `help:"The later moment; without it, now." placeholder:"TIME"`
	Hide string `help:"What to leave out: none, or a list of ignored, infrastructure, observers; without it all of them." placeholder:"LIST"`
}

// Run prints what changed between two moments, a line each.
func (c *Diff) Run(ctx context.Context, g *console.Globals) error {
	var d json.RawMessage
	if err := c.Get(ctx, "/diff?"+client.Query("from", client.Before(c.From), "to", client.Before(c.To), "hide", c.Hide), &d); err != nil {
		return err
	}
	if g.JSON {
		_, err := fmt.Fprintln(g.Out, string(d))
		return err
	}
	var answer api.Difference
	if err := json.Unmarshal(d, &answer); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	lines := spellDiff(&answer)
	if len(lines) == 0 {
		lines = []string{"nothing changed"}
	}
	_, err := fmt.Fprintln(g.Out, strings.Join(lines, "\n"))
	return err
}

// spellDiff says each change in words; what begins with + is there now, what
// begins with - was there.
func spellDiff(d *api.Difference) (lines []string) {
	for _, n := range d.Nodes {
		lines = append(lines, spellChange(n.Change, "node "+n.Node.Name))
	}
	for _, s := range d.Services {
		lines = append(lines, spellChange(s.Change, fmt.Sprintf("service %s %s/%d %s", s.Service.Node, s.Service.Protocol, s.Service.Port, s.Service.Process)))
	}
	for _, x := range d.Connections {
		e := &x.Connection
		lines = append(lines, spellChange(x.Change, fmt.Sprintf("connection %s %s -> %s:%d", e.Client.Node, e.Client.Process, e.Server.Node, e.Server.Port)))
	}
	for _, x := range d.Checks {
		lines = append(lines, spellCheck(&x))
	}
	for _, gap := range d.Gaps {
		what := "anything"
		if gap.Node != "" {
			what = gap.Node
		}
		until := "now"
		if !gap.To.IsZero() {
			until = gap.To.UTC().Format(time.RFC3339)
		}
		lines = append(lines, fmt.Sprintf("? %s was not seen from %s to %s: %s", what, gap.From.UTC().Format(time.RFC3339), until, gap.Why))
	}
	return lines
}

// spellCheck says how a check differs: "check disk of web (nagios) OK -> CRITICAL".
func spellCheck(x *history.CheckChange) string {
	what := fmt.Sprintf("check of %s (%s)", x.Check.Host, x.Check.Source)
	if x.Check.Name != "" {
		what = fmt.Sprintf("check %s of %s (%s)", x.Check.Name, x.Check.Host, x.Check.Source)
	}
	switch {
	case x.Is == "":
		what += " was " + string(x.Was)
	case x.Was == "" || x.Was == x.Is:
		what += " " + string(x.Is)
	default:
		what += fmt.Sprintf(" %s -> %s", x.Was, x.Is)
	}
	return spellChange(x.Change, what)
}

func spellChange(c history.Change, what string) string {
	switch {
	case c.Change == topology.Vanished:
		return "- " + what
	case c.Returned:
		return "+ " + what + " (back again)"
	case c.Change == topology.Appeared:
		return "+ " + what
	}
	return "~ " + what + " (" + strings.Join(c.What, ", ") + ")"
}
