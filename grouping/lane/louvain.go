package lane

import "slices"

// maxSweeps bounds how often all vertices are looked at on one level; a handful
// is usual.
const maxSweeps = 32

// louvain finds communities that local moves don't improve, level by level:
// vertices move, then communities become vertices. Before is where vertices
// start on the first level.
func (g *graph) louvain(before []int32) []int32 {
	n := len(g.degree)
	labels := make([]int32, n)
	for v := range labels {
		labels[v] = int32(v)
	}
	level := g
	for first := true; ; first = false {
		var seeds []int32
		if first {
			seeds = before
		}
		moved, found := level.move(seeds)
		for v := range labels {
			labels[v] = found[labels[v]]
		}
		count := int(slices.Max(append(found, -1))) + 1
		if !moved || count == len(level.degree) {
			return labels
		}
		level = level.contract(found, count)
	}
}

// move lets every vertex, in order, go to the community that it gains most by,
// until none wants to. It says whether there are fewer communities than
// vertices now, and numbers them.
func (g *graph) move(seeds []int32) (moved bool, labels []int32) {
	n := len(g.degree)
	labels = seed(n, seeds)
	m := mover{graph: g, labels: labels, volume: make([]float64, n), near: make([]float64, n)}
	for v, l := range labels {
		m.volume[l] += g.degree[v]
	}
	for range maxSweeps {
		again := false
		for v := range int32(n) {
			again = m.move(v) || again
		}
		if !again {
			break
		}
	}
	renumber(labels)
	return n > 0 && int(slices.Max(labels)) < n-1, labels
}

// seed gives each vertex the first vertex of its kind as its label, or itself.
func seed(n int, seeds []int32) []int32 {
	labels, first := make([]int32, n), map[int32]int32{}
	for v := range labels {
		labels[v] = int32(v)
		if seeds == nil || seeds[v] < 0 {
			continue
		}
		if l, ok := first[seeds[v]]; ok {
			labels[v] = l
		} else {
			first[seeds[v]] = int32(v)
		}
	}
	return labels
}

// mover is one level of Louvain's method at work.
type mover struct {
	*graph
	labels  []int32
	volume  []float64 // of each label's vertices
	near    []float64 // scratch: what a vertex exchanges with each label
	touched []int32   // the labels that near holds
}

// tiny keeps errors of rounding from moving vertices to and fro.
const tiny = 1e-9

// move takes a vertex out of its community and puts it where it gains most; where
// that is the same, it stays, and of others the first wins.
func (m *mover) move(v int32) bool {
	own := m.labels[v]
	m.touched = m.touched[:0]
	for i := m.start[v]; i < m.start[v+1]; i++ {
		l := m.labels[m.to[i]]
		if m.near[l] == 0 {
			m.touched = append(m.touched, l)
		}
		m.near[l] += m.weight[i]
	}
	m.volume[own] -= m.degree[v]
	gain := func(l int32) float64 { return m.near[l] - m.volume[l]*m.degree[v]/m.total }
	best, most := own, 0.0
	if len(m.touched) > 0 {
		most = gain(own)
	}
	slices.Sort(m.touched)
	for _, l := range m.touched {
		if g := gain(l); g > most+tiny*m.total {
			best, most = l, g
		}
	}
	if most < -tiny*m.total { // better alone, where the vertex's own number is free
		if m.volume[v] == 0 {
			best = v
		}
	}
	m.volume[best] += m.degree[v]
	for _, l := range m.touched {
		m.near[l] = 0
	}
	m.labels[v] = best
	return best != own
}

// contract makes a graph whose vertices are the communities.
func (g *graph) contract(labels []int32, count int) *graph {
	sums := g.between(labels)
	inner := make([]float64, count)
	for v, l := range labels {
		inner[l] += g.inner[v]
	}
	edges := make([]Edge, 0, len(sums)+count)
	for _, s := range sums {
		edges = append(edges, Edge{s.a, s.b, s.weight})
	}
	for l, w := range inner {
		if w > 0 {
			edges = append(edges, Edge{int32(l), int32(l), w})
		}
	}
	return newGraph(count, merged(edges))
}

// exchange is the weight between two labels, a below b, or within one.
type exchange struct {
	a, b   int32
	weight float64
}

// between sums up the weights between labels, each pair once, sorted.
func (g *graph) between(labels []int32) []exchange {
	sums := map[[2]int32]float64{}
	for v := range labels {
		for i := g.start[v]; i < g.start[v+1]; i++ {
			if to := g.to[i]; int32(v) < to {
				a, b := labels[v], labels[to]
				sums[[2]int32{min(a, b), max(a, b)}] += g.weight[i]
			}
		}
	}
	return sorted(sums)
}

// sorted lists pairs in order.
func sorted(sums map[[2]int32]float64) []exchange {
	out := make([]exchange, 0, len(sums))
	for k, w := range sums {
		out = append(out, exchange{k[0], k[1], w})
	}
	slices.SortFunc(out, func(x, y exchange) int {
		if x.a != y.a {
			return int(x.a - y.a)
		}
		return int(x.b - y.b)
	})
	return out
}

// merged adds up edges of the same pair.
func merged(edges []Edge) []Edge {
	slices.SortStableFunc(edges, func(x, y Edge) int {
		if x.A != y.A {
			return int(x.A - y.A)
		}
		return int(x.B - y.B)
	})
	out := edges[:0]
	for _, e := range edges {
		if k := len(out) - 1; k >= 0 && out[k].A == e.A && out[k].B == e.B {
			out[k].Weight += e.Weight
		} else {
			out = append(out, e)
		}
	}
	return out
}
