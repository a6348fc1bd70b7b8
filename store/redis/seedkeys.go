package redis

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The original's keys; docs/redis.md describes them.
const (
	seedPrefix      = "dotm::"
	seedNodes       = seedPrefix + "nodes"                  // list of host names
	seedNode        = seedPrefix + "nodes::"                // …<node>: hash
	seedConnection  = seedPrefix + "connections::"          // …<node>::<port>::<remote>: hash
	seedService     = seedPrefix + "services::"             // …<node>::<port>: hash
	seedAddress     = seedPrefix + "resolver::ip_to_node::" // …<address>: string
	seedConfig      = seedPrefix + "config::"               // …<setting>: string, list or hash
	seedHistory     = seedPrefix + "history"                // list of times of snapshots
	seedUpdated     = seedPrefix + "state::last_updated"    // string
	seedSnapshot    = seedPrefix + "state::last_snapshot"   // string
	seedHigh        = "high"                                // a port that says nothing
	seedPrivileged  = 1023                                  // ports up to here say something
	seedUnknown     = "unknown"                             // a process that could not be seen
	seedStatusFine  = "OK"
	seedIncoming    = "in"
	seedOutgoing    = "out"
	seedFieldSeen   = "last_seen"
	seedFieldUsed   = "last_connection"
	seedFieldFetch  = "last_fetch"
	seedFieldStatus = "fetch_status"
)

// hash is one hash of the original's schema.
type hash struct {
	fields []string // names and values
	times  []string // likewise; they advance by themselves while open
	open   bool
}

// same tells hashes apart by what is worth a write.
func (h *hash) same(g *hash) bool {
	return h.open == g.open && slices.Equal(h.fields, g.fields) && len(h.times) == len(g.times) && (h.open || slices.Equal(h.times, g.times))
}

// lacks are the fields of g that h does not have.
func (h *hash) lacks(g *hash) (names []string) {
	for _, pair := range [2][2][]string{{g.fields, h.fields}, {g.times, h.times}} {
		for f := range slices.Chunk(pair[0], 2) {
			if !slices.Contains(pair[1], f[0]) {
				names = append(names, f[0])
			}
		}
	}
	return names
}

// seedView is how blocks look in the original's keys.
type seedView struct {
	settings *store.Settings
	// known says of which nodes there are keys: connections have some at both of
	// their ends.
	known func(node string) bool
	// service finds one by its id: the block of an edge need not name the server's
	// process.
	service func(node, id string) *topology.Service
	// only, if it is there, are the pairs of client and server whose connections
	// are looked at.
	only map[pair]bool
}

// pair is the client's and the server's node of connections.
type pair struct{ client, server string }

// changedPairs are those with a connection that differs in what its keys tell.
// Both lists are sorted by id.
func changedPairs(before, after []*topology.Connection) map[pair]bool {
	out := map[pair]bool{}
	note := func(c *topology.Connection) {
		if c != nil {
			out[pair{c.Client.Node, c.Server.Node}] = true
		}
	}
	topology.WalkConnections(before, after, func(was, is *topology.Connection) {
		if was == nil || is == nil || !sameEdge(was, is) {
			note(was)
			note(is)
		}
	})
	return out
}

// sameEdge compares what keys tell of a connection; times that advance while it is
// open are no difference.
func sameEdge(a, b *topology.Connection) bool {
	return a.Count == b.Count && a.Own == b.Own && a.Protocol == b.Protocol && a.Client == b.Client && a.Server == b.Server &&
		a.LastConnection.IsZero() == b.LastConnection.IsZero() && a.Evidence.ServerAddress == b.Evidence.ServerAddress &&
		(a.Count > 0 || a.LastSeen.Equal(b.LastSeen) && a.LastConnection.Equal(b.LastConnection))
}

// inSeed says whether the original would have a node: one that reports, or once
// did.
func inSeed(n *topology.Node) bool { return n.Kind == topology.Host || n.Kind == topology.Container }

// keys are the hashes that a block makes.
func (v *seedView) keys(b *topology.Block) map[string]*hash {
	out := map[string]*hash{}
	if b == nil || !inSeed(&b.Node) {
		return out
	}
	out[seedNode+b.Node.Name] = v.node(&b.Node)
	for i := range b.Services {
		v.addService(out, &b.Services[i], b.Node.LastReport)
	}
	for key, l := range v.links(b) {
		out[key] = l.hash()
	}
	return out
}

func (v *seedView) node(n *topology.Node) *hash {
	h := &hash{open: n.State == topology.Reporting, times: []string{seedFieldFetch, unix(n.LastReport)}}
	status := seedStatusFine
	switch n.State {
	case topology.Reporting:
	case topology.Stale:
		status = "no report since " + n.LastReport.UTC().Format(time.RFC3339)
	case topology.Left:
		status = "shut down at " + n.LastReport.UTC().Format(time.RFC3339)
	case topology.Rebooting:
		status = "rebooting since " + n.LastReport.UTC().Format(time.RFC3339)
	case topology.Stopped:
		status = "agent stopped at " + n.LastReport.UTC().Format(time.RFC3339)
	case topology.Unheard:
		status = "it does not report"
	}
	addresses := seedAddresses(n)
	ips := make([]string, len(addresses))
	for i, a := range addresses {
		ips[i] = a.String()
	}
	h.fields = []string{seedFieldStatus, status, "ips", strings.Join(ips, ",")}
	return h
}

// seedAddresses are those that a node can be reached by: what sits on its
// loopback or on a network for containers says nothing to others.
func seedAddresses(n *topology.Node) (out []netip.Addr) {
	for _, a := range n.Addresses {
		if !a.IsLoopback() && !n.InContainerNetwork(a) && !slices.Contains(n.OnLoopback, a) {
			out = append(out, a)
		}
	}
	return out
}

// addService adds a TCP service that is not ignored. Of two on one port, the one
// that listens counts; it was last seen when its node last reported.
func (v *seedView) addService(out map[string]*hash, s *topology.Service, reported time.Time) {
	if s.Protocol != "tcp" || s.Own || v.ignored(s.Port, s.Process) {
		return
	}
	key := seedService + s.Node + "::" + strconv.Itoa(int(s.Port))
	if there := out[key]; there != nil && (there.open || s.State != topology.Listening) {
		return
	}
	seen, used := s.LastSeen, s.LastConnection
	if s.State == topology.Listening {
		seen = latest(seen, reported)
	}
	if s.Clients > 0 {
		used = latest(used, reported)
	}
	h := &hash{open: s.State == topology.Listening, fields: []string{"process", cmp.Or(s.Process, seedUnknown)}, times: []string{seedFieldSeen, unix(seen)}}
	if !used.IsZero() {
		h.times = append(h.times, seedFieldUsed, unix(used))
	}
	out[key] = h
}

func (v *seedView) ignored(port uint16, process string) bool {
	return slices.Contains(v.settings.IgnoredPorts, port) || slices.Contains(v.settings.IgnoredNames, process)
}

// link is all that goes between a node's port and a remote end.
type link struct {
	process, direction, localPort, remotePort, remoteHost, localService string

	count      int
	open       bool
	seen, used time.Time
}

func (l *link) hash() *hash {
	h := &hash{open: l.open, fields: []string{
		"process", cmp.Or(l.process, seedUnknown), "connections", strconv.Itoa(l.count), "direction", l.direction,
		"local_port", l.localPort, "remote_port", l.remotePort, "remote_host", l.remoteHost,
	}}
	if l.localService != "" {
		h.fields = append(h.fields, "local_service", l.localService)
	}
	h.times = []string{seedFieldSeen, unix(l.seen)}
	if !l.used.IsZero() {
		h.times = append(h.times, seedFieldUsed, unix(l.used))
	}
	return h
}

// links are the TCP connections that a block holds, as both of their ends see
// them.
func (v *seedView) links(b *topology.Block) map[string]*link {
	out := map[string]*link{}
	for i := range b.Connections {
		c := b.Connections[i]
		if v.only != nil && !v.only[pair{c.Client.Node, c.Server.Node}] {
			continue
		}
		process := v.processOf(c)
		if c.Protocol != "tcp" || c.Own || v.ignored(c.Server.Port, process) {
			continue
		}
		port := strconv.Itoa(int(c.Server.Port))
		if v.known(c.Client.Node) {
			to := port
			if c.Server.Port > seedPrivileged && c.Server.Service == "" {
				to = seedHigh
			}
			l := &link{process: c.Client.Process, direction: seedOutgoing, localPort: seedHigh, remotePort: to, remoteHost: remoteName(c, c.Server.Node)}
			if c.Client.Node == c.Server.Node {
				l.localService = process
			}
			l.add(out, b, c, c.Client.Node, to)
		}
		if v.known(c.Server.Node) && c.Client.Node != c.Server.Node { // else it is the same key
			l := &link{process: process, direction: seedIncoming, localPort: port, remotePort: seedHigh, remoteHost: remoteName(c, c.Client.Node)}
			l.add(out, b, c, c.Server.Node, port)
		}
	}
	return out
}

// processOf is the process that accepts a connection.
func (v *seedView) processOf(c *topology.Connection) string {
	if c.Server.Process == "" && c.Server.Service != "" {
		if s := v.service(c.Server.Node, c.Server.Service); s != nil {
			return s.Process
		}
	}
	return c.Server.Process
}

// remoteName is what the original called the other end: loopback goes by its
// address.
func remoteName(c *topology.Connection, node string) string {
	if c.Client.Node == c.Server.Node {
		if a, err := netip.ParseAddr(c.Evidence.ServerAddress); err == nil && a.IsLoopback() {
			return a.String()
		}
	}
	return node
}

// add puts a connection of a block to those of its key.
func (l *link) add(to map[string]*link, b *topology.Block, c *topology.Connection, node, port string) {
	key := seedConnection + node + "::" + port + "::" + l.remoteHost
	into := to[key]
	if into == nil {
		into = l
		to[key] = l
	}
	into.process, into.localService = cmp.Or(into.process, l.process), cmp.Or(into.localService, l.localService)
	into.count += c.Count
	if c.Count > 0 {
		into.open, into.seen = true, latest(into.seen, b.Node.LastReport)
	}
	into.seen, into.used = latest(into.seen, c.LastSeen), latest(into.used, c.LastConnection)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// unix is a time as the original writes it; what is not known is 0.
func unix(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// seedEnds are the two nodes that may hold what a key of a connection tells.
func seedEnds(key string) (node, remote string, ok bool) {
	rest, ok := strings.CutPrefix(key, seedConnection)
	if !ok {
		return "", "", false
	}
	node, rest, ok = strings.Cut(rest, "::")
	if !ok {
		return "", "", false
	}
	_, remote, ok = strings.Cut(rest, "::") // all of an IPv6 address
	return node, remote, ok
}
