package trouble

import (
	"slices"

	"github.com/devops-trouble-map/dotm/trouble/graph"
)

// Near is the part of a graph that says what is behind trouble of some components: what
// they need, who else needs that, and what stands in for it. Ranking an incident of
// these components by it gives what the whole graph gives, at the cost of the part. Ids
// that the graph doesn't know are passed over.
func Near(g *Graph, ids []string) *Graph {
	from := make([]int32, 0, len(ids))
	for _, id := range ids {
		if i, ok := g.Index(id); ok {
			from = append(from, i)
		}
	}
	served := g.Upstream(from, far+2, func(e *Edge) bool { return e.Undirected || e.Load >= overload })
	keep := make([]bool, g.Len())
	pools := map[string]bool{}
	for i, in := range served {
		if !in {
			continue
		}
		keep[i] = true
		if p := g.At(int32(i)).Pool; p != "" {
			pools[p] = true
		}
		for _, a := range g.ClientsOf(int32(i)) {
			keep[a.To] = true
		}
	}
	if len(pools) > 0 {
		members(g, keep, served, pools)
	}
	return g.Part(keep, served)
}

// members adds the other members of pools that those who are kept call.
func members(g *Graph, keep, served []bool, pools map[string]bool) {
	var found []graph.Arc
	for i, kept := range keep {
		if !kept {
			continue
		}
		for _, a := range g.ServersOf(int32(i)) {
			if !served[a.To] && pools[g.At(a.To).Pool] {
				found = append(found, a)
			}
		}
	}
	for _, a := range found {
		keep[a.To], served[a.To] = true, true
	}
}

// Below is the part of a graph in which trouble of some components could show: who
// needs them, directly or not, and what stands in for what they need. Predicting by it
// gives what the whole graph gives.
func Below(g *Graph, ids []string) *Graph {
	keep := make([]bool, g.Len())
	pools := map[string]bool{}
	var ring []int32
	meet := func(i int32) {
		if keep[i] {
			return
		}
		keep[i] = true
		ring = append(ring, i)
		if p := g.At(i).Pool; p != "" {
			pools[p] = true
		}
	}
	for _, id := range ids {
		if i, ok := g.Index(id); ok {
			meet(i)
		}
	}
	for hops := 0; hops <= far && len(ring) > 0; hops++ {
		from := ring
		ring = nil
		for _, i := range from {
			for _, a := range g.ClientsOf(i) {
				meet(a.To)
			}
		}
	}
	served := slices.Clone(keep)
	members(g, keep, served, pools)
	inside := slices.Clone(keep)
	for i, kept := range inside { // how many something stands between
		if kept {
			for _, a := range g.ServersOf(int32(i)) {
				keep[a.To], served[a.To] = true, true
			}
		}
	}
	return g.Part(keep, served)
}
