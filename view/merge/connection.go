package merge

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// part is what one member brings to the connections of its box. It stays as long as
// its block does: a box of many members changes by what few of them say.
type part struct {
	of          *topology.Block
	connections []*topology.Connection // one for each pair of ends, sorted by id
}

// partOf is the part of a member, the old one if that is of the same connections.
func (m *Merger) partOf(b *topology.Block, old *part) *part {
	if old != nil && topology.SameList(old.of.Connections, b.Connections) {
		return old
	}
	all := newSum(0)
	for _, c := range b.Connections {
		all.add(m.moved(*c), true)
	}
	return &part{b, all.sorted()}
}

// partsOf are the parts of members. Both lists of members are sorted by name.
func (m *Merger) partsOf(members []*topology.Block, old []*part) []*part {
	parts := make([]*part, len(members))
	i := 0
	for k, b := range members {
		for i < len(old) && old[i].of.Node.Name < b.Node.Name {
			i++
		}
		var before *part
		if i < len(old) && old[i].of.Node.Name == b.Node.Name {
			before = old[i]
		}
		parts[k] = m.partOf(b, before)
	}
	return parts
}

// connections are those of all parts, one for each pair of ends, sorted by id.
func connections(parts []*part) []*topology.Connection {
	if len(parts) == 1 {
		return parts[0].connections
	}
	most := 0
	for _, p := range parts {
		most = max(most, len(p.connections))
	}
	all := newSum(2 * most)
	for _, p := range parts {
		for _, c := range p.connections {
			all.add(c, false)
		}
	}
	return all.sorted()
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

// add takes one in. own says that it may be written.
func (s *sum) add(c *topology.Connection, own bool) {
	k, known := s.at[c.ID]
	if !known {
		s.at[c.ID], s.list, s.own = len(s.list), append(s.list, c), append(s.own, owned{connection: own})
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
