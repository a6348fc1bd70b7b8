// Package signal finds trouble in what the sockets show, with no monitoring system:
// dependencies that refuse or don't answer, queues that are full, round trips far off
// what is usual, what stopped, fell silent or is gone.
//
// [Memory.Look] is given one snapshot after the other, and tells which signals begin,
// hold and end, as checks of [topology.SignalSource]. What a signal says is what reports
// said in a row for long enough; what is not reported says nothing, so that blindness is
// no signal, except that of a node which fell silent. Observers and dotm's own
// connections count for nothing. docs/trouble.md has the limits and their reasons.
//
// The package is pure: no I/O, no clock, no randomness.
package signal

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// The bounds of what is remembered and told.
const (
	// MaxEdges is of how many edges it is known what is usual; each takes about 40
	// bytes. Those of the nodes that come later have no signals.
	MaxEdges = 1_000_000
	// maxTold is how many signals are told at once, and maxAbout how many of one kind
	// about one service or node: of 200 clients that are refused, 20 say it.
	maxTold  = 5_000
	maxAbout = 20
)

// News is what a look found.
type News struct {
	// Checks are those of signals that began, or hold and say something else than
	// before, by node and name; Gone those of signals that ended.
	Checks, Gone []topology.Check
}

// Memory is what is known of a site. The zero value is not usable, see [New]. It is for
// one goroutine.
type Memory struct {
	given   Rules // as the caller has them
	rules   Rules // of all kinds
	limits  limits
	nodes   map[string]*node
	kept    map[string]memories // of nodes that were not seen since they were kept
	latches map[key]*latch
	counts  map[topology.SignalKind]int // of latches
	told    map[about]int
	total   int // of those told
	edges   int
	crews   []*crew
	resumed bool
	// answers are when services were found to answer again, by their ids.
	answers map[string]time.Time

	snap *topology.Snapshot
	news map[key]bool // true: ended
	gone map[key]topology.Check
}

// limits are those that every edge is held against.
type limits struct {
	retransmits, closeWait float64
	octaves                float64 // of round trips
	days                   float64
}

// about is what signals of a kind are counted by.
type about struct {
	kind          topology.SignalKind
	node, service string
}

// node is what is known of a node, as of its last look.
type node struct {
	block   *topology.Block
	looked  time.Time // the report that was seen last
	edges   []edge    // as block.Connections; nil where there are too many
	stopped map[string]*stop
}

// New makes a memory of nothing.
func New() *Memory {
	return &Memory{
		nodes: map[string]*node{}, kept: map[string]memories{}, latches: map[key]*latch{},
		counts: map[topology.SignalKind]int{}, told: map[about]int{}, answers: map[string]time.Time{},
	}
}

// Edges is of how many edges something is known.
func (m *Memory) Edges() int { return m.edges }

// Look takes in a snapshot as of now. The first one is resumed from: the signals that
// it has go on. It costs what changed: nodes that did not report since are not looked at.
func (m *Memory) Look(s *topology.Snapshot, rules Rules, now time.Time) News {
	m.snap, m.news, m.gone = s, map[key]bool{}, map[key]topology.Check{}
	m.obey(rules)
	if !m.resumed {
		m.resumed = true
		m.resume(s)
	}
	m.hearken(s)
	for block := range s.Blocks() {
		n := m.nodes[block.Node.Name]
		switch {
		case n == nil:
			m.meet(block)
		case n.block == block:
		case block.Node.LastReport.After(n.looked):
			m.look(n, block)
		default:
			m.follow(n, block)
			n.block = block
		}
	}
	if len(m.nodes) > s.Len() {
		m.forget(s)
	}
	m.silence(s, now)
	m.blind(s)
	return m.tell()
}

// obey puts rules in force. Signals that are not looked for any more end.
func (m *Memory) obey(rules Rules) {
	if m.rules != nil && maps.Equal(m.given, rules) {
		return
	}
	m.given, m.rules = maps.Clone(rules), rules.Over(Defaults())
	m.limits = limits{
		retransmits: m.rules[topology.SignalRetransmits].Limit, closeWait: m.rules[topology.SignalCloseWait].Limit,
		octaves: math.Log2(m.rules[topology.SignalSlow].Limit), days: m.rules[topology.SignalGone].Limit,
	}
	for k := range m.latches {
		if m.rules[k.kind].Off {
			m.drop(k)
		}
	}
	if m.rules[topology.SignalSilent].Off {
		m.crews = nil
	}
}

// resume goes on with the signals that a snapshot has.
func (m *Memory) resume(s *topology.Snapshot) {
	for block := range s.Blocks() {
		for i := range block.Checks {
			c := &block.Checks[i]
			if c.Source != topology.SignalSource || c.Signal == nil {
				continue
			}
			k := keyOf(c)
			l := &latch{holder: block.Node.Name, on: true, began: c.Since, fine: c.LastOK, check: *c}
			if c.Signal.Connection != "" {
				l.holder = holderOf(s, c.Signal)
			}
			if specs[k.kind].unit == "" || m.rules[k.kind].Off || l.holder == "" || c.Service != "" && block.Service(c.Service) == nil {
				m.news[k], m.gone[k] = true, *c
				continue
			}
			m.put(k, l)
			m.count(l, 1)
			if k.kind == topology.SignalSilent {
				m.crews = append(m.crews, resumedCrew(&block.Node, c))
			}
		}
	}
}

// keyOf is what the signal of a check is remembered by.
func keyOf(c *topology.Check) key {
	kind := c.Signal.Kind
	if kind == topology.SignalPorts || kind == topology.SignalDescriptors {
		return key{kind, c.Node + "\x00" + strings.TrimPrefix(c.Name, string(kind)+": ")}
	}
	return key{kind, cmp.Or(c.Signal.Connection, c.Service, c.Node)}
}

// holderOf is the node that holds the edge of a signal; empty if there is none.
func holderOf(s *topology.Snapshot, g *topology.Signal) string {
	for _, name := range []string{g.Client.Node, g.Server.Node} {
		if s.Connection(name, g.Connection) != nil {
			return name
		}
	}
	return ""
}

// meet begins to know a node.
func (m *Memory) meet(block *topology.Block) {
	n := &node{block: block, looked: block.Node.LastReport}
	m.nodes[block.Node.Name] = n
	before := m.kept[block.Node.Name]
	delete(m.kept, block.Node.Name)
	if m.edges+len(block.Connections) > MaxEdges {
		return
	}
	n.edges = before.of(block.Connections)
	m.edges += len(n.edges)
}

// look judges what a node reported.
func (m *Memory) look(n *node, block *topology.Block) {
	l := &look{Memory: m, block: block, node: n, at: block.Node.LastReport, before: n.looked}
	was := n.block
	same := m.follow(n, block)
	if !heard(&block.Node) {
		n.block, n.looked = block, l.at
		return
	}
	l.edges(was, same)
	l.services(was)
	l.resources()
	n.block, n.looked = block, l.at
}

// heard says whether a node speaks for itself.
func heard(n *topology.Node) bool { return n.State == topology.Reporting && n.OwnsAddresses() }

// follow brings what is known of a node's edges into the order of a new block. It
// returns whether the edges are those of before, in their order.
func (m *Memory) follow(n *node, block *topology.Block) bool {
	if sameEdges(n.block.Connections, block.Connections) {
		return true
	}
	m.edges -= len(n.edges)
	next := make([]edge, len(block.Connections))
	was, is := n.block.Connections, block.Connections
	for i, j := 0, 0; i < len(was) || j < len(is); {
		switch {
		case j == len(is) || i < len(was) && was[i].ID < is[j].ID:
			m.vanished(was[i].ID, n.block.Node.Name)
			i++
		case i == len(was) || is[j].ID < was[i].ID:
			j++
		default:
			if n.edges != nil {
				next[j] = n.edges[i]
			}
			i, j = i+1, j+1
		}
	}
	if m.edges+len(next) > MaxEdges {
		next = nil
	}
	n.edges = next
	m.edges += len(next)
	return false
}

// sameEdges says whether two lists are of the same edges.
func sameEdges(a, b []*topology.Connection) bool {
	return topology.SameList(a, b) || slices.EqualFunc(a, b, func(x, y *topology.Connection) bool { return x == y || x.ID == y.ID })
}

// vanished ends what is said of an edge that a node holds no more.
func (m *Memory) vanished(id, holder string) {
	for _, kind := range edgeKinds {
		if k := (key{kind, id}); m.counts[kind] > 0 && m.latches[k] != nil && m.latches[k].holder == holder {
			m.drop(k)
		}
	}
}

// forget drops the nodes that are there no more, and what is said of them.
func (m *Memory) forget(s *topology.Snapshot) {
	for name, n := range m.nodes {
		if s.Block(name) == nil {
			m.edges -= len(n.edges)
			delete(m.nodes, name)
		}
	}
	for k, l := range m.latches {
		if m.nodes[l.holder] == nil || l.check.Node != "" && s.Block(l.check.Node) == nil {
			m.drop(k)
		}
	}
}

// judge takes in whether something is over its limit by a look. say is asked for
// what is told of it.
func (l *look) judge(k key, over bool, say func() topology.Check) {
	m := l.Memory
	is := m.latches[k]
	if is == nil {
		if !over || m.rules[k.kind].Off {
			return
		}
		is = &latch{}
		m.put(k, is)
	}
	was := is.on
	is.holder = l.block.Node.Name
	is.step(over, l.at, l.before, time.Duration(m.rules[k.kind].For))
	switch {
	case is.on && over:
		m.announce(k, is, say(), l.at)
	case is.on:
		is.check.LastCheck = l.at
	case was || is.idle():
		m.drop(k)
	}
}

func (m *Memory) put(k key, l *latch) {
	m.latches[k] = l
	m.counts[k.kind]++
}

// announce tells of a signal that is on, if there is room.
func (m *Memory) announce(k key, l *latch, c topology.Check, at time.Time) {
	first := l.check.ID == ""
	c.Source, c.Kind, c.Hard, c.Status = topology.SignalSource, topology.ServiceCheck, true, specs[k.kind].status
	c.Since, c.LastOK, c.LastCheck = l.began.UTC(), l.fine.UTC(), at.UTC()
	if l.fine.IsZero() {
		c.LastOK = time.Time{}
	}
	c.Host, c.ID = c.Node, topology.CheckID(c.Source, c.Node, c.Name)
	if !first && c.ID != l.check.ID && !l.hidden { // it is about something else now
		m.news[k], m.gone[k] = true, l.check
		m.count(l, -1)
		first = true
	}
	l.check = c
	if first || l.hidden {
		l.hidden = m.total >= maxTold || m.told[aboutOf(&c)] >= maxAbout
		if l.hidden {
			return
		}
		m.count(l, 1)
	}
	if !m.news[k] {
		m.news[k] = false
	}
}

func aboutOf(c *topology.Check) about { return about{c.Signal.Kind, c.Node, c.Service} }

func (m *Memory) count(l *latch, by int) {
	m.total += by
	a := aboutOf(&l.check)
	if m.told[a] += by; m.told[a] == 0 {
		delete(m.told, a)
	}
}

// drop ends what is said, and forgets it.
func (m *Memory) drop(k key) {
	l := m.latches[k]
	if l == nil {
		return
	}
	delete(m.latches, k)
	m.counts[k.kind]--
	if l.check.ID != "" && !l.hidden {
		m.count(l, -1)
		m.news[k], m.gone[k] = true, l.check
	}
}

// blind marks the signals of nodes that are silent: nothing is known of them now. What
// only a host saw that says it is going down is over with it.
func (m *Memory) blind(s *topology.Snapshot) {
	for k, l := range m.latches {
		block := s.Block(l.holder)
		if block != nil && block.Node.State.Down() {
			m.drop(k)
			continue
		}
		if !l.on || l.hidden || k.kind == topology.SignalSilent {
			continue
		}
		if stale := block != nil && block.Node.State.Mute(); stale != l.check.Stale {
			l.check.Stale = stale
			if !m.news[k] {
				m.news[k] = false
			}
		}
	}
}

// tell lists the news in their order.
func (m *Memory) tell() News {
	var out News
	for k := range m.news {
		if c, ok := m.gone[k]; ok {
			out.Gone = append(out.Gone, c)
		}
		if l := m.latches[k]; l != nil && l.on && !l.hidden {
			out.Checks = append(out.Checks, l.check)
		}
	}
	m.news, m.gone, m.snap = nil, nil, nil
	order := func(a, b topology.Check) int {
		return cmp.Or(strings.Compare(a.Node, b.Node), strings.Compare(a.Name, b.Name))
	}
	slices.SortFunc(out.Checks, order)
	slices.SortFunc(out.Gone, order)
	return out
}
