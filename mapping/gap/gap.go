// Package gap finds what runs and is not monitored, and writes the object
// definitions for Nagios and Icinga 2 that would monitor it.
package gap

import (
	"slices"

	"github.com/devops-trouble-map/dotm/topology"
)

// Gap is a node where something is not monitored.
type Gap struct {
	Node string
	Kind topology.NodeKind
	// Monitored says that checks are on it, or on services of it.
	Monitored bool
	// Hosts are the names under which monitoring knows it, sorted.
	Hosts []string
	// Services are those that no check is on, by id, sorted.
	Services []string
}

// Options say what counts.
type Options struct {
	// Source is the name of the only source whose checks count; empty is all.
	Source string
	// Ignore leaves out services that nobody wants to monitor; nil leaves out none.
	Ignore func(*topology.Service) bool
	// HostTemplate and ServiceTemplate are what definitions build on; empty is
	// generic-host and generic-service, with which both systems come.
	HostTemplate, ServiceTemplate string
}

// Find lists the nodes that no check is on, or with services that no check is on, by
// name. Services that stopped listening and dotm's own don't count, nor do networks.
// Containers are monitored on their host: they are listed for their services only.
func Find(snap *topology.Snapshot, opt Options) (out []Gap) {
	for b := range snap.Blocks() {
		if b.Node.Kind == topology.Network || b.Node.Kind == topology.Internet {
			continue
		}
		g := find(b, opt)
		lonely := !g.Monitored && b.Node.Kind != topology.Container && !onlyOwn(b)
		if lonely || len(g.Services) > 0 {
			out = append(out, g)
		}
	}
	return out
}

func find(b *topology.Block, opt Options) Gap {
	g := Gap{Node: b.Node.Name, Kind: b.Node.Kind}
	checked := map[string]bool{}
	for i := range b.Checks {
		c := &b.Checks[i]
		if c.Signal != nil || opt.Source != "" && c.Source != opt.Source { // nobody monitors that
			continue
		}
		g.Monitored = true
		checked[c.Service] = true
		g.Hosts = append(g.Hosts, c.Host)
	}
	slices.Sort(g.Hosts)
	g.Hosts = slices.Compact(g.Hosts)
	for i := range b.Services {
		s := &b.Services[i]
		if !checked[s.ID] && s.State != topology.Gone && !s.Own && (opt.Ignore == nil || !opt.Ignore(s)) {
			g.Services = append(g.Services, s.ID)
		}
	}
	return g
}

// onlyOwn says whether a node is known for nothing but dotm's own services: a server
// or relay that doesn't report itself.
func onlyOwn(b *topology.Block) bool {
	return len(b.Services) > 0 && b.Node.Kind == topology.Inferred && !slices.ContainsFunc(b.Services, func(s topology.Service) bool { return !s.Own })
}
