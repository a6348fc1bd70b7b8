package topology

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Revision names a snapshot: the epoch changes when numbering starts anew, the
// number counts up within it.
type Revision struct {
	Epoch  string
	Number uint64
}

// String gives "epoch-number".
func (r Revision) String() string { return r.Epoch + "-" + strconv.FormatUint(r.Number, 10) }

// Next is the revision after r.
func (r Revision) Next() Revision { return Revision{r.Epoch, r.Number + 1} }

// ParseRevision reads what [Revision.String] writes.
func ParseRevision(s string) (Revision, error) {
	epoch, number, ok := strings.Cut(s, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || epoch == "" || err != nil {
		return Revision{}, fmt.Errorf("revision must be epoch-number, is %q", s)
	}
	return Revision{epoch, n}, nil
}

// Block is one node with everything it holds. A block in a snapshot is never
// written again; snapshots share the blocks that didn't change.
type Block struct {
	Node Node `json:"node"`
	// Services run on the node, sorted by id.
	Services []Service `json:"services"`
	// Connections are held by this node, sorted by id: those it opened, and
	// those it accepted from nodes that don't report them themselves.
	Connections []Connection `json:"connections"`
	// Counted says which counters of its agent are in the block, so that none
	// counts twice.
	Counted Counted `json:"counted,omitzero"`
}

// Counted is how far the counters of an agent process were counted; see the
// report format.
type Counted struct {
	Instance string `json:"instance"`
	Sequence uint64 `json:"sequence"`
}

// Clone copies a block so that the copy may be written.
func (b *Block) Clone() *Block {
	c := *b
	c.Services = slices.Clone(b.Services)
	c.Connections = slices.Clone(b.Connections)
	return &c
}

// Service finds a service of the block by its id.
func (b *Block) Service(id string) *Service {
	i, ok := slices.BinarySearchFunc(b.Services, id, func(s Service, id string) int { return strings.Compare(s.ID, id) })
	if !ok {
		return nil
	}
	return &b.Services[i]
}

// Snapshot is the topology at one moment. It is immutable and safe for any
// number of readers.
type Snapshot struct {
	revision Revision
	at       time.Time
	blocks   []*Block // sorted by node name
	owners   map[address][]string
}

// address is an IP address within its zone.
type address struct {
	zone string
	addr netip.Addr
}

// Empty is a snapshot without nodes.
func Empty(rev Revision, at time.Time) *Snapshot { return &Snapshot{revision: rev, at: at} }

// Revision names the snapshot.
func (s *Snapshot) Revision() Revision { return s.revision }

// At is the moment that the snapshot shows, by the server's clock.
func (s *Snapshot) At() time.Time { return s.at }

// Len is the number of nodes.
func (s *Snapshot) Len() int { return len(s.blocks) }

// Blocks yields every block in the order of the nodes' names. They must not be
// written.
func (s *Snapshot) Blocks() iter.Seq[*Block] { return slices.Values(s.blocks) }

// Block returns the named node's block, or nil. It must not be written.
func (s *Snapshot) Block(name string) *Block {
	if i, ok := s.search(name); ok {
		return s.blocks[i]
	}
	return nil
}

// Inside yields the blocks of a host's containers: those of nodes named
// host/container. They must not be written.
func (s *Snapshot) Inside(host string) iter.Seq[*Block] { return s.Named(host + "/") }

// Named yields the blocks of the nodes whose names begin so. They must not be
// written.
func (s *Snapshot) Named(prefix string) iter.Seq[*Block] {
	return func(yield func(*Block) bool) {
		i, _ := s.search(prefix)
		for ; i < len(s.blocks) && strings.HasPrefix(s.blocks[i].Node.Name, prefix); i++ {
			if !yield(s.blocks[i]) {
				return
			}
		}
	}
}

func (s *Snapshot) search(name string) (int, bool) {
	return slices.BinarySearchFunc(s.blocks, name, func(b *Block, n string) int { return strings.Compare(b.Node.Name, n) })
}

// Service finds a service by its id, or nil. It must not be written.
func (s *Snapshot) Service(id string) *Service {
	node, _, _ := strings.Cut(id, "~")
	if b := s.Block(strings.ReplaceAll(node, "!", "/")); b != nil {
		return b.Service(id)
	}
	return nil
}

// Owners names the nodes that have the address in the zone, sorted. Only with
// exactly one does the address say which node is meant.
func (s *Snapshot) Owners(zone string, addr netip.Addr) []string {
	return s.owners[address{zone, addr}]
}

// Edit starts a set of changes to a copy of s. It shares all blocks until they
// are replaced. An Edit is for one goroutine.
func (s *Snapshot) Edit() *Edit {
	return &Edit{Snapshot: Snapshot{s.revision, s.at, slices.Clone(s.blocks), s.owners}}
}

// Edit is a snapshot in the making. Its reading methods see the changes so far.
type Edit struct {
	Snapshot
	ownersCopied bool
}

// Put adds or replaces a node's block. The block belongs to the snapshot from
// then on and must not be written again.
func (e *Edit) Put(b *Block) {
	i, found := e.search(b.Node.Name)
	var before *Node
	if found {
		before = &e.blocks[i].Node
		e.blocks[i] = b
	} else {
		e.blocks = slices.Insert(e.blocks, i, b)
	}
	e.reindex(before, &b.Node)
}

// Delete removes a node's block; it does nothing if there is none.
func (e *Edit) Delete(name string) {
	if i, ok := e.search(name); ok {
		e.reindex(&e.blocks[i].Node, nil)
		e.blocks = slices.Delete(e.blocks, i, i+1)
	}
}

// Commit ends the edit. e must not be used again.
func (e *Edit) Commit(rev Revision, at time.Time) *Snapshot {
	e.revision, e.at = rev, at
	return &e.Snapshot
}

// reindex moves the addresses of a node that speaks for itself. Addresses of
// inferred nodes own nothing: they are only how others call them.
func (e *Edit) reindex(before, after *Node) {
	if before != nil && after != nil && before.Zone == after.Zone &&
		before.Kind == after.Kind && slices.Equal(before.Addresses, after.Addresses) {
		return
	}
	e.disown(before)
	e.own(after)
}

func (e *Edit) disown(n *Node) {
	if n == nil || !n.OwnsAddresses() {
		return
	}
	e.copyOwners()
	for _, a := range n.Addresses {
		key := address{n.Zone, a}
		left := slices.DeleteFunc(slices.Clone(e.owners[key]), func(s string) bool { return s == n.Name })
		if len(left) == 0 {
			delete(e.owners, key)
		} else {
			e.owners[key] = left
		}
	}
}

func (e *Edit) own(n *Node) {
	if n == nil || !n.OwnsAddresses() {
		return
	}
	e.copyOwners()
	for _, a := range n.Addresses {
		key := address{n.Zone, a}
		names := append(slices.Clone(e.owners[key]), n.Name)
		slices.Sort(names)
		e.owners[key] = slices.Compact(names)
	}
}

func (e *Edit) copyOwners() {
	if e.ownersCopied {
		return
	}
	e.ownersCopied = true
	if e.owners = maps.Clone(e.owners); e.owners == nil {
		e.owners = map[address][]string{}
	}
}

// OwnsAddresses says whether the node itself said which addresses it has.
func (n *Node) OwnsAddresses() bool { return n.Kind == Host || n.Kind == Container }

// FromBlocks builds a snapshot from stored blocks, for a start from a store.
// Blocks must have different names.
func FromBlocks(rev Revision, at time.Time, blocks []*Block) (*Snapshot, error) {
	e := Empty(rev, at).Edit()
	for _, b := range blocks {
		if b == nil || b.Node.Name == "" {
			return nil, errors.New("a stored block has no node name")
		}
		if e.Block(b.Node.Name) != nil {
			return nil, fmt.Errorf("node %q is stored twice", b.Node.Name)
		}
		e.Put(b)
	}
	return e.Commit(rev, at), nil
}
