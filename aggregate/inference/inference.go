// Package inference keeps the nodes that don't report ([Nodes]): those that are
// known by their address alone, networks of many callers, the Internet, virtual
// addresses as far as others call them. They stand as long as an edge of a
// reporter leads there, and become one with the reporter that turns out to have
// their address.
package inference

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/aggregate/service"
	"github.com/devops-trouble-map/dotm/topology"
)

// Nodes keeps the nodes that don't report in step with what reporters say.
type Nodes struct {
	edit *topology.Edit
	book *address.Book
}

// New is the one of a topology in the making.
func New(edit *topology.Edit, b *address.Book) *Nodes { return &Nodes{edit, b} }

// Derive keeps the nodes that don't report in step with what one reporter's
// block says of them: it is in their SeenBy as long as it has an edge there,
// and what it calls are services of theirs.
func (d *Nodes) Derive(prev, next *topology.Block, now time.Time) {
	if topology.SameList(prev.Connections, next.Connections) {
		return
	}
	self := &next.Node
	before, after := d.outsiders(prev, self.Name), d.outsiders(next, self.Name)
	for name := range before {
		if after[name] == nil {
			d.unsee(name, self.Name)
		}
	}
	var fresh []string
	for name, edges := range after {
		if d.edit.Block(name) == nil {
			fresh = append(fresh, name)
		}
		d.see(name, self, edges, now)
	}
	for _, name := range fresh {
		if block := d.edit.Block(name); block != nil {
			d.gather(&block.Node, now)
		}
	}
}

// outsiders groups a block's edges by the other end, where that doesn't report.
func (d *Nodes) outsiders(block *topology.Block, self string) map[string][]*topology.Connection {
	out := map[string][]*topology.Connection{}
	for _, c := range block.Connections {
		for _, other := range [2]string{c.Server.Node, c.Client.Node} {
			if other == self || c.Client.Node == c.Server.Node {
				continue
			}
			if o := d.edit.Block(other); o == nil || !o.Node.OwnsAddresses() {
				out[other] = append(out[other], c)
			}
		}
	}
	return out
}

// unsee takes a reporter off a node's witnesses; without any the node is gone.
func (d *Nodes) unsee(name, reporter string) {
	block := d.edit.Block(name)
	if block == nil || block.Node.OwnsAddresses() {
		return
	}
	left := *block
	left.Node.SeenBy = slices.DeleteFunc(slices.Clone(block.Node.SeenBy), func(s string) bool { return s == reporter })
	d.edit.Touch()
	if len(left.Node.SeenBy) == 0 && left.Node.Kind != topology.Virtual {
		d.edit.Delete(name)
		return
	}
	d.edit.Put(&left)
}

// see makes sure that a node which doesn't report stands there, with this
// reporter as a witness and the services that its edges prove.
func (d *Nodes) see(name string, reporter *topology.Node, edges []*topology.Connection, now time.Time) {
	block := d.edit.Block(name)
	next := topology.Block{Node: d.unheard(name, reporter.Zone, now)}
	if block != nil {
		next = *block
	}
	if i, ok := slices.BinarySearch(next.Node.SeenBy, reporter.Name); !ok {
		next.Node.SeenBy = slices.Insert(slices.Clone(next.Node.SeenBy), i, reporter.Name)
	}
	for _, c := range edges {
		next.Node.FirstSeen = edge.Earlier(next.Node.FirstSeen, c.FirstSeen)
		if c.Server.Node == name {
			next.Services = prove(&next.Node, next.Services, c)
		}
	}
	if block != nil && topology.SameNode(&block.Node, &next.Node) && len(block.Services) == len(next.Services) {
		return
	}
	d.edit.Touch()
	d.edit.Put(&next)
	if next.Node.Kind == topology.Virtual {
		d.dressVirtual(name, next.Node.Addresses[0])
	}
}

// unheard is a node that never reported.
func (d *Nodes) unheard(name, zone string, now time.Time) topology.Node {
	n := topology.Node{
		Name: name, Kind: topology.Inferred, State: topology.Unheard, Verdict: topology.NoVerdict,
		Zone: zone, FirstSeen: now,
	}
	text, _, _ := strings.Cut(name, "@")
	if addr, err := netip.ParseAddr(text); err == nil {
		n.Addresses = []netip.Addr{addr}
		if d.book.VirtualAt(zone, addr) == name {
			n.Kind = topology.Virtual
		}
		return n
	}
	if addr, ok := d.book.VirtualNamed(zone, name); ok {
		n.Kind, n.Addresses = topology.Virtual, []netip.Addr{addr}
		return n
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
		State: topology.Seen, Verdict: topology.NoVerdict, FirstSeen: c.FirstSeen, LastSeen: c.LastSeen,
	}
	s.Addresses = slices.Clone(n.Addresses)
	return slices.Insert(slices.Clone(list), i, s)
}

// Adopt merges the inferred nodes that stood for a reporter's addresses into
// the reporter: their edges become its own. It returns the earliest first sight
// of one of them, zero if there was none.
func (d *Nodes) Adopt(node *topology.Block) (first time.Time) {
	for _, addr := range node.Node.Addresses {
		name := d.book.BareName(&node.Node, addr)
		old := d.edit.Block(name)
		if old == nil || old.Node.Kind != topology.Inferred || d.book.Resolve(&node.Node, addr).Node != node.Node.Name {
			continue
		}
		owners := d.edit.Owners(node.Node.Zone, addr)
		if name != address.InferredName(node.Node.Zone, addr) {
			owners = address.OnHost(owners, address.HostOf(node.Node.Name))
		}
		if len(owners) > 1 {
			continue
		}
		for _, reporter := range old.Node.SeenBy {
			d.repoint(reporter, name, node, addr)
		}
		d.edit.Delete(name)
		d.edit.Touch()
		first = edge.Earlier(first, old.Node.FirstSeen)
	}
	return first
}

// repoint points a reporter's edges at the node that an address turned out to be.
func (d *Nodes) repoint(reporter, from string, to *topology.Block, addr netip.Addr) {
	block := d.edit.Block(reporter)
	if block == nil {
		return
	}
	next := block.Clone()
	services := service.ByPort(to.Services)
	for i, c := range next.Connections {
		if c.Server.Node != from && c.Client.Node != from {
			continue
		}
		c = next.Write(i)
		if c.Server.Node == from {
			c.Server.Node, c.Server.Service = to.Node.Name, ""
			c.Evidence.ServerResolved = "address of " + to.Node.Name
			if s := services.Accepting(service.At(c.Protocol, c.Server.Port), addr); s != nil && c.Directed {
				c.Server.Service = s.ID
			}
		}
		if c.Client.Node == from {
			c.Client.Node = to.Node.Name
			c.Evidence.ClientResolved = "address of " + to.Node.Name
		}
		c.ID = topology.ConnectionID(c)
	}
	next.Connections = edge.Unite(next.Connections)
	d.edit.Put(next)
}
