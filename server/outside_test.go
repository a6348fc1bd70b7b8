package server

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/store"
)

// TestOutside follows the settings about what is outside into the topology.
func TestOutside(t *testing.T) {
	opt := Options{
		Country: func(a netip.Addr) string {
			if a == netip.MustParseAddr("198.51.100.1") {
				return "Austria"
			}
			return ""
		},
		Owner: func(netip.Addr) string { return "AS64500 Example" },
	}
	networks := []store.NamedNetwork{{Name: "provider", Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}}
	virtual := []store.NamedAddress{{Address: netip.MustParseAddr("10.0.0.100"), Name: "shop"}}
	for _, tt := range []struct {
		split         store.InternetSplit
		address, want string
	}{
		{store.SplitNone, "203.0.113.1", "provider"},
		{store.SplitNone, "198.51.100.1", "Internet"},
		{store.SplitNone, "10.0.0.100", "shop"},
		{store.SplitCountry, "198.51.100.1", "Internet (Austria)"},
		{store.SplitCountry, "198.51.100.2", "Internet"},
		{store.SplitCountry, "203.0.113.1", "provider"},
		{store.SplitOwner, "198.51.100.2", "Internet (AS64500 Example)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := opt
			o.Store, o.Fixed = &memory{}, store.Patch{OutsideNetworks: &networks, InternetSplit: &tt.split, VirtualAddresses: &virtual}
			s := startWith(t, o)
			holder := (&reporter{name: "lb", number: 1}).report()
			holder.Interfaces = append(holder.Interfaces, report.Interface{Name: "eth1", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.100/24")}})
			s.put(t, holder)
			s.put(t, (&reporter{name: "web", number: 2}).report(tt.address))
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			connection(t, s.Snapshot(), "web", tt.want)
		})
	}
}
