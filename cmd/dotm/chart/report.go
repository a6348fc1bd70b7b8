package chart

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// Report is dotm report.
type Report struct {
	client.Flags
	Definitions string `help:"Print object definitions for what runs unmonitored, for nagios or icinga2, instead." enum:",nagios,icinga2" default:"" placeholder:"SYSTEM"`
	Source      string `help:"With --definitions: the monitoring system whose checks count." placeholder:"NAME"`
}

// Run prints the findings.
func (c *Report) Run(ctx context.Context, g *console.Globals) error {
	if c.Definitions != "" {
		return c.define(ctx, g)
	}
	var list api.FindingList
	if err := c.Get(ctx, "/report", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	if len(list.Findings) == 0 {
		_, err := fmt.Fprintln(g.Out, "Nothing is odd.")
		return err
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FINDING\tABOUT\tWHAT")
	for _, f := range list.Findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Code, console.Printable(f.Node), console.Printable(console.Sentence(f.Text, f.Hint)))
	}
	return w.Flush()
}

// define prints a file for a monitoring system.
func (c *Report) define(ctx context.Context, g *console.Globals) error {
	path := "/report/definitions/" + c.Definitions
	if c.Source != "" {
		path += "?source=" + url.QueryEscape(c.Source)
	}
	resp, err := c.Ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode != http.StatusOK {
		return client.Decode(resp.Request.URL.Host, resp, nil)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, client.MaxTopology))
	if err != nil {
		return fmt.Errorf("reading definitions: %w", err)
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{c.Definitions: string(text)})
	}
	_, err = g.Out.Write(text)
	return err
}
