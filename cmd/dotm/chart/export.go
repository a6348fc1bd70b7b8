package chart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/export"
	"github.com/devops-trouble-map/dotm/trouble/incident"
	"github.com/devops-trouble-map/dotm/view"
)

// exportTimeout bounds the writing of a chart.
const exportTimeout = 5 * time.Minute

// Export is dotm export.
type Export struct {
	client.Flags
	flags.Chart
	Format string `arg:"" enum:"svg,dot,mermaid,graphml,drawio,markdown,csv,json,plantuml,structurizr,backstage,netbox,icinga2-dependencies,nagios-dependencies,icinga-business-process" help:"svg (a picture), dot (Graphviz), mermaid, graphml, drawio, markdown (a document, or with --out DIR a page for each group, node and service), csv (who uses what), json, plantuml, structurizr (DSL), backstage (a catalog), netbox (services to import); for monitoring: icinga2-dependencies, nagios-dependencies, icinga-business-process."`
	Source string `help:"Whose hosts and services dependencies are written for; needed if there are several monitoring systems." placeholder:"NAME"`
	Out    string `short:"o" help:"File to write; without it, standard output. Of markdown a name that doesn't end in .md is a folder." placeholder:"FILE" type:"path"`
}

// Run writes the chart of a running server.
func (c *Export) Run(ctx context.Context, g *console.Globals) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	switch {
	case c.Incident != "" && c.Focus != "":
		return errors.New("--incident and --focus both say what the chart is around: choose one")
	case c.folder():
		return c.document(ctx, g)
	case !export.Format(c.Format).Known():
		return c.define(ctx, g)
	case c.Incident != "":
		return c.local(ctx, g)
	}
	resp, err := c.Ask(ctx, http.MethodGet, "/export/"+c.Format+"?"+c.Query().Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode != http.StatusOK {
		return client.Decode(resp.Request.URL.Host, resp, nil)
	}
	return c.put(g, resp.Body)
}

// put writes what was made to where it is wanted.
func (c *Export) put(g *console.Globals, body io.Reader) error {
	if c.Out == "" {
		if _, err := io.Copy(g.Out, body); err != nil {
			return fmt.Errorf("reading the chart: %w", err)
		}
		return nil
	}
	n, err := replaceFile(c.Out, body)
	if err != nil {
		return fmt.Errorf("writing the chart: %w", err)
	}
	if g.JSON {
		return console.WriteJSON(g.Out, struct {
			File  string `json:"file"`
			Bytes int64  `json:"bytes"`
		}{c.Out, n})
	}
	_, err = fmt.Fprintf(g.Out, "%s: %d bytes.\n", c.Out, n)
	return err
}

// folder says whether a documentation is wanted, and not one document.
func (c *Export) folder() bool {
	return c.Format == string(export.Markdown) && c.Out != "" && !strings.HasSuffix(c.Out, ".md")
}

// local makes the file here: the server knows no charts of incidents.
func (c *Export) local(ctx context.Context, g *console.Globals) error {
	chart, err := c.chart(ctx)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := export.Write(&body, export.Format(c.Format), chart); err != nil {
		return err
	}
	return c.put(g, &body)
}

// define writes what monitoring systems read.
func (c *Export) define(ctx context.Context, g *console.Globals) error {
	chart, err := c.chart(ctx)
	if err != nil {
		return err
	}
	known, err := c.monitored(ctx)
	if err != nil {
		return err
	}
	if known, err = ofOneSource(known, c.Source); err != nil {
		return err
	}
	var body bytes.Buffer
	if _, err := export.Define(&body, export.Definitions(c.Format), chart, known); err != nil {
		return err
	}
	return c.put(g, &body)
}

// document writes a documentation into a folder.
func (c *Export) document(ctx context.Context, g *console.Globals) error {
	chart, err := c.chart(ctx)
	if err != nil {
		return err
	}
	known, err := c.monitored(ctx)
	if err != nil {
		return err
	}
	pages, err := export.Pages(chart, known)
	if err != nil {
		return err
	}
	did, err := writePages(c.Out, pages)
	if err != nil {
		return fmt.Errorf("writing the pages: %w", err)
	}
	if g.JSON {
		return console.WriteJSON(g.Out, did)
	}
	_, err = fmt.Fprintf(g.Out, "%s: %s, of them %d new or changed; %d removed.\n", c.Out, console.Counted(did.Pages, "page", "pages"), did.Written, did.Removed)
	return err
}

// chart asks for a chart with all that is known of it.
func (c *Export) chart(ctx context.Context) (*export.Chart, error) {
	var chart export.Chart
	if c.Incident != "" {
		var err error
		if chart.Incident, err = c.incident(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.Get(ctx, "/export/json?"+c.Query().Encode(), &chart); err != nil {
		return nil, err
	}
	var pools struct {
		Pools []struct{ Name, Title string } `json:"pools"`
	}
	q := url.Values{"level": {"pool"}, "hide": {c.Hide}}
	if c.At != "" {
		q.Set("at", c.At)
	}
	if err := c.Get(ctx, "/topology?"+q.Encode(), &pools); err != nil {
		return nil, err
	}
	chart.Titles = map[string]string{}
	for _, p := range pools.Pools {
		chart.Titles[p.Name] = p.Title
	}
	if c.Incident != "" {
		chart.Focus = "incident " + c.Incident
		if c.Hops != nil {
			chart.Hops = *c.Hops
		}
		chart.Topology = *chart.Near(incidentNodes(chart.Incident), chart.Hops)
		chart.Alerts = shownAlerts(&chart)
	}
	return &chart, nil
}

// shownAlerts are those of a chart's alerts that are about what it shows.
func shownAlerts(chart *export.Chart) []export.Alert {
	shown := map[string]bool{}
	for i := range chart.Nodes {
		shown[chart.Nodes[i].Name] = true
	}
	for i := range chart.Pools {
		for _, m := range chart.Pools[i].Members {
			shown[m.Name] = true
		}
	}
	out := []export.Alert{}
	for _, a := range chart.Alerts {
		if shown[a.Node] {
			out = append(out, a)
		}
	}
	return out
}

// incident asks for the incident that is to be shown. One of the past is shown as it was
// when it opened.
func (c *Export) incident(ctx context.Context) (*incident.Incident, error) {
	if c.Hops != nil && (*c.Hops < 0 || *c.Hops > view.MaxHops) {
		return nil, fmt.Errorf("hops must be a number from 0 to %d, is \"%d\"", view.MaxHops, *c.Hops)
	}
	in := &incident.Incident{}
	if err := c.Get(ctx, "/incidents/"+url.PathEscape(c.Incident), in); err != nil {
		return nil, err
	}
	if c.At == "" && !in.Resolved.IsZero() {
		c.At = in.Opened.UTC().Format(time.RFC3339Nano)
	}
	return in, nil
}

// incidentNodes are the nodes that an incident is about: those in trouble, and those
// that are likely behind it.
func incidentNodes(in *incident.Incident) (names []string) {
	for i := range in.Alerts {
		names = append(names, in.Alerts[i].About.Node)
	}
	for i := range in.Causes {
		names = append(names, in.Causes[i].Node)
		for k := range in.Causes[i].Path {
			names = append(names, in.Causes[i].Path[k].Client.Node, in.Causes[i].Path[k].Server.Node)
		}
	}
	return names
}

// monitored are all checks that monitoring systems tell of.
func (c *Export) monitored(ctx context.Context) ([]export.Monitored, error) {
	q := url.Values{}
	for name, value := range map[string]string{"source": c.Source, "at": c.At} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var list struct {
		Checks []struct {
			Source, Host, Name, Node, Service string
			Mapping                           *struct{ Rule string }
			Signal                            json.RawMessage
		}
	}
	if err := c.Get(ctx, "/checks?"+q.Encode(), &list); err != nil {
		return nil, err
	}
	out := make([]export.Monitored, 0, len(list.Checks))
	for i := range list.Checks {
		k := &list.Checks[i]
		if k.Signal != nil {
			continue // nobody's check: it comes and goes
		}
		m := export.Monitored{Source: k.Source, Host: k.Host, Name: k.Name, Node: k.Node, Service: k.Service}
		if k.Mapping != nil {
			m.Rule = k.Mapping.Rule
		}
		out = append(out, m)
	}
	return out, nil
}

// ofOneSource are the checks of one system, whose names mean something there.
func ofOneSource(list []export.Monitored, source string) ([]export.Monitored, error) {
	var names []string
	for i := range list {
		names = append(names, list[i].Source)
	}
	names = sortedOnce(names)
	switch {
	case len(names) == 0 && source != "":
		return nil, fmt.Errorf("no check is known of a monitoring system %q: dotm source list shows them", source)
	case len(names) == 0:
		return nil, errors.New("no monitoring system tells of any check: dotm source add has one read")
	case len(names) > 1:
		return nil, fmt.Errorf("several monitoring systems tell of checks: choose one of them with --source: %s", strings.Join(names, ", "))
	}
	return list, nil
}

// replaceFile writes a file that is there whole or as it was: wikis and scripts read it
// at any time.
func replaceFile(name string, from io.Reader) (n int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".dotm-export-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has its name by then, or is in nobody's way
	n, err = io.Copy(f, from)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return 0, err
	}
	return n, os.Rename(f.Name(), name)
}
