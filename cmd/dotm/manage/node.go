package manage

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/collect"
)

// Node is dotm node.
type Node struct {
	Add    nodeAddCmd    `cmd:"" help:"Ask a node that doesn't report by itself, from now on."`
	Remove nodeRemoveCmd `cmd:"" help:"Forget a node, and don't ask it any longer."`
	List   nodeListCmd   `cmd:"" help:"List the nodes, how they report, when, and what went wrong."`

	Import nodeImportCmd `cmd:"" help:"Show a node on which nothing may run, from what its own programs print about its sockets."`

	SSHCommand nodeSSHCommand `cmd:"" name:"ssh-command" help:"Print the one command that is run on a node over SSH, and what permits it there."`
}

type nodeAddCmd struct {
	client.Flags
	URL  string `arg:"" help:"text://HOST:4848 or ssh://USER@HOST."`
	Zone string `help:"Part of the site in which the node's addresses mean one thing."`
	Name string `help:"What the node is called, whatever it says."`
}

// Run adds the node.
func (c *nodeAddCmd) Run(ctx context.Context, g *console.Globals) error {
	var added collect.Target
	body := map[string]string{"url": c.URL, "zone": c.Zone, "name": c.Name}
	if err := c.Do(ctx, http.MethodPost, "/nodes", body, &added); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, added)
	}
	_, err := fmt.Fprintf(g.Out, "%s is asked from now on: dotm node list shows how that goes.\n", added.URL)
	return err
}

type nodeRemoveCmd struct {
	client.Flags
	Node string `arg:"" help:"Name of a node, or the address that it is asked by."`
}

// Run removes the node, or the target.
func (c *nodeRemoveCmd) Run(ctx context.Context, g *console.Globals) error {
	path := "/nodes/" + url.PathEscape(c.Node)
	if strings.Contains(c.Node, "://") {
		canonical, err := collect.ParseTarget(c.Node)
		if err != nil {
			return err
		}
		path = "/targets?url=" + url.QueryEscape(canonical)
	}
	if err := c.Do(ctx, http.MethodDelete, path, nil, nil); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{"removed": c.Node})
	}
	_, err := fmt.Fprintf(g.Out, "%s is removed.\n", c.Node)
	return err
}

type nodeListCmd struct {
	client.Flags
	All bool `help:"Also those that others see and that don't report."`
}

// Run prints the nodes, and the targets that have not answered yet.
func (c *nodeListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list api.NodeList
	if err := c.Get(ctx, "/nodes?hide=none", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTATE\tREPORTS BY\tLAST\tSERVICES\tPROBLEM")
	shown := map[string]bool{}
	for _, n := range list.Nodes {
		if n.LastReport.IsZero() && !c.All {
			continue
		}
		t := targetOf(&list, n.Name)
		shown[t.URL] = true
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", n.Name, n.State, cmp.Or(t.URL, n.Collect, "-"), console.Ago(n.LastReport), n.Services, cmp.Or(t.Problem, n.Problem, "-"))
	}
	for _, t := range list.Targets {
		if !shown[t.URL] {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t-\t%s\n", cmp.Or(t.Node, "-"), "asked", t.URL, console.Ago(t.Succeeded), cmp.Or(t.Problem, "not asked yet"))
		}
	}
	return w.Flush()
}

// targetOf is the target that a node answers as; the zero one if none.
func targetOf(list *api.NodeList, node string) api.TargetState {
	for _, t := range list.Targets {
		if t.Node == node {
			return t
		}
	}
	return api.TargetState{}
}
