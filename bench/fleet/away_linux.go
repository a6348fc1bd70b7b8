package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// away is what an agent costs on a host with 1,000 connections and a client
// that opens short ones all the time, and what is left of those.
type away struct {
	Span    string  `json:"span"`
	There   float64 `json:"cpu_share_server_there"` // of one processor
	Away    float64 `json:"cpu_share_server_away"`
	Back    float64 `json:"back_after_s"` // from the server's start to the agent's report
	Visits  int     `json:"short_connections_made"`
	Counted int     `json:"short_connections_counted"`
}

// visits are the short connections of one round, and hold how long each lasts.
const (
	visits = 10
	hold   = time.Millisecond
)

// measureAway looks at an agent while its server is there, while it is not, and
// after it has come back.
func (d *document) measureAway(ctx context.Context, s *site, o options) error {
	server, err := s.serve(ctx)
	if err != nil {
		return err
	}
	addresses, end, err := s.services(throughConnections + 1)
	if err != nil {
		return err
	}
	defer end()
	client, err := s.client(addresses[1:], 1)
	if err != nil {
		return err
	}
	defer client.Kill()
	args, err := server.secure(ctx)
	if err != nil {
		return err
	}
	agent, err := s.agent(append(args, "--interval", o.interval.String()))
	if err != nil {
		return err
	}
	defer agent.Kill()
	if err := server.reports(ctx, throughConnections); err != nil {
		return fmt.Errorf("%w\n%s", err, agent.Said())
	}
	a, err := s.leave(ctx, server, agent, addresses[0], o.away)
	d.Away = a
	return err
}

// leave measures with the server, and without it.
func (s *site) leave(ctx context.Context, server *server, agent *bed.Program, visited string, span time.Duration) (*away, error) {
	visitor, err := s.web.Puppet("visitor")
	if err != nil {
		return nil, err
	}
	defer visitor.Kill()
	a := &away{Span: span.String()}
	share := func() (float64, error) {
		before, err := cpuOf(agent)
		if err != nil {
			return 0, err
		}
		begin := time.Now()
		for time.Since(begin) < span {
			if err := errors.Join(visitor.Visit(visits, hold, visited), pause(ctx, time.Second)); err != nil {
				return 0, err
			}
			a.Visits += visits
		}
		after, err := cpuOf(agent)
		return float64(after-before) / float64(time.Since(begin)), err
	}
	if a.There, err = share(); err != nil {
		return nil, err
	}
	if err := server.stop(ctx); err != nil {
		return nil, err
	}
	if a.Away, err = share(); err != nil {
		return nil, err
	}
	return a, s.back(ctx, server, visited, a)
}

// back starts the server, and waits until the chart has all short connections.
func (s *site) back(ctx context.Context, server *server, visited string, a *away) error {
	begin := time.Now()
	if err := server.start(ctx); err != nil {
		return err
	}
	counted := func() (int, error) {
		var c struct{ Connections []connection }
		if err := server.get(ctx, "/topology?hide=none", &c); err != nil {
			return 0, err
		}
		for _, k := range c.Connections {
			if k.Client.Process == "visitor" && k.Server.Port == portOf(visited) {
				return k.Opened, nil
			}
		}
		return 0, nil
	}
	before, err := counted()
	if err != nil {
		return err
	}
	return server.wait(ctx, "what happened meanwhile is told", func() (err error) {
		if a.Counted, err = counted(); err != nil {
			return err
		}
		if a.Counted == before {
			return fmt.Errorf("%d short connections are counted, as before", before)
		}
		a.Back = time.Since(begin).Seconds()
		return nil
	})
}
