// Package cluster finds groups of boxes that call each other much and others little,
// so that a large piece of a graph without lanes can be drawn group by group.
package cluster

import (
	"slices"

	"github.com/devops-trouble-map/dotm/layout/graph"
)

const (
	// Big is from how many boxes on a piece is cut into groups.
	Big = 150
	// clear is the modularity from which on groups are worth it: by how much more
	// of the weight is within groups than chance would have there.
	clear = 0.3
	// maxPasses bounds the passes of one level, maxLevels the levels.
	maxPasses = 12
	maxLevels = 6
)

// level is a graph of groups, each of which may move into that of a neighbour.
type level struct {
	near  [][]edge  // per node, sorted by node
	own   []float64 // per node: weight within it, counted twice
	total []float64 // per node: weight at it
	all   float64   // sum of total
}

type edge struct {
	to     int32
	weight float64
}

// Of returns the groups of a piece, each in rising order of its boxes, in the order of
// their first boxes: nil if the piece is small or has no clear groups. It moves boxes
// into the group of a neighbour as long as that makes groups clearer, then groups into
// groups (Blondel et al., "Fast unfolding of communities in large networks", 2008).
// Boxes of the sides are in none.
func Of(in *graph.Input, p graph.Part) [][]int32 {
	if len(p.Boxes) < Big {
		return nil
	}
	var boxes []int32
	node := make(map[int32]int32, len(p.Boxes))
	for _, b := range p.Boxes {
		if in.Boxes[b].Side == graph.Inside {
			node[b] = int32(len(boxes))
			boxes = append(boxes, b)
		}
	}
	l := newLevel(len(boxes), p.Calls, node)
	group := make([]int32, len(boxes))
	for i := range group {
		group[i] = int32(i)
	}
	for range maxLevels {
		into, moved := l.unfold()
		if !moved {
			break
		}
		into = renumber(into)
		for i, g := range group {
			group[i] = into[g]
		}
		l = l.fold(into)
	}
	if l.modularity() < clear {
		return nil
	}
	return gather(boxes, group)
}

// newLevel has a node for each box. A call counts the same whatever its weight: what
// is drawn is lines.
func newLevel(n int, calls []graph.Call, node map[int32]int32) *level {
	l := &level{near: make([][]edge, n), own: make([]float64, n), total: make([]float64, n)}
	for _, c := range calls {
		a, inside := node[c.From]
		b, both := node[c.To]
		if inside && both {
			l.near[a] = append(l.near[a], edge{b, 1})
			l.near[b] = append(l.near[b], edge{a, 1})
		}
	}
	l.sum()
	return l
}

// sum merges the edges of each node and adds them up.
func (l *level) sum() {
	l.all = 0
	for i, near := range l.near {
		slices.SortFunc(near, func(a, b edge) int { return int(a.to - b.to) })
		merged := near[:0]
		l.total[i] = l.own[i]
		for _, e := range near {
			l.total[i] += e.weight
			if k := len(merged) - 1; k >= 0 && merged[k].to == e.to {
				merged[k].weight += e.weight
				continue
			}
			merged = append(merged, e)
		}
		l.near[i] = merged
		l.all += l.total[i]
	}
}

// unfold puts every node into the group where it makes modularity highest, until no
// node moves, and returns the group of each.
func (l *level) unfold() (group []int32, moved bool) {
	n := len(l.near)
	group = make([]int32, n)
	weight, to := slices.Clone(l.total), make([]float64, n)
	for i := range group {
		group[i] = int32(i)
	}
	for range maxPasses {
		still := true
		for i := range l.near {
			from := group[i]
			weight[from] -= l.total[i]
			for _, e := range l.near[i] {
				to[group[e.to]] += e.weight
			}
			best, gain := from, to[from]-weight[from]*l.total[i]/l.all
			for _, e := range l.near[i] {
				g := group[e.to]
				if v := to[g] - weight[g]*l.total[i]/l.all; v > gain+1e-9 {
					best, gain = g, v
				}
			}
			for _, e := range l.near[i] {
				to[group[e.to]] = 0
			}
			weight[best] += l.total[i]
			if best != from {
				group[i], still, moved = best, false, true
			}
		}
		if still {
			break
		}
	}
	return group, moved
}

// fold makes a node of each group.
func (l *level) fold(group []int32) *level {
	n := int(slices.Max(group)) + 1
	f := &level{near: make([][]edge, n), own: make([]float64, n), total: make([]float64, n)}
	for i, near := range l.near {
		g := group[i]
		f.own[g] += l.own[i]
		for _, e := range near {
			if other := group[e.to]; other != g {
				f.near[g] = append(f.near[g], edge{other, e.weight})
			} else {
				f.own[g] += e.weight
			}
		}
	}
	f.sum()
	return f
}

// modularity is the share of the weight that is within nodes, less what chance would
// have there.
func (l *level) modularity() float64 {
	q := 0.0
	for i, own := range l.own {
		share := l.total[i] / max(l.all, 1)
		q += own/max(l.all, 1) - share*share
	}
	return q
}

// renumber counts groups from 0, in the order of their first nodes.
func renumber(group []int32) []int32 {
	number := make(map[int32]int32)
	out := make([]int32, len(group))
	for i, g := range group {
		k, known := number[g]
		if !known {
			k = int32(len(number))
			number[g] = k
		}
		out[i] = k
	}
	return out
}

// gather lists the boxes of each group.
func gather(boxes, group []int32) [][]int32 {
	groups := make([][]int32, slices.Max(group)+1)
	for i, b := range boxes {
		groups[group[i]] = append(groups[group[i]], b)
	}
	if len(groups) < 2 {
		return nil
	}
	return groups
}
