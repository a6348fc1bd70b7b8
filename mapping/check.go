package mapping

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping/inventory"
	"github.com/devops-trouble-map/dotm/mapping/lexicon"
	"github.com/devops-trouble-map/dotm/mapping/pattern"
	"github.com/devops-trouble-map/dotm/mapping/roster"
	"github.com/devops-trouble-map/dotm/topology"
)

// The rules that a mapping names.
const (
	ruleGiven   = "rule"
	ruleAlias   = "alias"
	ruleAddress = "address"
	rulePort    = "port"
	ruleKnown   = "known"
	ruleName    = "name"
	ruleHost    = "host"
)

// Check writes into a check what it is about: its Node, Service and Mapping, and
// returns it. The mapping is shared with other checks and must not be written.
// Without a node it is nil: [Mapper.Host] says why.
func (m *Mapper) Check(c *Check) *Check {
	p := m.Place(c)
	c.Node, c.Service, c.Mapping = p.Node, p.Service, p.Mapping
	if p.Node == "" {
		c.Mapping = nil
	}
	return c
}

// Place is where a check belongs. The check doesn't change.
func (m *Mapper) Place(c *Check) Place {
	q := query{Mapper: m, host: m.host(c.Host), check: c}
	if c.Kind == topology.HostCheck || c.Name == "" {
		return q.host.place
	}
	q.node, q.preface = q.host.place.Node, q.host.preface
	q.subject = m.subject(q.host, c)
	p, ok := q.byRules()
	if !ok {
		p, ok = q.byHints()
	}
	if !ok {
		p, ok = q.byNumbers()
	}
	if !ok {
		p, ok = q.byKinds()
	}
	if !ok {
		p, ok = q.byWholeHost()
	}
	if !ok {
		return q.nowhere()
	}
	return p
}

// query is the search for the place of one check.
type query struct {
	*Mapper
	host    *host
	check   *Check
	subject *lexicon.Subject
	// node is where it is about as far as is known now, and preface why that is
	// not just its host's name.
	node, preface string
	moved         bool   // an address that the check names leads to the node
	futile        string // why a rule or hint that is there leads nowhere
	closed        bool   // it names a port where nothing listens: no other is meant
}

// answer is the one item that was found.
func (q *query) answer(it *item, why reason) Place {
	s := saying{reason: why, port: it.Port, at: it.At, process: it.Process, gone: it.State == topology.Gone, forwarded: it.Forwarded}
	if it.Node != q.node {
		s.in = it.Node
	}
	return Place{Node: it.Node, Service: it.ID, Mapping: q.said(s)}
}

// said is the mapping that says something; with a preface it is the host's own.
func (q *query) said(s saying) *topology.Mapping {
	if q.preface != "" {
		return &topology.Mapping{Rule: s.rule, Evidence: q.preface + s.sentence()}
	}
	m, ok := q.sayings[s]
	if !ok {
		m = &topology.Mapping{Rule: s.rule, Evidence: s.sentence()}
		keep(q.sayings, s, m)
	}
	return m
}

// reason is why something belongs to a check.
type reason struct {
	rule string // of the mapping
	form form
	// word is that of the check, who names a port, or the name of a rule; title
	// what it means.
	word, title string
}

// form is that of a sentence.
type form uint8

const (
	bySettings form = iota
	atHint
	atNumber
	meaningKind
	measured
	goingBy
	wholly
)

func (r *reason) String() string {
	switch r.form {
	case bySettings:
		return r.word + " of the settings"
	case atHint:
		return r.word + " names the port"
	case atNumber:
		return "its name says the port"
	case meaningKind:
		return pattern.Quote(r.word) + " means " + r.title
	case measured:
		return r.word + " names a port where " + r.title + " is measured"
	case goingBy:
		return pattern.Quote(r.word) + " is a name that goes with it"
	default:
		return pattern.Quote(r.word) + " is about a node as a whole"
	}
}

// saying is a reason with the service that it leads to; without a port it is the
// node as a whole.
type saying struct {
	reason
	port, at        uint16 // of the service, and of the node that offers it
	process, in     string // in is the node that it is on, if that is another
	gone, forwarded bool
}

func (s *saying) sentence() string {
	if s.form == wholly {
		return s.String()
	}
	if s.port == 0 {
		return s.String() + ": the node as a whole"
	}
	text := "what listens on port " + strconv.Itoa(int(s.port))
	if s.process != "" {
		text = s.process + " on port " + strconv.Itoa(int(s.port))
	}
	if s.in != "" {
		text += " of " + s.in
	}
	if s.gone {
		text += ", which stopped listening"
	}
	if s.forwarded {
		text += ", to which port " + strconv.Itoa(int(s.at)) + " is forwarded"
	}
	return s.String() + ": " + text
}

// decide takes the one item that was found, after narrowing down; of several the
// node, with all of them as candidates.
func (q *query) decide(items []item, why reason) (Place, bool) {
	if len(items) > 1 {
		items = q.narrow(items)
	}
	switch len(items) {
	case 0:
		return Place{}, false
	case 1:
		return q.answer(&items[0], why), true
	}
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	ids = roster.Distinct(ids)
	return Place{Node: q.node, Mapping: &topology.Mapping{
		Rule: why.rule, Ambiguous: true, Candidates: ids[:min(len(ids), roster.MaxCandidates)],
		Evidence: q.preface + why.String() + ", and " + strconv.Itoa(len(ids)) + " services would do",
	}}, true
}

// narrow keeps the items that more of the check's name speaks for: numbers that are
// ports, names of containers and units, the usual port of what it names.
func (q *query) narrow(items []item) []item {
	items = inventory.Prefer(items, func(it *item) bool { return it.Protocol == q.subject.Protocol })
	items = inventory.Prefer(items, func(it *item) bool { return q.says(it.At) })
	if len(items) > 1 && q.subject.Odd {
		items = q.titled(items)
	}
	for i := 0; i < len(q.subject.Kinds) && len(items) > 1; i++ {
		items = usual(q.subject.Kinds[i].Kind, items)
	}
	if len(items) > 1 && !slices.ContainsFunc(items, func(it item) bool { return it.At != items[0].At || it.Node != items[0].Node }) {
		items = inventory.Among(items, "", netip.Addr{})
	}
	return items
}

// says whether the check names a port, in a hint or in its name.
func (q *query) says(port uint16) bool {
	return slices.Contains(q.subject.Ports, port) || slices.Contains(q.subject.Numbers, port) ||
		slices.ContainsFunc(q.check.Hints, func(h Hint) bool { return h.Port == port && !q.measuring(&h) })
}

// titled keeps the items that go by a name in the check's that not all of them go by.
func (q *query) titled(items []item) []item {
	v := q.inventory(q.node)
	for title := range q.titles() {
		called := v.Called(title)
		some := inventory.Matching(items, func(it *item) bool { return inventory.Has(called, it.ID) })
		if len(some) > 0 && len(some) < len(items) {
			return some
		}
	}
	return items
}

// usual keeps the items on the most usual port of a kind that one of them is on; all
// if none is on a usual one.
func usual(k *lexicon.Kind, items []item) []item {
	best, found := 0, false
	for i := range items {
		if rank, ok := k.Rank(items[i].Protocol, items[i].At); ok && (!found || rank < best) && (rank == 0 || !k.Is(lexicon.Vague)) {
			best, found = rank, true
		}
	}
	if !found {
		return items
	}
	on := inventory.Matching(items, func(it *item) bool { rank, ok := k.Rank(it.Protocol, it.At); return ok && rank == best })
	return inventory.Prefer(on, func(it *item) bool { return k.Covers(it.Kind) })
}

// byRules follows the first rule that leads somewhere.
func (q *query) byRules() (Place, bool) {
	for _, i := range q.naming(q.check.Name) {
		r := &q.rules.rules[i]
		if !q.meant(q.host, i) {
			continue
		}
		if p, ok := q.byRule(i, r); ok {
			return p, true
		}
	}
	return Place{}, false
}

func (q *query) byRule(i int32, r *rule) (Place, bool) {
	asked := *q // for a rule that leads nowhere, nothing happened
	if r.Node != "" {
		asked.node, asked.preface = q.given(r.Node), ""
	}
	if asked.node == "" {
		q.futile = r.label + " leads to no node"
		return Place{}, false
	}
	why := reason{rule: ruleGiven, form: bySettings, word: r.label}
	if r.Process == "" && r.Port == 0 {
		return Place{Node: asked.node, Mapping: asked.said(saying{reason: why})}, true
	}
	wanted := func(it *item) bool {
		return (r.Port == 0 || r.Port == it.At) && (r.Protocol == "" || r.Protocol == it.Protocol) && q.runs(i, it.Process)
	}
	v := q.inventory(asked.node)
	items := inventory.Matching(v.Items, wanted)
	if len(items) == 0 {
		items = inventory.Matching(v.Inside, wanted)
	}
	p, ok := asked.decide(items, why)
	if !ok {
		q.futile = r.label + " fits it, and no service of " + asked.node
	}
	return p, ok
}

// given is the node of a name that a rule has; empty if there is none, or several.
func (q *query) given(name string) string {
	q.watch(q.host, watch{text: pattern.Fold(name)})
	nodes := q.nodes.Named(name)
	if !slices.Contains(nodes, name) {
		if len(nodes) != 1 {
			return ""
		}
		name = nodes[0]
	}
	q.lookAt(name)
	return name
}

// measuring says whether a hint's port is that of who measures, and not meant itself.
func (q *query) measuring(h *Hint) bool {
	if !h.Exporter && !q.rules.words.Measuring(h.Port) {
		return false
	}
	return !slices.ContainsFunc(q.subject.Kinds, func(m lexicon.Mention) bool {
		_, ok := m.Kind.Rank("tcp", h.Port)
		return ok
	})
}

// byHints follows the ports that a check names, and the addresses.
func (q *query) byHints() (Place, bool) {
	items := q.scratch[:0]
	var to []string // nodes that addresses lead to
	var from *Hint
	missing := ""
	for i := range q.check.Hints {
		h := &q.check.Hints[i]
		node, known := q.addressed(h.Address)
		if !known || node == "" {
			continue
		}
		if h.Address != "" && !slices.Contains(to, node) {
			to = append(to, node)
		}
		if h.Port == 0 || q.subject.Resource || q.measuring(h) {
			continue
		}
		q.lookAt(node)
		found := q.inventory(node).At(h.Port, q.subject.Protocol, addressOf(h))
		if len(found) == 0 {
			missing = hinted(h) + " names port " + strconv.Itoa(int(h.Port)) + ", where nothing is known to listen"
			continue
		}
		items, from = append(items, found...), h
	}
	q.scratch = items
	q.move(to)
	if len(items) > 0 {
		if q.node == "" {
			q.node = items[0].Node
		}
		return q.decide(once(items), reason{rule: rulePort, form: atHint, word: hinted(from)})
	}
	if q.futile == "" {
		q.futile = missing
	}
	q.closed = missing != ""
	return Place{}, false
}

// addressOf is the IP address of a hint; none if that names no address, or a name.
func addressOf(h *Hint) netip.Addr {
	a, _ := roster.ParseAddr(h.Address)
	return roster.Plain(a)
}

// item is a service as a check may mean it.
type item = inventory.Item

// inventory is what runs on a node.
func (q *query) inventory(node string) *inventory.Inventory { return q.stock.Of(q.snap, node) }

// once sorts items by their ids, and leaves out what is there twice.
func once(items []item) []item {
	if len(items) < 2 {
		return items
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(items, func(a, b item) bool { return a.ID == b.ID })
}

func hinted(h *Hint) string {
	if h.From == "" {
		return "the check"
	}
	return pattern.Cut(h.From)
}

// move goes to the one node that addresses of the check lead to, if that is another.
func (q *query) move(nodes []string) {
	if len(nodes) != 1 || nodes[0] == q.node {
		return
	}
	q.node, q.moved = nodes[0], true
	q.preface = "an address that the check names leads to " + q.node + "; "
	q.lookAt(q.node)
}

// lookAt notes that the check's place depends on what runs on a node.
func (q *query) lookAt(node string) {
	if node != q.host.place.Node {
		q.watch(q.host, watch{node: node})
	}
}

// addressed is the node of an address that a check names, and whether it is known
// what that means; a name that nobody has is one that the check's own host serves.
func (q *query) addressed(address string) (node string, known bool) {
	own, mine := q.host.place.Node, q.host
	if address == "" || address == mine.Name || slices.Contains(mine.Addresses, address) || own != "" && address == own || roster.Itself(address) {
		return own, true
	}
	if a, ok := roster.ParseAddr(address); ok {
		return q.owner(roster.Plain(a))
	}
	if other := q.hosts[address]; other != nil && other.known {
		q.watch(mine, watch{host: other.number, onHost: true})
		return other.place.Node, other.place.Node != ""
	}
	nodes := q.nodes.Named(address)
	q.watch(mine, watch{text: pattern.Fold(address)})
	switch {
	case len(nodes) == 0:
		return own, true
	case len(nodes) > 1:
		return "", false
	}
	return nodes[0], true
}

// owner is the node that alone has an address.
func (q *query) owner(a netip.Addr) (node string, known bool) {
	q.watch(q.host, watch{addr: a})
	nodes := q.nodes.Owners(a)
	switch {
	case slices.Contains(nodes, q.host.place.Node):
		return q.host.place.Node, true
	case len(nodes) != 1:
		return "", false
	}
	return nodes[0], true
}

// byNumbers takes numbers in the check's name for ports: those that it calls so, and
// those behind the name of what listens there.
func (q *query) byNumbers() (Place, bool) {
	s := q.subject
	if q.node == "" || q.closed || s.Resource && s.Protocol == "" || len(s.Ports)+len(s.Numbers) == 0 {
		return Place{}, false
	}
	v := q.inventory(q.node)
	var items []item
	for _, port := range s.Ports {
		items = append(items, v.At(port, s.Protocol, netip.Addr{})...)
	}
	for _, port := range s.Numbers {
		items = append(items, inventory.Matching(v.At(port, s.Protocol, netip.Addr{}), q.fitting)...)
	}
	return q.decide(once(items), reason{rule: rulePort, form: atNumber})
}

// fitting says whether an item may be one of the kinds that the check names.
func (q *query) fitting(it *item) bool {
	return slices.ContainsFunc(q.subject.Kinds, func(m lexicon.Mention) bool {
		return it.Kind == nil || m.Kind.Covers(it.Kind) || m.Kind.ID == it.Kind.Of || q.rules.words.Proxy(it.Process)
	})
}

// nowhere is the node, because nothing on it fits; or no node.
func (q *query) nowhere() Place {
	if q.node == "" {
		return q.host.place
	}
	why := q.futile
	if why == "" {
		why = "no service of it fits the check's name"
		if len(q.subject.Kinds) > 0 {
			why = "no service of it is known as " + q.subject.Kinds[0].Kind.Title
		}
	}
	rule, preface := q.host.place.Mapping.Rule, q.host.place.Mapping.Evidence+"; "
	if q.moved {
		rule, preface = ruleAddress, q.preface
	}
	return Place{Node: q.node, Mapping: &topology.Mapping{Rule: rule, Evidence: preface + why}}
}
