package merge

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// connections are those that the members hold, one for each pair of ends, sorted by
// id.
func (m *Merger) connections(members []*topology.Block) []topology.Connection {
	at := map[string]int{}
	var list []topology.Connection
	for _, b := range members {
		for i := range b.Connections {
			c := m.moved(b.Connections[i])
			k, known := at[c.ID]
			if !known {
				at[c.ID], list = len(list), append(list, c)
				continue
			}
			Connections(&list[k], &c)
		}
	}
	slices.SortFunc(list, func(a, b topology.Connection) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// moved is a connection between the boxes of its ends.
func (m *Merger) moved(c topology.Connection) topology.Connection {
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
	return c
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
	to.Health = health(to, c)
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

// health is what is measured on two connections: rates and waiting sockets of both,
// the longer round trip, the higher share of retransmits.
func health(a, b *topology.Connection) *topology.Health {
	switch {
	case b.Health == nil:
		return a.Health
	case a.Health == nil:
		return b.Health
	}
	h, o := *a.Health, b.Health
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
	return &h
}
