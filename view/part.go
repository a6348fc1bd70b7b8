package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// part is what one block brings to a view. It follows from the block, the
// settings, the time, and what the nodes are that the block's connections name:
// their kind, and which processes serve there. It is never written again.
type part struct {
	services    []shownService
	connections []shownConnection
	hidden      Hidden
	until       time.Time // after it, something is hidden for its age; zero is never
	ends        []end     // by name: all nodes at the ends of its connections
	callers     []caller  // sorted: the client ends of what is shown
	uses        []usage   // by service: all its connections to services
	pairs       []members // by id: what is shown between two nodes, for levels without rows
	guests      []string  // sorted: the clients of what is shown and neither end of which is the block's node
	oneSided    int
	awaits      bool // it has services that only their clients know
}

// shownService and shownConnection say which of a block's are shown, by index,
// and what the block doesn't tell of them.
type shownService struct {
	i       int32
	ignored bool
}

type shownConnection struct {
	i       int32
	ignored bool
	process string // of the server
}

// end is a node with the ends there of what is shown: connections, by index among those
// shown, twice where both ends are there.
type end struct {
	node        string
	connections []int32
}

type caller struct{ node, process string }

// usage is what the connections of one block, listed by index, do with a service.
type usage struct {
	service, node string
	open          int
	connections   []int32
}

// members are the shown connections, by index among those shown, that are one
// edge between two nodes.
type members struct {
	id          string
	connections []int32
}

// maker makes parts.
type maker struct {
	question Question
	settings *Settings
	at       time.Time
	snap     *topology.Snapshot
	// block finds a node's block in snap, nil if there is none.
	block func(node string) *topology.Block
}

func (m *maker) part(b *topology.Block) *part {
	p, v, restless := &part{}, newSieve(m.question, m.settings, m.at), false
	for i := range b.Services {
		s := &b.Services[i]
		p.awaits = p.awaits || s.State == topology.Seen
		if ignored := m.settings.Ignores(s.Port, s.Process); v.serves(s, ignored) {
			p.services = append(p.services, shownService{int32(i), ignored})
		}
	}
	p.connections = make([]shownConnection, 0, len(b.Connections))
	for i := range b.Connections {
		c := *b.Connections[i]
		server := m.block(c.Server.Node)
		c.Server.Process = processAt(server, &c.Server)
		ignored := m.settings.ignores(&c)
		if c.Status == topology.Old && c.Count > 0 { // its age is that of reports
			c.LastSeen, restless = m.snap.CompleteConnection(b, i).LastSeen, true
		}
		if !v.lets(&c, ignored) {
			continue
		}
		p.connections = append(p.connections, shownConnection{int32(i), ignored, c.Server.Process})
		if client := m.block(c.Client.Node); !c.Evidence.BothEnds && real(client) && real(server) {
			p.oneSided++
		}
	}
	if p.hidden, p.until = v.hidden, v.until; restless {
		p.until = m.at
	}
	p.ends, p.callers, p.uses, p.guests = endsOf(b, p.connections), callersOf(b, p.connections), usesOf(b), guestsOf(b, p.connections)
	if !m.question.Level.rows() {
		p.pairs = pairsOf(b, p.connections)
	}
	return p
}

// processAt is the process that a server's end has now.
func processAt(b *topology.Block, at *topology.Server) string {
	if b != nil && at.Service != "" {
		if s := b.Service(at.Service); s != nil {
			return s.Process
		}
	}
	return at.Process
}

func real(b *topology.Block) bool { return b != nil && isReal(b.Node.Kind) }

func endsOf(b *topology.Block, shown []shownConnection) []end {
	at, list := map[string]int{}, []end{}
	for _, c := range b.Connections {
		for _, node := range [2]string{c.Client.Node, c.Server.Node} {
			if _, known := at[node]; !known {
				at[node], list = len(list), append(list, end{node: node})
			}
		}
	}
	where, count := make([]int, 0, 2*len(shown)), make([]int, len(list))
	for _, s := range shown {
		c := b.Connections[s.i]
		client, server := at[c.Client.Node], at[c.Server.Node]
		where = append(where, client, server)
		count[client]++
		count[server]++
	}
	room := make([]int32, len(where))
	for k, n := range count {
		list[k].connections, room = room[:0:n], room[n:]
	}
	for k, i := range where {
		list[i].connections = append(list[i].connections, int32(k/2))
	}
	slices.SortFunc(list, func(a, b end) int { return strings.Compare(a.node, b.node) })
	return list
}

// guestsOf are the clients of connections that are held by a block of neither end: as of
// those to an address that moves, which stay with the node that answered.
func guestsOf(b *topology.Block, shown []shownConnection) (list []string) {
	for _, s := range shown {
		if c := b.Connections[s.i]; c.Client.Node != b.Node.Name && c.Server.Node != b.Node.Name {
			list = append(list, c.Client.Node)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func callersOf(b *topology.Block, shown []shownConnection) (list []caller) {
	seen := map[caller]bool{}
	for _, s := range shown {
		c := &b.Connections[s.i].Client
		if one := (caller{c.Node, c.Process}); !seen[one] {
			seen[one] = true
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b caller) int {
		return cmp.Or(strings.Compare(a.node, b.node), strings.Compare(a.process, b.process))
	})
	return list
}

func usesOf(b *topology.Block) (list []usage) {
	order := make([]int32, 0, len(b.Connections))
	for i := range b.Connections {
		if b.Connections[i].Server.Service != "" {
			order = append(order, int32(i))
		}
	}
	service := func(i int32) string { return b.Connections[i].Server.Service }
	slices.SortFunc(order, func(x, y int32) int { return strings.Compare(service(x), service(y)) })
	for len(order) > 0 {
		n, open := 0, 0
		for n < len(order) && service(order[n]) == service(order[0]) {
			open += b.Connections[order[n]].Count
			n++
		}
		list = append(list, usage{service(order[0]), b.Connections[order[0]].Server.Node, open, order[:n:n]})
		order = order[n:]
	}
	return list
}

func pairsOf(b *topology.Block, shown []shownConnection) (list []members) {
	at := map[string]int{}
	for k, s := range shown {
		c := Connection{Connection: *b.Connections[s.i]}
		if c.Client.Node == c.Server.Node {
			continue
		}
		id := pairOf(c).ID
		i, ok := at[id]
		if !ok {
			i = len(list)
			at[id], list = i, append(list, members{id: id})
		}
		list[i].connections = append(list[i].connections, int32(k))
	}
	slices.SortFunc(list, func(a, b members) int { return strings.Compare(a.id, b.id) })
	return list
}

// usersOf are the connections of a part to a service.
func (p *part) usersOf(service string) []int32 {
	i, ok := slices.BinarySearchFunc(p.uses, service, func(u usage, id string) int { return strings.Compare(u.service, id) })
	if !ok {
		return nil
	}
	return p.uses[i].connections
}

// callersAt are the processes of a node among a part's client ends.
func (p *part) callersAt(node string, add func(process string)) {
	i, _ := slices.BinarySearchFunc(p.callers, node, func(c caller, n string) int { return strings.Compare(c.node, n) })
	for ; i < len(p.callers) && p.callers[i].node == node; i++ {
		add(p.callers[i].process)
	}
}

// endsAt are the connections of a part that end at a node.
func (p *part) endsAt(node string) []int32 {
	i, ok := slices.BinarySearchFunc(p.ends, node, func(e end, n string) int { return strings.Compare(e.node, n) })
	if !ok {
		return nil
	}
	return p.ends[i].connections
}
