package proctext

import (
	"fmt"
	"net/netip"
	"strings"
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

// family is what a protocol's name says of its addresses.
type family uint8

const (
	anyFamily family = iota
	four
	six
	both // one socket for IPv4 and IPv6
)

// parseProtocol reads the first column of netstat, sockstat and ss.
func parseProtocol(name string) (protocol string, fam family, ok bool) {
	if len(name) < 3 {
		return "", 0, false
	}
	switch name[:3] {
	case TCP, UDP:
		protocol = name[:3]
	default:
		return "", 0, false
	}
	switch name[3:] {
	case "":
	case "4":
		fam = four
	case "6":
		fam = six
	case "46", "64":
		fam = both
	default:
		return "", 0, false
	}
	return protocol, fam, true
}

// dotted tells whether an endpoint has its port behind a dot, as BSD prints it.
func dotted(token string) bool {
	return strings.LastIndexByte(token, '.') > strings.LastIndexByte(token, ':')
}

// parseEndpoint reads "address:port", or with a dot in place of the last colon
// where that is so. reason says what is wrong with it, or is empty.
func parseEndpoint(token, protocol string, fam family) (e Endpoint, hostLen int, reason, hint string) {
	at := strings.LastIndexByte(token, ':')
	if dotted(token) {
		at = strings.LastIndexByte(token, '.')
	}
	if at < 0 {
		return e, 0, quote(token) + " has no port", ""
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

// parsePort reads a port's number or its service's name; "*" is none.
func parsePort(text, protocol string) (port uint16, reason, hint string) {
	if text == "*" {
		return 0, "", ""
	}
	if n, ok := parseUint([]byte(text), 10, 16); ok {
		return uint16(n), "", ""
	}
	if text != "" && strings.Trim(text, "0123456789") == "" {
		return 0, fmt.Sprintf("port %s is above 65535", quote(text)), ""
	}
	if n := servicePort(text, protocol); n != 0 {
		return n, "", ""
	}
	return 0, fmt.Sprintf("port %s is no number, and no service known here", quote(text)), "list with numbers: option -n"
}

// parseHost reads the part before the port.
func (e *Endpoint) parseHost(host string, fam family) (reason string) {
	bare := bareHost(host)
	if bare == "*" || bare == "" && fam == six {
		switch fam {
		case four:
			e.Addr = netip.IPv4Unspecified()
		case six, both:
			e.Addr = netip.IPv6Unspecified()
		case anyFamily:
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
	case isHostName(bare):
		e.Name = bare
	default:
		return quote(host) + " is no address"
	}
	return ""
}

// bareHost takes brackets and the zone (RFC 4007, 11) off an address.
func bareHost(host string) string {
	host, _, _ = strings.Cut(host, "%")
	host = strings.TrimPrefix(host, "[")
	return strings.TrimSuffix(host, "]")
}

// isHostName tells names of hosts from garbage: letters, digits, '.', '_' and
// '-', at least one letter.
func isHostName(s string) bool {
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

// loopback gives the ends of a row that are called localhost their address,
// where the row's family is known and the other end agrees.
func (r *Row) loopback(fam family) {
	addr := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if fam == six {
		addr = netip.IPv6Loopback()
	}
	ends := []*Endpoint{&r.Local, &r.Remote}
	for i, e := range ends {
		other := ends[1-i]
		if fam != anyFamily && e.LoopbackName() && (other.LoopbackName() || other.Port == 0 || other.Addr.IsLoopback()) {
			e.Addr = addr
		}
	}
	for _, e := range ends {
		if e.Addr.IsValid() {
			e.Name = ""
		}
	}
}

// The widths at which address columns are cut unless wide ones are asked for
// (-W): net-tools cuts the address so that it has, with its port, 23
// characters; BSD cuts an address at 16 characters, and the whole at the
// column's width.
const (
	linuxWhole = 23
	bsdHost    = 16
	bsdWhole   = 22
)

// markCuts marks the addresses that may have been cut. One that is as long as
// the column permits may be whole or the beginning of a longer one; unless the
// listing has longer ones, nothing tells which.
func (p *parser) markCuts() {
	wide := map[kind]bool{}
	for _, s := range p.shapes {
		for _, w := range []span{s.local, s.remote} {
			if s.kind == netstatLinux && w.whole > linuxWhole || s.kind == netstatBSD && w.host > bsdHost {
				wide[s.kind] = true
			}
		}
	}
	for i, s := range p.shapes {
		r := &p.out.Rows[i]
		r.Remote.Cut = r.Remote.cut(s.kind, s.remote, wide[s.kind])
		r.Local.Cut = r.Local.cut(s.kind, s.local, wide[s.kind])
		for _, e := range []*Endpoint{&r.Local, &r.Remote} {
			if e.Cut && e.Addr.IsValid() {
				e.Name = e.Addr.String()
			}
		}
		p.tellCut(r)
	}
}

// cut tells whether an endpoint may have been cut.
func (e *Endpoint) cut(k kind, w span, wide bool) bool {
	long := e.Addr.Is6() || !e.Addr.IsValid() && e.Name != "" && e.Name != "*"
	full := k == netstatLinux && w.whole == linuxWhole || k == netstatBSD && w.host == bsdHost
	return e.Cut || long && full && !wide
}

// tellCut makes a row's cut address known, the remote one if both are.
func (p *parser) tellCut(r *Row) {
	name := r.Remote.Name
	if !r.Remote.Cut {
		name = r.Local.Name
	}
	if r.Local.Cut || r.Remote.Cut {
		p.out.Cuts = true
		p.problemAt(r.Line, fmt.Sprintf("address %s may be cut", quote(name)), "list with whole addresses: option -W")
	}
}
