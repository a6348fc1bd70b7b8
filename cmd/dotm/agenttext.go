package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/scan"
)

// textServer serves this machine's sockets as text.
type textServer struct {
	*agent.TextServer
	lister *scan.Lister
}

func (t *textServer) close() { _ = t.lister.Close() } // the process ends

// listen begins to serve the text, if that is asked for.
func (c *agentCmd) listen(ctx context.Context, g *console.Globals) (*textServer, error) {
	switch {
	case c.ListenText == "" && len(c.Allow) > 0:
		return nil, errors.New("--allow is for --listen-text")
	case c.ListenText == "":
		return nil, nil
	case c.Once || c.DryRun:
		return nil, errors.New("--listen-text serves until it is stopped: leave out --once and --dry-run")
	}
	allow, err := c.networks()
	if err != nil {
		return nil, err
	}
	agent.LimitMemory(agent.DefaultMemory)
	lister, err := scan.NewLister(scan.Options{})
	if err != nil {
		return nil, fmt.Errorf("preparing to look at this machine: %w", err)
	}
	s, err := agent.NewTextServer(ctx, agent.TextOptions{Listen: c.ListenText, Allow: allow, Teller: lister, Log: console.Log(g)})
	if err != nil {
		return nil, errors.Join(err, lister.Close())
	}
	fmt.Fprintf(g.Out, "Sockets are served as text on %s, to %v only.\n", s.Addr(), allow)
	return &textServer{s, lister}, nil
}

// networks are those that may read the text.
func (c *agentCmd) networks() (list []netip.Prefix, err error) {
	for _, text := range c.Allow {
		p, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("--allow %w", err)
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--listen-text needs --allow: %w", agent.ErrNoAllow)
	}
	return list, nil
}
