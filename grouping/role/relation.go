package role

import (
	"cmp"
	"slices"

	"github.com/devops-trouble-map/dotm/grouping/census"
	"github.com/devops-trouble-map/dotm/grouping/lane"
)

// link keeps the links that say who belongs together, each once, in order.
func (s *site) link() {
	s.links = s.links[:0]
	for i := range s.Edges {
		e := &s.Edges[i]
		l := lane.Link{From: e.From, To: e.To}
		if k := len(s.links) - 1; k >= 0 && s.links[k] == l || !s.binds(e) {
			continue
		}
		s.links = append(s.links, l)
	}
}

// binds says whether an edge says something about who belongs together.
func (s *site) binds(e *census.Edge) bool {
	return !e.Watching && s.inside(e.From) && s.inside(e.To) && !s.callsAgent(e)
}

func (s *site) inside(node int32) bool { return !s.hub[node] && s.Nodes[node].Kind != census.Outside }

// callsAgent says whether an edge is for an agent: a host that many log to is
// called for what it is there for.
func (s *site) callsAgent(e *census.Edge) bool {
	list := s.Nodes[e.To].Services
	k, _ := slices.BinarySearchFunc(list, e.Key, func(v census.Service, k census.Key) int { return cmp.Compare(v.Key, k) })
	for ; k < len(list) && list[k].Key == e.Key; k++ {
		if s.agents[list[k].Word] && !has(s.traits[e.To], serves|trait(list[k].Word)) {
			return true
		}
	}
	return false
}

// tie is a link with what is known of it. All ties from one class to another are
// one relation; both its ends have the same parts.
type tie struct {
	relation int32 // numbers relations through
	node     int32 // the client
	peer     int32
	part     int32   // the part that node is of; parts are numbered through
	peerPart int32   // that of peer: the same but for strays
	piece    int32   // of the relation; parts divide pieces
	peers    bool    // both are of one class
	vague    bool    // the part of node is one node at each end
	density  float32 // which share of all pairs of that part are linked
}

// classOf is a node's class, or stands for the node alone.
func (s *site) classOf(node int32) uint64 {
	if c := s.class[node]; c >= 0 {
		return uint64(c)
	}
	return uint64(s.classes) + uint64(node)
}

// relations sorts the links by relation and finds the parts of each.
func (s *site) relations() []tie {
	type sorted struct {
		classes uint64
		link    int32
	}
	order := make([]sorted, len(s.links))
	for i, l := range s.links {
		order[i] = sorted{s.classOf(l.From)<<32 | s.classOf(l.To), int32(i)}
	}
	slices.SortFunc(order, func(a, b sorted) int { return cmp.Or(cmp.Compare(a.classes, b.classes), cmp.Compare(a.link, b.link)) })
	ties := make([]tie, len(order))
	p, relation := newParter(len(s.Nodes)), int32(0)
	for from := 0; from < len(order); relation++ {
		to := from
		for ; to < len(order) && order[to].classes == order[from].classes; to++ {
			l := s.links[order[to].link]
			ties[to] = tie{relation: relation, node: l.From, peer: l.To, peers: s.class[l.From] == s.class[l.To]}
		}
		p.divide(ties[from:to])
		from = to
	}
	return ties
}

// parter divides a relation into parts that hardly touch: the pieces of two
// products that use the same software, even if some node of one once called the
// other. Where all mix there is one part.
type parter struct {
	local []int32 // by node: its index in this relation + 1
	nodes []int32
	part  int32 // numbers parts through
}

func newParter(n int) *parter { return &parter{local: make([]int32, n)} }

func (p *parter) divide(ties []tie) {
	p.nodes = p.nodes[:0]
	edges := make([]lane.Edge, 0, len(ties))
	for i := range ties {
		edges = append(edges, lane.Edge{A: p.enter(ties[i].node), B: p.enter(ties[i].peer), Weight: 1})
	}
	through := make([]bool, len(p.nodes))
	for i := range through {
		through[i] = true // a relation has no brokers
	}
	p.tell(ties, lane.Find(through, edges, nil))
	pieces := make([]int32, len(p.nodes))
	for i := range pieces {
		pieces[i] = int32(i)
	}
	for _, e := range edges {
		union(pieces, e.A, e.B)
	}
	for i := range ties {
		ties[i].piece = root(pieces, edges[i].A)
	}
	for _, v := range p.nodes {
		p.local[v] = 0
	}
}

// enter gives a node its index in this relation.
func (p *parter) enter(node int32) int32 {
	if p.local[node] == 0 {
		p.nodes = append(p.nodes, node)
		p.local[node] = int32(len(p.nodes))
	}
	return p.local[node] - 1
}

// tell writes down which parts the ends of each tie are of. A node has one part
// in a relation.
func (p *parter) tell(ties []tie, label []int32) {
	n := len(p.nodes)
	clients, servers := make([]int32, n), make([]int32, n)
	links, seen := make([]int32, n), make(bits, n/32+1)
	for i := range ties {
		a, b := p.enter(ties[i].node), p.enter(ties[i].peer)
		if seen.first(2 * int(a)) {
			clients[label[a]]++
		}
		if seen.first(2*int(b) + 1) {
			servers[label[b]]++
		}
		links[label[a]]++
	}
	for i := range ties {
		l, k := label[p.enter(ties[i].node)], label[p.enter(ties[i].peer)]
		ties[i].part, ties[i].peerPart, ties[i].vague = p.part+l, p.part+k, clients[l] <= 1 && servers[l] <= 1
		ties[i].density = min(1, float32(links[l])/float32(max(1, clients[l]*servers[l])))
	}
	p.part += int32(n)
}

func union(to []int32, a, b int32) {
	a, b = root(to, a), root(to, b)
	to[max(a, b)] = min(a, b)
}

func root(to []int32, l int32) int32 {
	for to[l] != l {
		to[l] = to[to[l]]
		l = to[l]
	}
	return l
}
