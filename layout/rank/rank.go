// Package rank says which boxes stand left of which: by longest path from client
// to server, once cycles are broken.
package rank

import (
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

// arc says that box from stands left of box to. flow is the summed weight of
// the edges that say so.
type arc struct {
	from, to int32
	flow     float64
}

// ranking works out the ranks of the Inside boxes.
type ranking struct {
	in       *graph.Input
	arcs     []arc // free of cycles once directed, sorted by from, then to
	out, inn [][]arc
	rank     []int32
}

// maxTighten bounds the passes that shorten edges; ranks of real graphs settle
// in three or four.
const maxTighten = 16

// Of returns a rank for every box: Inside boxes count from 0, and an edge
// between two of them that is part of no cycle goes to a higher rank. Boxes of
// the Entry side have rank -1, those of the Exit side one more than the last.
func Of(in *graph.Input) []int32 {
	r := &ranking{in: in, arcs: arcsOf(in), rank: make([]int32, len(in.Boxes))}
	r.index()
	breakCycles(r)
	r.index()
	topo := r.longestPath()
	r.tighten(topo)
	r.joinUndirected()
	r.sides()
	return r.rank
}

// arcs merges the edges that rank, by pair of boxes.
func arcsOf(in *graph.Input) []arc {
	var arcs []arc
	for _, e := range in.Calls {
		if !in.Ranks(e) {
			continue
		}
		if k := len(arcs) - 1; k >= 0 && arcs[k].from == e.From && arcs[k].to == e.To {
			arcs[k].flow += e.Weight
			continue
		}
		arcs = append(arcs, arc{e.From, e.To, e.Weight})
	}
	return arcs
}

// index lists the arcs by their ends.
func (r *ranking) index() {
	r.out = make([][]arc, len(r.in.Boxes))
	r.inn = make([][]arc, len(r.in.Boxes))
	for _, a := range r.arcs {
		r.out[a.from] = append(r.out[a.from], a)
		r.inn[a.to] = append(r.inn[a.to], a)
	}
}

// longestPath ranks each box one right of its rightmost client and returns the
// boxes in the order in which that was settled, clients first.
func (r *ranking) longestPath() []int32 {
	open := make([]int, len(r.rank))
	topo := make([]int32, 0, len(r.rank))
	for i := range r.rank {
		open[i] = len(r.inn[i])
		if open[i] == 0 {
			topo = append(topo, int32(i))
		}
	}
	for k := 0; k < len(topo); k++ {
		for _, a := range r.out[topo[k]] {
			r.rank[a.to] = max(r.rank[a.to], r.rank[a.from]+1)
			if open[a.to]--; open[a.to] == 0 {
				topo = append(topo, a.to)
			}
		}
	}
	return topo
}

// tighten moves boxes towards the side with more flow as far as their clients
// and servers let them, so that a worker stands beside its database and not at
// the far left. Callers from outside hold a box at the left.
func (r *ranking) tighten(topo []int32) {
	for range maxTighten {
		moved := false
		for _, v := range slices.Backward(topo) {
			low, high := r.room(v)
			pull := flow(r.out[v]) - flow(r.inn[v]) - r.in.Held[v]
			to := r.rank[v]
			switch {
			case pull > 0 || pull == 0 && r.in.Held[v] == 0:
				to = high
			case pull < 0:
				to = low
			}
			moved = moved || to != r.rank[v]
			r.rank[v] = to
		}
		if !moved {
			return
		}
	}
}

// room returns the lowest and the highest rank that v may have. A box without
// servers has no reason to go right and stays beside its clients.
func (r *ranking) room(v int32) (low, high int32) {
	for _, a := range r.inn[v] {
		low = max(low, r.rank[a.from]+1)
	}
	if len(r.out[v]) == 0 {
		return low, low
	}
	high = r.rank[r.out[v][0].to] - 1
	for _, a := range r.out[v] {
		high = min(high, r.rank[a.to]-1)
	}
	return low, high
}

func flow(arcs []arc) float64 {
	sum := 0.0
	for _, a := range arcs {
		sum += a.flow
	}
	return sum
}

// joinUndirected stands boxes that no directed edge has ranked right of a
// neighbour that is ranked, so that their edges have room. This moves no other
// box: undirected edges rank nothing.
func (r *ranking) joinUndirected() {
	near := make([][]int32, len(r.rank))
	for _, e := range r.in.Calls {
		if e.Undirected && r.in.Boxes[e.From].Side == graph.Inside && r.in.Boxes[e.To].Side == graph.Inside {
			near[e.From] = append(near[e.From], e.To)
			near[e.To] = append(near[e.To], e.From)
		}
	}
	known := make([]bool, len(r.rank))
	var queue []int32
	for i := range known {
		if len(r.inn[i])+len(r.out[i]) > 0 {
			known[i] = true
			queue = append(queue, int32(i))
		}
	}
	spread := func() {
		for k := 0; k < len(queue); k++ {
			for _, u := range near[queue[k]] {
				if !known[u] {
					known[u] = true
					r.rank[u] = r.rank[queue[k]] + 1
					queue = append(queue, u)
				}
			}
		}
		queue = queue[:0]
	}
	spread()
	for _, i := range byDegree(near) {
		if !known[i] {
			known[i] = true
			queue = append(queue, i)
			spread()
		}
	}
}

// byDegree returns the boxes with the most neighbours first.
func byDegree(near [][]int32) []int32 {
	order := make([]int32, len(near))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return len(near[b]) - len(near[a]) })
	return order
}

// sides ranks the boxes that stand outside.
func (r *ranking) sides() {
	last := int32(0)
	for i, b := range r.in.Boxes {
		if b.Side == graph.Inside {
			last = max(last, r.rank[i])
		}
	}
	for i, b := range r.in.Boxes {
		switch b.Side {
		case graph.Entry:
			r.rank[i] = -1
		case graph.Exit:
			r.rank[i] = last + 1
		case graph.Inside, graph.Strip:
		}
	}
}
