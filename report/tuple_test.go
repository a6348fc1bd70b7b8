package report

import (
	"net/netip"
	"testing"
)

// TestTuple pins the hash: agents and servers of all versions must agree on it.
func TestTuple(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:5432")
	six := netip.MustParseAddrPort("[fd00::1]:443")
	for _, tt := range []struct {
		p    Protocol
		x, y netip.AddrPort
		want uint64
	}{
		{TCP, a, b, 3706176081275461},
		{UDP, a, b, 2945916271908144},
		{TCP, a, six, 8448954561614228},
	} {
		got := Tuple(tt.p, tt.x, tt.y)
		if other := Tuple(tt.p, tt.y, tt.x); other != got {
			t.Errorf("%s and %s: %d and %d, by their order", tt.x, tt.y, got, other)
		}
		if got != tt.want {
			t.Errorf("%s %s %s: %d, want %d", tt.p, tt.x, tt.y, got, tt.want)
		}
	}
	mapped := netip.AddrPortFrom(netip.MustParseAddr("::ffff:10.0.0.2"), 5432)
	if Tuple(TCP, a, mapped) == 0 {
		t.Error("0 means none")
	}
}

// TestTupleSpreads: near connections get far hashes, all within 53 bits.
func TestTupleSpreads(t *testing.T) {
	seen := map[uint64]bool{}
	b := netip.MustParseAddrPort("10.0.0.2:5432")
	low := 0
	for port := range uint16(20000) {
		h := Tuple(TCP, netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), 10000+port), b)
		if h > maxTuple || h == 0 || seen[h] {
			t.Fatalf("%d of port %d", h, 10000+port)
		}
		seen[h] = true
		if h < maxTuple/8 {
			low++
		}
	}
	if low < 2300 || low > 2700 {
		t.Errorf("%d of 20000 lie in the lowest eighth", low)
	}
}
