package server

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// virtualOf are the virtual addresses that the settings name.
func virtualOf(s *store.Settings) map[netip.Addr]string {
	out := make(map[netip.Addr]string, len(s.VirtualAddresses))
	for _, v := range s.VirtualAddresses {
		out[v.Address.Unmap()] = v.Name
	}
	return out
}

// outside says which node stands for an address outside the internal networks:
// that of a network that the settings name, else that of its country or owner,
// if they ask for that; "" is the Internet.
func (s *Server) outside(in *store.Settings) func(netip.Addr) string {
	var whose func(netip.Addr) string
	switch in.InternetSplit {
	case store.SplitCountry:
		whose = s.opt.Country
	case store.SplitOwner:
		whose = s.opt.Owner
	case store.SplitNone:
	}
	if whose == nil && len(in.OutsideNetworks) == 0 {
		return nil
	}
	return func(a netip.Addr) string {
		if name := networkOf(in.OutsideNetworks, a); name != "" {
			return name
		}
		if whose == nil {
			return ""
		}
		if name := whose(a); name != "" {
			return topology.InternetName + " " + name
		}
		return ""
	}
}

// networkOf is the name of the smallest network that an address is in.
func networkOf(list []store.NamedNetwork, a netip.Addr) (name string) {
	bits := -1
	for _, n := range list {
		for _, p := range n.Networks {
			if p.Bits() > bits && p.Contains(a) {
				name, bits = n.Name, p.Bits()
			}
		}
	}
	return name
}
