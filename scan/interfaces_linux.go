package scan

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/devops-trouble-map/dotm/aggregate/fold"
	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
)

// readInterfaces lists the interfaces that have addresses, by name. One that
// vanishes meanwhile is left out. At most [report.MaxInterfaces] and
// [report.MaxAddresses] are given.
func readInterfaces() ([]report.Interface, error) {
	addresses, err := readAddresses()
	if err != nil {
		return []report.Interface{}, err
	}
	links, err := net.Interfaces()
	if err != nil {
		return []report.Interface{}, fmt.Errorf("listing interfaces: %w", err)
	}
	return joinInterfaces(links, addresses), nil
}

func joinInterfaces(links []net.Interface, addresses map[int][]netip.Prefix) []report.Interface {
	list := make([]report.Interface, 0, len(links))
	room := report.MaxAddresses
	for _, l := range links {
		of := addresses[l.Index]
		of = of[:min(len(of), room)]
		if len(of) == 0 || len(list) == report.MaxInterfaces {
			continue
		}
		room -= len(of)
		slices.SortFunc(of, netip.Prefix.Compare)
		list = append(list, report.Interface{Name: report.CleanName(l.Name), Addresses: of})
	}
	slices.SortFunc(list, func(a, b report.Interface) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// readAddresses asks rtnetlink(7) once for all addresses, by interface index.
// [net.Interface.Addrs] would ask once per interface.
func readAddresses() (map[int][]netip.Prefix, error) {
	raw, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	return parseAddresses(raw)
}

// parseAddresses reads the answer to RTM_GETADDR.
func parseAddresses(raw []byte) (map[int][]netip.Prefix, error) {
	found := addresses{}
	if err := new(netlink.Answer).Parse(raw, found); err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	return found, nil
}

// addresses are found by interface index.
type addresses map[int][]netip.Prefix

// Take is part of [netlink.Taker]: struct ifaddrmsg, and its attributes.
func (a addresses) Take(kind uint16, body []byte) (known bool, err error) {
	if kind != syscall.RTM_NEWADDR || len(body) < syscall.SizeofIfAddrmsg {
		return true, nil
	}
	if p := prefixOf(netlink.AttributesOf(body[syscall.SizeofIfAddrmsg:]), int(body[1])); p.IsValid() {
		index := int(binary.NativeEndian.Uint32(body[4:]))
		a[index] = append(a[index], p)
	}
	return true, nil
}

// prefixOf finds an interface's own address: IFA_LOCAL, or IFA_ADDRESS where
// there is none (IPv6). On a point-to-point link the latter is the peer's.
func prefixOf(attrs netlink.Attributes, bits int) netip.Prefix {
	var own, peer netip.Addr
	for attrs.Next() {
		switch attrs.Kind {
		case syscall.IFA_LOCAL:
			own, _ = netip.AddrFromSlice(attrs.Value)
		case syscall.IFA_ADDRESS:
			peer, _ = netip.AddrFromSlice(attrs.Value)
		}
	}
	if !own.IsValid() {
		own = peer
	}
	return netip.PrefixFrom(own, bits)
}

// readEphemeral gives the ports that the kernel picks by itself, its default
// where that can't be read.
func readEphemeral(proc string) fold.PortRange {
	text, err := os.ReadFile(filepath.Join(proc, "sys/net/ipv4/ip_local_port_range"))
	if err != nil {
		return fold.DefaultEphemeral
	}
	low, high, err := proctext.ParsePortRange(text)
	if err != nil {
		return fold.DefaultEphemeral
	}
	return fold.PortRange{Low: low, High: high}
}
