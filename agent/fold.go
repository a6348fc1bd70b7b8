package agent

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// How peers fold.
const (
	// forgetPeers is after what time a network, or a single peer, that was not
	// seen makes room for others.
	forgetPeers = 10 * time.Minute
	// unfoldAfter is how long there must have been few peers before they are
	// told one by one again.
	unfoldAfter = time.Hour
	// exactPart is the part of the networks that the busiest peers keep for
	// themselves, one in so many.
	exactPart = 8
)

// steps are the lengths of the networks that peers fold into, each coarser than
// the one before: of IPv4 and of IPv6.
var steps = [...]struct{ v4, v6 int }{{32, 128}, {24, 64}, {16, 48}, {8, 32}, {8, 16}, {0, 0}}

// folder folds peers outside the internal networks, where there are many, into
// networks. What it knows of them stays from look to look: an address belongs
// to the same network as long as that is seen, and rows stay what they are
// though other clients come with every look. The same reports give the same
// networks.
//
// Each peer is told by its address until there are more of them, within
// [forgetPeers], than the policy says. Then the least busy ones fold: as many as
// it takes to leave a quarter free, first those that share a /24 (IPv6: /64), then
// those of a /16 and a /8 (/48, /32, /16), and at last all of a family, the rest.
// The busiest keep their addresses.
type folder struct {
	internal networks
	within   networks
	most     int // networks and single peers; 0: nothing folds
	leaves   map[leafKey]*leaf
	many     time.Time // when there were last many peers
	coarse   bool      // some leaf is a network
}

// leafKey is a network of peers, or a single one. within is the network that it
// must not go beyond, by its index + 1; 0: it is made of others.
type leafKey struct {
	network netip.Prefix
	within  int
}

type leaf struct {
	first  netip.Addr // one of its peers, which stands for all
	weight uint64     // what it lately had of connections
	now    uint64     // the same, of this look
	seen   time.Time
}

// newFolder is a folder that follows a policy.
func newFolder(p *report.Policy) *folder {
	return &folder{
		internal: newNetworks(p.InternalNetworks), within: newNetworks(p.Fold.Within),
		most: p.Fold.Networks, leaves: map[leafKey]*leaf{},
	}
}

// fold folds the peers of a report.
func (f *folder) fold(r *report.Report) {
	if f == nil || f.most == 0 {
		return
	}
	outside := f.outside(r)
	f.turn(r.Time, len(outside))
	for i := range r.Connections {
		c := &r.Connections[i]
		within, out := outside[c.Peer]
		if !out || c.Via.IsValid() {
			continue
		}
		l := f.leaves[f.find(c.Peer, within)]
		if l == nil {
			l = &leaf{first: c.Peer}
			f.leaves[leafKey{step(c.Peer, 0), within}] = l
		}
		l.seen = r.Time
		l.now += uint64(c.Count) + c.Opened
	}
	for _, l := range f.leaves {
		l.weight, l.now = l.weight/2+l.now, 0
	}
	if len(f.leaves) > f.most {
		f.coarsen()
	}
	if f.coarse {
		f.rewrite(r, outside)
	}
}

// outside lists the peers that may fold, with the network that each is within.
func (f *folder) outside(r *report.Report) map[netip.Addr]int {
	own := map[netip.Addr]bool{}
	for _, in := range r.Interfaces {
		for _, p := range in.Addresses {
			own[p.Addr().Unmap().WithZone("")] = true
		}
	}
	for _, ns := range r.Namespaces {
		for _, a := range ns.Addresses {
			own[a] = true
		}
	}
	out := map[netip.Addr]int{}
	for i := range r.Connections {
		a := r.Connections[i].Peer
		if _, known := out[a]; known || own[a] || !a.IsGlobalUnicast() || f.internal.find(a) != 0 {
			continue
		}
		out[a] = f.within.find(a)
	}
	return out
}

// turn begins a look: what was not seen for long is forgotten, and when there
// have been few peers for long, all that folded.
func (f *folder) turn(now time.Time, peers int) {
	if peers > f.most/2 {
		f.many = now
	}
	if f.coarse && now.Sub(f.many) > unfoldAfter {
		clear(f.leaves)
		f.coarse = false
	}
	for key, l := range f.leaves {
		if now.Sub(l.seen) > forgetPeers {
			delete(f.leaves, key)
		}
	}
}

// find is the smallest network that a peer belongs to. Where there is none yet,
// it is the peer itself.
func (f *folder) find(a netip.Addr, within int) leafKey {
	for i := range steps {
		key := leafKey{step(a, i), within}
		if f.leaves[key] != nil {
			return key
		}
	}
	if rest := (leafKey{step(a, len(steps)-1), 0}); f.leaves[rest] != nil {
		return rest // there was no room for more
	}
	return leafKey{step(a, 0), within}
}

// step is the network of an address at one of the steps.
func step(a netip.Addr, i int) netip.Prefix {
	n := steps[i].v6
	if a.Is4() {
		n = steps[i].v4
	}
	p, err := a.Prefix(n)
	if err != nil { // only for an address with a zone, which reports have none of
		return netip.Prefix{}
	}
	return p
}

// coarsen folds what is least busy, a step further each time, until a quarter of
// the room is free.
func (f *folder) coarsen() {
	f.coarse = true
	room := f.most * 3 / 4
	busiest := f.busiest()
	for i := 1; i < len(steps) && len(f.leaves) > room; i++ {
		for _, g := range f.groups(i, busiest) {
			if len(f.leaves) <= room {
				return
			}
			f.merge(g.key, g.members)
		}
	}
	// Too many networks that must not be gone beyond.
	for _, key := range f.sorted() {
		if len(f.leaves) <= f.most {
			return
		}
		f.merge(leafKey{step(key.network.Addr(), len(steps)-1), 0}, []leafKey{key})
	}
}

// sorted lists the leaves, the least busy first.
func (f *folder) sorted() []leafKey {
	keys := make([]leafKey, 0, len(f.leaves))
	for key := range f.leaves {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b leafKey) int {
		return cmp.Or(cmp.Compare(f.leaves[a].weight, f.leaves[b].weight), compareLeaves(a, b))
	})
	return keys
}

func compareLeaves(a, b leafKey) int {
	return cmp.Or(
		a.network.Addr().Compare(b.network.Addr()), cmp.Compare(a.network.Bits(), b.network.Bits()), cmp.Compare(a.within, b.within),
	)
}

// busiest are the leaves that stay what they are.
func (f *folder) busiest() map[leafKey]bool {
	keys := f.sorted()
	keys = keys[len(keys)-min(len(keys), f.most/exactPart):]
	busiest := make(map[leafKey]bool, len(keys))
	for _, key := range keys {
		busiest[key] = true
	}
	return busiest
}

// group is what would fold into one network.
type group struct {
	key     leafKey
	members []leafKey
	weight  uint64
}

// groups lists what may fold at a step, the least busy first. A single one folds
// only into a network that is there already.
func (f *folder) groups(i int, busiest map[leafKey]bool) []*group {
	at := map[leafKey]*group{}
	for _, key := range f.sorted() {
		to := leafKey{step(key.network.Addr(), i), key.within}
		if busiest[key] || to.network.Bits() >= key.network.Bits() || to.within != 0 && to.network.Bits() < f.within.length(to.within) {
			continue
		}
		g := at[to]
		if g == nil {
			g = &group{key: to}
			at[to] = g
		}
		g.members = append(g.members, key)
		g.weight += f.leaves[key].weight
	}
	list := make([]*group, 0, len(at))
	for _, g := range at {
		if len(g.members) > 1 || f.leaves[g.key] != nil {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.weight, b.weight), compareLeaves(a.key, b.key))
	})
	return list
}

// merge folds leaves into one.
func (f *folder) merge(into leafKey, members []leafKey) {
	l := f.leaves[into]
	for _, key := range members {
		m := f.leaves[key]
		if key == into || m == nil {
			continue
		}
		delete(f.leaves, key)
		if l == nil {
			l = &leaf{first: m.first}
			f.leaves[into] = l
		}
		l.weight += m.weight
		if l.seen.Before(m.seen) {
			l.seen = m.seen
		}
	}
}

// rewrite makes one row of those whose peers are in one network.
func (f *folder) rewrite(r *report.Report, outside map[netip.Addr]int) {
	at := map[report.Edge]int{}
	rows := r.Connections[:0:0]
	for _, c := range r.Connections {
		within, out := outside[c.Peer]
		if !out || c.Via.IsValid() {
			rows = append(rows, c)
			continue
		}
		key := f.find(c.Peer, within)
		if key.network.IsSingleIP() {
			rows = append(rows, c)
			continue
		}
		c.Peer, c.PeerNetwork, c.Peers = f.leaves[key].first, key.network, 1
		c.Tuples = nil // a network is nobody's other end
		if i, there := at[c.Edge()]; there {
			join(&rows[i], &c)
			continue
		}
		at[c.Edge()] = len(rows)
		rows = append(rows, c)
	}
	r.Connections = rows
}

// join adds a row of another peer.
func join(to, c *report.Connection) {
	to.Peers++
	to.Count += c.Count
	if c.PID != 0 && (to.PID == 0 || c.PID < to.PID) {
		to.PID = c.PID
	}
	before := to.Health
	to.AddCounts(c)
	if c.Health == nil {
		return
	}
	h := report.Health{}
	if to.Health != nil {
		h = *to.Health
	}
	if before == nil {
		before = &report.Health{}
	}
	h.RTT = mean(before.RTT, before.Measured, c.Health.RTT, c.Health.Measured)
	h.RTTVar = mean(before.RTTVar, before.Measured, c.Health.RTTVar, c.Health.Measured)
	h.Measured = before.Measured + c.Health.Measured
	h.Connecting = before.Connecting + c.Health.Connecting
	h.ConnectingMS = max(before.ConnectingMS, c.Health.ConnectingMS)
	h.CloseWait = before.CloseWait + c.Health.CloseWait
	h.CloseWaitMS = max(before.CloseWaitMS, c.Health.CloseWaitMS)
	to.Health = &h
}

// mean is that of two means over so many each.
func mean(a uint32, n int, b uint32, m int) uint32 {
	if n+m == 0 {
		return 0
	}
	return uint32((uint64(a)*uint64(n) + uint64(b)*uint64(m)) / uint64(n+m))
}

// networks finds the network of an address.
type networks struct {
	list    []netip.Prefix
	at      map[netip.Prefix]int // index + 1
	lengths [2][3]uint64         // those that there are, of IPv4 and IPv6, as bits
}

func newNetworks(list []netip.Prefix) networks {
	n := networks{list: list, at: make(map[netip.Prefix]int, len(list))}
	for i, p := range list {
		n.at[p] = i + 1
		n.lengths[family(p.Addr())][p.Bits()/64] |= 1 << (p.Bits() % 64)
	}
	return n
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// find is the index + 1 of the longest network that an address is in; 0: none.
func (n *networks) find(a netip.Addr) int {
	lengths := &n.lengths[family(a)]
	for word := len(lengths) - 1; word >= 0; word-- {
		for left := lengths[word]; left != 0; {
			bit := bits.Len64(left) - 1
			left &^= 1 << bit
			p, err := a.Prefix(64*word + bit)
			if err == nil && n.at[p] != 0 {
				return n.at[p]
			}
		}
	}
	return 0
}

// length is the number of bits of the network with an index + 1.
func (n *networks) length(i int) int { return n.list[i-1].Bits() }
