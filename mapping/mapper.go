package mapping

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping/inventory"
	"github.com/devops-trouble-map/dotm/mapping/roster"
	"github.com/devops-trouble-map/dotm/topology"
)

const (
	// maxMemory bounds each memory of what was worked out once.
	maxMemory = 50_000
	// maxStrangers is how many hosts that were not given are remembered; see
	// [Mapper.Renew].
	maxStrangers = 100_000
)

// Mapper maps the checks of one source onto one snapshot. It is for one goroutine at
// a time.
type Mapper struct {
	rules     *Rules
	snap      *topology.Snapshot
	nodes     *roster.Roster
	hosts     map[string]*host // by name
	list      []*host          // the same, by number
	strangers int              // how many of them were not given

	// Who is to be told when what changes.
	byText    roster.Several[string, int32]     // hosts by the folded names that they look for
	byAddress roster.Several[netip.Addr, int32] // by the addresses
	onNode    roster.Several[string, int32]     // by the nodes whose services their checks look at
	onHost    roster.Several[int32, int32]      // by the other hosts that their checks name
	watching  map[watch]struct{}                // those of them that checks brought

	stock *inventory.Stock
	memory
}

// watch is one interest of a host.
type watch struct {
	who    int32
	node   string
	text   string
	addr   netip.Addr
	host   int32
	onHost bool
}

// New makes a mapper for a snapshot, with the hosts of one source. rules may be nil
// or zero: there are none. Hosts of one name count as one. The order of the hosts makes no
// difference.
func New(snap *topology.Snapshot, rules *Rules, hosts []Host) *Mapper {
	if rules == nil || rules.words == nil {
		rules, _ = Compile(Settings{}) // nothing can be wrong with nothing
	}
	m := &Mapper{
		rules: rules, snap: snap, nodes: roster.New(snap.Len()), hosts: make(map[string]*host, len(hosts)),
		byText: make(roster.Several[string, int32], 2*len(hosts)), byAddress: make(roster.Several[netip.Addr, int32], len(hosts)), onNode: make(roster.Several[string, int32], len(hosts)),
		onHost: roster.Several[int32, int32]{}, watching: map[watch]struct{}{}, stock: inventory.New(rules.words, len(hosts)), memory: newMemory(),
	}
	for b := range snap.Blocks() {
		m.nodes.Add(&b.Node)
	}
	m.enter(hosts)
	return m
}

// Under is a mapper of the same snapshot and the same hosts under other rules; nil
// are those of m.
func (m *Mapper) Under(rules *Rules) *Mapper {
	return New(m.snap, cmp.Or(rules, m.rules), m.Hosts())
}

// Snapshot is what checks are mapped onto.
func (m *Mapper) Snapshot() *topology.Snapshot { return m.snap }

// Rules are those in force.
func (m *Mapper) Rules() *Rules { return m.rules }

// enter takes the hosts in, and then finds each, since their names together say what
// a short one means.
func (m *Mapper) enter(hosts []Host) {
	all := make([]host, len(hosts))
	m.list = make([]*host, 0, len(hosts))
	monitored := make(map[string]bool, len(hosts))
	for i := range hosts {
		if old := m.hosts[hosts[i].Name]; old != nil {
			old.merge(&hosts[i])
			continue
		}
		h := &all[i]
		*h = host{Host: names(&hosts[i]), given: hosts[i], known: true, number: int32(len(m.list))}
		m.hosts[h.Name], m.list = h, append(m.list, h)
		if !monitored[h.Folded] {
			monitored[h.Folded] = true
			m.nodes.Monitored(h.Folded)
		}
	}
	for _, h := range m.list {
		m.listen(h)
		m.find(h)
		if h.place.Node != "" {
			m.onNode.Add(h.place.Node, h.number)
		}
	}
}

// watch notes that a host's checks depend on something.
func (m *Mapper) watch(h *host, w watch) {
	if h.number < 0 {
		return
	}
	w.who = h.number
	if _, there := m.watching[w]; there {
		return
	}
	m.watching[w] = struct{}{}
	switch {
	case w.onHost:
		m.onHost.Add(w.host, w.who)
	case w.node != "":
		m.onNode.Add(w.node, w.who)
	case w.text != "":
		m.byText.Add(w.text, w.who)
	default:
		m.byAddress.Add(w.addr, w.who)
	}
}

// Renew goes on with another snapshot. It returns the hosts whose place, or whose
// checks' places, may be another in it, sorted: of all others, checks would be mapped
// as they were. It finds by itself what changed, and is fast where that is little;
// numbers, times and checks are no change. Beside the hosts that were given, the
// first 100,000 others that checks named are told of.
func (m *Mapper) Renew(snap *topology.Snapshot) []string {
	r := renewal{Mapper: m, hit: map[int32]struct{}{}, lost: map[int32]struct{}{}}
	before := m.snap
	m.snap = snap
	for was, is := range snap.Changed(before) {
		r.changed(was, is)
	}
	r.relocate()
	names := make([]string, 0, len(r.hit))
	for n := range r.hit {
		names = append(names, m.list[n].Name)
	}
	slices.Sort(names)
	return names
}

// renewal is one [Mapper.Renew].
type renewal struct {
	*Mapper
	hit  map[int32]struct{} // hosts to tell
	lost map[int32]struct{} // hosts to find again
}

// changed takes in that a block is another now; a or b is nil if there is none.
func (r *renewal) changed(a, b *topology.Block) {
	sameKeys := a != nil && b != nil && sameKeys(&a.Node, &b.Node)
	if sameKeys && sameServices(a, b) {
		return
	}
	name := cmp.Or(b, a).Node.Name
	r.stir(name)
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		r.stir(name[:i])
	}
	if sameKeys {
		return
	}
	for _, block := range []*topology.Block{a, b} {
		if block == nil {
			continue
		}
		if block == a {
			r.nodes.Remove(&a.Node)
		} else {
			r.nodes.Add(&b.Node)
		}
		for k := range roster.Keys(&block.Node) {
			r.seek(k)
		}
	}
}

// stir forgets what runs on a node, and tells who looks at that.
func (r *renewal) stir(node string) {
	r.stock.Forget(node)
	for n := range r.onNode.All(node) {
		r.hit[n] = struct{}{}
	}
}

// seek tells who looks for a key.
func (r *renewal) seek(k roster.Key) {
	who := r.byText.All(k.Text)
	if k.Address.IsValid() {
		who = r.byAddress.All(k.Address)
	}
	for n := range who {
		r.hit[n], r.lost[n] = struct{}{}, struct{}{}
	}
}

// relocate finds the hosts again that may be elsewhere.
func (r *renewal) relocate() {
	for _, n := range slices.Sorted(maps.Keys(r.lost)) {
		h := r.list[n]
		was := h.place.Node
		if r.find(h); h.place.Node == was {
			continue
		}
		if h.place.Node != "" {
			r.watch(h, watch{node: h.place.Node})
		}
		for other := range r.onHost.All(n) {
			r.hit[other] = struct{}{}
		}
	}
}

// sameKeys says whether two nodes are found by the same, and hold containers alike.
func sameKeys(a, b *topology.Node) bool {
	return a.Name == b.Name && a.Kind == b.Kind && slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.ContainerNetworks, b.ContainerNetworks) &&
		slices.EqualFunc(a.Formerly, b.Formerly, func(x, y topology.Former) bool { return x.Name == y.Name })
}

// sameServices says whether two blocks offer the same to map checks on.
func sameServices(a, b *topology.Block) bool {
	if !slices.Equal(a.Node.Forwards, b.Node.Forwards) || len(a.Services) != len(b.Services) {
		return false
	}
	for i := range a.Services {
		if x, y := &a.Services[i], &b.Services[i]; x != y && !sameService(x, y) {
			return false
		}
	}
	return true
}

func sameService(a, b *topology.Service) bool {
	return a.ID == b.ID && a.Protocol == b.Protocol && a.Port == b.Port && a.Process == b.Process && a.Unit == b.Unit && a.Container == b.Container &&
		a.Image == b.Image && a.Pod == b.Pod && a.Scope == b.Scope && a.State == b.State && a.FirstSeen.Equal(b.FirstSeen) &&
		(a.State != topology.Gone || a.LastSeen.Equal(b.LastSeen)) && slices.Equal(a.Addresses, b.Addresses)
}

// Miss says why a check is not on a service, where it should be.
type Miss string

// The misses.
const (
	Found     Miss = ""          // it is where it belongs
	NoNode    Miss = "node"      // its host is no node
	NoService Miss = "service"   // nothing on the node fits
	Several   Miss = "ambiguous" // several services would do
)

// Missed says whether a check that was mapped has found what it is about.
func Missed(c *topology.Check) Miss {
	switch {
	case c.Node == "" || c.Mapping == nil:
		return NoNode
	case c.Mapping.Ambiguous:
		return Several
	case c.Service == "" && c.Kind != topology.HostCheck && c.Name != "" && c.Mapping.Rule != ruleHost && c.Mapping.Rule != ruleGiven:
		return NoService
	}
	return Found
}
