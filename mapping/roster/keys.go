package roster

import (
	"iter"
	"net/netip"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping/pattern"
	"github.com/devops-trouble-map/dotm/topology"
)

// Key is one thing that a node is found by: a text, folded, or an address.
type Key struct {
	Text    string
	Address netip.Addr
	kind    kind
}

type kind uint8

const (
	byName kind = iota
	byShort
	byFormer
	byAddress
)

// Keys are what a node is found by.
func Keys(n *topology.Node) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		if n.Kind == topology.Network || n.Kind == topology.Internet {
			return
		}
		for k := range nameKeys(n) {
			if !yield(k) {
				return
			}
		}
		for _, a := range n.Addresses {
			if a = Plain(a); meansNode(a) && !n.InContainerNetwork(a) && !yield(Key{kind: byAddress, Address: a}) {
				return
			}
		}
	}
}

func nameKeys(n *topology.Node) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		name := pattern.Fold(n.Name)
		base, _, _ := strings.Cut(name, "@") // web1@7f3a also says it is web1
		if !yield(Key{kind: byName, Text: base}) || base != name && !yield(Key{kind: byName, Text: name}) {
			return
		}
		inside := base[strings.LastIndexByte(base, '/')+1:]
		if inside != base && !yield(Key{kind: byShort, Text: inside}) {
			return
		}
		if s := Short(inside); s != inside && !yield(Key{kind: byShort, Text: s}) {
			return
		}
		for i := range n.Formerly {
			if former := pattern.Fold(n.Formerly[i].Name); former != name && !yield(Key{kind: byFormer, Text: former}) {
				return
			}
		}
	}
}

// Short is a name up to its first dot. An address has no short form.
func Short(name string) string {
	if i := strings.IndexByte(name, '.'); i > 0 {
		if _, isAddress := ParseAddr(name); !isAddress {
			return name[:i]
		}
	}
	return name
}

// ParseAddr reads an IP address. It is fast where that is none.
func ParseAddr(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, ':') < 0 && strings.Trim(s, "0123456789.") != "" {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

// Plain is an address without its zone, IPv4 as IPv4.
func Plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// meansNode says whether an address means the same host to everybody.
func meansNode(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
}

// Itself says whether an address is that of whoever looks.
func Itself(address string) bool {
	a, ok := ParseAddr(address)
	return ok && (a.IsLoopback() || a.IsUnspecified()) || selfName(pattern.Fold(address))
}

// selfName says whether every host calls itself that.
func selfName(folded string) bool {
	switch folded {
	case "localhost", "localhost.localdomain", "localhost6", "ip6-localhost":
		return true
	}
	return false
}
