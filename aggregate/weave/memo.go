package weave

import (
	"hash/maphash"
	"slices"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/topology"
)

// memo is what was learned of the connections of a block, and saves finding it out
// again. It is of one list: a block in which it came along with another has none.
type memo struct {
	list   []*topology.Connection
	ends   []uint64 // hashes of the ends of each
	places []place  // of the rows that the node's statements tell, in their order; nil if that isn't known
}

// memoOf is that of a block's connections; nil if there is none.
func memoOf(b *topology.Block) *memo {
	m, ok := b.Memo.(*memo)
	if !ok || !topology.SameList(m.list, b.Connections) {
		return nil
	}
	return m
}

// Equal says that what was learned is no part of what blocks say.
func (m *memo) Equal(*memo) bool { return true }

func newMemo(list []*topology.Connection) *memo {
	m := &memo{list: list, ends: make([]uint64, len(list))}
	for i, c := range list {
		m.ends[i] = endsHash(edge.EndsOf(c))
	}
	return m
}

// of is the memo of connections that differ in numbers only.
func (m *memo) of(list []*topology.Connection) *memo {
	if topology.SameList(m.list, list) {
		return m
	}
	return &memo{list, m.ends, m.places}
}

func endsHash(e edge.Ends) uint64 {
	h := maphash.String(seed, e.Client)*31 + maphash.String(seed, e.Server)
	return h*31 + uint64(e.Port)<<8 + uint64(len(e.Protocol)) + uint64(e.Protocol[0])
}

// between lists the edges of a block between two ends. They needn't be looked at but for
// those that it finds.
func (m *memo) between(key edge.Ends) (found []int) {
	h := endsHash(key)
	for i := 0; ; i++ {
		k := slices.Index(m.ends[i:], h)
		if k < 0 {
			return found
		}
		if i += k; edge.Joins(m.list[i], key) {
			found = append(found, i)
		}
	}
}
