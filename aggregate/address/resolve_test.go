package address

import (
	"net/netip"
	"testing"
)

func TestAlwaysInternalIsACopy(t *testing.T) {
	AlwaysInternal()[0] = netip.MustParsePrefix("0.0.0.0/0")
	b := NewBook(nil, Settings{})
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "172.31.0.1": true, "172.32.0.1": false, "192.168.1.1": true, "169.254.1.1": true, "100.64.0.1": false,
		"fd00::1": true, "fe80::1": true, "2001:db8::1": false, "224.0.0.251": true, "ff02::fb": true, "8.8.8.8": false,
	} {
		if got := b.internal(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is internal: %t, want %t", addr, got, want)
		}
	}
}
