package chart

import (
	"context"
	"fmt"
	"net/url"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// Explain is dotm explain.
type Explain struct {
	client.Flags
	Client string `arg:"" help:"A node, or node:process."`
	Target string `arg:"" name:"server" help:"A node, or node:port."`
}

// Run prints what the connections between two ends rest on.
func (c *Explain) Run(ctx context.Context, g *console.Globals) error {
	var e api.Explanation
	if err := c.Get(ctx, "/explain?client="+url.QueryEscape(c.Client)+"&server="+url.QueryEscape(c.Target), &e); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, e)
	}
	for _, line := range e.Text {
		if _, err := fmt.Fprintln(g.Out, line); err != nil {
			return err
		}
	}
	return nil
}
