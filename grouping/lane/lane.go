// Package lane finds which vertices of a weighted graph belong together. It is
// deterministic: the same graph gives the same answer.
//
// Modularity (Louvain's method) proposes, and two rules correct what it is known
// to do wrong. It tears what is one piece: communities that exchange a good part
// of their weight become one. And in large graphs it merges small pieces that
// hardly touch: every community is looked at again as a graph of its own.
package lane

import "slices"

// Edge joins two vertices; its weight is above 0. There is one at most for each
// pair.
type Edge struct {
	A, B   int32
	Weight float64
}

const (
	// torn is the share of the smaller one's weight from which two communities
	// are one that was torn; see [graph.mostTorn].
	torn = 0.2
	// broker is the participation from which a vertex stands between communities
	// and not in one, if it is at an end: the load balancer of all products, or
	// their message queue. What it exchanges doesn't make them one.
	broker = 0.65
	// better is by how much modularity must grow for a new division to replace the
	// one before.
	better = 0.02
)

// Find gives the community of each vertex, numbered from 0 by the first vertex;
// -1 for a vertex without edges. Through says of each vertex whether it both
// calls and is called: it is no broker then. Before is the answer of last time for
// each vertex, with numbers of any kind and -1 for none; nil if there was none.
// It is kept up where a new one is hardly better.
func Find(through []bool, edges []Edge, before []int32) []int32 {
	g := newGraph(len(through), edges)
	g.through = through
	labels := g.divide(nil)
	if before != nil {
		warm := g.divide(before)
		if g.modularity(labels) <= g.modularity(warm)+better {
			labels = warm
		}
	}
	labels = g.adopt(labels)
	for v := range labels {
		if g.degree[v] == 0 {
			labels[v] = -1
		}
	}
	return renumber(labels)
}

// Modularity is how much more weight lies within communities than chance would
// put there, from -0.5 to 1. Vertices of community -1 are each alone.
func Modularity(n int, edges []Edge, labels []int32) float64 {
	own := slices.Clone(labels)
	for v := range own {
		if own[v] < 0 {
			own[v] = int32(n + v)
		}
	}
	return newGraph(n, edges).modularity(own)
}

// graph lists the neighbours of each vertex; inner is the weight that a vertex
// has with itself, as it stands for many.
type graph struct {
	start  []int32
	to     []int32
	weight []float64
	inner  []float64
	degree []float64 // with twice the inner weight
	total  float64   // of all degrees
	// through marks vertices that can't be brokers; nil on a level where that
	// doesn't matter.
	through []bool
}

func newGraph(n int, edges []Edge) *graph {
	g := &graph{
		start: make([]int32, n+1), to: make([]int32, 2*len(edges)), weight: make([]float64, 2*len(edges)),
		inner: make([]float64, n), degree: make([]float64, n),
	}
	for _, e := range edges {
		if e.A != e.B {
			g.start[e.A+1]++
			g.start[e.B+1]++
		}
	}
	for v := range n {
		g.start[v+1] += g.start[v]
	}
	at := slices.Clone(g.start)
	put := func(a, b int32, w float64) {
		g.to[at[a]], g.weight[at[a]] = b, w
		at[a]++
		g.degree[a] += w
	}
	for _, e := range edges {
		if e.A == e.B {
			g.inner[e.A] += e.Weight
			g.degree[e.A] += 2 * e.Weight
		} else {
			put(e.A, e.B, e.Weight)
			put(e.B, e.A, e.Weight)
		}
	}
	for _, d := range g.degree {
		g.total += d
	}
	return g
}

func (g *graph) modularity(labels []int32) float64 {
	if g.total == 0 {
		return 0
	}
	inside, volume := 0.0, map[int32]float64{}
	for v := range labels {
		inside += 2 * g.inner[v]
		volume[labels[v]] += g.degree[v]
		for i := g.start[v]; i < g.start[v+1]; i++ {
			if labels[g.to[i]] == labels[v] {
				inside += g.weight[i]
			}
		}
	}
	q := inside / g.total
	for _, l := range sortedKeys(volume) {
		q -= volume[l] / g.total * (volume[l] / g.total)
	}
	return q
}

// divide finds communities, and then those within each, until none divides.
func (g *graph) divide(before []int32) []int32 {
	labels := g.mend(g.louvain(before))
	members := membersOf(labels)
	if len(members) < 2 {
		return labels
	}
	next := int32(0)
	for _, list := range members {
		sub, seeds := g.induced(list), []int32(nil)
		if before != nil {
			for _, v := range list {
				seeds = append(seeds, before[v])
			}
		}
		most := int32(0)
		for i, l := range sub.divide(seeds) {
			labels[list[i]] = next + l
			most = max(most, l)
		}
		next += most + 1
	}
	return labels
}

// induced is the graph of some vertices alone.
func (g *graph) induced(list []int32) *graph {
	local := make(map[int32]int32, len(list))
	for i, v := range list {
		local[v] = int32(i)
	}
	var edges []Edge
	for i, v := range list {
		for j := g.start[v]; j < g.start[v+1]; j++ {
			if to, ok := local[g.to[j]]; ok && int32(i) < to {
				edges = append(edges, Edge{int32(i), to, g.weight[j]})
			}
		}
		if g.inner[v] > 0 {
			edges = append(edges, Edge{int32(i), int32(i), g.inner[v]})
		}
	}
	sub := newGraph(len(list), edges)
	for _, v := range list {
		sub.through = append(sub.through, g.through[v])
	}
	return sub
}

// membersOf lists the vertices of each label, in the order of their first one.
func membersOf(labels []int32) [][]int32 {
	var out [][]int32
	at := map[int32]int{}
	for v, l := range labels {
		i, ok := at[l]
		if !ok {
			i = len(out)
			at[l] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], int32(v))
	}
	return out
}

// renumber counts labels from 0 by their first vertex; -1 stays.
func renumber(labels []int32) []int32 {
	seen := map[int32]int32{}
	for v, l := range labels {
		if l < 0 {
			continue
		}
		k, ok := seen[l]
		if !ok {
			k = int32(len(seen))
			seen[l] = k
		}
		labels[v] = k
	}
	return labels
}

func sortedKeys[V any](m map[int32]V) []int32 {
	keys := make([]int32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
