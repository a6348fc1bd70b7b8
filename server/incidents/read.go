package incidents

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble"
	"github.com/devops-trouble-map/dotm/trouble/chart"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// alertsOf are the bad checks of a snapshot, with what their sources said.
func alertsOf(snap *topology.Snapshot) []incident.Alert {
	list := chart.Alerts(snap)
	if len(list) == 0 {
		return nil
	}
	checks := make(map[string]*topology.Check, len(list))
	for b := range snap.Blocks() {
		for i := range b.Checks {
			if c := &b.Checks[i]; c.Status.Bad() {
				checks[c.ID] = c
			}
		}
	}
	out := make([]incident.Alert, 0, len(list))
	for i := range list {
		a := incident.Alert{Alert: list[i]}
		if c := checks[a.ID]; c != nil {
			a.Source, a.Host, a.Kind, a.Output, a.How = c.Source, c.Host, c.Kind, c.Output, handling(c)
		}
		out = append(out, a)
	}
	return out
}

// handling says in words how a check is handled, and why it may not be true.
func handling(c *topology.Check) (how []string) {
	for _, h := range []struct {
		is   bool
		word string
	}{
		{c.Acknowledged, "acknowledged"},
		{c.Downtime, "in downtime"},
		{c.Flapping, "flapping"},
		{!c.Hard, "soft"},
		{c.Suppressed, "suppressed"},
		{c.Stale, "stale"},
	} {
		if h.is {
			how = append(how, h.word)
		}
	}
	return how
}

// looked is when checks were last looked at, as of a moment.
type looked struct {
	checks map[string]time.Time
	at     time.Time
}

// lookedEvery is how often that is asked for.
const lookedEvery = time.Second

func (l *looked) of(site Site, at time.Time) map[string]time.Time {
	if l.checks == nil || at.Sub(l.at) >= lookedEvery {
		l.checks, l.at = site.Looked(), at
	}
	return l.checks
}

// graphOf makes the graph of a snapshot. Services of the nodes of one pool, on one port,
// stand in for each other, unless one of them uses another: then they have parts to play,
// as a primary and its replicas have.
func graphOf(snap *topology.Snapshot, roles *grouping.Roles) (*trouble.Graph, error) {
	parts := map[string]bool{}
	for b := range snap.Blocks() {
		for i := range b.Connections {
			c := b.Connections[i]
			from, to := roles.PoolOf(c.Client.Node), roles.PoolOf(c.Server.Node)
			if from != nil && from == to && c.Client.Service != "" && !c.Own && !c.Observer {
				parts[poolOf(from, c.Protocol, c.Server.Port)] = true
			}
		}
	}
	return chart.Graph(snap, func(s *topology.Service) string {
		if p := roles.PoolOf(s.Node); p != nil {
			if id := poolOf(p, s.Protocol, s.Port); !parts[id] {
				return id
			}
		}
		return ""
	})
}

func poolOf(p *grouping.Pool, protocol topology.Protocol, port uint16) string {
	return fmt.Sprintf("%s~%s~%d", p.ID, protocol, port)
}

// graph is the newest one that was made. Making it costs what the site has edges, and
// what needs what changes slowly, so it may lag behind.
type graph struct {
	made *trouble.Graph
	snap *topology.Snapshot
	at   time.Time
	cost time.Duration
}

// of is a graph that knows all that is in trouble.
func (g *graph) of(snap *topology.Snapshot, roles *grouping.Roles, alerts []incident.Alert) *trouble.Graph {
	rest := max(graphEvery, rare*g.cost)
	if g.made != nil && !g.knows(alerts) {
		rest = max(pause, slow*g.cost)
	}
	if g.made != nil && (g.snap == snap || time.Since(g.at) < rest) {
		return g.made
	}
	begin := time.Now()
	made, err := graphOf(snap, roles)
	if err != nil { // ids are unique in a snapshot
		made = &trouble.Graph{}
	}
	*g = graph{made, snap, time.Now(), time.Since(begin)}
	return made
}

func (g *graph) knows(alerts []incident.Alert) bool {
	for i := range alerts {
		if _, ok := g.made.Index(alerts[i].Component); !ok && alerts[i].Stray == "" {
			return false
		}
	}
	return true
}

// Name says what a component is on a chart.
func Name(snap *topology.Snapshot, g *trouble.Graph, component string) incident.Ref {
	ref := incident.Ref{Component: component, Name: component}
	if c, ok := g.Component(component); ok && c.Name != "" {
		ref.Name = c.Name
	}
	node, process, program := strings.Cut(component, "\x00")
	switch s := snap.Service(component); {
	case program && node != "":
		ref.Node, ref.Process = node, process
		ref.Name = cmp.Or(ref.Name, node+" "+process)
	case program: // a zone
	case s != nil:
		ref.Node, ref.Service = s.Node, s.ID
	case snap.Block(component) != nil:
		ref.Node = component
	}
	return ref
}
