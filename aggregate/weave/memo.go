package weave

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// place is where a row of a statement ends up.
type place struct {
	row     uint64 // hash of the row without its numbers
	edge    int32  // of the block's connections; or held, or within
	service int32  // of the node's services, that the row calls; -1 for none
}

const (
	held   = -1 // the edge of a row is the other end's node's
	within = -2 // a row tells of edges that the client's end tells of, on this node too
)

var seed = maphash.MakeSeed()

// rowHash is a hash of what of a row is no number.
func rowHash(r *report.Connection) uint64 { return maphash.Comparable(seed, r.Edge()) }

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
	return (h*31+maphash.String(seed, string(e.Protocol)))*31 + uint64(e.Port)
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

// settled says whether weaving has left everything but numbers as it was: then the next
// statement with these rows may be read again.
func (w *weaver) settled() bool {
	for _, p := range w.others {
		if p != nil && p.copied {
			return false
		}
	}
	return len(w.explained) == 0 && slices.EqualFunc(w.prev.Connections, w.self.Connections, sameButNumbers)
}

func sameButNumbers(x, y *topology.Connection) bool {
	v, u := &x.Evidence, &y.Evidence
	return x == y || x.ID == y.ID && x.Client == y.Client && x.Server == y.Server && x.Directed == y.Directed && x.Own == y.Own &&
		x.Observer == y.Observer && (x.Peers > 0) == (y.Peers > 0) && v.BothEnds == u.BothEnds && v.Confirmed == u.Confirmed &&
		v.ClientResolved == u.ClientResolved && v.ServerResolved == u.ServerResolved &&
		slices.EqualFunc(v.SeenBy, u.SeenBy, func(a, b topology.Sighting) bool { return a.Node == b.Node && a.End == b.End })
}

// learn remembers where the rows of a statement ended up that was woven, for the next.
func (w *weaver) learn() {
	m := newMemo(w.self.Connections)
	w.self.Memo = m
	if !w.sameSelf() || !w.settled() {
		return
	}
	places, listed := make([]place, 0, len(w.rows)), w.listed()
	for i := range w.rows {
		r := &w.rows[i]
		if !r.Made() {
			return
		}
		says, plain := w.meaning(r)
		p := place{rowHash(r), held, says.service}
		switch {
		case says.within:
			p.edge = within
		case plain && !says.held:
			p.edge, plain = w.edgeOf(r, &says)
		}
		if !plain || p.edge >= 0 && !listed[w.self.Connections[p.edge].ID] {
			return
		}
		places = append(places, p)
	}
	m.places = places
	if before := memoOf(w.prev); before != nil {
		m.places = united(before.places, places)
	}
}

// listed are the edges that rows of now tell of.
func (w *weaver) listed() map[string]bool {
	ids := make(map[string]bool, len(w.edges))
	for _, list := range w.ends {
		for _, e := range list {
			ids[e.ID] = true
		}
	}
	return ids
}

// edgeOf is where the edge of a row is.
func (w *weaver) edgeOf(r *report.Connection, says *meaning) (int32, bool) {
	c := topology.Connection{
		Client: topology.Client{Node: says.client}, Directed: true, Protocol: topology.Protocol(r.Protocol),
		Server: topology.Server{Node: says.server, Port: r.Port, Service: says.called},
	}
	if r.Direction == report.Out {
		c.Client.Process = r.Process
	}
	i, ok := slices.BinarySearchFunc(w.self.Connections, topology.ConnectionID(&c), func(e *topology.Connection, id string) int { return strings.Compare(e.ID, id) })
	return int32(i), ok
}

// united are the places of now among those of before, of rows that say nothing now:
// they may come back.
func united(before, now []place) []place {
	if len(before) == 0 || len(before) > 2*len(now)+64 {
		return now
	}
	known := make(map[uint64]bool, len(now))
	for _, p := range now {
		known[p.row] = true
	}
	out := make([]place, 0, len(before)+len(now))
	for _, p := range now {
		at := slices.IndexFunc(before, func(o place) bool { return o.row == p.row })
		if at >= 0 {
			for _, o := range before[:at] {
				if !known[o.row] {
					out = append(out, o)
				}
			}
			before = before[at+1:]
		}
		out = append(out, p)
	}
	for _, o := range before {
		if !known[o.row] {
			out = append(out, o)
		}
	}
	return out
}
