package main

import (
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/collect/text"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/resolve"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
)

// targetsOf are the nodes to ask that a configuration names.
func targetsOf(c *config.Config) (out []collect.Target) {
	for _, n := range c.Nodes {
		out = append(out, collect.Target{URL: n.Collect, Name: n.Name, Zone: n.Zone})
	}
	return out
}

// pollers are the ways of asking nodes, by the scheme of their addresses.
func pollers(f siteFlags, data string, log *slog.Logger) (map[string]collect.Poller, error) {
	overSSH, err := f.SSH.Poller(data, log)
	if err != nil {
		return nil, fmt.Errorf("--ssh-jump: %w", err)
	}
	return map[string]collect.Poller{"ssh": overSSH, "text": text.New(text.Options{})}, nil
}

// newDirectory gives names as the settings in force permit: none, those of the
// hosts file, or those of DNS too.
func newDirectory(s *server.Server) *resolve.Directory {
	by := func() store.NamesBy {
		in, _ := s.Settings()
		return in.NamesBy
	}
	return &resolve.Directory{
		HostsFile: resolve.HostsFile, Changed: s.Touch,
		AskDNS: func() bool { return by() == store.NamesByResolver },
	}
}

// namesOf is what the API asks for names.
func namesOf(s *server.Server, d *resolve.Directory) func(netip.Addr) string {
	return func(a netip.Addr) string {
		if in, _ := s.Settings(); in.NamesBy == store.NamesByNobody {
			return ""
		}
		return d.Name(a)
	}
}
