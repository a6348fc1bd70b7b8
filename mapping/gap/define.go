package gap

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// System is a monitoring system that object definitions can be written for.
type System string

// The systems.
const (
	Nagios  System = "nagios"
	Icinga2 System = "icinga2"
)

// Written counts what [Define] wrote.
type Written struct {
	Hosts, Services int
	// Left is what no definition would help, with the reason; it is in the text as
	// a comment, too.
	Left []string
}

// Define writes object definitions for gaps, as one file that a system reads beside
// its own: hosts for nodes that it doesn't know, services with the check that fits,
// or a look whether the port answers. The commands for Nagios are in the file, those
// of Icinga 2 in its template library. opt.Source says whose hosts
// the services are put on. All names are reduced to what both systems take, so that
// nothing in them can be read as more than a name.
func Define(w io.Writer, system System, snap *topology.Snapshot, gaps []Gap, opt Options) (Written, error) {
	p := planFor(snap, gaps, opt)
	out := bufio.NewWriter(w)
	comment, host, service := "# ", nagiosHost, nagiosService
	switch system {
	case Nagios:
		fmt.Fprint(out, "# What runs and is not monitored, as dotm sees it.\n\n")
		nagiosCommands(out, p)
	case Icinga2:
		fmt.Fprint(out, "// What runs and is not monitored, as dotm sees it.\n\n")
		comment, host, service = "// ", icingaHost, icingaService
	default:
		return Written{}, fmt.Errorf("no definitions can be written for %q: choose %s or %s", system, Nagios, Icinga2)
	}
	for i := range p.hosts {
		host(out, template(opt.HostTemplate, "generic-host"), &p.hosts[i])
	}
	for i := range p.services {
		if hint := p.services[i].hint; hint != "" {
			fmt.Fprintf(out, "%s%s\n", comment, hint)
		}
		service(out, template(opt.ServiceTemplate, "generic-service"), &p.services[i])
	}
	if len(p.left) > 0 {
		fmt.Fprintf(out, "%sNot defined:\n", comment)
	}
	for _, line := range p.left {
		fmt.Fprintf(out, "%s%s\n", comment, line)
	}
	if err := out.Flush(); err != nil {
		return Written{}, fmt.Errorf("writing definitions: %w", err)
	}
	return Written{len(p.hosts), len(p.services), p.left}, nil
}

// template is the name of a template, made harmless.
func template(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return clean(name)
}

// commandLines are what Nagios runs; $ARG1$ is the port, $ARG2$ the address.
var commandLines = map[plugin]string{
	viaPing:      "check_ping -H '$HOSTADDRESS$' -w 3000,80% -c 5000,100% -p 3",
	viaTCP:       "check_tcp -H '$ARG2$' -p '$ARG1$'",
	viaHTTP:      "check_http -I '$ARG2$' -p '$ARG1$'",
	viaHTTPS:     "check_http -I '$ARG2$' -p '$ARG1$' -S",
	viaSSH:       "check_ssh -p '$ARG1$' '$ARG2$'",
	viaSMTP:      "check_smtp -H '$ARG2$' -p '$ARG1$'",
	viaIMAP:      "check_imap -H '$ARG2$' -p '$ARG1$'",
	viaPOP:       "check_pop -H '$ARG2$' -p '$ARG1$'",
	viaFTP:       "check_ftp -H '$ARG2$' -p '$ARG1$'",
	viaMySQL:     "check_mysql -H '$ARG2$' -P '$ARG1$' -n",
	viaLDAP:      "check_ldap -H '$ARG2$' -p '$ARG1$' -b ''",
	viaDNS:       "check_dns -H localhost -s '$ARG2$'",
	viaNTP:       "check_ntp_time -H '$ARG2$' -p '$ARG1$'",
	viaRedis:     `check_tcp -H '$ARG2$' -p '$ARG1$' -E -s 'PING\r\n' -e '+PONG' -e '-NOAUTH'`,
	viaMemcached: `check_tcp -H '$ARG2$' -p '$ARG1$' -E -s 'version\r\n' -e 'VERSION'`,
}

func nagiosCommands(w io.Writer, p *plan) {
	var used []string
	if len(p.hosts) > 0 {
		used = append(used, string(viaPing))
	}
	for i := range p.services {
		used = append(used, string(p.services[i].plugin))
	}
	slices.Sort(used)
	used = slices.Compact(used)
	for _, name := range used {
		nagiosObject(w, "command", [][2]string{{"command_name", "dotm_" + name}, {"command_line", "$USER1$/" + commandLines[plugin(name)]}})
	}
}

func nagiosHost(w io.Writer, template string, h *hostObject) {
	nagiosObject(w, "host", [][2]string{
		{"use", template},
		{"host_name", h.name},
		{"alias", h.display},
		{"address", h.address},
		{"check_command", "dotm_" + string(viaPing)},
		{"max_check_attempts", "3"},
	})
}

func nagiosService(w io.Writer, template string, s *serviceObject) {
	address := s.address
	if address == "" {
		address = "$HOSTADDRESS$"
	}
	nagiosObject(w, "service", [][2]string{
		{"use", template},
		{"host_name", nagiosValue(s.host)},
		{"service_description", s.name},
		{"check_command", "dotm_" + string(s.plugin) + "!" + strconv.Itoa(int(s.port)) + "!" + address},
	})
}

func nagiosObject(w io.Writer, kind string, fields [][2]string) {
	fmt.Fprintf(w, "define %s {\n", kind)
	for _, f := range fields {
		fmt.Fprintf(w, "    %-20s %s\n", f[0], f[1])
	}
	fmt.Fprint(w, "}\n\n")
}

// nagiosValue is a name that Nagios gave itself, as a value: a semicolon would begin
// a comment, and a line end the next field.
func nagiosValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ReplaceAll(s, ";", `\;`))
}

// icingaCommand is a command of Icinga's template library (ITL), with the names of
// its variables.
type icingaCommand struct {
	name, address, port string
	more                [][2]string // further variables, as code
}

var icingaCommands = map[plugin]icingaCommand{
	viaTCP:   {"tcp", "tcp_address", "tcp_port", nil},
	viaHTTP:  {"http", "http_address", "http_port", nil},
	viaHTTPS: {"http", "http_address", "http_port", [][2]string{{"http_ssl", "true"}}},
	viaSSH:   {"ssh", "ssh_address", "ssh_port", nil},
	viaSMTP:  {"smtp", "smtp_address", "smtp_port", nil},
	viaIMAP:  {"imap", "imap_address", "imap_port", nil},
	viaPOP:   {"pop", "pop_address", "pop_port", nil},
	viaFTP:   {"ftp", "ftp_address", "ftp_port", nil},
	viaMySQL: {"mysql", "mysql_hostname", "mysql_port", [][2]string{{"mysql_ignore_auth", "true"}}},
	viaLDAP:  {"ldap", "ldap_address", "ldap_port", [][2]string{{"ldap_base", `""`}}},
	viaDNS:   {"dns", "dns_server", "", [][2]string{{"dns_lookup", `"localhost"`}}},
	viaNTP:   {"ntp_time", "ntp_address", "ntp_port", nil},
	viaRedis: {"tcp", "tcp_address", "tcp_port", [][2]string{
		{"tcp_escape_send", "true"}, {"tcp_send", `"PING\\r\\n"`}, {"tcp_expect", `[ "+PONG", "-NOAUTH" ]`},
	}},
	viaMemcached: {"tcp", "tcp_address", "tcp_port", [][2]string{
		{"tcp_escape_send", "true"}, {"tcp_send", `"version\\r\\n"`}, {"tcp_expect", `"VERSION"`},
	}},
}

func icingaHost(w io.Writer, template string, h *hostObject) {
	fmt.Fprintf(w, "object Host %s {\n  import %s\n  display_name = %s\n  address = %s\n  check_command = \"hostalive\"\n}\n\n",
		icingaString(h.name), icingaString(template), icingaString(h.display), icingaString(h.address))
}

func icingaService(w io.Writer, template string, s *serviceObject) {
	c := icingaCommands[s.plugin]
	fmt.Fprintf(w, "object Service %s {\n  import %s\n  host_name = %s\n  check_command = %s\n", icingaString(s.name), icingaString(template), icingaString(s.host), icingaString(c.name))
	address := s.address
	if address == "" && c.address == "dns_server" {
		address = "$address$"
	}
	if address != "" {
		fmt.Fprintf(w, "  vars.%s = %s\n", c.address, icingaString(address))
	}
	if c.port != "" {
		fmt.Fprintf(w, "  vars.%s = %d\n", c.port, s.port)
	}
	for _, v := range c.more {
		fmt.Fprintf(w, "  vars.%s = %s\n", v[0], v[1])
	}
	fmt.Fprint(w, "}\n\n")
}

// icingaString is a text as a string of Icinga's language.
func icingaString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
