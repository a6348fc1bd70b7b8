package lane

import "slices"

// mend joins communities that exchange so much that they are one which was torn,
// the most obvious pair first.
func (g *graph) mend(labels []int32) []int32 {
	for {
		renumber(labels)
		a, b, ok := g.mostTorn(labels)
		if !ok {
			return labels
		}
		for v, l := range labels {
			if l == b {
				labels[v] = a
			}
		}
	}
}

// mostTorn is the pair of communities with the largest share of exchange. One that
// exchanges more with others than within is torn from that with most of it,
// however many there are.
func (g *graph) mostTorn(labels []int32) (a, b int32, ok bool) {
	sums, volume := g.exchanges(labels)
	outside := make([]float64, len(volume))
	for _, e := range sums {
		outside[e.a] += e.weight
		outside[e.b] += e.weight
	}
	nearest := make([]float64, len(volume))
	for _, e := range sums {
		nearest[e.a], nearest[e.b] = max(nearest[e.a], e.weight), max(nearest[e.b], e.weight)
	}
	most := 0.0
	for _, e := range sums {
		share := e.weight / min(volume[e.a], volume[e.b])
		for _, l := range []int32{e.a, e.b} {
			if e.weight == nearest[l] && outside[l] > volume[l]/2 {
				share = max(share, outside[l]/volume[l])
			}
		}
		if share >= torn && share > most {
			a, b, most, ok = e.a, e.b, share, true
		}
	}
	return a, b, ok
}

// exchanges are the weights between communities, sorted, and how much each has
// altogether. Edges of brokers don't count.
func (g *graph) exchanges(labels []int32) (sums []exchange, volume []float64) {
	brokers := g.brokers(labels)
	volume = make([]float64, slices.Max(append([]int32{-1}, labels...))+1)
	pairs := map[[2]int32]float64{}
	for v, l := range labels {
		if brokers[v] {
			continue
		}
		volume[l] += 2 * g.inner[v]
		for i := g.start[v]; i < g.start[v+1]; i++ {
			to := g.to[i]
			if brokers[to] {
				continue
			}
			volume[l] += g.weight[i]
			if k := labels[to]; l < k {
				pairs[[2]int32{l, k}] += g.weight[i]
			}
		}
	}
	return sorted(pairs), volume
}

// brokers marks the vertices at an end whose edges go to many communities: their
// participation, 1 minus the sum of squares of the shares, is large.
func (g *graph) brokers(labels []int32) []bool {
	out := make([]bool, len(labels))
	shares := map[int32]float64{}
	for v := range labels {
		if g.through[v] || g.start[v+1]-g.start[v] < 3 || g.degree[v] == 0 {
			continue
		}
		clear(shares)
		for i := g.start[v]; i < g.start[v+1]; i++ {
			shares[labels[g.to[i]]] += g.weight[i] / g.degree[v]
		}
		p := 1.0
		for _, l := range sortedKeys(shares) {
			p -= shares[l] * shares[l]
		}
		out[v] = p >= broker
	}
	return out
}

// adopt puts communities of one vertex to the one that it exchanges most with:
// those first that go where others are, as more may follow them.
func (g *graph) adopt(labels []int32) []int32 {
	size := map[int32]int{}
	for _, l := range labels {
		size[l]++
	}
	for _, least := range []int{2, 1} {
		for again := true; again; {
			again = false
			for v, l := range labels {
				if size[l] > 1 {
					continue
				}
				to := g.nearest(int32(v), labels)
				if to == l || size[to] < least {
					continue
				}
				labels[v], again = to, true
				size[l]--
				size[to]++
			}
		}
	}
	return labels
}

// nearest is the label that a vertex exchanges most with, its own if it has no
// edges.
func (g *graph) nearest(v int32, labels []int32) int32 {
	near := map[int32]float64{}
	for i := g.start[v]; i < g.start[v+1]; i++ {
		near[labels[g.to[i]]] += g.weight[i]
	}
	best, most := labels[v], 0.0
	for _, k := range sortedKeys(near) {
		if near[k] > most {
			best, most = k, near[k]
		}
	}
	return best
}
