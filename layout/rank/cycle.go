package rank

import (
	"cmp"
	"container/heap"
	"slices"
)

// breakCycles turns arcs around until no cycle is left. Only arcs within a
// strongly connected set of boxes are ever turned: an edge that is part of no
// cycle keeps its direction.
func breakCycles(r *ranking) {
	set := strongSets(r.out)
	members := make([][]int32, len(set)+1)
	for i, s := range set {
		members[s] = append(members[s], int32(i))
	}
	place := make([]int, len(set))
	for _, m := range members {
		if len(m) > 1 {
			newKnot(r, m, set).untie(place)
		}
	}
	for i, a := range r.arcs {
		if set[a.from] == set[a.to] && place[a.from] > place[a.to] {
			r.arcs[i].from, r.arcs[i].to = a.to, a.from
		}
	}
	slices.SortFunc(r.arcs, func(a, b arc) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.flow, b.flow))
	})
}

// knot is a strongly connected set of boxes, numbered from 0.
type knot struct {
	members []int32
	arcs    []arc     // within the knot, by number
	entered []float64 // per box: flow that comes in from outside the knot
	left    []float64 // per box: flow that goes out of the knot
}

func newKnot(r *ranking, members []int32, set []int32) *knot {
	k := &knot{
		members: members,
		entered: make([]float64, len(members)),
		left:    make([]float64, len(members)),
	}
	number := make(map[int32]int32, len(members))
	for i, v := range members {
		number[v] = int32(i)
	}
	for i, v := range members {
		k.entered[i] = r.in.Held[v]
		for _, a := range r.out[v] {
			if set[a.to] != set[v] {
				k.left[i] += a.flow
				continue
			}
			k.arcs = append(k.arcs, arc{int32(i), number[a.to], a.flow})
		}
		for _, a := range r.inn[v] {
			if set[a.from] != set[v] {
				k.entered[i] += a.flow
			}
		}
	}
	return k
}

// fewBack is the share of a knot's flow that may go backwards for the sake of
// a compact chart.
const fewBack = 0.08

// untie writes the place of each member into place. If almost all flow goes
// away from where the knot is entered, as it does where whole sites call each
// other in a ring, then by that distance, which keeps like beside like;
// otherwise so that little flow goes backwards.
func (k *knot) untie(place []int) {
	order := k.sequence(k.depths())
	back, all := k.back(order)
	if back > fewBack*all {
		plain := k.sequence(make([]int, len(k.members)))
		if b, _ := k.back(plain); b < back {
			order = plain
		}
	}
	for n, v := range order {
		place[k.members[v]] = n
	}
}

// back sums the flow that goes backwards in order, and all.
func (k *knot) back(order []int32) (back, all float64) {
	place := make([]int, len(order))
	for n, v := range order {
		place[v] = n
	}
	for _, a := range k.arcs {
		all += a.flow
		if place[a.from] > place[a.to] {
			back += a.flow
		}
	}
	return back, all
}

// depths is how many arcs each box is from where the knot is entered.
func (k *knot) depths() []int {
	out := make([][]int32, len(k.members))
	for _, a := range k.arcs {
		out[a.from] = append(out[a.from], a.to)
	}
	depth := make([]int, len(k.members))
	seen := make([]bool, len(k.members))
	var queue []int32
	for i, e := range k.entered {
		if e > 0 {
			seen[i] = true
			queue = append(queue, int32(i))
		}
	}
	for n := 0; n < len(queue); n++ {
		v := queue[n]
		for _, u := range out[v] {
			if !seen[u] {
				seen[u] = true
				depth[u] = depth[v] + 1
				queue = append(queue, u)
			}
		}
	}
	return depth
}

// sequence orders the boxes by depth and, where that is the same, such that
// little flow goes backwards: again and again the box that gives most in excess
// of what it takes goes first (Eades, Lin and Smyth, "A fast and effective
// heuristic for the feedback arc set problem", 1993). Flow from outside makes a
// box go early, so that a cycle starts where it is entered.
func (k *knot) sequence(depth []int) []int32 {
	now := make([]candidate, len(k.members))
	touch := make([][]arc, len(k.members))
	for i := range now {
		now[i] = candidate{box: int32(i), depth: depth[i], excess: (k.entered[i] - k.left[i]) / 2}
	}
	for _, a := range k.arcs {
		now[a.from].excess += a.flow
		now[a.to].excess -= a.flow
		now[a.to].takes++
		touch[a.from] = append(touch[a.from], a)
		touch[a.to] = append(touch[a.to], a)
	}
	next := candidates(slices.Clone(now))
	heap.Init(&next)
	order := make([]int32, 0, len(now))
	for len(next) > 0 {
		c := heap.Pop(&next).(candidate)
		if c != now[c.box] {
			continue // placed already, or pushed again with what it gives now
		}
		order = append(order, c.box)
		now[c.box].box = placed
		for _, a := range touch[c.box] {
			other := a.from
			if a.from == c.box {
				other = a.to
				now[other].takes--
				now[other].excess += a.flow
			} else {
				now[other].excess -= a.flow
			}
			if now[other].box != placed {
				heap.Push(&next, now[other])
			}
		}
	}
	return order
}

// placed stands for a box that has its place.
const placed = -1

// candidate is a box that may come next in a sequence.
type candidate struct {
	box    int32 // placed once it is placed
	depth  int
	takes  int     // arcs from boxes that are not placed
	excess float64 // flow given less flow taken, both to boxes that are not placed
}

// candidates is a heap: what comes next first.
type candidates []candidate

func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }

// Push is part of [heap.Interface].
func (c *candidates) Push(x any) { *c = append(*c, x.(candidate)) }

// Pop is part of [heap.Interface].
func (c *candidates) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

func (c candidates) Less(i, j int) bool {
	a, b := c[i], c[j]
	switch {
	case a.depth != b.depth:
		return a.depth < b.depth
	case (a.takes == 0) != (b.takes == 0):
		return a.takes == 0
	case a.excess != b.excess:
		return a.excess > b.excess
	}
	return a.box < b.box
}

// strongSets numbers the strongly connected sets of boxes (Tarjan 1972).
func strongSets(out [][]arc) []int32 {
	t := &tarjan{
		out:  out,
		set:  make([]int32, len(out)),
		seen: make([]int32, len(out)),
		low:  make([]int32, len(out)),
	}
	for v := range out {
		if t.seen[v] == 0 {
			t.visit(int32(v))
		}
	}
	return t.set
}

type tarjan struct {
	out            [][]arc
	set, seen, low []int32
	stack          []int32
	clock, sets    int32
}

func (t *tarjan) visit(v int32) {
	t.clock++
	t.seen[v], t.low[v] = t.clock, t.clock
	t.stack = append(t.stack, v)
	for _, a := range t.out[v] {
		switch {
		case t.seen[a.to] == 0:
			t.visit(a.to)
			t.low[v] = min(t.low[v], t.low[a.to])
		case t.set[a.to] == 0:
			t.low[v] = min(t.low[v], t.seen[a.to])
		}
	}
	if t.low[v] != t.seen[v] {
		return
	}
	t.sets++
	for {
		u := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.set[u] = t.sets
		if u == v {
			return
		}
	}
}
