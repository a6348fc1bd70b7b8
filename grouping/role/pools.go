package role

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/devops-trouble-map/dotm/grouping/lane"
)

const (
	// agree is the share of relations that nodes of a pool have alike; more.
	agree = 0.5
	// lacking is the weight of a relation that a single node lacks: it may be idle,
	// or just started. That of several is 1, as it is no accident then. Names that
	// differ in nothing but digits make it half of that.
	lacking = 0.25
	// stray is the weight of a single link that a single node has beside others.
	stray = 0.5
	// poolRounds is how often nodes are compared: by the pools that the others are
	// in, from the second time on, and by their lanes the last time.
	poolRounds = 4
)

// profile is nodes of a class that have the same relations in the same parts.
type profile struct {
	nodes []int32
	piece int32 // of the site without hubs; nodes of two never pool
	stem  int32 // of its nodes' names; 0 if they differ
	// ends are relations, each in one direction, sorted, with the part.
	ends []end
}

// end is a relation as one node has it.
type end struct {
	what    int32 // the relation, twice; and one more as its server
	part    int32 // of the relation
	piece   int32 // of the relation, which parts divide
	lane    int32 // of last time that the other ends are in; -1 for none
	pool    int32 // of last time that the other ends are in; -1 for none
	links   int32 // of the node in this part and pool
	vague   bool  // the part is one node at each end
	peers   bool  // the relation is one within a class
	density float32
}

// alike says whether two nodes have a relation with the same others: the pools
// that these are in say more than the part of the relation. Where few links hold
// a relation together its parts are chance; then it is the same if all is in one
// lane.
func (e *end) alike(o *end) bool {
	switch {
	case e.lane >= 0 && e.lane == o.lane && e.piece == o.piece:
		return true
	case e.pool >= 0 && o.pool >= 0:
		return e.pool == o.pool
	}
	return e.part == o.part
}

// pools puts nodes of a class together that exchange with the same others, and
// then those that exchange with the same pools.
func (s *site) pools() []int32 {
	out := make([]int32, len(s.Nodes))
	members := make([][]int32, s.classes)
	for i := range out {
		out[i] = -1
		if c := s.class[i]; c >= 0 {
			members[c] = append(members[c], int32(i))
		}
	}
	w := &where{pool: out, lane: slices.Clone(out)}
	ties, pieces := s.relations(), s.pieces()
	v := newSights(len(s.Nodes), ties)
	for round := range poolRounds {
		if round == poolRounds-1 {
			w.lane = s.lanes(out)
		}
		ends, next := s.ends(ties, v, w), int32(0)
		for i := range out {
			out[i] = -1
		}
		for _, nodes := range members {
			for _, pool := range cluster(s.profiles(nodes, ends, pieces)) {
				if len(pool) < 2 {
					continue
				}
				for _, v := range pool {
					out[v] = next
				}
				next++
			}
		}
	}
	return out
}

// where says which pool and which lane each node was in last; -1 for none.
type where struct{ pool, lane []int32 }

// lanes are the communities of pools, by node.
func (s *site) lanes(pool []int32) []int32 {
	vertex, edges, through := lane.Contract(s.links, pool)
	found := lane.Find(through, edges, nil)
	out := make([]int32, len(vertex))
	for i, v := range vertex {
		out[i] = found[v]
	}
	return out
}

// sights lists the ties of each node by their number, twice; and one more as the
// server. They are in the order of relations.
type sights struct {
	start []int32
	list  []int32
}

func newSights(n int, ties []tie) *sights {
	v := &sights{make([]int32, n+1), make([]int32, 2*len(ties))}
	for i := range ties {
		v.start[ties[i].node+1]++
		v.start[ties[i].peer+1]++
	}
	for i := range n {
		v.start[i+1] += v.start[i]
	}
	at := slices.Clone(v.start)
	put := func(node, sight int32) {
		v.list[at[node]] = sight
		at[node]++
	}
	for from := 0; from < len(ties); {
		to := from
		for ; to < len(ties) && ties[to].relation == ties[from].relation; to++ {
			put(ties[to].node, int32(2*to))
		}
		for ; from < to; from++ {
			put(ties[from].peer, int32(2*from+1))
		}
	}
	return v
}

// ends lists the relations of each node, each once, with the part that most of
// its ties are of, and the pool that the other ends are in.
func (s *site) ends(ties []tie, v *sights, w *where) [][]end {
	size := map[int32]int32{}
	for _, p := range w.pool {
		size[p]++
	}
	out, kept, d := make([][]end, len(s.Nodes)), make([]end, 0, len(ties)), densities{}
	var same []end
	for node := range out {
		from, list := len(kept), v.list[v.start[node]:v.start[node+1]]
		for len(list) > 0 {
			what := ties[list[0]/2].relation*2 + list[0]%2
			same = same[:0]
			for len(list) > 0 && ties[list[0]/2].relation*2+list[0]%2 == what {
				same = append(same, w.sight(&ties[list[0]/2], what))
				list = list[1:]
			}
			kept = append(kept, d.strongest(same))
		}
		out[node] = kept[from:len(kept):len(kept)]
	}
	for i := range kept {
		if e := &kept[i]; e.pool >= 0 {
			e.density = d.of(e, size[e.pool])
		}
	}
	return out
}

// sight is a tie as one of its ends sees it.
func (w *where) sight(t *tie, what int32) end {
	part, peer := t.part, t.peer
	if what%2 == 1 {
		part, peer = t.peerPart, t.node
	}
	return end{what: what, part: part, pool: w.pool[peer], lane: w.lane[peer], piece: t.piece, vague: t.vague, peers: t.peers, density: t.density}
}

// densities counts for each relation and pool the links, and the nodes that have
// some.
type densities map[[2]int32]struct{ links, nodes int32 }

// strongest is the part that most of a node's ties in a relation are of.
func (d densities) strongest(same []end) end {
	slices.SortFunc(same, func(a, b end) int { return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.pool, b.pool)) })
	var best end
	for i := 0; i < len(same); {
		e := same[i]
		for ; i < len(same) && same[i].part == e.part && same[i].pool == e.pool; i++ {
			e.links++
		}
		if e.pool >= 0 {
			sum := d[[2]int32{e.what, e.pool}]
			sum.links, sum.nodes = sum.links+e.links, sum.nodes+1
			d[[2]int32{e.what, e.pool}] = sum
		}
		if e.links > best.links {
			best = e
		}
	}
	return best
}

// of is which share of the pairs of a pool's nodes and those that have to do with
// it are linked.
func (d densities) of(e *end, size int32) float32 {
	sum := d[[2]int32{e.what, e.pool}]
	return float32(sum.links) / float32(sum.nodes*size)
}

// pieces numbers the connected pieces of the site without hubs.
func (s *site) pieces() []int32 {
	to := make([]int32, len(s.Nodes))
	for i := range to {
		to[i] = int32(i)
	}
	for i := range s.links {
		union(to, s.links[i].From, s.links[i].To)
	}
	for i := range to {
		to[i] = root(to, int32(i))
	}
	return to
}

// profiles sorts the nodes of a class by their relations, those of most nodes
// first. Hubs are apart from others.
func (s *site) profiles(nodes []int32, ends [][]end, pieces []int32) []profile {
	var out []profile
	index := map[string]int{}
	var key []byte
	for _, v := range nodes {
		piece := pieces[v]
		if len(ends[v]) == 0 {
			piece = -1
		}
		if s.hub[v] {
			piece = -2
		}
		key = strconv.AppendInt(key[:0], int64(piece), 10)
		for _, e := range ends[v] {
			key = strconv.AppendInt(append(key, ' '), int64(e.what), 10)
			key = strconv.AppendInt(append(key, ' '), int64(e.part), 10)
			key = strconv.AppendInt(append(key, ' '), int64(e.pool), 10)
			key = strconv.AppendInt(append(key, ' '), int64(e.lane), 10)
		}
		if piece == -1 {
			key = strconv.AppendInt(append(key, ' '), int64(s.stems[v]), 10)
		}
		k, ok := index[string(key)]
		if !ok {
			k = len(out)
			index[string(key)] = k
			out = append(out, profile{piece: piece, ends: ends[v], stem: s.stems[v]})
		}
		out[k].nodes = append(out[k].nodes, v)
		if out[k].stem != s.stems[v] {
			out[k].stem = 0
		}
	}
	slices.SortStableFunc(out, func(a, b profile) int { return cmp.Compare(len(b.nodes), len(a.nodes)) })
	return out
}

// cluster puts each profile to the first one that it agrees with best, those
// without any relation last.
func cluster(profiles []profile) [][]int32 {
	var leaders []*profile
	var pools [][]int32
	open := func(p *profile) {
		leaders = append(leaders, p)
		pools = append(pools, p.nodes)
	}
	for i := range profiles {
		p := &profiles[i]
		if p.piece == -1 {
			continue
		}
		best, most := -1, 0.0
		for k, l := range leaders {
			if a := agreement(l, p); a > most {
				best, most = k, a
			}
		}
		if best < 0 {
			open(p)
		} else {
			pools[best] = append(pools[best], p.nodes...)
		}
	}
	busy := len(leaders)
	for i := range profiles {
		p := &profiles[i]
		if p.piece != -1 {
			continue
		}
		if k := idlePlace(leaders[:busy], p); k >= 0 {
			pools[k] = append(pools[k], p.nodes...)
		} else if p.stem != 0 {
			open(p)
		}
	}
	return pools
}

// idlePlace is the pool of a class that nodes without relations are of: that of
// their name, or the only one there is; -1 for none.
func idlePlace(leaders []*profile, p *profile) int {
	for k, l := range leaders {
		if p.stem != 0 && l.stem == p.stem {
			return k
		}
	}
	if len(leaders) == 1 && len(leaders[0].nodes) > 1 && leaders[0].piece != -2 {
		return 0
	}
	return -1
}

// lacks is the weight of a relation that a profile lacks and one that is not
// smaller has. Of two single nodes none lacks anything: one has more.
func (p *profile) lacks(of *profile, e *end, named bool) float64 {
	if len(of.nodes) == 1 {
		return of.adds(e)
	}
	w := float64(e.density)
	if e.peers { // a primary and its replicas are at different ends
		return 0
	}
	if len(p.nodes) == 1 {
		w *= lacking
	}
	if named {
		w /= 2
	}
	return w
}

// adds is the weight of a relation that only the smaller profile has.
func (p *profile) adds(e *end) float64 {
	if e.peers {
		return 0
	}
	if len(p.nodes) == 1 && e.links == 1 {
		return float64(e.density) * stray
	}
	return float64(e.density)
}

// agreement is how much of what two profiles have they have alike, from 0 to 1;
// 0 if that is not enough. The second is not the larger one.
func agreement(a, b *profile) float64 {
	if a.piece != b.piece {
		return 0
	}
	if a.piece == -2 {
		return 1
	}
	named := a.stem != 0 && a.stem == b.stem
	alike, all := 0.0, 0.0
	x, y := a.ends, b.ends
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].what < y[0].what:
			all += b.lacks(a, &x[0], named)
			x = x[1:]
		case len(x) == 0 || x[0].what > y[0].what:
			all += b.adds(&y[0])
			y = y[1:]
		default:
			if x[0].alike(&y[0]) {
				alike++
				all++
			} else if !named || !x[0].vague || !y[0].vague {
				all++
			}
			x, y = x[1:], y[1:]
		}
	}
	if alike == 0 || alike <= agree*all {
		return 0
	}
	return alike / all
}
