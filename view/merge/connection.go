package merge

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// parts are what the members of a box bring to its connections, by the member's name, and
// these connections. What few members say of few connections makes only those anew.
type parts struct {
	list        []*part
	connections []*topology.Connection // one for each pair of ends, sorted by id
}

// part is what one member brings. It stays as long as its block does.
type part struct {
	of          *topology.Block
	moved       []*topology.Connection // each of the block, between boxes
	connections []*topology.Connection // one for each pair of ends, sorted by id
}

// partOf is the part of a member, the old one if that is of the same connections.
func (m *Merger) partOf(b *topology.Block, old *part) *part {
	if old != nil && topology.SameList(old.of.Connections, b.Connections) {
		return old
	}
	p := &part{of: b, moved: make([]*topology.Connection, 0, len(b.Connections))}
	if old == nil {
		old = &part{of: &topology.Block{}}
	}
	i, before := 0, old.of.Connections
	all := newSum(0)
	for _, c := range b.Connections {
		for i < len(before) && before[i].ID < c.ID {
			i++
		}
		var moved *topology.Connection
		if i < len(before) && before[i] == c {
			moved = old.moved[i]
		} else {
			moved = m.moved(*c)
		}
		p.moved = append(p.moved, moved)
		all.add(moved)
	}
	p.connections = all.sorted()
	return p
}

// partsOf are the parts of members. Both lists of members are sorted by name.
func (m *Merger) partsOf(members []*topology.Block, old *parts) *parts {
	if old == nil {
		old = &parts{}
	}
	p := &parts{list: make([]*part, len(members))}
	changed := map[string]bool{} // ids of connections
	i, kept := 0, 0
	for k, b := range members {
		for ; i < len(old.list) && old.list[i].of.Node.Name < b.Node.Name; i++ {
			old.list[i].differs(nil, changed)
		}
		var before *part
		if i < len(old.list) && old.list[i].of.Node.Name == b.Node.Name {
			before = old.list[i]
			i++
			kept++
		}
		p.list[k] = m.partOf(b, before)
		p.list[k].differs(before, changed)
	}
	for _, gone := range old.list[i:] {
		gone.differs(nil, changed)
	}
	switch {
	case len(p.list) == 1:
		p.connections = p.list[0].connections
	case kept == 0 || len(changed) > len(old.connections)/fewChange:
		p.sum()
	default:
		p.renew(old.connections, changed)
	}
	return p
}

// fewChange is how few of the connections of a box are found with each member, one in so
// many, and no more than take longer than adding up all.
const fewChange = 4

// differs notes the ids of connections in which two parts are not the same; either may be
// nil.
func (p *part) differs(o *part, ids map[string]bool) {
	if p == o {
		return
	}
	var before []*topology.Connection
	if o != nil {
		before = o.connections
	}
	topology.WalkConnections(before, p.connections, func(was, is *topology.Connection) {
		if was == nil {
			was = is
		}
		ids[was.ID] = true
	})
}

// sum adds up all parts.
func (p *parts) sum() {
	most := 0
	for _, one := range p.list {
		most = max(most, len(one.connections))
	}
	all := newSum(2 * most)
	for _, one := range p.list {
		for _, c := range one.connections {
			all.add(c)
		}
	}
	p.connections = all.sorted()
}

// renew adds up those that changed, of the others there are the old ones.
func (p *parts) renew(old []*topology.Connection, changed map[string]bool) {
	some := newSum(len(changed))
	for _, one := range p.list {
		for id := range changed {
			if c := topology.FindConnection(one.connections, id); c != nil {
				some.add(c)
			}
		}
	}
	next := some.sorted()
	p.connections = make([]*topology.Connection, 0, len(old)+len(next))
	for _, c := range old {
		if changed[c.ID] {
			continue
		}
		for len(next) > 0 && next[0].ID < c.ID {
			p.connections, next = append(p.connections, next[0]), next[1:]
		}
		p.connections = append(p.connections, c)
	}
	p.connections = append(p.connections, next...)
}

// sum adds up connections of the same ends. What stands alone is not copied.
type sum struct {
	at   map[string]int // in list, by id
	list []*topology.Connection
	own  []owned // of one in list, what is the sum's, to be written
}

type owned struct{ connection, health bool }

func newSum(room int) *sum {
	return &sum{at: make(map[string]int, room), list: make([]*topology.Connection, 0, room), own: make([]owned, 0, room)}
}

// add takes one in, which is not written.
func (s *sum) add(c *topology.Connection) {
	k, known := s.at[c.ID]
	if !known {
		s.at[c.ID], s.list, s.own = len(s.list), append(s.list, c), append(s.own, owned{})
		return
	}
	if !s.own[k].connection {
		s.list[k], s.own[k].connection = new(*s.list[k]), true
	}
	to := s.list[k]
	switch {
	case c.Health == nil:
	case to.Health == nil:
		to.Health = c.Health
	default:
		if !s.own[k].health {
			to.Health, s.own[k].health = new(*to.Health), true
		}
		joinHealth(to.Health, c.Health)
	}
	join(to, c)
}

func (s *sum) sorted() []*topology.Connection {
	slices.SortFunc(s.list, func(a, b *topology.Connection) int { return strings.Compare(a.ID, b.ID) })
	return s.list
}

// moved is a connection between the boxes of its ends.
func (m *Merger) moved(c topology.Connection) *topology.Connection {
	client, server := m.in(c.Client.Node), m.in(c.Server.Node)
	if client != "" {
		c.Client.Service = m.service(c.Client.Service, c.Client.Node, client)
		c.Client.Node, c.Client.Container = client, ""
		c.Evidence.ClientAddress, c.Evidence.ClientResolved = "", ""
	}
	if server != "" {
		c.Server.Service = m.service(c.Server.Service, c.Server.Node, server)
		c.Server.Node = server
		c.Evidence.ServerAddress, c.Evidence.ServerResolved = "", ""
	}
	if c.Evidence.SeenBy = nil; m.kind == topology.Group { // several blocks may tell of it, each in its words
		c.Evidence.ClientResolved, c.Evidence.ServerResolved = "", ""
	}
	c.ID = topology.ConnectionID(&c)
	return &c
}

// service is the id that a node's service has in its box.
func (m *Merger) service(id, node, key string) string {
	if id == "" || m.kind != topology.Pool {
		return ""
	}
	mine := topology.ServiceID(node, "", 0, netip.Addr{}) // node~~0
	rest, ok := strings.CutPrefix(id, strings.TrimSuffix(mine, "~0"))
	if !ok {
		return ""
	}
	protocol, port, _ := strings.Cut(rest, "~")
	port, _, _ = strings.Cut(port, "~")
	return strings.TrimSuffix(topology.ServiceID(key, "", 0, netip.Addr{}), "~0") + protocol + "~" + port
}

// Connections adds one to another that stands for both: numbers are added up, and of
// what was measured the worst counts. The ends stay as they are. The order of what is
// added does not show.
func Connections(to, c *topology.Connection) {
	switch {
	case c.Health == nil:
	case to.Health == nil:
		to.Health = c.Health
	default:
		h := *to.Health
		joinHealth(&h, c.Health)
		to.Health = &h
	}
	join(to, c)
}

// join is Connections but for what is measured.
func join(to, c *topology.Connection) {
	to.Count += c.Count
	to.Opened += c.Opened
	to.Refused += c.Refused
	to.TimedOut += c.TimedOut
	to.Failed += c.Failed
	to.Peers = max(to.Peers, c.Peers)
	to.Own, to.Observer = to.Own && c.Own, to.Observer && c.Observer
	to.Client.Unit, to.Client.Container = common(to.Client.Unit, c.Client.Unit), common(to.Client.Container, c.Client.Container)
	to.Evidence.BothEnds = to.Evidence.BothEnds || c.Evidence.BothEnds
	to.Evidence.Confirmed = to.Evidence.Confirmed || c.Evidence.Confirmed
	if c.Status == topology.Fresh {
		to.Status = topology.Fresh
	}
	if c.FirstSeen.Before(to.FirstSeen) {
		to.FirstSeen = c.FirstSeen
	}
	if c.LastSeen.After(to.LastSeen) {
		to.LastSeen = c.LastSeen
	}
	if c.LastConnection.After(to.LastConnection) {
		to.LastConnection = c.LastConnection
	}
}

// joinHealth adds what is measured on one connection to that of another: rates and
// waiting sockets of both, the longer round trip, the higher share of retransmits.
func joinHealth(h, o *topology.Health) {
	if h.End != o.End {
		h.End = "client"
	}
	if o.RTT > h.RTT || o.RTT == h.RTT && o.RTTVar > h.RTTVar {
		h.RTT, h.RTTVar = o.RTT, o.RTTVar
	}
	h.Sent += o.Sent
	h.Received += o.Received
	h.Retransmits = max(h.Retransmits, o.Retransmits)
	if o.Connecting > 0 && (h.Connecting == 0 || o.ConnectingSince.Before(h.ConnectingSince)) {
		h.ConnectingSince = o.ConnectingSince
	}
	if o.CloseWait > 0 && (h.CloseWait == 0 || o.CloseWaitSince.Before(h.CloseWaitSince)) {
		h.CloseWaitSince = o.CloseWaitSince
	}
	h.Connecting += o.Connecting
	h.CloseWait += o.CloseWait
}
