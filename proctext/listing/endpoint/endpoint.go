// Package endpoint reads one end of a socket as programs print it ([Parse]): an
// address or what stands in its place, and a port or its service's name.
package endpoint

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
)

// Endpoint is one end of a socket as a listing prints it.
type Endpoint struct {
	// Addr is invalid where the listing has a name in place of an address, or
	// nothing. IPv4-mapped addresses are unmapped, zones dropped.
	Addr netip.Addr
	Port uint16
	// Name is what stands in place of an address: a host's name, or what is
	// left of an address that was cut.
	Name string
	// Cut says that the column may have been too narrow for the address: then
	// Name holds what is left of it, and Addr must not be relied on.
	Cut bool
}

// AddrPort gives the endpoint as one value, invalid if Addr is.
func (e Endpoint) AddrPort() netip.AddrPort { return netip.AddrPortFrom(e.Addr, e.Port) }

// Exact reports whether the listing gives the very address.
func (e Endpoint) Exact() bool { return e.Addr.IsValid() && !e.Cut }

// Family is what a protocol's name says of its addresses.
type Family uint8

// The families; AnyFamily where the name does not say.
const (
	AnyFamily Family = iota
	Four
	Six
	Both // one socket for IPv4 and IPv6
)

// ParseProtocol reads the first column of netstat, sockstat and ss.
func ParseProtocol(name string) (protocol string, fam Family, ok bool) {
	if len(name) < 3 {
		return "", 0, false
	}
	switch name[:3] {
	case proctext.TCP, proctext.UDP:
		protocol = name[:3]
	default:
		return "", 0, false
	}
	switch name[3:] {
	case "":
	case "4":
		fam = Four
	case "6":
		fam = Six
	case "46", "64":
		fam = Both
	default:
		return "", 0, false
	}
	return protocol, fam, true
}

// Dotted tells whether an endpoint has its port behind a dot, as BSD prints it.
func Dotted(token string) bool {
	return strings.LastIndexByte(token, '.') > strings.LastIndexByte(token, ':')
}

// Parse reads "address:port", or with a dot in place of the last colon
// where that is so. reason says what is wrong with it, or is empty.
func Parse(token, protocol string, fam Family) (e Endpoint, hostLen int, reason, hint string) {
	at := strings.LastIndexByte(token, ':')
	if Dotted(token) {
		at = strings.LastIndexByte(token, '.')
	}
	if at < 0 {
		return e, 0, Quote(token) + " has no port", ""
	}
	host, port := token[:at], token[at+1:]
	if e.Port, reason, hint = parsePort(port, protocol); reason != "" {
		return e, 0, reason, hint
	}
	if reason = e.parseHost(host, fam); reason != "" {
		return e, 0, reason, ""
	}
	return e, len(host), "", ""
}

// maxDigits is how long a number may be, leading zeros included.
const maxDigits = 20

// parsePort reads a port's number or its service's name; "*" is none.
func parsePort(text, protocol string) (port uint16, reason, hint string) {
	if text == "*" {
		return 0, "", ""
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil && len(text) <= maxDigits {
		return uint16(n), "", ""
	}
	if text != "" && strings.Trim(text, "0123456789") == "" {
		return 0, fmt.Sprintf("port %s is above 65535", Quote(text)), ""
	}
	if n := servicePort(text, protocol); n != 0 {
		return n, "", ""
	}
	return 0, fmt.Sprintf("port %s is no number, and no service known here", Quote(text)), "list with numbers: option -n"
}

// parseHost reads the part before the port.
func (e *Endpoint) parseHost(host string, fam Family) (reason string) {
	bare := BareHost(host)
	if bare == "*" || bare == "" && fam == Six {
		switch fam {
		case Four:
			e.Addr = netip.IPv4Unspecified()
		case Six, Both:
			e.Addr = netip.IPv6Unspecified()
		case AnyFamily:
			e.Name = "*"
		}
		return ""
	}
	if a, err := netip.ParseAddr(bare); err == nil {
		e.Addr = a.Unmap()
		return ""
	}
	switch {
	case strings.Contains(bare, ":") && strings.Trim(bare, "0123456789abcdefABCDEF:.") == "":
		e.Name, e.Cut = bare, true // no whole IPv6 address
	case IsHostName(bare):
		e.Name = bare
	default:
		return Quote(host) + " is no address"
	}
	return ""
}

// BareHost takes brackets and the zone (RFC 4007, 11) off an address.
func BareHost(host string) string {
	host, _, _ = strings.Cut(host, "%")
	host = strings.TrimPrefix(host, "[")
	return strings.TrimSuffix(host, "]")
}

// IsHostName tells names of hosts from garbage: letters, digits, '.', '_' and
// '-', at least one letter.
func IsHostName(s string) bool {
	letter := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			letter = true
		case c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return letter
}

// LoopbackName knows the names that hosts(5) gives loopback addresses
// (RFC 6761, 6.3).
func (e Endpoint) LoopbackName() bool {
	switch e.Name {
	case "localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback", "localhost.localdomain", "localhost4.localdomain4", "localhost6.localdomain6":
		return !e.Cut
	}
	return false
}

// Quote shows a piece of text in a problem.
func Quote(s string) string {
	if len(s) > maxQuoted {
		s = strings.ToValidUTF8(s[:maxQuoted], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// maxQuoted is how many bytes of a line are quoted.
const maxQuoted = 100
