// Package resolve finds names for the addresses of peers: those that somebody
// told, those of hosts(5), and, only where it is asked to, those of DNS.
//
// Whatever comes from outside, a file or an answer, is bounded in size and must
// be spelled as a host's name is. What isn't gives no name, never an error: an
// address can always be shown as it is.
package resolve

import (
	"net/netip"
	"strings"
)

// maxKnown bounds the addresses whose names [Names.Know] takes.
const maxKnown = 100_000

// Names knows the names of addresses. The zero value knows none. It is not for
// concurrent use.
type Names struct {
	hosts map[netip.Addr]string
	known map[netip.Addr]string // "": several names were told
	// DNS gives names that no other source has; nil asks nobody.
	DNS *DNS
}

// Know takes the name of an address from somebody who has seen it. An address
// that is told two names has none: as a container's, which may be another's in
// the next network.
func (n *Names) Know(a netip.Addr, name string) {
	a = a.Unmap()
	if !Nameable(a) || name == "" {
		return
	}
	if n.known == nil {
		n.known = map[netip.Addr]string{}
	}
	switch before, there := n.known[a]; {
	case !there && len(n.known) < maxKnown:
		n.known[a] = name
	case there && before != name:
		n.known[a] = ""
	}
}

// Forget drops what [Names.Know] took.
func (n *Names) Forget() { clear(n.known) }

// Name gives an address's name, "" if it has none. What the administrator wrote
// into hosts(5) goes before what was told, and both before DNS.
func (n *Names) Name(a netip.Addr) string {
	if !Nameable(a) {
		return ""
	}
	a = a.Unmap()
	if name := n.hosts[a]; name != "" {
		return name
	}
	if name := n.known[a]; name != "" || n.DNS == nil {
		return name
	}
	return n.DNS.name(a)
}

// Nameable tells whether an address means the same to everybody on this host.
// Loopback, link-local, multicast and unspecified addresses, and those with a
// zone, don't.
func Nameable(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && a.Zone() == "" && !a.IsUnspecified() && !a.IsLoopback() &&
		!a.IsLinkLocalUnicast() && !a.IsMulticast() && a != broadcast
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Limits of a host's name (RFC 1035, section 2.3.4), in bytes.
const (
	maxName  = 253
	maxLabel = 63
)

// HostName gives a host's name as it is written, without a dot at its end. ok
// is false if s is no such name: letters, digits, '-' and '_' in labels that
// don't begin with '-', and not the look of an address. "localhost" and what
// ends in it is no name either (RFC 6761, section 6.3): whoever calls a foreign
// address so is mistaken, or means to deceive.
func HostName(s string) (name string, ok bool) {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > maxName || strings.ContainsFunc(s, notInName) {
		return "", false
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' {
			return "", false
		}
		last = label
	}
	if strings.EqualFold(last, "localhost") || strings.Trim(last, "0123456789") == "" {
		return "", false // no top-level domain is a number (RFC 3696, section 2)
	}
	return s, true
}

func notInName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return r != '.' && r != '-' && r != '_'
}
