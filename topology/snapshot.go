package topology

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
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
	// those it accepted from nodes that don't report them themselves. Each is never
	// written again, as the block, and shared by all blocks in which it is the same:
	// one that changes costs its own bytes, not those of its neighbours, and two that
	// are one pointer need no look.
	Connections []*Connection `json:"connections"`
	// Checks are about the node or its services, sorted by id.
	Checks []Check `json:"checks,omitempty"`
	// Rows are what the node's last report told of its sockets, to join the two
	// ends of a connection. They are not kept over a restart.
	Rows []Row `json:"-"`
	// Memo is what whoever made the block learned on the way, to make the next one of
	// less. It says nothing that the block doesn't, is of no concern to others, and is
	// not kept.
	Memo any `json:"-"`
	// Counted says which counters of its agent are in the block, so that none
	// counts twice.
	Counted Counted `json:"counted,omitzero"`
}

// UnmarshalJSON reads a block as it is kept and sent to other servers. No connection
// of it is null.
func (b *Block) UnmarshalJSON(text []byte) error {
	type plain Block
	if err := json.Unmarshal(text, (*plain)(b)); err != nil {
		return err
	}
	if i := slices.Index(b.Connections, nil); i >= 0 {
		return fmt.Errorf("connections[%d] of node %q must not be null", i, b.Node.Name)
	}
	return nil
}

// Counted is how far the counters of an agent process were counted; see the
// report format.
type Counted struct {
	Instance string `json:"instance"`
	Sequence uint64 `json:"sequence"`
}

// Row is what one row of a report tells to recognise its connections by.
type Row struct {
	Out      bool // this end called
	Protocol Protocol
	Peer     netip.Addr // as this end sees it
	Port     uint16     // the service's, as this end sees it
	Called   netip.Addr // the node's own address, where the peer called that
	Process  string
	// Tuples are hashes of some of its connections, ascending.
	Tuples []uint64
}

// Clone copies a block so that the copy may be written: its lists, but what the
// connections are is shared, and replaced rather than written ([Block.Write]).
func (b *Block) Clone() *Block {
	c := *b
	c.Services = slices.Clone(b.Services)
	c.Connections = slices.Clone(b.Connections)
	c.Checks = slices.Clone(b.Checks)
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

// Connection finds a connection that the block holds by its id, or nil.
func (b *Block) Connection(id string) *Connection {
	return FindConnection(b.Connections, id)
}

// FindConnection finds one of connections that are sorted by id, or nil.
func FindConnection(list []*Connection, id string) *Connection {
	i, ok := slices.BinarySearchFunc(list, id, func(c *Connection, id string) int { return strings.Compare(c.ID, id) })
	if !ok {
		return nil
	}
	return list[i]
}

// Write puts a copy in the place of the i-th connection of a block that is a copy
// itself, and gives that to be written. What the connection points to is still
// shared.
func (b *Block) Write(i int) *Connection {
	c := *b.Connections[i]
	b.Connections[i] = &c
	return &c
}

// Snapshot is the topology at one moment. It is immutable and safe for any
// number of readers.
type Snapshot struct {
	revision Revision
	at       time.Time
	blocks   []*Block // sorted by node name
	index
}

// index finds nodes.
type index struct {
	// places are where blocks stood when the set of nodes changed last; empty in a
	// small snapshot. Each is looked at before it is believed.
	places     map[string]int32
	owners     map[address][]string // by the addresses that they have to themselves
	virtuals   map[address]string   // virtual addresses
	identities map[string][]string  // hosts by their identity
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

// After yields the blocks of the nodes after a name, in their order. They must
// not be written.
func (s *Snapshot) After(name string) iter.Seq[*Block] {
	i, found := s.search(name)
	if found {
		i++
	}
	return slices.Values(s.blocks[i:])
}

// Connection finds a connection by the node that holds it and its id, or nil. It
// must not be written.
func (s *Snapshot) Connection(holder, id string) *Connection {
	if b := s.Block(holder); b != nil {
		return b.Connection(id)
	}
	return nil
}

// Inside yields the blocks of a host's containers: those of nodes named
// host/container. They must not be written.
func (s *Snapshot) Inside(host string) iter.Seq[*Block] {
	return s.Prefixed(host + "/")
}

// Prefixed yields the blocks of the nodes whose names begin with a prefix. They
// must not be written.
func (s *Snapshot) Prefixed(prefix string) iter.Seq[*Block] {
	return func(yield func(*Block) bool) {
		i, _ := s.search(prefix)
		for ; i < len(s.blocks) && strings.HasPrefix(s.blocks[i].Node.Name, prefix); i++ {
			if !yield(s.blocks[i]) {
				return
			}
		}
	}
}

// Namesakes yields the blocks of the hosts that say they have the name: that of
// the node of this name, and those of nodes named name@something to tell them
// apart. They must not be written.
func (s *Snapshot) Namesakes(name string) iter.Seq[*Block] {
	return func(yield func(*Block) bool) {
		if b := s.Block(name); b != nil && b.Node.Kind == Host && !yield(b) {
			return
		}
		for b := range s.Prefixed(name + "@") {
			if b.Node.Kind == Host && !yield(b) {
				return
			}
		}
	}
}

// manyBlocks is from how many on a hash finds a node faster than halving the list:
// each step of that reads a name somewhere else in memory.
const manyBlocks = 64

func (s *Snapshot) search(name string) (int, bool) {
	if i, ok := s.places[name]; ok && int(i) < len(s.blocks) && s.blocks[i].Node.Name == name {
		return int(i), true
	}
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

// VirtualAt is the name of the virtual address's node; empty if it is none.
func (s *Snapshot) VirtualAt(zone string, addr netip.Addr) string {
	return s.virtuals[address{zone, addr}]
}

// Identified names the hosts of an identity, sorted.
func (s *Snapshot) Identified(identity string) []string { return s.identities[identity] }

// Edit starts a set of changes to a copy of s. It shares all blocks until they
// are replaced. An Edit is for one goroutine.
func (s *Snapshot) Edit() *Edit {
	return &Edit{Snapshot: Snapshot{s.revision, s.at, slices.Clone(s.blocks), s.index}}
}

// Edit is a snapshot in the making. Its reading methods see the changes so far.
type Edit struct {
	Snapshot
	copied  bool // the index is the edit's own
	moved   bool // blocks stand elsewhere than the index says
	touched bool
}

// Touch says that the edit changes more than times that advance, so that it ends
// in a new revision. Who puts a block knows.
func (e *Edit) Touch() { e.touched = true }

// Touched reports whether Touch was called.
func (e *Edit) Touched() bool { return e.touched }

// Put adds or replaces a node's block. The block belongs to the snapshot from
// then on and must not be written again.
func (e *Edit) Put(b *Block) {
	i, found := e.search(b.Node.Name)
	var before *Node
	if found {
		before = &e.blocks[i].Node
		e.blocks[i] = b
	} else {
		e.blocks, e.moved = slices.Insert(e.blocks, i, b), true
	}
	e.reindex(before, &b.Node)
}

// Delete removes a node's block; it does nothing if there is none.
func (e *Edit) Delete(name string) {
	if i, ok := e.search(name); ok {
		e.reindex(&e.blocks[i].Node, nil)
		e.blocks, e.moved = slices.Delete(e.blocks, i, i+1), true
	}
}

// Commit ends the edit. e must not be used again.
func (e *Edit) Commit(rev Revision, at time.Time) *Snapshot {
	e.revision, e.at = rev, at
	if e.moved {
		e.places = placesOf(e.blocks)
	}
	return &e.Snapshot
}

// placesOf says where each block stands, in a list that is long enough for that to
// be worth it.
func placesOf(blocks []*Block) map[string]int32 {
	if len(blocks) < manyBlocks || len(blocks) > math.MaxInt32 {
		return nil
	}
	places := make(map[string]int32, len(blocks))
	for i, b := range blocks {
		places[b.Node.Name] = int32(i)
	}
	return places
}

// reindex moves what a node is found by. Addresses of inferred nodes own
// nothing: they are only how others call them. Those of networks for containers
// mean something on their host only.
func (e *Edit) reindex(before, after *Node) {
	if before != nil && after != nil && sameKeys(before, after) {
		return
	}
	if !e.copied {
		e.copied = true
		e.index = index{e.places, copied(e.owners), copied(e.virtuals), copied(e.identities)}
	}
	e.drop(before)
	e.enter(after)
}

func sameKeys(a, b *Node) bool {
	return a.Zone == b.Zone && a.Kind == b.Kind && a.Identity == b.Identity && slices.Equal(a.Addresses, b.Addresses) &&
		slices.Equal(a.ContainerNetworks, b.ContainerNetworks)
}

func copied[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

func (e *Edit) drop(n *Node) {
	switch {
	case n == nil:
		return
	case n.Kind == Virtual:
		for _, a := range n.Addresses {
			delete(e.virtuals, address{n.Zone, a})
		}
		return
	case !n.OwnsAddresses():
		return
	}
	for _, a := range n.Addresses {
		remove(e.owners, address{n.Zone, a}, n.Name)
	}
	remove(e.identities, n.Identity, n.Name)
}

func (e *Edit) enter(n *Node) {
	switch {
	case n == nil:
		return
	case n.Kind == Virtual:
		for _, a := range n.Addresses {
			e.virtuals[address{n.Zone, a}] = n.Name
		}
		return
	case !n.OwnsAddresses():
		return
	}
	for _, a := range n.Addresses {
		if !n.InContainerNetwork(a) {
			insert(e.owners, address{n.Zone, a}, n.Name)
		}
	}
	if n.Kind == Host && n.Identity != "" {
		insert(e.identities, n.Identity, n.Name)
	}
}

func insert[K comparable](m map[K][]string, key K, name string) {
	names := append(slices.Clone(m[key]), name)
	slices.Sort(names)
	m[key] = slices.Compact(names)
}

func remove[K comparable](m map[K][]string, key K, name string) {
	left := slices.DeleteFunc(slices.Clone(m[key]), func(s string) bool { return s == name })
	if len(left) == 0 {
		delete(m, key)
	} else {
		m[key] = left
	}
}

// InContainerNetwork says whether an address lies in a network that is for the
// host's containers only.
func (n *Node) InContainerNetwork(a netip.Addr) bool {
	return slices.ContainsFunc(n.ContainerNetworks, func(p netip.Prefix) bool { return p.Contains(a) })
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
