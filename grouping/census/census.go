// Package census turns a snapshot into numbers: who is there, what they serve,
// and who calls whom. What counts for nothing (dotm's own, what was used too long
// ago) is left out, so that the others need not know of it.
package census

import (
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Fade is how long a closed connection tells what a node does.
const Fade = 7 * 24 * time.Hour

// ephemeral is the first port that a kernel picks by itself; services there have
// no number that means anything.
const ephemeral = 32768

// Kind says in how far a node is one.
type Kind uint8

// The kinds of node. Outside stands for many: a network, the Internet.
const (
	Host Kind = iota // reports, or others see it
	Container
	Virtual
	Outside
)

// Key is a protocol and a port; the port is 0 where it means nothing.
type Key uint32

// MakeKey makes the key of a service.
func MakeKey(p topology.Protocol, port uint16) Key {
	k := Key(port)
	if port >= ephemeral {
		k = 0
	}
	if p == "udp" {
		k |= 1 << 16
	}
	return k
}

// Port is the key's port, 0 where that means nothing.
func (k Key) Port() uint16 { return uint16(k) }

// Service is what a node serves. Word is its process, an index of
// [Census.Words], 0 if unknown.
type Service struct {
	Key  Key
	Word int32
}

// Node is one of the site.
type Node struct {
	Name    string
	Kind    Kind
	Reports bool // it says itself what it serves and calls
	// Services are sorted, each once.
	Services []Service
	// Clients are the words of its processes that call others, sorted, each once.
	Clients []int32
}

// Edge says that a node calls another. There is one for each key.
type Edge struct {
	From, To int32
	Key      Key
	// Watching edges are those of observers.
	Watching bool
	// Undirected edges may go the other way.
	Undirected bool
}

// Census is a site in numbers.
type Census struct {
	// Nodes are sorted by name.
	Nodes []Node
	// Edges are sorted by From, To and Key; none leads to its own node.
	Edges []Edge
	// Words are names of processes, sorted; the first is empty.
	Words []string
	index map[string]int32
	words map[string]int32
}

// Index finds a node by name; -1 for none.
func (c *Census) Index(name string) int32 {
	if i, ok := c.index[name]; ok {
		return i
	}
	return -1
}

// Take counts a snapshot as of a moment.
func Take(snap *topology.Snapshot, at time.Time) *Census {
	c := &Census{
		Nodes: make([]Node, 0, snap.Len()), Words: []string{""},
		index: make(map[string]int32, snap.Len()), words: map[string]int32{"": 0},
	}
	for b := range snap.Blocks() {
		c.index[b.Node.Name] = int32(len(c.Nodes))
		c.Nodes = append(c.Nodes, Node{Name: b.Node.Name, Kind: kindOf(&b.Node), Reports: b.Node.State != topology.Unheard, Services: c.services(b)})
	}
	from := make([][]uint64, len(c.Nodes))
	for b := range snap.Blocks() {
		c.block(b, from, at)
	}
	c.collect(from)
	c.sortWords()
	return c
}

// sortWords numbers words by the alphabet, so that it doesn't matter in which
// order they came.
func (c *Census) sortWords() {
	sorted := slices.Clone(c.Words)
	slices.Sort(sorted)
	to := make([]int32, len(sorted))
	for i, w := range sorted {
		to[c.words[w]] = int32(i)
		c.words[w] = int32(i)
	}
	c.Words = sorted
	for i := range c.Nodes {
		n := &c.Nodes[i]
		for k := range n.Services {
			n.Services[k].Word = to[n.Services[k].Word]
		}
		slices.SortFunc(n.Services, compareServices)
		for k := range n.Clients {
			n.Clients[k] = to[n.Clients[k]]
		}
		slices.Sort(n.Clients)
	}
}

func kindOf(n *topology.Node) Kind {
	switch n.Kind {
	case topology.Container:
		return Container
	case topology.Virtual:
		return Virtual
	case topology.Network, topology.Internet:
		return Outside
	default:
		return Host
	}
}

func (c *Census) word(s string) int32 {
	w, ok := c.words[s]
	if !ok {
		w = int32(len(c.Words))
		c.words[s] = w
		c.Words = append(c.Words, s)
	}
	return w
}

func (c *Census) services(b *topology.Block) []Service {
	out := make([]Service, 0, len(b.Services))
	for i := range b.Services {
		if s := &b.Services[i]; !s.Own && s.State != topology.Gone {
			out = append(out, Service{MakeKey(s.Protocol, s.Port), c.word(s.Process)})
		}
	}
	slices.SortFunc(out, compareServices)
	return slices.Compact(out)
}

func compareServices(a, b Service) int {
	if a.Key != b.Key {
		return int(a.Key) - int(b.Key)
	}
	return int(a.Word) - int(b.Word)
}

// An edge under collection is To, Key and two flags in 64 bits, in this order,
// so that its neighbours in order are the same edge with other flags.
const (
	flagOneWay  = 1
	flagWatches = 2
	keyShift    = 2
	toShift     = 20
)

// block adds what a block holds to the lists by calling node.
func (c *Census) block(b *topology.Block, from [][]uint64, at time.Time) {
	self := c.index[b.Node.Name]
	from[self] = slices.Grow(from[self], len(b.Connections)) // most are the node's own
	for i := range b.Connections {
		e := b.Connections[i]
		if e.Own || faded(e, at) {
			continue
		}
		f, t := c.near(self, b, e.Client.Node), c.near(self, b, e.Server.Node)
		if f < 0 || t < 0 || f == t {
			continue
		}
		if !e.Observer {
			c.client(f, e.Client.Process)
		}
		v := uint64(t)<<toShift | uint64(MakeKey(e.Protocol, e.Server.Port))<<keyShift
		if e.Directed {
			v |= flagOneWay
		}
		if e.Observer {
			v |= flagWatches
		}
		from[f] = append(from[f], v)
	}
	for i := range b.Node.Holders { // who answers for a virtual address
		if h := &b.Node.Holders[i]; h.Until.IsZero() {
			if t := c.Index(h.Node); t >= 0 && t != self {
				from[self] = append(from[self], uint64(t)<<toShift|flagOneWay)
			}
		}
	}
}

func (c *Census) near(self int32, b *topology.Block, name string) int32 {
	if name == b.Node.Name {
		return self
	}
	return c.Index(name)
}

// faded says whether an edge was closed too long ago to tell anything.
func faded(e *topology.Connection, at time.Time) bool {
	return e.Count == 0 && !e.LastSeen.IsZero() && at.Sub(e.LastSeen) >= Fade
}

func (c *Census) client(node int32, process string) {
	if process == "" {
		return
	}
	n := &c.Nodes[node]
	w := c.word(process)
	if i, found := slices.BinarySearch(n.Clients, w); !found {
		n.Clients = slices.Insert(n.Clients, i, w)
	}
}

// collect sorts the edges and makes one of those that differ in flags only: it
// is watching if all are, and undirected if all are.
func (c *Census) collect(from [][]uint64) {
	total := 0
	for _, list := range from {
		total += len(list)
	}
	c.Edges = make([]Edge, 0, total)
	for f, list := range from {
		slices.Sort(list)
		for i := 0; i < len(list); {
			e := Edge{From: int32(f), To: int32(list[i] >> toShift), Key: Key(list[i]>>keyShift) & (1<<18 - 1), Watching: true, Undirected: true}
			head := list[i] >> keyShift
			for ; i < len(list) && list[i]>>keyShift == head; i++ {
				e.Watching = e.Watching && list[i]&flagWatches != 0
				e.Undirected = e.Undirected && list[i]&flagOneWay == 0
			}
			c.Edges = append(c.Edges, e)
		}
	}
}

// Same says whether two blocks of one node tell a census the same. Edges that
// fade meanwhile are for a new census, which is due once a day.
func Same(a, b *topology.Block) bool {
	return a == b || a.Node.Kind == b.Node.Kind && (a.Node.State == topology.Unheard) == (b.Node.State == topology.Unheard) &&
		slices.EqualFunc(a.Node.Holders, b.Node.Holders, sameHolder) &&
		sameList(a.Services, b.Services, sameService) &&
		(topology.SameList(a.Connections, b.Connections) || slices.EqualFunc(a.Connections, b.Connections, func(x, y *topology.Connection) bool {
			return x == y || sameConnection(x, y) && (x.Count > 0 || y.Count == 0 || !faded(x, b.Node.LastReport))
		}))
}

func sameHolder(x, y topology.Holder) bool {
	return x.Node == y.Node && x.Until.IsZero() == y.Until.IsZero()
}

// sameList says whether two lists are the same in all elements; blocks share
// lists that didn't change.
func sameList[T any](a, b []T, same func(x, y *T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if !same(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

func sameService(x, y *topology.Service) bool {
	return x.Port == y.Port && x.Protocol == y.Protocol && x.Process == y.Process && x.Own == y.Own &&
		(x.State == topology.Gone) == (y.State == topology.Gone)
}

func sameConnection(x, y *topology.Connection) bool {
	return x.Client.Node == y.Client.Node && x.Client.Process == y.Client.Process && x.Server.Node == y.Server.Node &&
		x.Server.Port == y.Server.Port && x.Protocol == y.Protocol && x.Directed == y.Directed &&
		x.Own == y.Own && x.Observer == y.Observer
}
