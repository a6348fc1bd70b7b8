package zabbix

import (
	"context"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

const (
	// hostsAtOnce is of how many hosts the triggers are asked for with one call: PHP
	// needs memory for all of an answer, and often has 128 MiB.
	hostsAtOnce = 100
	// gatherWithin is how long what was read of an inventory counts until it is complete.
	gatherWithin = time.Hour
	// maxDependencies is the most that are kept.
	maxDependencies = 1_000_000
)

// inventory are the hosts and triggers of a Zabbix.
type inventory struct {
	read  time.Time     // when that was begun
	took  time.Duration // how long it took
	todo  []uint64      // hosts whose triggers are still to be read
	hosts []*host
	// triggers are in the order of their IDs, once all are read.
	triggers     []*trigger
	byHost       map[uint64]*host
	byID         map[uint64]*trigger
	dependencies []monitor.Dependency

	// strangers are triggers that have problems and were not found: of hosts that are
	// disabled by now.
	strangers map[uint64]bool
}

// gather reads all hosts and triggers. What it could not read in the time that it had,
// it goes on with the next time; nil if that is to be.
func (s *Source) gather(ctx context.Context, until time.Time) (*inventory, error) {
	begin := s.now()
	g := s.gathering
	if g == nil || begin.Sub(g.read) > gatherWithin {
		g = &inventory{read: begin, byHost: map[uint64]*host{}, byID: map[uint64]*trigger{}, strangers: map[uint64]bool{}}
		if err := s.gatherHosts(ctx, g); err != nil {
			return nil, err
		}
		s.gathering = g
	}
	if err := s.gatherTriggers(ctx, g, until); err != nil || len(g.todo) > 0 {
		g.took += s.now().Sub(begin)
		return nil, err
	}
	if err := s.steadyNames(ctx, g); err != nil {
		return nil, err
	}
	s.gathering = nil
	g.finish(s.pages(), s.api.speaks())
	g.took += s.now().Sub(begin)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inv = g
	return g, nil
}

func (s *Source) gatherHosts(ctx context.Context, g *inventory) (err error) {
	if g.hosts, err = s.hosts(ctx); err != nil {
		return err
	}
	for _, h := range g.hosts {
		g.byHost[h.id] = h
		g.todo = append(g.todo, h.id)
	}
	return nil
}

// gatherTriggers reads the triggers of the hosts that are still to be done, of some at
// least.
func (s *Source) gatherTriggers(ctx context.Context, g *inventory, until time.Time) error {
	r := newReader(g.hosts)
	for first := true; len(g.todo) > 0 && (first || s.now().Before(until)); first = false {
		some := g.todo[:min(hostsAtOnce, len(g.todo))]
		_, err := s.api.call(ctx, list("trigger.get", triggerQuery(some), func(j *monitor.JSON) error {
			t, err := r.read(j)
			if err != nil {
				return err
			}
			return g.keep(t)
		}))
		if err != nil {
			return err
		}
		g.todo = g.todo[len(some):]
	}
	return nil
}

// keep takes a trigger in. One of several hosts is read with each of them.
func (g *inventory) keep(t *trigger) error {
	if g.byID[t.id] != nil {
		return nil
	}
	g.byID[t.id] = t
	g.triggers = append(g.triggers, t)
	return monitor.Room(len(g.hosts), len(g.triggers))
}

// steadyNames finds the triggers that are called otherwise with each value, and calls
// them as they are called whatever that is.
func (s *Source) steadyNames(ctx context.Context, g *inventory) error {
	if len(g.triggers) == 0 {
		return nil
	}
	params := map[string]any{"output": []string{"triggerid", "description"}, "monitored": true, "search": map[string]string{"description": "{ITEM."}}
	_, err := s.api.call(ctx, list("trigger.get", params, func(j *monitor.JSON) error {
		var (
			id  uint64
			raw string
		)
		err := j.Fields(func(name []byte, v monitor.Value) (err error) {
			switch string(name) {
			case "triggerid":
				id, err = ident(v)
			case "description":
				raw, err = text(v, monitor.MaxName)
			}
			return err
		})
		if t := g.byID[id]; err == nil && t != nil {
			if name := steady(raw, t.name); name != t.name {
				t.said, t.name = t.name, name
			}
		}
		return err
	}))
	return err
}

// finish puts in order what was read.
func (g *inventory) finish(pages string, v version) {
	for _, t := range g.triggers {
		known := t.hosts[:0]
		for _, h := range t.hosts {
			if g.byHost[h] != nil && !slices.Contains(known, h) {
				known = append(known, h)
			}
		}
		t.hosts = known
	}
	distinct(g.triggers)
	for _, t := range g.triggers {
		t.link = triggerPage(pages, v, t.id)
		g.depend(t)
	}
	for _, h := range g.hosts {
		h.host.Link = hostPage(pages, v, h.id)
	}
}

// depend notes what a trigger depends on: that is hidden while the other is a problem.
func (g *inventory) depend(t *trigger) {
	for _, id := range t.needs {
		parent := g.byID[id]
		if parent == nil {
			continue
		}
		for _, h := range t.hosts {
			for _, p := range parent.hosts {
				if len(g.dependencies) < maxDependencies {
					g.dependencies = append(g.dependencies, monitor.Dependency{
						Host: g.byHost[h].host.Name, Name: t.name, ParentHost: g.byHost[p].host.Name, ParentName: parent.name,
					})
				}
			}
		}
	}
}

// find are the triggers that a check may be.
func (g *inventory) find(hostName, name string) (ids []uint64) {
	for _, t := range g.triggers {
		if t.name != name {
			continue
		}
		for _, h := range t.hosts {
			if g.byHost[h].host.Name == hostName {
				ids = append(ids, t.id)
			}
		}
	}
	return ids
}

// lacks says whether there are problems of triggers that were not there when all were
// read.
func (g *inventory) lacks(st *state) bool {
	for id := range st.problems {
		if g.byID[id] == nil && !g.strangers[id] {
			return true
		}
	}
	return false
}

// stranger notes the problems of triggers that are not there: they are not looked for
// again.
func (g *inventory) stranger(st *state) {
	for id := range st.problems {
		if g.byID[id] == nil {
			g.strangers[id] = true
		}
	}
}
