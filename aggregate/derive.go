package aggregate

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// derive keeps the nodes that don't report in step with what one reporter's
// block says of them: it is in their SeenBy as long as it has an edge there,
// and what it calls are services of theirs.
func (b *Batch) derive(prev, next *topology.Block, now time.Time) {
	if len(prev.Connections) > 0 && len(next.Connections) > 0 && &prev.Connections[0] == &next.Connections[0] &&
		len(prev.Connections) == len(next.Connections) {
		return
	}
	self := &next.Node
	before, after := b.outsiders(prev, self.Name), b.outsiders(next, self.Name)
	for name := range before {
		if after[name] == nil {
			b.unsee(name, self.Name)
		}
	}
	var fresh []string
	for name, edges := range after {
		if b.edit.Block(name) == nil {
			fresh = append(fresh, name)
		}
		b.see(name, self, edges, now)
	}
	for _, name := range fresh {
		if block := b.edit.Block(name); block != nil {
			b.gather(&block.Node, now)
		}
	}
}

// outsiders groups a block's edges by the other end, where that doesn't report.
func (b *Batch) outsiders(block *topology.Block, self string) map[string][]*topology.Connection {
	out := map[string][]*topology.Connection{}
	for i := range block.Connections {
		c := &block.Connections[i]
		for _, other := range [2]string{c.Server.Node, c.Client.Node} {
			if other == self || c.Client.Node == c.Server.Node {
				continue
			}
			if o := b.edit.Block(other); o == nil || !o.Node.OwnsAddresses() {
				out[other] = append(out[other], c)
			}
		}
	}
	return out
}

// unsee takes a reporter off a node's witnesses; without any the node is gone.
func (b *Batch) unsee(name, reporter string) {
	block := b.edit.Block(name)
	if block == nil || block.Node.OwnsAddresses() {
		return
	}
	left := *block
	left.Node.SeenBy = slices.DeleteFunc(slices.Clone(block.Node.SeenBy), func(s string) bool { return s == reporter })
	b.changed = true
	if len(left.Node.SeenBy) == 0 && left.Node.Kind != topology.Virtual {
		b.edit.Delete(name)
		return
	}
	b.edit.Put(&left)
}

// see makes sure that a node which doesn't report stands there, with this
// reporter as a witness and the services that its edges prove.
func (b *Batch) see(name string, reporter *topology.Node, edges []*topology.Connection, now time.Time) {
	block := b.edit.Block(name)
	next := topology.Block{Node: b.unheard(name, reporter.Zone, now)}
	if block != nil {
		next = *block
	}
	if i, ok := slices.BinarySearch(next.Node.SeenBy, reporter.Name); !ok {
		next.Node.SeenBy = slices.Insert(slices.Clone(next.Node.SeenBy), i, reporter.Name)
	}
	for _, c := range edges {
		next.Node.FirstSeen = earliest(next.Node.FirstSeen, c.FirstSeen)
		if c.Server.Node == name {
			next.Services = prove(&next.Node, next.Services, c)
		}
	}
	if block != nil && topology.SameNode(&block.Node, &next.Node) && len(block.Services) == len(next.Services) {
		return
	}
	b.changed = true
	b.edit.Put(&next)
	if next.Node.Kind == topology.Virtual {
		b.dressVirtual(name, next.Node.Addresses[0])
	}
}

// unheard is a node that never reported.
func (b *Batch) unheard(name, zone string, now time.Time) topology.Node {
	n := topology.Node{
		Name: name, Kind: topology.Inferred, State: topology.Unheard, Status: topology.NoStatus,
		Zone: zone, FirstSeen: now,
	}
	text, _, _ := strings.Cut(name, "@")
	if addr, err := netip.ParseAddr(text); err == nil {
		n.Addresses = []netip.Addr{addr}
		if b.virtualAt(zone, addr) == name {
			n.Kind = topology.Virtual
		}
		return n
	}
	for _, v := range b.opt.Virtual {
		if b.virtualName(zone, v.Address) == name {
			n.Kind, n.Addresses = topology.Virtual, []netip.Addr{v.Address}
			return n
		}
	}
	if _, err := netip.ParsePrefix(text); err == nil {
		n.Kind = topology.Network
		return n
	}
	n.Kind, n.Zone = topology.Network, ""
	if name == topology.InternetName || strings.HasPrefix(name, topology.InternetName+" (") {
		n.Kind = topology.Internet
	}
	return n
}

// prove adds the service that an edge calls at a node which doesn't report.
func prove(n *topology.Node, list []topology.Service, c *topology.Connection) []topology.Service {
	if c.Server.Service == "" {
		return list
	}
	i, ok := slices.BinarySearchFunc(list, c.Server.Service, func(s topology.Service, id string) int { return strings.Compare(s.ID, id) })
	if ok {
		return list
	}
	s := topology.Service{
		ID: c.Server.Service, Node: c.Server.Node, Protocol: c.Protocol, Port: c.Server.Port,
		State: topology.Seen, Status: topology.NoStatus, FirstSeen: c.FirstSeen, LastSeen: c.LastSeen,
	}
	s.Addresses = slices.Clone(n.Addresses)
	return slices.Insert(slices.Clone(list), i, s)
}

// adopt merges the inferred nodes that stood for a reporter's addresses into
// the reporter: their edges become its own. It returns the earliest first sight
// of one of them, zero if there was none.
func (b *Batch) adopt(node *topology.Block) (first time.Time) {
	for _, addr := range node.Node.Addresses {
		name := b.bareName(&node.Node, addr)
		old := b.edit.Block(name)
		if old == nil || old.Node.Kind != topology.Inferred || b.resolve(&node.Node, addr).node != node.Node.Name {
			continue
		}
		owners := b.edit.Owners(node.Node.Zone, addr)
		if name != inferredName(node.Node.Zone, addr) {
			owners = onHost(owners, hostOf(node.Node.Name))
		}
		if len(owners) > 1 {
			continue
		}
		for _, reporter := range old.Node.SeenBy {
			b.repoint(reporter, name, node, addr)
		}
		b.edit.Delete(name)
		b.changed = true
		first = earliest(first, old.Node.FirstSeen)
	}
	return first
}

// bareName is the name under which a node's address stands while it doesn't
// report.
func (b *Batch) bareName(n *topology.Node, addr netip.Addr) string {
	if host := b.hostBlock(n); host != nil && host.Node.InContainerNetwork(addr) {
		return insideName(host.Node.Name, addr)
	}
	return inferredName(n.Zone, addr)
}

// repoint points a reporter's edges at the node that an address turned out to be.
func (b *Batch) repoint(reporter, from string, to *topology.Block, addr netip.Addr) {
	block := b.edit.Block(reporter)
	if block == nil {
		return
	}
	next := block.Clone()
	services := byPort(to.Services)
	for i := range next.Connections {
		c := &next.Connections[i]
		if c.Server.Node == from {
			c.Server.Node, c.Server.Service = to.Node.Name, ""
			c.Evidence.ServerResolved = "address of " + to.Node.Name
			if s := services.accepting(port{c.Protocol, c.Server.Port}, addr); s != nil && c.Directed {
				c.Server.Service = s.ID
			}
		}
		if c.Client.Node == from {
			c.Client.Node = to.Node.Name
			c.Evidence.ClientResolved = "address of " + to.Node.Name
		}
		c.ID = topology.ConnectionID(c)
	}
	next.Connections = unite(next.Connections)
	b.edit.Put(next)
}

// unite sorts edges by id and makes those one that turned out to be the same.
func unite(edges []topology.Connection) []topology.Connection {
	slices.SortStableFunc(edges, func(x, y topology.Connection) int { return strings.Compare(x.ID, y.ID) })
	out := edges[:0]
	for _, c := range edges {
		if n := len(out); n > 0 && out[n-1].ID == c.ID {
			join(&out[n-1], &c)
			continue
		}
		out = append(out, c)
	}
	return out
}

// join adds edge b to a, which is the same under another name.
func join(a, b *topology.Connection) {
	a.Count += b.Count
	a.Opened += b.Opened
	a.Refused += b.Refused
	a.TimedOut += b.TimedOut
	a.Failed += b.Failed
	a.FirstSeen = earliest(a.FirstSeen, b.FirstSeen)
	a.LastSeen, a.LastConnection = later(a.LastSeen, b.LastSeen), later(a.LastConnection, b.LastConnection)
	if b.Status == topology.Fresh {
		a.Status = topology.Fresh
	}
	for _, s := range b.Evidence.SeenBy {
		a.Evidence.SeenBy = sight(a.Evidence.SeenBy, s)
	}
	a.Evidence.BothEnds, a.Evidence.Confirmed = a.Evidence.BothEnds || b.Evidence.BothEnds, a.Evidence.Confirmed || b.Evidence.Confirmed
	foundOut(&a.Evidence, &b.Evidence)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
