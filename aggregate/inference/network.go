package inference

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate/address"
	"github.com/devops-trouble-map/dotm/aggregate/edge"
	"github.com/devops-trouble-map/dotm/topology"
)

// Callers that don't report and serve nothing tell nothing one by one: when a
// network has more than gatherAbove of them, one node stands for all. It stands
// for them as long as more than scatterBelow call, so that it doesn't come and go.
const (
	gatherAbove  = 16
	scatterBelow = 8
)

// networkOf is the network that an address is gathered in: a /24, or a /64 of
// IPv6.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func networkName(zone string, p netip.Prefix) string {
	if zone == "" {
		return p.String()
	}
	return p.String() + "@" + zone
}

// Gathered finds the network node that stands for a caller which doesn't report,
// unless that serves something: then it stands for itself.
func (d *Nodes) Gathered(self *topology.Node, e address.End, a netip.Addr) address.End {
	if e.Kind != topology.Inferred || len(e.Several) > 0 || e.Node != address.InferredName(self.Zone, a) {
		return e
	}
	network := d.edit.Block(networkName(self.Zone, networkOf(a)))
	if network == nil || network.Node.State == topology.Stale {
		return e
	}
	if own := d.edit.Block(e.Node); own != nil && len(own.Services) > 0 {
		return e
	}
	return address.End{Node: network.Node.Name, Kind: topology.Network, How: "one of many callers of this network, none of which reports"}
}

// gather makes one node of the callers of a new inferred node's network, if
// there are too many.
func (d *Nodes) gather(n *topology.Node, now time.Time) {
	if n.Kind != topology.Inferred || len(n.Addresses) != 1 || n.Name != address.InferredName(n.Zone, n.Addresses[0]) {
		return
	}
	network := networkOf(n.Addresses[0])
	members := d.silent(n.Zone, network)
	if len(members) <= gatherAbove {
		return
	}
	name := networkName(n.Zone, network)
	if old := d.edit.Block(name); old != nil && old.Node.State == topology.Stale {
		next := *old
		next.Node.State = topology.Unheard
		d.edit.Put(&next)
	}
	reporters := map[string]bool{}
	for _, m := range members {
		for _, r := range m.Node.SeenBy {
			reporters[r] = true
		}
	}
	is := map[string]bool{}
	for _, m := range members {
		is[m.Node.Name] = true
	}
	for r := range reporters {
		if block := d.edit.Block(r); block != nil {
			d.gatherBlock(block, name, is, now)
		}
	}
}

// silent lists the callers of a network that don't report and serve nothing.
func (d *Nodes) silent(zone string, network netip.Prefix) (list []*topology.Block) {
	for block := range d.edit.Prefixed(textPrefix(network)) {
		n := &block.Node
		if n.Kind == topology.Inferred && n.Zone == zone && len(n.Addresses) == 1 && network.Contains(n.Addresses[0]) &&
			n.Name == address.InferredName(zone, n.Addresses[0]) && len(block.Services) == 0 {
			list = append(list, block)
		}
	}
	return list
}

// textPrefix is what the addresses of a network begin with when they are
// written; others may as well.
func textPrefix(p netip.Prefix) string {
	text := p.Addr().String()
	if p.Addr().Is4() {
		return text[:strings.LastIndexByte(text, '.')+1]
	}
	return strings.TrimSuffix(text, ":")
}

// gatherBlock leads the edges that a reporter accepted from members of a network
// to the node that stands for them.
func (d *Nodes) gatherBlock(block *topology.Block, name string, is map[string]bool, now time.Time) {
	next := block.Clone()
	peers := map[string]int{}
	for i, c := range next.Connections {
		if !is[c.Client.Node] || !c.Directed {
			continue
		}
		c = next.Write(i)
		c.Client = topology.Client{Node: name}
		c.Evidence.ClientResolved = "one of many callers of this network, none of which reports"
		c.ID = topology.ConnectionID(c)
		peers[c.ID]++
	}
	next.Connections = edge.Unite(next.Connections)
	for i := range next.Connections {
		if n := peers[next.Connections[i].ID]; n > next.Connections[i].Peers {
			next.Write(i).Peers = n
		}
	}
	d.edit.Put(next)
	d.Derive(block, next, now)
	d.edit.Touch()
}

// Scatter lets a network's callers stand for themselves again when few are left.
func (d *Nodes) Scatter(block *topology.Block) {
	text, _, _ := strings.Cut(block.Node.Name, "@")
	if _, err := netip.ParsePrefix(text); err != nil || block.Node.State == topology.Stale {
		return
	}
	for _, r := range block.Node.SeenBy {
		reporter := d.edit.Block(r)
		if reporter == nil || reporter.Node.State.Mute() || slices.ContainsFunc(reporter.Connections, func(c *topology.Connection) bool {
			return c.Client.Node == block.Node.Name && c.Status == topology.Fresh && c.Peers > scatterBelow
		}) {
			return
		}
	}
	next := *block
	next.Node.State = topology.Stale
	d.edit.Put(&next)
	d.edit.Touch()
}
