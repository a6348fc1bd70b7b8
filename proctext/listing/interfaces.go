package listing

import (
	"math/bits"
	"net/netip"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
	"github.com/devops-trouble-map/dotm/proctext/listing/endpoint"
)

// address reads a line of ip address, ifconfig or ipconfig.
func (p *parser) address(line string) bool {
	f := p.fields
	indented := line[0] == ' ' || line[0] == '\t'
	switch {
	case len(f) > 2 && isIPIndex(f[0]) && (f[2] == "inet" || f[2] == "inet6"): // ip -o address
		p.interfaceNamed(f[1])
		p.inet(f[2:])
	case isIPIndex(f[0]) && len(f) > 1:
		p.interfaceNamed(strings.TrimSuffix(f[1], ":"))
	case indented && (f[0] == "inet" || f[0] == "inet6"):
		p.inet(f)
	case !indented && len(f) > 1 && (strings.HasPrefix(f[1], "flags=") || f[1] == "Link" && strings.Contains(line, "encap:")):
		p.interfaceNamed(strings.TrimSuffix(f[0], ":"))
	case p.brief(f):
	case p.ipconfig(line, indented):
	case indented && p.at >= 0 && p.kind == anything: // what else there is about an interface
	default:
		return false
	}
	return true
}

// isIPIndex recognises the "2:" before an interface of ip address.
func isIPIndex(field string) bool {
	n, ok := strings.CutSuffix(field, ":")
	return ok && isNumber(n)
}

// interfaceNamed enters an interface: "eth0", "eth0@if5" or "eth0:1".
func (p *parser) interfaceNamed(name string) {
	name, _, _ = strings.Cut(name, "@")
	p.kind, p.masked = anything, false
	if i, ok := p.byName[name]; ok {
		p.at = i
		return
	}
	p.at = len(p.out.Interfaces)
	p.byName[name] = p.at
	p.out.Interfaces = append(p.out.Interfaces, proctext.Interface{Name: name})
}

// inet reads the address of a line that begins with inet or inet6, in the forms
// "10.0.0.1/24", "10.0.0.1 peer 10.0.0.2/32", "10.0.0.1 netmask 255.0.0.0",
// "10.0.0.1 netmask 0xff000000", "fe80::1%lo0 prefixlen 64",
// "addr:10.0.0.1 Mask:255.0.0.0" and "addr: fe80::1/64".
func (p *parser) inet(f []string) {
	value, length := "", -1
	for i := 1; i < len(f); i++ {
		word := f[i]
		arg := ""
		if i+1 < len(f) {
			arg = f[i+1]
		}
		switch {
		case word == "addr:":
		case value == "":
			value = strings.TrimPrefix(word, "addr:")
		case word == "netmask":
			length = maskLength(arg)
		case strings.HasPrefix(word, "Mask:"):
			length = maskLength(strings.TrimPrefix(word, "Mask:"))
		case word == "prefixlen":
			if n, ok := number(arg, 10, 8); ok {
				length = int(n)
			}
		}
	}
	p.own(value, length)
}

// own takes an address of the interface that is being read, with its prefix
// length where that stands elsewhere (-1: it doesn't).
func (p *parser) own(value string, length int) {
	host, slash, hasSlash := strings.Cut(value, "/")
	a, err := netip.ParseAddr(endpoint.BareHost(host))
	if n, ok := number(slash, 10, 8); hasSlash && ok {
		length = int(n)
	}
	if length < 0 && err == nil {
		length = a.BitLen()
	}
	if err != nil || length > a.BitLen() || p.open && !hasSlash {
		p.problem(endpoint.Quote(value)+" is no address of an interface", "")
		return
	}
	if p.room--; p.room < 0 {
		return
	}
	if p.at < 0 {
		p.interfaceNamed("")
	}
	i := &p.out.Interfaces[p.at]
	i.Addresses = append(i.Addresses, netip.PrefixFrom(a, length))
}

// maskLength reads a mask, as 255.255.0.0 or 0xffff0000; -1 if it is none.
func maskLength(text string) int {
	var mask uint32
	if hex, ok := strings.CutPrefix(text, "0x"); ok {
		n, ok := number(hex, 16, 32)
		if !ok {
			return -1
		}
		mask = uint32(n)
	} else {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return -1
		}
		b := a.As4()
		mask = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	n := bits.LeadingZeros32(^mask)
	if mask<<n != 0 && n < 32 {
		return -1
	}
	return n
}

// brief reads "eth0@if5 UP 10.0.0.1/24 fe80::1/64" of ip -br address.
func (p *parser) brief(f []string) bool {
	if len(f) < 2 {
		return false
	}
	switch f[1] {
	case "UP", "DOWN", "UNKNOWN", "LOWERLAYERDOWN", "DORMANT", "TESTING", "NOTPRESENT":
	default:
		return false
	}
	for _, a := range f[2:] {
		if !strings.Contains(a, "/") && a != "peer" && a != "metric" && !isNumber(a) {
			if _, err := netip.ParseAddr(a); err != nil {
				return false
			}
		}
	}
	p.interfaceNamed(f[0])
	for i := 2; i < len(f); i++ {
		switch f[i] {
		case "peer", "metric":
			i++
		default:
			p.own(f[i], -1)
		}
	}
	return true
}

// ipconfig reads ipconfig of Windows in any language that calls addresses IP:
// keys are followed by dots and a colon, adapters are lines that end with a
// colon.
func (p *parser) ipconfig(line string, indented bool) bool {
	if !indented {
		if name, ok := strings.CutSuffix(line, ":"); ok && p.kind == ipconfigTool {
			p.interfaceNamed(strings.TrimSpace(name))
			p.kind = ipconfigTool
			return true
		}
		if strings.Contains(line, "Windows") && strings.Contains(line, "IP") {
			p.kind, p.at = ipconfigTool, -1
			return true
		}
		return false
	}
	if p.kind != ipconfigTool {
		return false
	}
	key, value, ok := strings.Cut(line, ":")
	if !ok || !strings.Contains(key, ". .") && !strings.HasSuffix(strings.TrimSpace(key), ".") {
		return true // a list that goes on: servers, search domains
	}
	p.setting(strings.TrimRight(strings.TrimSpace(key), " ."), strings.TrimSpace(value))
	return true
}

// setting reads one line of ipconfig. The first of all is the host's name; a
// mask follows the address that it is of.
func (p *parser) setting(key, value string) {
	value, _, _ = strings.Cut(value, "(")
	value = strings.TrimSpace(value)
	waits := p.masked
	p.masked = false
	switch {
	case p.at < 0:
		if p.out.Hostname == "" && endpoint.IsHostName(value) {
			p.out.Hostname = value
		}
		p.at = -2 // the other settings of the host are no names
	case p.at >= 0 && waits && maskLength(value) >= 0:
		list := p.out.Interfaces[p.at].Addresses
		list[len(list)-1] = netip.PrefixFrom(list[len(list)-1].Addr(), maskLength(value))
	case p.at >= 0 && isAddressKey(key):
		before := len(p.out.Interfaces[p.at].Addresses)
		if _, err := netip.ParseAddr(endpoint.BareHost(value)); err == nil {
			p.own(value, -1)
			list := p.out.Interfaces[p.at].Addresses
			p.masked = len(list) > before && list[len(list)-1].Addr().Is4()
		}
	}
}

// isAddressKey recognises "IPv4 Address", "Adresse IPv6", "IP Address".
func isAddressKey(key string) bool {
	for _, word := range strings.FieldsFunc(key, func(r rune) bool { return r == ' ' || r == '-' }) {
		if word == "IP" || word == "IPv4" || word == "IPv6" {
			return true
		}
	}
	return false
}
