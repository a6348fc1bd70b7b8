package scan

import (
	"net/netip"
	"syscall"
	"testing"
)

// FuzzAddresses: whatever answers RTM_GETADDR, its addresses are prefixes. The seed is
// what this kernel answers.
func FuzzAddresses(f *testing.F) {
	raw, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		f.Fatal(err)
	}
	found, err := parseAddresses(raw)
	loopback := false
	for _, list := range found {
		for _, p := range list {
			loopback = loopback || p == netip.MustParsePrefix("127.0.0.1/8")
		}
	}
	if err != nil || !loopback {
		f.Fatalf("%v, %v", found, err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := parseAddresses(raw)
		if err != nil {
			return
		}
		for index, list := range found {
			for _, p := range list {
				if !p.IsValid() {
					t.Errorf("interface %d has %s", index, p)
				}
			}
		}
	})
}
