// Package edge says how two accounts of one connection become one: which two mean
// the same, what is taken over from the one that knows less, and what the rows of
// several looks and of both ends make of its health ([Measured]). It knows one
// connection at a time and no topology.
package edge

import (
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/topology"
)

// Unite sorts edges by id and makes those one that turned out to be the same. The
// list is written, the edges are not.
func Unite(edges []*topology.Connection) []*topology.Connection {
	if united(edges) {
		return edges
	}
	slices.SortStableFunc(edges, func(x, y *topology.Connection) int { return strings.Compare(x.ID, y.ID) })
	out := edges[:0]
	for _, c := range edges {
		if n := len(out); n > 0 && out[n-1].ID == c.ID {
			sum := *out[n-1]
			join(&sum, c)
			out[n-1] = &sum
			continue
		}
		out = append(out, c)
	}
	return out
}

// united tells whether edges are sorted by id, and none is there twice.
func united(edges []*topology.Connection) bool {
	for i := 1; i < len(edges); i++ {
		if edges[i-1].ID >= edges[i].ID {
			return false
		}
	}
	return true
}

// join adds edge b to a, which is the same under another name.
func join(a, b *topology.Connection) {
	a.Count += b.Count
	a.Opened += b.Opened
	a.Refused += b.Refused
	a.TimedOut += b.TimedOut
	a.Failed += b.Failed
	a.FirstSeen = Earlier(a.FirstSeen, b.FirstSeen)
	a.LastSeen, a.LastConnection = Later(a.LastSeen, b.LastSeen), Later(a.LastConnection, b.LastConnection)
	if b.Status == topology.Fresh {
		a.Status = topology.Fresh
	}
	for _, s := range b.Evidence.SeenBy {
		a.Evidence.SeenBy = See(a.Evidence.SeenBy, s)
	}
	a.Evidence.BothEnds, a.Evidence.Confirmed = a.Evidence.BothEnds || b.Evidence.BothEnds, a.Evidence.Confirmed || b.Evidence.Confirmed
	FoundOut(&a.Evidence, &b.Evidence)
}

// Later is the later of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Earlier is the earlier of two times, of which zero ones don't count.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// AddInVain adds the attempts of a row that came to nothing.
func AddInVain(e *topology.Connection, r *report.Connection) {
	e.Refused += r.Refused
	e.TimedOut += r.TimedOut
	e.Failed += r.Failed
}

// FoundOut takes over how an address was resolved that says nothing by itself:
// it must be remembered, where an edge was called by others too.
func FoundOut(e, other *topology.Evidence) {
	if strings.HasSuffix(other.ServerResolved, NamesSame) && !strings.HasSuffix(e.ServerResolved, NamesSame) {
		e.ServerAddress, e.ServerResolved = other.ServerAddress, other.ServerResolved
	}
}

// Seen tells whether a node saw an edge from the server's end.
func Seen(list []topology.Sighting, node string) bool {
	return slices.ContainsFunc(list, func(s topology.Sighting) bool { return s.Node == node && s.End == "server" })
}

// See adds a sighting, or brings the one of the same end up to date.
func See(list []topology.Sighting, s topology.Sighting) []topology.Sighting {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Node == s.Node && list[i].End == s.End {
			list[i].At = s.At
			return list
		}
	}
	return append(list, s)
}

// Absorb adds to an edge what another counted, which was it all along.
func Absorb(e, old *topology.Connection) {
	e.FirstSeen, e.LastConnection = Earlier(e.FirstSeen, old.FirstSeen), Later(e.LastConnection, old.LastConnection)
	e.Opened += old.Opened
	e.Refused += old.Refused
	e.TimedOut += old.TimedOut
	e.Failed += old.Failed
}

// Closed is an edge without an open socket, last seen by the report before.
func Closed(c topology.Connection, last time.Time) *topology.Connection {
	c.Health = nil
	if c.Count > 0 {
		c.Count, c.LastSeen = 0, Later(last, c.FirstSeen)
		c.Evidence.SeenBy = slices.Clone(c.Evidence.SeenBy)
		for i := range c.Evidence.SeenBy {
			c.Evidence.SeenBy[i].At = last
		}
	}
	return &c
}

// Nodes are the edge's two nodes, whatever its direction.
func Nodes(c *topology.Connection) [2]string {
	return [2]string{min(c.Client.Node, c.Server.Node), max(c.Client.Node, c.Server.Node)}
}

// Partial tells whether e tells better what old told of the same two nodes: with
// the direction, the process, or the service that old lacks.
func Partial(old, e *topology.Connection) bool {
	if old.Protocol != e.Protocol {
		return false
	}
	sameEnds := old.Client.Node == e.Client.Node && old.Server.Node == e.Server.Node && old.Server.Port == e.Server.Port
	reversed := !old.Directed && old.Client.Node == e.Server.Node && old.Server.Node == e.Client.Node
	switch {
	case !old.Directed && e.Directed && (sameEnds || reversed):
		return true
	case !sameEnds || old.Directed != e.Directed:
		return false
	case old.Client.Process == "" && e.Client.Process != "":
		return old.Server.Service == e.Server.Service || old.Server.Service == ""
	}
	return old.Client.Process == e.Client.Process && old.Server.Service == "" && e.Server.Service != ""
}

// Ends are what a row of one end and an edge of the other have in common.
type Ends struct {
	Client, Server string
	Protocol       topology.Protocol
	Port           uint16
}

// Between are the ends of a connection from a client's node to a port of a server's.
func Between(client, server string, proto topology.Protocol, port uint16) Ends {
	return Ends{client, server, proto, port}
}

// EndsOf are the ends of an edge.
func EndsOf(c *topology.Connection) Ends {
	return Between(c.Client.Node, c.Server.Node, c.Protocol, c.Server.Port)
}

// Joins tells whether an edge has these ends.
func Joins(c *topology.Connection, e Ends) bool {
	return c.Server.Port == e.Port && c.Protocol == e.Protocol && c.Server.Node == e.Server && c.Client.Node == e.Client
}

// NamesSame ends the words of how an address was resolved that says nothing by
// itself.
const NamesSame = " names the same sockets"
