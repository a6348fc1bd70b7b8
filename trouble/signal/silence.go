package signal

import (
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// together is how far apart nodes of a zone may have reported last that fell silent at
// once.
const together = time.Minute

// crew are nodes of a zone that fell silent at once. What is told of them is told once
// they were silent for long enough: one signal each, or one for all if they are many.
type crew struct {
	zone        string
	first, last time.Time // of their last reports
	since       time.Time // when silence was noted
	members     map[string]bool
	name        string    // of the member that the one signal is on; empty: one each
	eased       time.Time // when one of them spoke last
	told        bool
}

// resumedCrew is the crew of a signal that a snapshot has.
func resumedCrew(n *topology.Node, c *topology.Check) *crew {
	g := &crew{zone: n.Zone, first: n.LastReport, last: n.LastReport, members: map[string]bool{n.Name: true}, told: true, since: c.Since}
	if c.Signal.Nodes > 1 {
		g.name = n.Name
	}
	return g
}

// mute says whether a node owes a report: a host that was to tell again.
func mute(b *topology.Block) bool {
	return b != nil && b.Node.State == topology.Stale && b.Node.Kind == topology.Host && b.Node.Interval > 0
}

// silence judges which nodes are silent.
func (m *Memory) silence(s *topology.Snapshot, now time.Time) {
	if m.rules[topology.SignalSilent].Off {
		return
	}
	in := map[string]bool{}
	for _, g := range m.crews {
		for name := range g.members {
			switch {
			case mute(s.Block(name)):
				in[name] = true
			case g.name == "":
				m.drop(key{topology.SignalSilent, name})
				fallthrough
			default:
				delete(g.members, name)
				g.eased = now
			}
		}
		if len(g.members) == 0 {
			m.drop(key{topology.SignalSilent, g.name})
		}
	}
	m.crews = slices.DeleteFunc(m.crews, func(g *crew) bool { return len(g.members) == 0 })
	for block := range s.Blocks() {
		if mute(block) && !in[block.Node.Name] {
			m.joins(&block.Node, now)
		}
	}
	for _, g := range m.crews {
		if now.Sub(g.since) >= time.Duration(m.rules[topology.SignalSilent].For) {
			m.tellCrew(s, g, now)
		}
	}
}

func least(names map[string]bool) (first string) {
	for name := range names {
		if first == "" || name < first {
			first = name
		}
	}
	return first
}

// joins puts a silent node into the crew that fell silent with it.
func (m *Memory) joins(n *topology.Node, now time.Time) {
	for _, g := range m.crews {
		if g.zone != n.Zone || g.told && g.name == "" || n.LastReport.Before(g.last.Add(-together)) || n.LastReport.After(g.first.Add(together)) {
			continue
		}
		g.members[n.Name] = true
		g.first, g.last = earlier(g.first, n.LastReport), later(g.last, n.LastReport)
		return
	}
	m.crews = append(m.crews, &crew{zone: n.Zone, first: n.LastReport, last: n.LastReport, since: now, members: map[string]bool{n.Name: true}})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// tellCrew tells what is said of a crew.
func (m *Memory) tellCrew(s *topology.Snapshot, g *crew, now time.Time) {
	if !g.told {
		g.told = true
		if float64(len(g.members)) >= m.rules[topology.SignalSilent].Limit {
			g.name = least(g.members)
		}
	}
	if g.name != "" && !g.members[g.name] { // it spoke; while others do, the signal stays
		if now.Sub(g.eased) < together {
			return
		}
		m.drop(key{topology.SignalSilent, g.name})
		g.name = least(g.members)
	}
	names := make([]string, 0, len(g.members))
	for name := range g.members {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	for _, name := range names {
		if g.name != "" && name != g.name {
			continue
		}
		k, block := key{topology.SignalSilent, name}, s.Block(name)
		is := m.latches[k]
		if is == nil {
			is = &latch{holder: name, on: true, began: g.last, fine: g.last}
			m.put(k, is)
		}
		c := silentCheck(&block.Node, g, names)
		if is.check.ID == "" || is.check.Output != c.Output {
			m.announce(k, is, c, now)
		}
	}
}
