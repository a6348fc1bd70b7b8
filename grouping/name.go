package grouping

import (
	"cmp"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/grouping/census"
)

// name gives names to pools and groups: what a person said, else what they were
// called before, else one that is found. Names that nothing has any more are
// forgotten with the last node that had to do with them.
func (m *Memory) name(r *Roles) {
	old := m.names
	m.names = map[string]string{}
	for _, k := range m.nodes {
		for _, id := range []string{k.pool.in, k.pool.next, k.place.in, k.place.next} {
			if n, ok := old[id]; ok {
				m.names[id] = n
			}
		}
	}
	taken := map[string]bool{}
	for i := range r.Pools {
		p := &r.Pools[i]
		p.Name = m.nameOf(p.ID, old, func() string { return m.poolName(p.Members) })
	}
	for i := range r.Groups {
		if n, ok := old[r.Groups[i].ID]; ok {
			taken[n] = true
		}
	}
	for i := range r.Groups {
		g := &r.Groups[i]
		g.Name = m.nameOf(g.ID, old, func() string {
			n := m.groupName(g.Members, r, taken)
			taken[n] = true
			return n
		})
	}
}

func (m *Memory) nameOf(id string, old map[string]string, find func() string) string {
	n, ok := old[id]
	if !ok {
		n = find()
	}
	m.names[id] = n
	if chosen, ok := m.choices.Names[id]; ok {
		return chosen
	}
	return n
}

// mostOf is the share of members that must have a name for all to be called so.
const mostOf = 0.6

// poolName is what the names of most members have in common, else the beginning
// of all, else what runs on them. It holds no numbers.
func (m *Memory) poolName(members []string) string {
	stems := make([]string, len(members))
	mains := make([]string, len(members))
	for i, n := range members {
		stems[i] = census.Stem(n)
		if r := m.nodes[n]; r != nil {
			mains[i] = r.main
		}
	}
	if s, n := mostFrequent(stems); s != "" && float64(n) >= mostOf*float64(len(members)) {
		return s
	}
	if p := commonWords(stems); p != "" {
		return p
	}
	if s, _ := mostFrequent(mains); s != "" {
		return s
	}
	return "pool"
}

// groupName is the word that the names of most members begin with, if other
// groups are not called so, else the name of the pool or node at the front.
func (m *Memory) groupName(members []string, r *Roles, taken map[string]bool) string {
	heads := make([]string, len(members))
	for i, n := range members {
		stem := census.Stem(n)
		if head, _, ok := strings.Cut(stem, "-"); ok {
			heads[i] = head
		}
	}
	if s, n := mostFrequent(heads); s != "" && float64(n) >= mostOf*float64(len(members)) && !taken[s] {
		return s
	}
	entry := slices.MinFunc(members, func(a, b string) int {
		x, y := m.frontOf(a), m.frontOf(b)
		return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(y.calls, x.calls), cmp.Compare(size(r, b), size(r, a)), strings.Compare(a, b))
	})
	if p := r.PoolOf(entry); p != nil {
		return p.Name
	}
	if s := census.Stem(entry); s != "" {
		return s
	}
	return entry
}

func (m *Memory) frontOf(node string) front {
	if r := m.nodes[node]; r != nil {
		return r.front
	}
	return front{rank: 3}
}

// size is how many nodes stand in a node's box.
func size(r *Roles, node string) int {
	if p := r.PoolOf(node); p != nil {
		return len(p.Members)
	}
	return 1
}

// mostFrequent is the most frequent of some words, the first by the alphabet of
// several; empty ones don't count.
func mostFrequent(words []string) (word string, count int) {
	sorted := slices.Sorted(slices.Values(words))
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		if sorted[i] != "" && j-i > count {
			word, count = sorted[i], j-i
		}
		i = j
	}
	return word, count
}

// commonWords are the whole words that all stems begin with.
func commonWords(stems []string) string {
	common := strings.Split(stems[0], "-")
	for _, s := range stems[1:] {
		words := strings.Split(s, "-")
		n := 0
		for n < len(common) && n < len(words) && common[n] == words[n] {
			n++
		}
		common = common[:n]
	}
	return strings.Join(common, "-")
}
