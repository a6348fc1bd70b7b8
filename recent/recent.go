// Package recent remembers the numbers of the last hour: how many connections of a
// node or a service were open, how many attempts failed, what the kernel measured.
//
// One point stands for [Step]. What was not seen has no number, which is not zero.
// It is what a sparkline needs and no more: nothing of it is stored, and a server
// that starts begins anew.
package recent

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// What is kept, and of how many. 10,000 nodes with five services each take
// 10,000 × 2.9 KiB + 50,000 × 1 KiB, about 80 MiB.
const (
	// Step is the time from one point to the next.
	Step = 30 * time.Second
	// Points is how many there are of each number: an hour.
	Points = 120
	// MaxNodes and MaxServices are of how many there are points; nobody remembers
	// the others.
	MaxNodes    = 12_000
	MaxServices = 60_000
)

// quiet is how long a node may say nothing, beyond twice its interval, until its
// numbers are no longer known.
const quiet = time.Minute

// Memory has the numbers. The zero value is empty. It is for one goroutine at a time.
type Memory struct {
	nodes         map[string]*host
	services      int   // of all nodes
	first, newest int64 // slots; newest is 0 while there is none
}

// host is a node with its services: one search finds both.
type host struct {
	track
	services map[string]*track
}

// slotOf numbers the steps of time.
func slotOf(at time.Time) int64 { return at.UnixNano() / int64(Step) }

// Next is when the step after the one of a moment begins.
func Next(at time.Time) time.Time { return time.Unix(0, (slotOf(at)+1)*int64(Step)) }

// Take remembers the numbers of a snapshot for the step that a moment is in. A step
// that has its numbers keeps them; steps that were left out have none.
func (m *Memory) Take(s *topology.Snapshot, at time.Time) {
	slot := slotOf(at)
	if slot <= m.newest {
		return
	}
	if m.newest == 0 || slot-m.newest >= Points {
		m.nodes, m.services, m.first = map[string]*host{}, 0, slot
	}
	m.clear(slot)
	m.add(s)
	m.settle(s, slot, at)
	m.newest = slot
}

// Hold repeats the newest points up to the step before the one of a moment, where it
// is known that nothing changed and no attempt failed meanwhile.
func (m *Memory) Hold(until time.Time) {
	end := slotOf(until)
	if m.newest == 0 || end-m.newest >= Points {
		return // it would forget all of it anyway
	}
	for slot := m.newest + 1; slot < end; slot++ {
		m.clear(slot)
		for _, h := range m.nodes {
			h.hold(slot)
			for _, t := range h.services {
				t.hold(slot)
			}
		}
		m.newest = slot
	}
}

// clear makes room for the points up to a slot, and forgets who has none left.
func (m *Memory) clear(slot int64) {
	for name, h := range m.nodes {
		if slot-h.last >= Points {
			m.services -= len(h.services)
			delete(m.nodes, name)
			continue
		}
		h.clear(m.newest, slot)
		for id, t := range h.services {
			if slot-t.last >= Points {
				m.services--
				delete(h.services, id)
				continue
			}
			t.clear(m.newest, slot)
		}
	}
}

// add sums up the connections of a snapshot by node and service.
func (m *Memory) add(s *topology.Snapshot) {
	for b := range s.Blocks() {
		holder := m.host(b.Node.Name)
		for i := range b.Connections {
			c := b.Connections[i]
			client, server := holder, holder
			if c.Client.Node != b.Node.Name {
				client = m.host(c.Client.Node)
			}
			if c.Server.Node != b.Node.Name {
				server = m.host(c.Server.Node)
			}
			if client != nil {
				client.now.add(c, true)
			}
			if server == nil {
				continue
			}
			if server != client {
				server.now.add(c, false)
			}
			if t := m.service(server, c); t != nil {
				t.now.add(c, false)
			}
		}
	}
}

func (m *Memory) host(name string) *host {
	h := m.nodes[name]
	if h == nil && len(m.nodes) < MaxNodes {
		h = &host{}
		m.nodes[name] = h
	}
	return h
}

// service is the track of the called one; what was never called has none.
func (m *Memory) service(h *host, c *topology.Connection) *track {
	if c.Server.Service == "" {
		return nil
	}
	t := h.services[c.Server.Service]
	if t == nil && c.Count > 0 && m.services < MaxServices {
		if t = (&track{plain: true}); h.services == nil {
			h.services = map[string]*track{}
		}
		h.services[c.Server.Service] = t
		m.services++
	}
	return t
}

// settle writes the points of those of whom something is known.
func (m *Memory) settle(s *topology.Snapshot, slot int64, at time.Time) {
	for b := range s.Blocks() {
		if !known(s, &b.Node, at) {
			continue
		}
		if h := m.nodes[b.Node.Name]; h != nil {
			h.settle(slot)
			for _, t := range h.services {
				t.settle(slot)
			}
		}
	}
}

// known says whether the numbers of a node are those of a moment: it reports, or it
// never does and one who sees it reports.
func known(s *topology.Snapshot, n *topology.Node, at time.Time) bool {
	if n.State != topology.Unheard {
		return heard(n, at)
	}
	if len(n.SeenBy) == 0 {
		return n.Kind == topology.Virtual
	}
	return slices.ContainsFunc(n.SeenBy, func(name string) bool {
		b := s.Block(name)
		return b != nil && heard(&b.Node, at)
	})
}

func heard(n *topology.Node, at time.Time) bool {
	return n.State == topology.Reporting && at.Sub(n.LastReport) <= quiet+2*time.Duration(n.Interval)
}

// Hour is what is remembered of a node and its services.
type Hour struct {
	// From is the moment of the first point of each series.
	From time.Time
	Node Series
	// Services are those that had a connection within the hour, by id.
	Services map[string]Series
}

// Of tells what is remembered of a node and of its services; false if nothing is.
func (m *Memory) Of(node string, services []topology.Service) (Hour, bool) {
	n := m.nodes[node]
	if n == nil {
		return Hour{}, false
	}
	from := max(m.first, m.newest-Points+1)
	h := Hour{From: time.Unix(0, from*int64(Step)), Node: n.series(from, m.newest), Services: map[string]Series{}}
	for i := range services {
		if t := n.services[services[i].ID]; t != nil {
			h.Services[services[i].ID] = t.series(from, m.newest)
		}
	}
	return h, true
}
