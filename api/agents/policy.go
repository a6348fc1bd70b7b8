package agents

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// How agents fold peers outside. The Internet divided by country or owner needs
// smaller networks.
const (
	foldedNetworks = 256
	dividedFolded  = 2048
	// policyEvery is how long a policy stands: new settings, and new addresses
	// of nodes, reach the agents that much later.
	policyEvery = 5 * time.Second
)

// policies makes the policy that agents get, once for all that report meanwhile.
type policies struct {
	model    Model
	settings Settings

	mu   sync.Mutex
	made time.Time
	last report.Policy
}

// at is the policy as of now.
func (p *policies) at(now time.Time) report.Policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.Name == "" || now.Sub(p.made) >= policyEvery {
		in, _ := p.settings.Settings()
		p.last, p.made = policyOf(&in, p.model.Snapshot()), now
	}
	return p.last
}

// policyOf makes a policy of the settings and of what is known. Addresses
// outside that are somebody are internal in its sense: an edge to them must end
// there, and not in a network.
func policyOf(in *store.Settings, snap *topology.Snapshot) report.Policy {
	p := report.Policy{InternalNetworks: aggregate.AlwaysInternal()}
	p.InternalNetworks = append(p.InternalNetworks, in.InternalNetworks...)
	known := make([]netip.Addr, 0, len(in.VirtualAddresses)+len(in.Names))
	for _, a := range slices.Concat(in.VirtualAddresses, in.Names) {
		known = append(known, a.Address)
	}
	for b := range snap.Blocks() {
		if b.Node.OwnsAddresses() {
			known = append(known, b.Node.Addresses...)
		}
	}
	within := func(a netip.Addr) bool {
		return slices.ContainsFunc(p.InternalNetworks, func(n netip.Prefix) bool { return n.Contains(a) })
	}
	var single []netip.Prefix
	for _, a := range known {
		if a = a.Unmap(); a.IsValid() && !within(a) {
			single = append(single, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	p.InternalNetworks = distinct(p.InternalNetworks, single)
	p.Fold.Networks = foldedNetworks
	if in.InternetSplit != store.SplitNone {
		p.Fold.Networks = dividedFolded
	}
	for _, n := range in.OutsideNetworks {
		p.Fold.Within = append(p.Fold.Within, n.Networks...)
	}
	p.Fold.Within = distinct(p.Fold.Within, nil)
	return p.Named()
}

// distinct puts lists of networks in order, the first before the second, as
// many as a policy holds.
func distinct(lists ...[]netip.Prefix) (all []netip.Prefix) {
	for _, list := range lists {
		list = slices.Clone(list)
		for i, n := range list {
			list[i] = n.Masked()
		}
		slices.SortFunc(list, func(a, b netip.Prefix) int { return a.Compare(b) })
		all = append(all, slices.Compact(list)...)
	}
	return all[:min(len(all), report.MaxNetworks)]
}
