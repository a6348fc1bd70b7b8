package manage

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// Source is dotm source.
type Source struct {
	Add     sourceAddCmd     `cmd:"" help:"Read a monitoring system from now on."`
	Test    sourceTestCmd    `cmd:"" help:"Read a monitoring system once, and tell what there is. Nothing is kept."`
	List    sourceListCmd    `cmd:"" help:"List the monitoring systems that are read, and how they are."`
	Refresh sourceRefreshCmd `cmd:"" help:"Read a monitoring system now."`
	Remove  sourceRemoveCmd  `cmd:"" help:"Read a monitoring system no longer, and forget what it said."`
}

// sourceFlags say how a monitoring system is asked.
type sourceFlags struct {
	Kind         string        `help:"Kind of system: nagios, icinga, icinga2, livestatus, alertmanager, zabbix or passive. Without it that is found out." placeholder:"KIND"`
	User         string        `help:"Login there; without it a password is taken for a token." placeholder:"NAME"`
	PasswordFile string        `help:"File with the password or token; - reads standard input." placeholder:"FILE" env:"DOTM_PASSWORD_FILE"`
	Interval     time.Duration `help:"Time between two reads." default:"10s"`
	CAFile       string        `help:"PEM file, on the server, with who may have signed its certificate." placeholder:"FILE" name:"ca-file"`
	ServerName   string        `help:"Name that its certificate is for, if that is not the host of the URL." placeholder:"NAME"`
	SkipVerify   bool          `help:"Trust whoever answers: the login can be read by anybody on the way."`
	Link         string        `help:"Where people see it, if that is not the URL." placeholder:"URL"`
	Acknowledge  bool          `help:"Permit acknowledging problems there from here."`
}

// Options are the flags as the API takes them.
func (f *sourceFlags) options(name, address string) (*monitor.Options, error) {
	o := &monitor.Options{
		Name: name, Kind: monitor.Kind(f.Kind), URL: address, User: f.User, Interval: topology.Duration(f.Interval), Link: f.Link, Acknowledge: f.Acknowledge,
		TLS: monitor.TLS{CAFile: f.CAFile, ServerName: f.ServerName, SkipVerify: f.SkipVerify},
	}
	if f.CAFile != "" {
		path, err := filepath.Abs(f.CAFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		o.TLS.CAFile = path
	}
	if f.PasswordFile == "" {
		return o, nil
	}
	secret, err := flags.ReadSecret(f.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("--password-file: %w", err)
	}
	o.Password = secret
	return o, nil
}

type sourceAddCmd struct {
	client.Flags
	sourceFlags
	Name string `arg:"" help:"What it is called here."`
	URL  string `arg:"" optional:"" help:"Where it answers: http(s)://HOST/…, tcp://HOST:6557, unix:///SOCKET or file:///FOLDER; none for passive ones."`
}

// Run adds the source.
func (c *sourceAddCmd) Run(ctx context.Context, g *console.Globals) error {
	o, err := c.options(c.Name, c.URL)
	if err != nil {
		return err
	}
	var added monitor.Options
	if err := c.Do(ctx, http.MethodPost, "/sources", o, &added); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, added)
	}
	_, err = fmt.Fprintf(g.Out, "%s is read from now on, as %s: dotm source list shows how that goes.\n", added.Name, added.Kind)
	return err
}

type sourceTestCmd struct {
	client.Flags
	sourceFlags
	URL string `arg:"" help:"Where it answers."`
}

// Run reads it once and prints what there is.
func (c *sourceTestCmd) Run(ctx context.Context, g *console.Globals) error {
	o, err := c.options("", c.URL)
	if err != nil {
		return err
	}
	var found struct {
		Kind monitor.Kind `json:"kind"`
		monitor.Summary
	}
	if err := c.Do(ctx, http.MethodPost, "/sources/test", o, &found); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, found)
	}
	fmt.Fprintf(g.Out, "%s: kind %s, %s\n", c.URL, found.Kind, cmp.Or(strings.TrimSpace(found.Program+" "+found.Version), "it doesn't say what it is"))
	fmt.Fprintf(g.Out, "%s, %s, %d of them on no node, in %d ms\n", console.Counted(found.Hosts, "host", "hosts"), console.Counted(found.Checks, "check", "checks"), found.Unmapped, found.Took)
	for _, n := range found.Notes {
		fmt.Fprintf(g.Out, "Note: %s\n", console.Sentence(n.Text, n.Hint))
	}
	return nil
}

type sourceListCmd struct{ client.Flags }

// Run prints a table.
func (c *sourceListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Sources []monitor.State `json:"sources"`
	}
	if err := c.Get(ctx, "/sources", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tSTATE\tREAD\tHOSTS\tCHECKS\tUNMAPPED\tURL")
	for i := range list.Sources {
		s := &list.Sources[i]
		read := "never"
		if !s.LastRead.IsZero() {
			read = time.Since(s.LastRead).Round(time.Second).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", s.Name, s.Kind, s.State, read, s.Hosts, s.Checks, s.Unmapped, s.URL)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range list.Sources {
		s := &list.Sources[i]
		if s.Error != nil {
			fmt.Fprintf(g.Out, "%s: %s\n", s.Name, console.Sentence(s.Error.Text, s.Error.Hint))
		}
		for _, n := range s.Notes {
			fmt.Fprintf(g.Out, "%s: %s\n", s.Name, console.Sentence(n.Text, n.Hint))
		}
	}
	return nil
}

type sourceRefreshCmd struct {
	client.Flags
	Name string `arg:"" optional:"" help:"Name of a source; without it all are read."`
}

// Run has it read.
func (c *sourceRefreshCmd) Run(ctx context.Context, g *console.Globals) error {
	path, what := "/sources/refresh", "All sources are"
	if c.Name != "" {
		path, what = "/sources/"+url.PathEscape(c.Name)+"/refresh", c.Name+" is"
	}
	if err := c.Do(ctx, http.MethodPost, path, struct{}{}, nil); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{"refreshed": cmp.Or(c.Name, "all")})
	}
	_, err := fmt.Fprintf(g.Out, "%s being read.\n", what)
	return err
}

type sourceRemoveCmd struct {
	client.Flags
	Name string `arg:"" help:"Name of a source."`
}

// Run removes it.
func (c *sourceRemoveCmd) Run(ctx context.Context, g *console.Globals) error {
	if err := c.Do(ctx, http.MethodDelete, "/sources/"+url.PathEscape(c.Name), nil, nil); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{"removed": c.Name})
	}
	_, err := fmt.Fprintf(g.Out, "%s is removed.\n", c.Name)
	return err
}
