package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/auth/uplink"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
)

type agentCmd struct {
	flags.Uplink
	Zone     string        `help:"Part of the site in which this machine's addresses mean one thing."`
	Interval time.Duration `help:"Time between two looks." default:"10s"`

	Namespaces string `help:"Network namespaces to look at: own, all, or the name of one. Without it: all from the host's own, else the own one." placeholder:"own|all|NAME"`

	Once   bool `help:"Send one report and end."`
	DryRun bool `help:"Print what would be sent, and send nothing."`

	ListenText string   `help:"Serve this machine's sockets as text, as the original agent does on port 4848, to those that --allow names. Without --server nothing else is done." placeholder:"ADDR"`
	Allow      []string `help:"Networks that may read the text; nobody else gets a byte." placeholder:"CIDR"`
}

// sender delivers to the server, and enrols with the first report if there is a
// token: what enrols is what reports.
func (c *agentCmd) sender() (agent.Sender, error) {
	to, err := agent.NewHTTPSender(c.Server)
	if err != nil {
		return nil, fmt.Errorf("--%w", err)
	}
	up, err := c.Open(flags.DefaultState("dotm-agent"), false)
	if err != nil {
		return nil, err
	}
	to.Via(up)
	return &enrolling{to: to, up: up}, nil
}

// enrolling is a sender that has an identity before it sends.
type enrolling struct {
	to   *agent.HTTPSender
	up   *uplink.Client
	zone string // of the last whole report: beats don't say
}

var _ agent.Exchanger = (*enrolling)(nil)

// Send delivers a report.
func (e *enrolling) Send(ctx context.Context, r *report.Report) error {
	_, err := e.Exchange(ctx, r, nil)
	return err
}

// Exchange delivers a report, or a beat.
func (e *enrolling) Exchange(ctx context.Context, r *report.Report, b *report.Beat) (*report.Policy, error) {
	var node report.Node
	if b != nil {
		node = b.Node
	} else {
		node, e.zone = r.Node, r.Zone
	}
	who := uplink.Who{Name: node.Name, Zone: e.zone, Version: version}
	if node.Identity.Kind == report.IdentityMachine {
		who.Machine = node.Identity.Value
	}
	for {
		if _, err := e.up.Enrol(ctx, who); err != nil {
			return nil, agent.NotTaken(err)
		}
		// Where the server doesn't accept the identity, a new token makes another.
		policy, err := e.to.Exchange(ctx, r, b)
		if err == nil || !e.up.MayEnrol() {
			return policy, err
		}
	}
}

// Run looks and sends until it is stopped.
func (c *agentCmd) Run(ctx context.Context, g *console.Globals) error {
	if err := agent.CheckInterval(c.Interval); err != nil {
		return fmt.Errorf("--%w", err)
	}
	text, err := c.listen(ctx, g)
	if err != nil {
		return err
	}
	if text == nil {
		return c.report(ctx, g)
	}
	defer text.close()
	if c.Server == "" {
		return text.Run(ctx)
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return text.Run(ctx) })
	both.Go(func() error { return c.report(ctx, g) })
	return both.Wait()
}

// checkZone judges the zone before anybody enrols: a token should not be used up
// for reports that are refused.
func (c *agentCmd) checkZone() error {
	if c.Zone == "" {
		return nil
	}
	if err := report.HostName(c.Zone); err != nil {
		return fmt.Errorf("--zone %w, is %q", err, c.Zone)
	}
	return nil
}

// report looks and sends until it is stopped.
func (c *agentCmd) report(ctx context.Context, g *console.Globals) error {
	if err := c.checkZone(); err != nil {
		return err
	}
	agent.LimitMemory(agent.DefaultMemory)
	scanner, err := scan.New(scan.Options{OwnPIDs: scan.SameProgram(), Networks: c.Namespaces, HealthEvery: agent.HealthEvery})
	if err != nil {
		return fmt.Errorf("preparing to look at this machine: %w", err)
	}
	defer scanner.Close() //nolint:errcheck // the process ends
	opt := agent.Options{
		Looker: scanner, Interval: c.Interval, Zone: c.Zone, Version: version, Once: c.Once || c.DryRun, Log: console.Log(g),
		CPU: agent.ProcessCPU, Release: agent.ReleaseProgram,
	}
	if c.DryRun {
		opt.Sender = senderFunc(func(_ context.Context, r *report.Report) error { return console.WriteJSON(g.Out, r) })
	} else if opt.Sender, err = c.sender(); err != nil {
		return err
	} else if !c.Once {
		opt.Leaving = agent.WhyLeaving
		opt.Delivered = func(r *report.Report) {
			fmt.Fprintf(g.Out, "%s reports to %s every %s.\n", r.Node.Name, c.Server, c.Interval)
			console.PrintNotes(g.Out, r.Notes)
		}
	}
	a, err := agent.New(opt)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
