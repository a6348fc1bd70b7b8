package monitor

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
)

// maxHints is the most that one command or output gives.
const maxHints = 8

// measuring are ports where something listens that measures others: exporters of
// Prometheus and agents of monitoring systems.
var measuring = []struct{ from, to uint16 }{
	{161, 161},     // SNMP
	{5665, 5666},   // Icinga 2, NRPE
	{6556, 6556},   // Checkmk
	{8125, 8126},   // statsd
	{9090, 9091},   // Prometheus, its Pushgateway; 9092 is Kafka's
	{9100, 9127},   // node_exporter and its siblings; 9128 and above are less clear
	{9150, 9150},   // memcached_exporter
	{9182, 9182},   // windows_exporter
	{9187, 9187},   // postgres_exporter
	{9216, 9216},   // mongodb_exporter
	{9256, 9256},   // process-exporter
	{9308, 9308},   // kafka_exporter
	{9419, 9419},   // rabbitmq_exporter
	{10050, 10051}, // Zabbix
	{12489, 12489}, // NSClient++
}

// ExporterPort says whether what listens at a port usually measures something
// else: an exporter, a monitoring agent.
func ExporterPort(port uint16) bool {
	for _, r := range measuring {
		if port >= r.from && port <= r.to {
			return true
		}
	}
	return false
}

// PortHint is a hint at a port.
func PortHint(address string, port uint16, from string) mapping.Hint {
	return mapping.Hint{Address: address, Port: port, From: from, Exporter: ExporterPort(port)}
}

var (
	// remote are commands that ask an agent, or run something over there: their
	// port is the way, not what is checked.
	remote = regexp.MustCompile(`(?i)nrpe|by_ssh|check_nt\b|nsc|snmp|check_mk|zabbix|ncpa`)
	// network are commands with an argument that may be a port without a word
	// before it.
	network = regexp.MustCompile(`(?i)tcp|udp|port|http|ssh|ssl|tls|cert|pgsql|postgres|mysql|maria|redis|ldap|smtp|imap|pop3?|ftp|mongo|memcache|amqp|rabbit|elastic|kafka|socket|dns|mqtt|sql|nrpe|check_nt\b`)
	// secretP are commands where -p is the password and -P the port.
	secretP = regexp.MustCompile(`(?i)pgsql|mysql|maria`)
)

// CommandHints finds ports and addresses in a check command as Nagios writes it:
// "check_tcp!5432", "check_http!-H shop.example -p 8080", or a command line. Of
// arguments that are none nothing is kept: they may be secrets.
func CommandHints(command string) []mapping.Hint {
	if len(command) > 8<<10 {
		command = command[:8<<10]
	}
	name, rest, _ := strings.Cut(command, "!")
	words := strings.Fields(name)
	if len(words) == 0 {
		return nil
	}
	r := reader{name: words[0], words: words[1:]}
	for arg := range strings.SplitSeq(rest, "!") {
		r.words = append(r.words, strings.Fields(arg)...)
	}
	return r.hints()
}

// reader goes through the words of a command.
type reader struct {
	name  string
	words []string

	address, addressFrom string
	port                 uint16
	portFrom             string
	out                  []mapping.Hint
}

func (r *reader) hints() []mapping.Hint {
	for i := 0; i < len(r.words); i++ {
		word := strings.Trim(r.words[i], `"'`)
		if option, value, glued := r.option(word); option != "" {
			if !glued && i+1 < len(r.words) {
				i++
				value = strings.Trim(r.words[i], `"'`)
			}
			r.take(option, value)
			continue
		}
		r.bare(word)
	}
	if r.port != 0 {
		r.add(PortHint(r.address, r.port, "command argument "+r.portFrom))
	} else if r.address != "" {
		r.add(mapping.Hint{Address: r.address, From: "command argument " + r.addressFrom})
	}
	if remote.MatchString(r.name) {
		for i := range r.out {
			r.out[i].Exporter = true
		}
	}
	return r.out
}

func (r *reader) add(h mapping.Hint) {
	if len(r.out) < maxHints && !slices.Contains(r.out, h) {
		r.out = append(r.out, h)
	}
}

// options are those that name a port or an address, and as which of these they are
// taken.
var options = map[string]string{
	"-p": "port", "-P": "port", "--port": "port",
	"-H": "address", "--hostname": "address", "--host": "address", "-I": "address", "--IP-address": "address", "--ip-address": "address",
	"-U": "url", "--url": "url", "--uri": "url",
}

// option says whether a word is an option that tells something, and its value if
// that is glued to it: -p5432, --port=5432.
func (r *reader) option(word string) (option, value string, glued bool) {
	if !strings.HasPrefix(word, "-") {
		return "", "", false
	}
	if name, value, ok := strings.Cut(word, "="); ok && options[name] != "" {
		return name, value, true
	}
	if options[word] != "" {
		return word, "", false
	}
	if len(word) > 2 && options[word[:2]] != "" && word[1] != '-' {
		return word[:2], word[2:], true
	}
	return "", "", false
}

func (r *reader) take(option, value string) {
	switch options[option] {
	case "port":
		if option == "-p" && secretP.MatchString(r.name) {
			return
		}
		if port, ok := portNumber(value); ok && r.port == 0 {
			r.port, r.portFrom = port, option
		}
	case "address":
		if address, port, ok := hostPort(value); ok {
			r.address, r.addressFrom = address, option
			if port != 0 && r.port == 0 {
				r.port, r.portFrom = port, option
			}
		}
	case "url":
		r.url(value, option)
	}
}

// bare takes a word without an option before it.
func (r *reader) bare(word string) {
	if strings.Contains(word, "://") {
		r.url(word, "URL")
		return
	}
	if name, value, ok := strings.Cut(word, "="); ok { // as Icinga 2 writes it
		name = strings.ToLower(name)
		if port, ok := portNumber(value); ok && r.port == 0 && (name == "port" || strings.HasSuffix(name, "_port")) {
			r.port, r.portFrom = port, Clean(name, 50)
		}
		return
	}
	if port, ok := portNumber(word); ok {
		if r.port == 0 && network.MatchString(r.name) && (port >= 20 || strings.Contains(r.name, "tcp") || strings.Contains(r.name, "udp")) {
			r.port, r.portFrom = port, word
		}
		return
	}
	if address, port, ok := hostPort(word); ok && port != 0 {
		r.add(PortHint(address, port, "command argument host:port"))
	}
}

func (r *reader) url(word, from string) {
	u, err := url.Parse(word)
	if err != nil || u.Hostname() == "" {
		return
	}
	address, _, ok := hostPort(u.Hostname())
	if !ok {
		address = ""
	}
	port, ok := portNumber(u.Port())
	if !ok {
		port = map[string]uint16{"http": 80, "https": 443}[u.Scheme]
	}
	if port != 0 {
		r.add(PortHint(address, port, "command argument "+from))
	}
}

func portNumber(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n > 0
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$`)

// hostPort takes an IP address or a host name, which may have a port behind it. A
// macro of the monitoring system is none.
func hostPort(s string) (address string, port uint16, ok bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().Unmap().String(), a.Port(), a.Port() != 0
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().String(), 0, true
	}
	host, after, found := strings.Cut(s, ":")
	if found {
		if port, ok = portNumber(after); !ok {
			return "", 0, false
		}
	}
	if len(host) > 253 || !hostName.MatchString(host) || !strings.ContainsFunc(host, letter) {
		return "", 0, false
	}
	return host, port, true
}

func letter(r rune) bool { return (r|0x20) >= 'a' && (r|0x20) <= 'z' }

// said are the words in which the usual plugins name where they looked: "connect to
// address 192.0.2.1 and port 80: Connection refused", "TCP OK - 0.001 second
// response time on db1 port 5432", "refused on port 5432".
var said = regexp.MustCompile(`(?i)\b(?:address|on|to|at)\s+(?:(\S{1,253})\s+(?:and\s+)?)?port:?\s+(\d{1,5})\b`)

// OutputHints finds where a check looked in what it said, by the words that the
// usual plugins use.
func OutputHints(output string) (out []mapping.Hint) {
	if !strings.Contains(output, "ort") { // most say nothing of it
		return nil
	}
	for _, m := range said.FindAllStringSubmatch(output, maxHints) {
		port, ok := portNumber(m[2])
		if !ok {
			continue
		}
		address, _, ok := hostPort(m[1])
		if !ok || !strings.ContainsAny(address, ".:0123456789") {
			address = "" // "on TCP port", "on the port"
		}
		if h := PortHint(address, port, "output"); !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}
