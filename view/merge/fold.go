package merge

import (
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// An edge of one id may be told of in two boxes: in that of its client, and in that of
// its server, which holds what it saw of members that didn't report then. It is there
// once: with its client, or with its server if that alone knows it as open, so that it
// was last seen when that one reported.

// guest is a connection of a box that its client's box may hold, too.
type guest struct {
	client string // the box
	i      int    // in the list of the box
}

// guestsOf are those of the connections that a box holds for its servers.
func guestsOf(key string, list []*topology.Connection) (guests []guest) {
	for i, c := range list {
		if c.Client.Node != key {
			guests = append(guests, guest{c.Client.Node, i})
		}
	}
	return guests
}

// fold is what a box takes over from others, and what it leaves to them, by index in
// its list. Both are sorted by id.
type fold struct {
	takes  []*topology.Connection
	leaves []int
}

func (f *fold) empty() bool { return f == nil || len(f.takes)+len(f.leaves) == 0 }

// same tells whether two folds do the same to one list.
func (f *fold) same(o *fold) bool {
	if f.empty() || o.empty() {
		return f.empty() == o.empty()
	}
	return slices.Equal(f.leaves, o.leaves) && slices.EqualFunc(f.takes, o.takes, func(a, b *topology.Connection) bool {
		return a == b || topology.SameConnection(a, b) && a.LastSeen.Equal(b.LastSeen) && a.LastConnection.Equal(b.LastConnection)
	})
}

// folds finds what is told of in two boxes. It looks at nothing but what boxes hold for
// clients that hold something themselves.
func folds(boxes map[string]*box, order []string) map[*box]*fold {
	found := map[*box]*fold{}
	of := func(b *box) *fold {
		if found[b] == nil {
			found[b] = &fold{}
		}
		return found[b]
	}
	for _, key := range order {
		server := boxes[key]
		for _, g := range server.guests {
			client := boxes[g.client]
			if client == nil || len(client.told.Connections) == 0 {
				continue
			}
			theirs := server.told.Connections[g.i]
			i, both := find(client.told.Connections, theirs.ID)
			if !both {
				continue
			}
			if own := client.told.Connections[i]; own.Count == 0 && theirs.Count > 0 {
				of(client).leaves, of(server).takes = append(of(client).leaves, i), append(of(server).takes, own)
			} else {
				of(server).leaves, of(client).takes = append(of(server).leaves, g.i), append(of(client).takes, theirs)
			}
		}
	}
	for _, f := range found {
		slices.Sort(f.leaves)
		slices.SortFunc(f.takes, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) })
	}
	return found
}

func find(list []*topology.Connection, id string) (at int, found bool) {
	return slices.BinarySearchFunc(list, id, func(c *topology.Connection, id string) int { return strings.Compare(c.ID, id) })
}

// settle gives a box the block that is shown: what it was told, folded.
func (b *box) settle(f *fold, old *box) {
	switch {
	case f.empty():
		b.block = b.told
	case old != nil && f.same(old.fold) && topology.SameList(old.told.Connections, b.told.Connections):
		if b.block = old.block; old.told != b.told {
			later := *b.told
			later.Connections = old.block.Connections
			b.block = &later
		}
	default:
		next := *b.told
		next.Connections = folded(b.told.Connections, f)
		b.block = &next
	}
	b.fold = f
}

// folded is a list with what it takes over, without what it leaves.
func folded(list []*topology.Connection, f *fold) []*topology.Connection {
	out := make([]*topology.Connection, 0, len(list))
	takes, leaves := f.takes, f.leaves
	for i, c := range list {
		if len(leaves) > 0 && leaves[0] == i {
			leaves = leaves[1:]
			continue
		}
		for len(takes) > 0 && takes[0].ID == c.ID {
			both := *c
			Connections(&both, takes[0])
			c, takes = &both, takes[1:]
		}
		out = append(out, c)
	}
	return out
}
