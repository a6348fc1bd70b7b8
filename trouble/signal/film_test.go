package signal

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const every = 10 * time.Second

// film is a site over time, and what is told of it.
type film struct {
	t      *testing.T
	memory *Memory
	rules  Rules
	at     time.Time
	blocks map[string]*topology.Block
	mute   map[string]bool               // who doesn't report
	left   map[string]topology.NodeState // what those said of it
	on     map[string]topology.Check
	checks map[string]topology.Check // of monitoring, by id
	told   []string                  // what began and ended, with when
}

func newFilm(t *testing.T, names ...string) *film {
	f := &film{
		t: t, memory: New(), rules: Defaults(), at: noon, blocks: map[string]*topology.Block{},
		mute: map[string]bool{}, left: map[string]topology.NodeState{}, on: map[string]topology.Check{}, checks: map[string]topology.Check{},
	}
	for _, name := range names {
		f.blocks[name] = &topology.Block{Node: topology.Node{
			Name: name, Kind: topology.Host, State: topology.Reporting, Interval: topology.Duration(every), LastReport: noon,
		}}
	}
	return f
}

// listen adds a service to a node.
func (f *film) listen(node, process string, port uint16) *topology.Service {
	b := f.blocks[node]
	b.Services = append(b.Services, topology.Service{
		ID: topology.ServiceID(node, "tcp", port, netip.Addr{}), Node: node, Protocol: "tcp", Port: port, Process: process, State: topology.Listening,
	})
	return &b.Services[len(b.Services)-1]
}

// call adds an edge with an open connection, and returns its id.
func (f *film) call(node, process, server string, port uint16) string {
	b := f.blocks[node]
	c := topology.Connection{
		Client: topology.Client{Node: node, Process: process}, Protocol: "tcp", Count: 1, Opened: 1, Directed: true, Status: topology.Fresh,
		Server: topology.Server{Node: server, Port: port},
	}
	if s := f.blocks[server]; s != nil {
		if id := topology.ServiceID(server, "tcp", port, netip.Addr{}); s.Service(id) != nil {
			c.Server.Service = id
		}
	}
	c.ID = topology.ConnectionID(&c)
	b.Connections = append(b.Connections, &c)
	slices.SortFunc(b.Connections, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
	return c.ID
}

// edge is one that may be changed.
func (f *film) edge(id string) *topology.Connection {
	for _, b := range f.blocks {
		if i := slices.IndexFunc(b.Connections, func(c *topology.Connection) bool { return c.ID == id }); i >= 0 {
			return b.Write(i)
		}
	}
	f.t.Fatalf("no edge %s", id)
	return nil
}

// health is what is measured on an edge.
func (f *film) health(id string) *topology.Health {
	c := f.edge(id)
	h := topology.Health{End: "client"}
	if c.Health != nil {
		h = *c.Health
	}
	c.Health = &h
	return c.Health
}

// snapshot is how the site is, with the checks that were told.
func (f *film) snapshot() *topology.Snapshot {
	var list []*topology.Block
	for name, b := range f.blocks {
		next := b.Clone()
		if b.Node.Kind == topology.Host && !f.mute[name] {
			b.Node.LastReport, b.Node.State = f.at, topology.Reporting
		} else if state := f.left[name]; state != "" {
			b.Node.State = state
		} else if b.Node.Kind == topology.Host && f.at.Sub(b.Node.LastReport) > time.Minute {
			b.Node.State = topology.Stale
		}
		next.Node = b.Node
		next.Checks = nil
		for _, checks := range []map[string]topology.Check{f.on, f.checks} {
			for _, c := range checks {
				if c.Node == name {
					next.Checks = append(next.Checks, c)
				}
			}
		}
		next.SetChecks(next.Checks)
		list = append(list, next)
	}
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, f.at, list)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// look shows the memory how the site is, and notes what it tells.
func (f *film) look() {
	n := f.memory.Look(f.snapshot(), f.rules, f.at)
	for _, c := range n.Gone {
		if _, ok := f.on[c.ID]; !ok {
			f.t.Fatalf("%s ends and never began", c.Name)
		}
		delete(f.on, c.ID)
		f.told = append(f.told, fmt.Sprintf("%s -%s", f.at.Sub(noon), c.Name))
	}
	for _, c := range n.Checks {
		if _, ok := f.on[c.ID]; !ok {
			f.told = append(f.told, fmt.Sprintf("%s +%s", f.at.Sub(noon), c.Name))
		}
		if c.ID != topology.CheckID(topology.SignalSource, c.Host, c.Name) || c.Signal == nil || c.Source != topology.SignalSource || !c.Hard || !c.Status.Bad() {
			f.t.Fatalf("no check of a signal: %+v", c)
		}
		f.on[c.ID] = c
	}
}

// pass lets the site report so many times, with what happens before each.
func (f *film) pass(times int, happens func(i int)) {
	for i := range times {
		f.at = f.at.Add(every)
		if happens != nil {
			happens(i)
		}
		f.look()
	}
}

// wants demands what was told since the last time.
func (f *film) wants(want ...string) {
	f.t.Helper()
	if !slices.Equal(f.told, want) {
		f.t.Errorf("told\n  %s\nwant\n  %s", strings.Join(f.told, "\n  "), strings.Join(want, "\n  "))
	}
	f.told = nil
}

// only is the one signal that is on.
func (f *film) only() topology.Check {
	f.t.Helper()
	if len(f.on) != 1 {
		f.t.Fatalf("%d signals are on: %v", len(f.on), f.on)
	}
	for _, c := range f.on {
		return c
	}
	panic("unreachable")
}

func (f *film) says(want string) topology.Check {
	f.t.Helper()
	c := f.only()
	if c.Output != want {
		f.t.Errorf("says %q\nwant %q", c.Output, want)
	}
	return c
}
