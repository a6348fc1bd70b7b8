package scan

import (
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/scan/netlink"
)

// address is a message of an answer to RTM_GETADDR, as the kernel sends it.
func address(index byte, p netip.Prefix, kinds ...uint16) []byte {
	value := p.Addr().AsSlice()
	var attrs []byte
	for _, kind := range kinds {
		attrs = append(netlink.AppendAttribute(attrs, kind, syscall.SizeofRtAttr+len(value)), value...)
	}
	attrs = append(netlink.AppendAttribute(attrs, syscall.IFA_LABEL, syscall.SizeofRtAttr+3), 'l', 'o', 0, 0)
	b := netlink.AppendHeader(nil, syscall.SizeofNlMsghdr+syscall.SizeofIfAddrmsg+len(attrs), syscall.RTM_NEWADDR, syscall.NLM_F_MULTI)
	b = append(b, syscall.AF_INET, byte(p.Bits()), 0, 0, index, 0, 0, 0)
	return append(b, attrs...)
}

func TestParseAddresses(t *testing.T) {
	four, six := netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")
	raw := slices.Concat(
		address(1, four, syscall.IFA_ADDRESS, syscall.IFA_LOCAL), address(2, six, syscall.IFA_ADDRESS),
		netlink.AppendHeader(nil, syscall.SizeofNlMsghdr, syscall.NLMSG_DONE, 0),
	)
	found, err := parseAddresses(raw)
	if err != nil || len(found) != 2 || !slices.Equal(found[1], []netip.Prefix{four}) || !slices.Equal(found[2], []netip.Prefix{six}) {
		t.Errorf("%v, %v", found, err)
	}
}

// FuzzAddresses: whatever answers RTM_GETADDR, it is read or refused, and its addresses
// are prefixes.
func FuzzAddresses(f *testing.F) {
	f.Add(address(1, netip.MustParsePrefix("127.0.0.1/8"), syscall.IFA_ADDRESS, syscall.IFA_LOCAL))
	f.Add(slices.Concat(address(2, netip.MustParsePrefix("fe80::1/64"), syscall.IFA_ADDRESS), address(2, netip.MustParsePrefix("10.0.0.1/32"), syscall.IFA_LOCAL)))
	f.Add(address(1, netip.MustParsePrefix("127.0.0.1/8"), syscall.IFA_ADDRESS)[:30])
	if raw, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC); err == nil {
		f.Add(raw) // what this kernel answers
	}
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
