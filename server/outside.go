package server

import (
	"net/netip"

	"github.com/devops-trouble-map/dotm/aggregate"
	"github.com/devops-trouble-map/dotm/store"
)

// virtualOf are the virtual addresses that the settings name.
func virtualOf(s *store.Settings) []aggregate.NamedAddress {
	out := make([]aggregate.NamedAddress, 0, len(s.VirtualAddresses))
	for _, v := range s.VirtualAddresses {
		out = append(out, aggregate.NamedAddress{Address: v.Address.Unmap(), Name: v.Name})
	}
	return out
}

// outsideOf are the networks outside that the settings name.
func outsideOf(s *store.Settings) []aggregate.NamedNetwork {
	out := make([]aggregate.NamedNetwork, 0, len(s.OutsideNetworks))
	for _, n := range s.OutsideNetworks {
		out = append(out, aggregate.NamedNetwork{Name: n.Name, Prefixes: n.Networks})
	}
	return out
}

// split is what divides the Internet, as the settings ask; nil leaves it whole.
func (s *Server) split(in *store.Settings) func(netip.Addr) string {
	switch in.InternetSplit {
	case store.SplitCountry:
		return s.opt.Country
	case store.SplitOwner:
		return s.opt.Owner
	case store.SplitNone:
	}
	return nil
}
