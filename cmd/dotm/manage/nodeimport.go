package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/auth/uplink"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
)

type nodeImportCmd struct {
	client.Flags
	File   string `arg:"" help:"What netstat, ss or sockstat printed on the node, and ip address, ifconfig or ipconfig if at hand; - is standard input."`
	Name   string `help:"What the node is called. Without it the file must say so, by a line hostname=NAME or by ipconfig /all."`
	Zone   string `help:"Part of the site in which the node's addresses mean one thing."`
	DryRun bool   `help:"Print the report that would be sent, and send nothing."`

	TokenFile string `help:"File with a token to enrol the node with, where the server is another machine; - is standard input. The variable DOTM_TOKEN may hold the token itself." placeholder:"FILE" env:"DOTM_TOKEN_FILE"`
	State     string `help:"Folder that keeps the identities of imported nodes." placeholder:"DIR" type:"path"`
	CAFile    string `help:"CAs that the server's certificate may be signed by (PEM), instead of the one that the token names." placeholder:"FILE" type:"path" env:"DOTM_CA_FILE"`
}

// Run reads the file and sends what it says as a report of the node.
func (c *nodeImportCmd) Run(ctx context.Context, g *console.Globals) error {
	if c.File == "-" && c.TokenFile == "-" {
		return errors.New("FILE and --token-file can't both be standard input")
	}
	r, err := c.read()
	if err != nil {
		return err
	}
	if c.DryRun {
		return console.WriteJSON(g.Out, r)
	}
	if err := c.send(ctx, r); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]any{"node": r.Node.Name, "listeners": len(r.Listeners), "connections": len(r.Connections), "notes": r.Notes})
	}
	fmt.Fprintf(g.Out, "%s is on the chart: %d services, %d connections.\n", r.Node.Name, len(r.Listeners), len(r.Connections))
	console.PrintNotes(g.Out, r.Notes)
	return nil
}

// read makes a report of the file.
func (c *nodeImportCmd) read() (*report.Report, error) {
	text, err := c.open()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.File, err)
	}
	l, err := collect.ParseListing(text, collect.MethodImport)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.File, err)
	}
	l.Hostname = cmp.Or(c.Name, l.Hostname)
	now := time.Now()
	r, err := l.Report(now)
	if err != nil {
		return nil, c.explain(l, err)
	}
	r.Zone, r.Sequence, r.Agent.Version = c.Zone, uint64(now.UnixMilli()), console.Version
	if err := r.Validate(now); err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.File, err)
	}
	return r, nil
}

// Open reads the file, or a little more of it than may be.
func (c *nodeImportCmd) open() ([]byte, error) {
	var in io.Reader = os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // reading only
		in = f
	}
	return io.ReadAll(io.LimitReader(in, collect.MaxListing+1))
}

// explain says what to do about a file that is not enough, and what in it could
// not be read.
func (c *nodeImportCmd) explain(l *collect.Listing, err error) error {
	switch {
	case errors.Is(err, collect.ErrNoHostname):
		return fmt.Errorf("reading %s: %w (name the node with --name)", c.File, err)
	case !errors.Is(err, collect.ErrNoSockets):
		return fmt.Errorf("reading %s: %w", c.File, err)
	}
	err = fmt.Errorf("reading %s: nothing in it is a socket as netstat, ss or sockstat print them", c.File)
	for _, n := range l.Notes {
		err = fmt.Errorf("%w\n%s", err, n.Text)
	}
	return err
}

// send delivers the report, as an agent of the node would where the server asks
// for an identity.
func (c *nodeImportCmd) send(ctx context.Context, r *report.Report) error {
	up := flags.Uplink{Server: c.Server, TokenFile: c.TokenFile, CAFile: c.CAFile}
	token, err := up.Token()
	if err != nil {
		return err
	}
	state := filepath.Join(cmp.Or(c.State, flags.DefaultState("dotm-import")), r.Node.Name)
	_, missing := os.Stat(state)
	if c.Server == "" || token == "" && missing != nil && !strings.HasPrefix(c.Server, "https:") {
		return c.Do(ctx, http.MethodPost, "/reports", r, nil)
	}
	return c.sendAs(ctx, r, token, state)
}

// sendAs delivers the report with an identity of the node's own.
func (c *nodeImportCmd) sendAs(ctx context.Context, r *report.Report, token, state string) error {
	up, err := uplink.Open(uplink.Options{Server: c.Server, Token: token, State: state, CAFile: c.CAFile, Now: time.Now})
	if err != nil {
		return err
	}
	if _, err := up.Enrol(ctx, uplink.Who{Name: r.Node.Name, Zone: r.Zone, Version: console.Version}); err != nil {
		return err
	}
	to, err := agent.NewHTTPSender(c.Server)
	if err != nil {
		return fmt.Errorf("--%w", err)
	}
	return to.Via(up).Send(ctx, r)
}
