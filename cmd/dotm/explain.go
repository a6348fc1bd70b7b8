package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/devops-trouble-map/dotm/api"
)

type explainCmd struct {
	clientFlags
	Client string `arg:"" help:"A node, or node:process."`
	Target string `arg:"" name:"server" help:"A node, or node:port."`
}

// Run prints what the connections between two ends rest on.
func (c *explainCmd) Run(ctx context.Context, g *globals) error {
	var e api.Explanation
	if err := c.get(ctx, "/explain?client="+url.QueryEscape(c.Client)+"&server="+url.QueryEscape(c.Target), &e); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, e)
	}
	for _, line := range e.Text {
		if _, err := fmt.Fprintln(g.out, line); err != nil {
			return err
		}
	}
	return nil
}
