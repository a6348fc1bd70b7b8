package main

import (
	"context"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
)

type agentCmd struct {
	Server   string        `help:"Address of the server, like http://127.0.0.1:4849." placeholder:"URL" env:"DOTM_SERVER"`
	Zone     string        `help:"Part of the site in which this machine's addresses mean one thing."`
	Interval time.Duration `help:"Time between two looks." default:"10s"`

	Namespaces string `help:"Network namespaces to look at: own, all, or the name of one. Without it: all from the host's own, else the own one." placeholder:"own|all|NAME"`

	Once   bool `help:"Send one report and end."`
	DryRun bool `help:"Print what would be sent, and send nothing."`
}

// Run looks and sends until it is stopped.
func (c *agentCmd) Run(ctx context.Context, g *globals) error {
	if err := agent.CheckInterval(c.Interval); err != nil {
		return fmt.Errorf("--%w", err)
	}
	agent.LimitMemory(agent.DefaultMemory)
	scanner, err := scan.New(scan.Options{OwnPIDs: scan.SameProgram(), Networks: c.Namespaces, HealthEvery: agent.HealthEvery})
	if err != nil {
		return fmt.Errorf("preparing to look at this machine: %w", err)
	}
	defer scanner.Close() //nolint:errcheck // the process ends
	opt := agent.Options{
		Looker: scanner, Interval: c.Interval, Zone: c.Zone, Version: version, Once: c.Once || c.DryRun, Log: newLog(g),
		CPU: agent.ProcessCPU, Release: agent.ReleaseProgram,
	}
	if c.DryRun {
		opt.Sender = senderFunc(func(_ context.Context, r *report.Report) error { return writeJSON(g.out, r) })
	} else if opt.Sender, err = agent.NewHTTPSender(c.Server); err != nil {
		return fmt.Errorf("--%w", err)
	} else if !c.Once {
		opt.Delivered = func(r *report.Report) {
			fmt.Fprintf(g.out, "%s reports to %s every %s.\n", r.Node.Name, c.Server, c.Interval)
			printNotes(g.out, r.Notes)
		}
	}
	a, err := agent.New(opt)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
