package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// exportTimeout bounds the writing of a chart.
const exportTimeout = 5 * time.Minute

type exportCmd struct {
	clientFlags
	Format string `arg:"" enum:"svg,dot,mermaid,graphml,drawio,markdown,csv,json" help:"svg (a picture), dot (Graphviz), mermaid, graphml, drawio, markdown (a document), csv (who uses what) or json."`
	Level  string `help:"What the boxes are: service (nodes with their services), node, pool or group." enum:"service,node,pool,group" default:"service"`
	At     string `help:"The moment to show: 2026-01-31T12:00:00Z, or a time ago, --at=-24h; without it, now." placeholder:"T"`
	Focus  string `help:"Only what is around this node, pool, group or service." placeholder:"NAME"`
	Hops   *int   `help:"How many connections away from the focus, 1 (default) to 4; 0 is the focus alone, such as a group." placeholder:"N"`
	Hide   string `help:"What to leave out: none, or a list of old, ignored, infrastructure, observers." default:"ignored,infrastructure,observers"`
	Expand string `help:"Pools to show as their nodes, on level pool: a list of ids." placeholder:"IDS"`
	Out    string `short:"o" help:"File to write; without it, standard output." placeholder:"FILE" type:"path"`
}

// Run writes the chart of a running server.
func (c *exportCmd) Run(ctx context.Context, g *globals) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	resp, err := c.ask(ctx, http.MethodGet, "/export/"+c.Format+"?"+c.query().Encode(), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode != http.StatusOK {
		return decode(resp.Request.URL.Host, resp, nil)
	}
	if c.Out == "" {
		if _, err := io.Copy(g.out, resp.Body); err != nil {
			return fmt.Errorf("reading the chart: %w", err)
		}
		return nil
	}
	n, err := replaceFile(c.Out, resp.Body)
	if err != nil {
		return fmt.Errorf("writing the chart: %w", err)
	}
	if g.JSON {
		return writeJSON(g.out, struct {
			File  string `json:"file"`
			Bytes int64  `json:"bytes"`
		}{c.Out, n})
	}
	_, err = fmt.Fprintf(g.out, "%s: %d bytes.\n", c.Out, n)
	return err
}

func (c *exportCmd) query() url.Values {
	q := url.Values{"level": {c.Level}, "hide": {c.Hide}}
	for name, value := range map[string]string{"at": c.At, "focus": c.Focus, "expand": c.Expand} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.Hops != nil {
		q.Set("hops", strconv.Itoa(*c.Hops))
	}
	return q
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
