package watch

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/topology"
)

// Checks are the newest results of all sources, by node, service and name, those
// without a node last.
func (b *Board) Checks(keep func(*topology.Check) bool) []topology.Check {
	b.mu.Lock()
	var out []topology.Check
	for _, s := range b.sources {
		for c := range s.all() {
			if keep(&c.Check.Check) {
				out = append(out, c.Check.Check)
			}
		}
	}
	b.mu.Unlock()
	Sort(out)
	return out
}

// Looked is when each check was last looked at, by id.
func (b *Board) Looked() map[string]time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]time.Time{}
	for _, s := range b.sources {
		for c := range s.all() {
			out[c.ID] = c.LastCheck
		}
	}
	return out
}

// Sort puts checks in the order of nodes and names, those without a node last.
func Sort(list []topology.Check) {
	slices.SortFunc(list, func(x, y topology.Check) int {
		if (x.Node == "") != (y.Node == "") {
			return strings.Compare(y.Node, x.Node)
		}
		return cmp.Or(cmp.Compare(x.Node, y.Node), cmp.Compare(x.Host, y.Host), cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
}

// Try maps what a reading says without keeping it, and counts its hosts and the
// checks that are of no node.
func (b *Board) Try(r *monitor.Reading) (hosts, unmapped int) {
	s := &source{hosts: r.Hosts, shelf: newShelf(map[string][]*check{})}
	for i := range r.Checks {
		c := &check{Check: r.Checks[i]}
		if old := s.get(key{c.Host, c.Name}); old != nil {
			s.drop(old)
		}
		s.put(c)
	}
	all := s.allHosts()
	b.mu.Lock()
	m := mapping.New(b.Topology.Snapshot(), b.rules, all)
	b.mu.Unlock()
	for c := range s.all() {
		if m.Check(&c.Check); c.Node == "" {
			unmapped++
		}
	}
	return len(all), unmapped
}

// States are those of all sources, by name.
func (b *Board) States() []monitor.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]monitor.State, 0, len(b.sources))
	for _, s := range b.sources {
		st := s.state
		st.Error, st.LastRead, st.Watching = monitor.ProblemOf(s.failed), s.read, s.watching
		st.Notes = slices.Clone(st.Notes)
		st.Checks, st.BuiltIn = s.len(), s.own()
		hosts := map[string]bool{}
		for host := range s.byHost {
			hosts[host] = true
		}
		for c := range s.all() {
			if c.Node == "" {
				st.Unmapped++
			}
		}
		for i := range s.hosts {
			hosts[s.hosts[i].Name] = true
		}
		delete(hosts, "")
		st.Hosts = len(hosts)
		if a, ok := s.from.(monitor.Acknowledger); ok && s.opt.Acknowledge {
			st.Acknowledges = a.Acknowledges()
		}
		out = append(out, st)
	}
	slices.SortFunc(out, func(x, y monitor.State) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// Astray is a bad check of a host that is no node, with the reason why it is none.
type Astray struct {
	topology.Check
	Why string
}

// Astray are the bad checks of hosts that are no nodes of a snapshot, by host and name,
// and the sources that were not heard, and mapped, since this server reads them: of what
// they said before nothing is known. What was astray is until the snapshot has it on a node. The list
// must not be written.
func (b *Board) Astray(snap *topology.Snapshot) (list []Astray, unheard []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, s := range b.sources {
		if !s.placed && !s.own() {
			unheard = append(unheard, name)
		}
	}
	if b.strayed {
		return b.astray, unheard
	}
	was := map[string]string{}
	for i := range b.astray {
		was[b.astray[i].ID] = b.astray[i].Why
	}
	b.astray, b.strayed = nil, true
	for _, s := range b.sources {
		list, moving := s.astray(snap, was)
		b.astray = append(b.astray, list...)
		b.strayed = b.strayed && !moving
	}
	slices.SortFunc(b.astray, func(x, y Astray) int {
		return cmp.Or(cmp.Compare(x.Host, y.Host), cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	return b.astray, unheard
}

// astray are the bad checks that were looked for a node, and have none; was are those of
// the time before, with the reasons. moving says that some of these are on their way to one.
func (s *source) astray(snap *topology.Snapshot, was map[string]string) (out []Astray, moving bool) {
	if s.mapper == nil {
		return nil, false
	}
	unplaced := map[*check]bool{}
	for _, c := range s.unplaced {
		unplaced[c] = true
	}
	for c := range s.bad {
		why, there := was[c.ID]
		switch {
		case c.Host == "":
			continue
		case c.Node != "" && there && !has(snap.Block(c.Node), c.ID):
			moving = true
		case c.Node != "", unplaced[c] && !there:
			continue
		default:
			if m := s.mapper.Host(c.Host).Mapping; m != nil {
				why = m.Evidence
			}
		}
		out = append(out, Astray{c.Check.Check, why})
	}
	return out, moving
}

// has says whether a check is on a node; it isn't on none.
func has(block *topology.Block, id string) bool {
	return block != nil && slices.ContainsFunc(block.Checks, func(c topology.Check) bool { return c.ID == id })
}

// Strays are the monitored hosts that are no nodes, by source and name.
func (b *Board) Strays() []monitor.Stray {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []monitor.Stray{}
	for name, s := range b.sources {
		if s.mapper == nil {
			continue
		}
		listed := map[string]bool{}
		for _, stray := range s.mapper.Strays() {
			listed[stray.Host.Name] = true
			out = append(out, monitor.Stray{
				Source: name, Host: stray.Host.Name, Addresses: stray.Host.Addresses, Checks: len(s.byHost[stray.Host.Name]), Mapping: stray.Mapping,
			})
		}
		// Hosts that came with a result, after the mapper was made.
		for host, list := range s.byHost {
			if place := s.mapper.Host(host); host != "" && !listed[host] && place.Node == "" {
				out = append(out, monitor.Stray{Source: name, Host: host, Checks: len(list), Mapping: place.Mapping})
			}
		}
	}
	slices.SortFunc(out, func(x, y monitor.Stray) int {
		return cmp.Or(cmp.Compare(x.Source, y.Source), cmp.Compare(x.Host, y.Host))
	})
	return out
}
