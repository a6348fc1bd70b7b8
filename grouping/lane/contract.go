package lane

import (
	"cmp"
	"math"
	"slices"
)

// Link says that a node calls another, on whatever port.
type Link struct{ From, To int32 }

// Contract makes a graph of nodes and the links between them: each pool is one
// vertex, and each node without. Pool numbers the pools by node; -1 for none. It
// gives the vertex of each node, the edges, and for each vertex whether it both
// calls and is called.
func Contract(links []Link, pool []int32) (vertex []int32, edges []Edge, through []bool) {
	vertex, size := vertices(pool)
	edges, through = exchangesOf(links, vertex, size)
	return vertex, edges, through
}

// exchangesOf are the edges between vertices. The weight grows with the logarithm of
// how many links there are, and with how many of both ends' nodes have some: a
// stray call of one node of many says little. Through marks the vertices that
// call and are called.
func exchangesOf(links []Link, vertex []int32, size []int) (edges []Edge, through []bool) {
	type half struct{ at, to, node int32 }
	halves := make([]half, 0, 2*len(links))
	through, called := make([]bool, len(size)), make([]bool, len(size))
	for i := range links {
		from, to := links[i].From, links[i].To
		a, b := vertex[from], vertex[to]
		if a != b {
			halves = append(halves, half{a, b, from}, half{b, a, to})
			through[a], called[b] = true, true
		}
	}
	for v := range through {
		through[v] = through[v] && called[v]
	}
	slices.SortFunc(halves, func(x, y half) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.to, y.to), cmp.Compare(x.node, y.node))
	})
	type pair struct{ a, b int32 }
	share := map[pair]float64{} // of the nodes of the first end that take part
	for i := 0; i < len(halves); {
		first, nodes, n := halves[i], 0, 0
		for last := int32(-1); i < len(halves) && halves[i].at == first.at && halves[i].to == first.to; i++ {
			if halves[i].node != last {
				nodes++
				last = halves[i].node
			}
			n++
		}
		part := float64(nodes) / float64(size[first.at])
		if first.at < first.to {
			share[pair{first.at, first.to}] = part
			edges = append(edges, Edge{A: first.at, B: first.to, Weight: math.Log2(float64(1 + n))})
		} else {
			share[pair{first.at, first.to}] = part
		}
	}
	for i := range edges {
		e := &edges[i]
		e.Weight *= math.Sqrt(share[pair{e.A, e.B}] * share[pair{e.B, e.A}])
	}
	return edges, through
}

// vertices makes one vertex of each pool and of each node without, in the order
// of their first nodes, and counts the nodes of each.
func vertices(pool []int32) (vertex []int32, size []int) {
	vertex = make([]int32, len(pool))
	seen := map[int32]int32{}
	for i, p := range pool {
		v, ok := seen[p]
		if p < 0 || !ok {
			v = int32(len(size))
			size = append(size, 0)
		}
		if p >= 0 {
			seen[p] = v
		}
		vertex[i] = v
		size[v]++
	}
	return vertex, size
}
