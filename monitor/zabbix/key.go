package zabbix

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/monitor"
)

// maxKey is the most bytes of an item's key that are looked at.
const maxKey = 2048

// hostName is a name that an address may be.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$`)

// usualPorts are those of services that a key names without a port.
var usualPorts = map[string]uint16{
	"ssh": 22, "ntp": 123, "ldap": 389, "smtp": 25, "ftp": 21, "http": 80, "pop": 110, "nntp": 119, "imap": 143, "https": 443, "telnet": 23,
}

// wayOf reads the key of an item: NAME or NAME[PARAMETER,…]. Only where a port or an
// address stands by the name is taken of the parameters: others may be secrets.
func wayOf(key string) *way {
	if len(key) > maxKey {
		key = key[:maxKey]
	}
	name, rest, _ := strings.Cut(key, "[")
	w := &way{command: monitor.Clean(name, 128)}
	if strings.Trim(w.command, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		w.command = ""
	}
	p := parameters(rest)
	at := func(n int) string {
		if n < len(p) {
			return p[n]
		}
		return ""
	}
	switch {
	case name == "net.tcp.service" || name == "net.tcp.service.perf" || name == "net.udp.service" || name == "net.udp.service.perf":
		w.hint(at(1), at(2), usualPorts[at(0)])
	case name == "net.tcp.port" || name == "net.tcp.listen" || name == "net.udp.listen":
		if name == "net.tcp.port" {
			w.hint(at(0), at(1), 0)
		} else {
			w.hint("", at(0), 0)
		}
	case strings.HasPrefix(name, "web.page."):
		w.page(at(0), at(2))
	case strings.HasPrefix(name, "web.certificate."):
		w.hint(at(0), at(1), 443)
	default:
		if slices.Contains(byURI, software(name)) {
			w.uri(at(0))
		}
	}
	return w
}

// byURI are the plugins of the Zabbix agent 2 whose keys begin with the URI, or the
// address, of what they ask.
var byURI = []string{"pgsql", "mysql", "redis", "mongodb", "memcached", "oracle", "mssql", "mqtt", "ceph"}

// software is the first word of a key.
func software(name string) string {
	first, _, _ := strings.Cut(name, ".")
	return first
}

// hint notes an address and a port; a macro is neither.
func (w *way) hint(address, port string, usual uint16) {
	if address != "" && !hostName.MatchString(strings.NewReplacer("[", "", "]", "", ":", "").Replace(address)) {
		return
	}
	n, ok := portNumber(port)
	switch {
	case port == "" && usual != 0:
		n = usual
	case !ok:
		return
	}
	w.hints = append(w.hints, monitor.PortHint(strings.Trim(address, "[]"), n, "item key"))
}

// page notes what web.page.* asks: a host and a port, or a URL.
func (w *way) page(address, port string) {
	if strings.Contains(address, "://") {
		w.uri(address)
		return
	}
	w.hint(address, port, 80)
}

// uri notes where a URI leads; address:port is one without a scheme.
func (w *way) uri(s string) {
	if strings.ContainsAny(s, "{}") {
		return
	}
	if !strings.Contains(s, "://") {
		s = "tcp://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return
	}
	port := u.Port()
	if port == "" && (u.Scheme == "http" || u.Scheme == "https") {
		port = strconv.Itoa(int(usualPorts[u.Scheme]))
	}
	if port != "" {
		w.hint(u.Hostname(), port, 0)
	}
}

func portNumber(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n > 0
}

// parameters are those of a key, of which rest is what stands behind the first bracket:
// with commas between, in quotes where they hold commas or brackets.
func parameters(rest string) (list []string) {
	const most = 16
	for len(list) < most {
		rest = strings.TrimLeft(rest, " ")
		if !strings.HasPrefix(rest, `"`) {
			n := strings.IndexAny(rest, ",]")
			if n < 0 {
				return list
			}
			list = append(list, strings.TrimRight(rest[:n], " "))
			if rest[n] == ']' {
				return list
			}
			rest = rest[n+1:]
			continue
		}
		var value string
		value, rest = quoted(rest[1:])
		list = append(list, value)
		n := strings.IndexAny(rest, ",]")
		if n < 0 || rest[n] == ']' {
			return list
		}
		rest = rest[n+1:]
	}
	return list
}

// quoted is a parameter up to its closing quote, and what stands behind that.
func quoted(s string) (value, rest string) {
	var b strings.Builder
	for n := 0; n < len(s); n++ {
		switch {
		case s[n] == '\\' && n+1 < len(s) && s[n+1] == '"':
			n++
			b.WriteByte('"')
		case s[n] == '"':
			return b.String(), s[n+1:]
		default:
			b.WriteByte(s[n])
		}
	}
	return b.String(), ""
}
