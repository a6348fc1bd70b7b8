package weave

import (
	"net/netip"
	"slices"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// peer is another reporting node's block while a statement is woven. What it
// learns is written into one copy, and put when the statement is complete, so
// that a row costs no more than its own edges there.
type peer struct {
	block   *topology.Block
	copied  bool
	asked   int                 // how often edges were looked for
	byEnds  map[edge.Ends][]int // once that was often
	dropped map[int]bool
	heard   map[int]*heard // edges that the statement tells of too
	before  *topology.Block
	memo    *memo // of before; nil if there is none
	leaves  bool  // one of its edges led to a node that doesn't report
}

// heard is what the server's end says of an edge: the sum of its rows.
type heard struct {
	count  int
	health *edge.Measured // nil if nothing was measured
}

// hear adds a row of the server's end to an edge.
func (p *peer) hear(i int, r *report.Connection) {
	h := p.heard[i]
	if h == nil {
		if p.heard == nil {
			p.heard = map[int]*heard{}
		}
		h = &heard{}
		p.heard[i] = h
	}
	h.count += r.Count
	if r.Health != nil {
		if h.health == nil {
			h.health = &edge.Measured{End: "server"}
		}
		h.health.Add(r.Health)
	}
}

// believe takes the server's word for the edges of a node that is silent.
func (w *weaver) believe(p *peer) {
	if !p.block.Node.State.Mute() {
		return
	}
	for i, h := range p.heard {
		e := p.block.Connections[i]
		var health *topology.Health
		if h.health != nil {
			health = new(h.health.Judge(e.Health, w.now, w.elapsed()))
		}
		if p.dropped[i] || (e.Count == h.count && e.Status == topology.Fresh && topology.SameHealth(e.Health, health)) {
			continue
		}
		c := p.write(i)
		c.Count, c.LastSeen, c.Status, c.Health = h.count, w.now, topology.Fresh, health
	}
}

// peer is the block of another node that reports, or nil.
func (w *weaver) peer(node string) *peer {
	if p, ok := w.others[node]; ok {
		return p
	}
	b := w.edit.Block(node)
	if b == nil || !b.Node.OwnsAddresses() || node == w.self.Node.Name {
		w.others[node] = nil
		return nil
	}
	p := &peer{block: b, before: b, memo: memoOf(b)}
	w.others[node] = p
	return p
}

// oftenAsked is from how many questions on it pays to sort a peer's edges by their
// ends: most peers are asked once or twice.
const oftenAsked = 16

// find lists the edges between two ends.
func (p *peer) find(key edge.Ends) []int {
	if p == nil {
		return nil
	}
	if m := p.memo; m != nil {
		return slices.DeleteFunc(m.between(key), func(i int) bool { return p.dropped[i] })
	}
	if p.asked++; p.asked > oftenAsked {
		return slices.DeleteFunc(slices.Clone(p.sorted()[key]), func(i int) bool { return p.dropped[i] })
	}
	var found []int
	for i := range p.before.Connections {
		if edge.Joins(p.before.Connections[i], key) && !p.dropped[i] {
			found = append(found, i)
		}
	}
	return found
}

// sorted are the peer's edges by the ends that they had before the statement.
func (p *peer) sorted() map[edge.Ends][]int {
	if p.byEnds == nil {
		p.byEnds = make(map[edge.Ends][]int, len(p.before.Connections))
		for i := range p.before.Connections {
			key := edge.EndsOf(p.before.Connections[i])
			p.byEnds[key] = append(p.byEnds[key], i)
		}
	}
	return p.byEnds
}

// own makes the block one that may be written: a copy but for services and checks.
func (p *peer) own() {
	if !p.copied {
		next := *p.block
		next.Connections = slices.Clone(next.Connections)
		p.block, p.copied = &next, true
	}
}

// write gives an edge to be changed: a copy, made the first time.
func (p *peer) write(i int) *topology.Connection {
	p.own()
	if e := p.block.Connections[i]; e != p.before.Connections[i] {
		return e
	}
	return p.block.Write(i)
}

// drop takes an edge out.
func (p *peer) drop(i int) {
	p.own()
	if p.dropped == nil {
		p.dropped = map[int]bool{}
	}
	p.dropped[i] = true
}

// tell puts the blocks of the other nodes that learned something.
func (w *weaver) tell() {
	for _, p := range w.others {
		if p == nil {
			continue
		}
		if w.believe(p); !p.copied {
			continue
		}
		if p.block.Connections = edge.Unite(p.kept()); topology.SameConnections(p.before.Connections, p.block.Connections) {
			continue
		}
		p.block.Memo = newMemo(p.block.Connections)
		w.edit.Put(p.block)
		w.edit.Touch()
		if p.leaves {
			w.nodes.Derive(p.before, p.block, w.now)
		}
	}
}

// kept are the edges of a copied block that were not dropped.
func (p *peer) kept() []*topology.Connection {
	if len(p.dropped) == 0 {
		return p.block.Connections
	}
	kept := p.block.Connections[:0] // the copy is the peer's own
	for i := range p.block.Connections {
		if !p.dropped[i] {
			kept = append(kept, p.block.Connections[i])
		}
	}
	clear(p.block.Connections[len(kept):])
	return kept
}

// accepting finds the service of a node that accepts at an address and port.
func (w *weaver) accepting(node string, key service.Port, addr netip.Addr) *topology.Service {
	services, ok := w.services[node]
	if !ok {
		if b := w.block(node); b != nil {
			services = service.ByPort(b.Services)
		}
		w.services[node] = services
	}
	return services.Accepting(key, addr)
}
