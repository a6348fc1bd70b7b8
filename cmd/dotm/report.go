package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/devops-trouble-map/dotm/api"
)

type reportCmd struct {
	clientFlags
	Definitions string `help:"Print object definitions for what runs unmonitored, for nagios or icinga2, instead." enum:",nagios,icinga2" default:"" placeholder:"SYSTEM"`
	Source      string `help:"With --definitions: the monitoring system whose checks count." placeholder:"NAME"`
}

// Run prints the findings.
func (c *reportCmd) Run(ctx context.Context, g *globals) error {
	if c.Definitions != "" {
		return c.define(ctx, g)
	}
	var list api.FindingList
	if err := c.get(ctx, "/report", &list); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, list)
	}
	if len(list.Findings) == 0 {
		_, err := fmt.Fprintln(g.out, "Nothing is odd.")
		return err
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FINDING\tABOUT\tWHAT")
	for _, f := range list.Findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Code, printable(f.Node), printable(sentence(f.Text, f.Hint)))
	}
	return w.Flush()
}

// define prints a file for a monitoring system.
func (c *reportCmd) define(ctx context.Context, g *globals) error {
	path := "/report/definitions/" + c.Definitions
	if c.Source != "" {
		path += "?source=" + url.QueryEscape(c.Source)
	}
	resp, err := c.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode != http.StatusOK {
		return decode(resp.Request.URL.Host, resp, nil)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxTopology))
	if err != nil {
		return fmt.Errorf("reading definitions: %w", err)
	}
	if g.JSON {
		return writeJSON(g.out, map[string]string{c.Definitions: string(text)})
	}
	_, err = g.out.Write(text)
	return err
}
