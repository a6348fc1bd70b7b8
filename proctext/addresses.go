package proctext

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
)

// maxOwn is how many addresses of a host are read.
const maxOwn = 16_384

// Interface is one network interface with its addresses.
type Interface struct {
	Name      string
	Addresses []netip.Prefix
}

// ParseFIBTrie reads the host's own IPv4 addresses out of /proc/net/fib_trie,
// which shows the routing tables (net/ipv4/fib_trie.c of the kernel): an own
// address is a leaf with a route "/32 host LOCAL". Its prefix length is that of
// the narrowest network around it that is reached without a gateway ("link
// UNICAST"), else 32. Of an interface nothing is said there.
func ParseFIBTrie(text []byte) []netip.Prefix {
	var leaf netip.Addr
	var own []netip.Addr
	var networks []netip.Prefix
	for line := range bytes.Lines(text) {
		var f [3][]byte
		n := split(line, f[:])
		switch {
		case n == 2 && string(f[0]) == "|--":
			leaf, _ = netip.ParseAddr(string(f[1]))
		case n < 3 || !leaf.Is4() || f[0][0] != '/':
		case string(f[1]) == "host" && string(f[2]) == "LOCAL":
			if len(own) < maxOwn && string(f[0]) == "/32" {
				own = append(own, leaf)
			}
		case string(f[1]) == "link" && string(f[2]) == "UNICAST":
			if bits, ok := parseUint(f[0][1:], 10, 8); ok && bits <= 32 && len(networks) < maxOwn {
				networks = append(networks, netip.PrefixFrom(leaf, int(bits)).Masked())
			}
		}
	}
	return around(own, networks)
}

// around gives each address, once, the narrowest network that it lies in.
func around(addresses []netip.Addr, networks []netip.Prefix) []netip.Prefix {
	slices.SortFunc(addresses, netip.Addr.Compare)
	addresses = slices.Compact(addresses)
	slices.SortFunc(networks, netip.Prefix.Compare)
	networks = slices.Compact(networks)
	list := make([]netip.Prefix, 0, len(addresses))
	for _, a := range addresses {
		bits := 32
		if a.IsLoopback() {
			bits = 8
		}
		for b := 32; b > 0 && !a.IsLoopback(); b-- {
			p, err := a.Prefix(b)
			if err != nil {
				break
			}
			if _, there := slices.BinarySearchFunc(networks, p, netip.Prefix.Compare); there {
				bits = b
				break
			}
		}
		list = append(list, netip.PrefixFrom(a, bits))
	}
	return list
}

// ParseInet6 reads /proc/net/if_inet6: a row for each IPv6 address with, in
// hexadecimal, the address, the interface's index, the prefix length, scope and
// flags, and the interface's name.
func ParseInet6(text []byte) ([]Interface, error) {
	var list []Interface
	room := maxOwn
	for line := range bytes.Lines(text) {
		var f [6][]byte
		n := split(line, f[:])
		if n == 0 || room == 0 {
			continue
		}
		room--
		var raw [16]byte
		bits, ok := uint64(0), false
		if n == len(f) && len(f[0]) == 32 {
			_, err := hex.Decode(raw[:], f[0])
			bits, ok = parseUint(f[2], 16, 8)
			ok = ok && err == nil && bits <= 128
		}
		if !ok {
			return nil, fmt.Errorf("row of if_inet6 must be address, index, length, scope, flags and name, is %.80q", line)
		}
		list = addTo(list, string(f[5]), netip.PrefixFrom(netip.AddrFrom16(raw), int(bits)))
	}
	return list, nil
}

// addTo adds an address to the interface of that name.
func addTo(list []Interface, name string, p netip.Prefix) []Interface {
	for i := range list {
		if list[i].Name == name {
			list[i].Addresses = append(list[i].Addresses, p)
			return list
		}
	}
	return append(list, Interface{Name: name, Addresses: []netip.Prefix{p}})
}
