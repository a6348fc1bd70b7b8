package grouping

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/grouping/census"
	"github.com/devops-trouble-map/dotm/grouping/lane"
	"github.com/devops-trouble-map/dotm/grouping/role"
)

func compareText(a, b string) int { return strings.Compare(a, b) }

// lanes gives each node the number of its group; -1 for none. A pool is one
// vertex, so that none spans groups.
func (m *Memory) lanes(c *census.Census, f *role.Finding) []int32 {
	vertex, edges, through := lane.Contract(f.Links, f.Pool)
	found := lane.Find(through, edges, m.before(c, vertex, len(through)))
	out := make([]int32, len(vertex))
	for i, v := range vertex {
		out[i] = found[v]
		if f.Hub[i] {
			out[i] = -1
		}
	}
	return out
}

// before is where vertices are by the last finding; nil if there was none.
func (m *Memory) before(c *census.Census, vertex []int32, count int) []int32 {
	if len(m.nodes) == 0 {
		return nil
	}
	out, number := make([]int32, count), map[string]int32{}
	for v := range out {
		out[v] = -1
	}
	for i := range c.Nodes {
		r := m.nodes[c.Nodes[i].Name]
		if r == nil || r.place.next == "" || r.place.next == sharedPlace || out[vertex[i]] >= 0 {
			continue
		}
		n, ok := number[r.place.next]
		if !ok {
			n = int32(len(number))
			number[r.place.next] = n
		}
		out[vertex[i]] = n
	}
	return out
}

// claim is how much a set of nodes that was found has in common with one that is
// known: nodes that are in it, and nodes that will be.
type claim struct {
	set        int32
	id         string
	have, soon int
}

// identify gives each node the ID of the set that it is found in; empty for none.
// A set keeps the ID of the known one that it has most in common with; of several
// that could, the one with most keeps it.
func (m *Memory) identify(prefix string, c *census.Census, sets []int32, of func(*remembered) *field) []string {
	count := int32(-1)
	for _, s := range sets {
		count = max(count, s)
	}
	size, ids := make([]int, count+1), make([]string, count+1)
	for _, s := range sets {
		if s >= 0 {
			size[s]++
		}
	}
	used := map[string]bool{}
	for _, k := range m.claims(c, sets, of) {
		if ids[k.set] == "" && !used[k.id] {
			ids[k.set], used[k.id] = k.id, true
		}
	}
	for _, r := range m.nodes { // what somebody is or was called by is not free
		used[of(r).in], used[of(r).next] = true, true
	}
	out := make([]string, len(sets))
	for i, s := range sets {
		if s < 0 {
			continue
		}
		if ids[s] == "" {
			ids[s] = newID(prefix, c.Nodes[i].Name, used)
		}
		out[i] = ids[s]
	}
	return out
}

// claims are sorted: those that rest on most nodes first.
func (m *Memory) claims(c *census.Census, sets []int32, of func(*remembered) *field) []claim {
	type key struct {
		set int32
		id  string
	}
	index := map[key]int{}
	var out []claim
	at := func(set int32, id string) *claim {
		k, ok := index[key{set, id}]
		if !ok {
			k = len(out)
			index[key{set, id}] = k
			out = append(out, claim{set: set, id: id})
		}
		return &out[k]
	}
	for i, s := range sets {
		r := m.nodes[c.Nodes[i].Name]
		if s < 0 || r == nil {
			continue
		}
		f := of(r)
		if f.in != "" && f.in != sharedPlace {
			at(s, f.in).have++
		}
		if f.next != "" && f.next != sharedPlace {
			at(s, f.next).soon++
		}
	}
	slices.SortFunc(out, func(a, b claim) int {
		return cmp.Or(cmp.Compare(b.have, a.have), cmp.Compare(b.soon, a.soon), strings.Compare(a.id, b.id), cmp.Compare(a.set, b.set))
	})
	return out
}

// newID makes an ID that is not used, from the name of a set's first node.
func newID(prefix, first string, used map[string]bool) string {
	for n := 0; ; n++ {
		text := first
		if n > 0 {
			text += "\x00" + strconv.Itoa(n)
		}
		sum := sha256.Sum256([]byte(text))
		if id := prefix + hex.EncodeToString(sum[:4]); !used[id] {
			used[id] = true
			return id
		}
	}
}

// frontOrder says how far at the front nodes are. Rank 0 are those that the outside
// calls, 1 those that nobody calls and that call others, 2 the rest.
func frontOrder(c *census.Census, f *role.Finding) []front {
	out := make([]front, len(c.Nodes))
	called := make([]bool, len(c.Nodes))
	for _, l := range f.Links {
		called[l.To] = true
		out[l.From].calls++
	}
	for i := range out {
		out[i].rank = 2
		if out[i].calls > 0 && !called[i] {
			out[i].rank = 1
		}
	}
	for i := range c.Edges {
		if e := &c.Edges[i]; c.Nodes[e.From].Kind == census.Outside && !e.Watching {
			out[e.To].rank = 0
		}
	}
	return out
}
