package server

import (
	"net/netip"
	"testing"

	"github.com/devops-trouble-map/dotm/store"
)

func TestOutside(t *testing.T) {
	country := func(a netip.Addr) string {
		if a == netip.MustParseAddr("198.51.100.1") {
			return "Austria"
		}
		return ""
	}
	owner := func(netip.Addr) string { return "AS64500 Example" }
	networks := []store.NamedNetwork{
		{Name: "provider", Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}},
		{Name: "office", Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.128/25")}},
	}
	for _, tt := range []struct {
		split         store.InternetSplit
		address, want string
	}{
		{store.SplitNone, "203.0.113.1", "provider"},
		{store.SplitNone, "203.0.113.200", "office"},
		{store.SplitNone, "2001:db8::1", "provider"},
		{store.SplitNone, "198.51.100.1", ""},
		{store.SplitCountry, "198.51.100.1", "Internet Austria"},
		{store.SplitCountry, "198.51.100.2", ""},
		{store.SplitCountry, "203.0.113.1", "provider"},
		{store.SplitOwner, "198.51.100.2", "Internet AS64500 Example"},
	} {
		s := &Server{opt: Options{Country: country, Owner: owner}}
		in := store.Defaults()
		in.OutsideNetworks, in.InternetSplit = networks, tt.split
		if got := s.outside(&in)(netip.MustParseAddr(tt.address)); got != tt.want {
			t.Errorf("%s by %s: %q, want %q", tt.address, tt.split, got, tt.want)
		}
	}
	plain := store.Defaults()
	if (&Server{}).outside(&plain) != nil {
		t.Error("without settings every address is asked about")
	}
}
