package gap

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
)

// plan is what is to be defined.
type plan struct {
	hosts    []hostObject
	services []serviceObject
	left     []string // what can't be, and why: one line each
}

type hostObject struct{ name, display, address string }

type serviceObject struct {
	host, name string
	plugin     plugin
	// address is empty for that of the host.
	address string
	port    uint16
	hint    string // what would look deeper; may be empty
}

// plugin names what checks a service: one of those that come with both systems (the
// Monitoring Plugins).
type plugin string

const (
	viaPing      plugin = "ping"
	viaTCP       plugin = "tcp"
	viaHTTP      plugin = "http"
	viaHTTPS     plugin = "https"
	viaSSH       plugin = "ssh"
	viaSMTP      plugin = "smtp"
	viaIMAP      plugin = "imap"
	viaPOP       plugin = "pop"
	viaFTP       plugin = "ftp"
	viaMySQL     plugin = "mysql"
	viaLDAP      plugin = "ldap"
	viaDNS       plugin = "dns"
	viaNTP       plugin = "ntp"
	viaRedis     plugin = "redis"
	viaMemcached plugin = "memcached"
)

// planner makes a plan.
type planner struct {
	snap      *topology.Snapshot
	catalogue *mapping.Catalogue
	opt       Options
	plan
	taken map[string]bool // names of hosts, and host and service, that are there
}

func planFor(snap *topology.Snapshot, gaps []Gap, opt Options) *plan {
	p := planner{snap: snap, catalogue: mapping.NewCatalogue(), opt: opt, taken: map[string]bool{}}
	for b := range snap.Blocks() {
		for i := range b.Checks {
			if c := &b.Checks[i]; c.Signal == nil && (opt.Source == "" || c.Source == opt.Source) {
				p.taken[c.Host] = true
				p.taken[c.Host+"\x00"+c.Name] = true
			}
		}
	}
	names := map[string]string{} // nodes' as hosts
	for i := range gaps {
		if b := snap.Block(gaps[i].Node); b != nil && b.Node.Kind != topology.Container {
			names[gaps[i].Node] = p.host(b, &gaps[i])
		}
	}
	for i := range gaps {
		p.gap(&gaps[i], names)
	}
	return &p.plan
}

// host is the name under which a node is monitored, or will be.
func (p *planner) host(b *topology.Block, g *Gap) string {
	if len(g.Hosts) > 0 {
		return g.Hosts[0]
	}
	name := p.free(clean(b.Node.Name), "")
	address := name
	if a := reachable(&b.Node); a.IsValid() {
		address = a.String()
	}
	p.hosts = append(p.hosts, hostObject{name, clean(b.Node.Name), address})
	return name
}

// free is a name that is not there yet.
func (p *planner) free(name, host string) string {
	key := func(name string) string {
		if host == "" {
			return name
		}
		return host + "\x00" + name
	}
	out := name
	for n := 2; p.taken[key(out)]; n++ {
		out = name + "-" + strconv.Itoa(n)
	}
	p.taken[key(out)] = true
	return out
}

// reachable is the address by which others reach a node; none if it has none. IPv4
// goes before IPv6.
func reachable(n *topology.Node) (found netip.Addr) {
	for _, a := range n.Addresses {
		if usable(a) && !n.InContainerNetwork(a) && (!found.IsValid() || a.Is4() && !found.Is4()) {
			found = a
		}
	}
	return found
}

func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
}

func (p *planner) gap(g *Gap, names map[string]string) {
	b := p.snap.Block(g.Node)
	if b == nil {
		return
	}
	services := make([]*topology.Service, 0, len(g.Services))
	for _, id := range g.Services {
		if s := b.Service(id); s != nil {
			services = append(services, s)
		}
	}
	slices.SortStableFunc(services, func(a, b *topology.Service) int { return int(a.Port) - int(b.Port) })
	for _, s := range services {
		if b.Node.Kind == topology.Container {
			p.inside(b, s, names)
		} else {
			p.service(names[g.Node], s, s.Port, specific(s))
		}
	}
}

// inside is a service in a container: it is checked at the port of its host that
// leads there.
func (p *planner) inside(b *topology.Block, s *topology.Service, names map[string]string) {
	at := strings.LastIndexByte(b.Node.Name, '/')
	if at < 0 {
		return
	}
	host := p.snap.Block(b.Node.Name[:at])
	if host == nil {
		return
	}
	name := names[host.Node.Name]
	if name == "" {
		g := find(host, p.opt)
		name = p.host(host, &g)
		names[host.Node.Name] = name
	}
	for _, f := range host.Node.Forwards {
		if f.Protocol == s.Protocol && f.To.Port() == s.Port && slices.Contains(b.Node.Addresses, f.To.Addr().Unmap()) {
			p.service(name, s, f.From.Port(), "")
			return
		}
	}
	p.leave(s, "is in a container, and no port of its host is seen to lead there")
}

// specific is the address that a service is to be asked at, if that may be another
// than its node's.
func specific(s *topology.Service) string {
	for _, a := range s.Addresses {
		if a.IsUnspecified() {
			return ""
		}
	}
	if len(s.Addresses) == 1 && usable(s.Addresses[0]) {
		return s.Addresses[0].String()
	}
	return ""
}

func (p *planner) service(host string, s *topology.Service, port uint16, address string) {
	if s.Scope == topology.ScopeLoopback {
		p.leave(s, "is to be reached from its own host only: check it there, by an agent such as NRPE")
		return
	}
	id, title, web := p.catalogue.Software(s)
	how, ok := choose(id, web, s.Protocol, s.Port)
	if !ok {
		p.leave(s, "speaks UDP, of which nothing general can be asked")
		return
	}
	if how == viaPOP {
		title = "POP3" // by whatever serves IMAP, too
	}
	if title == "" {
		title = s.Process
	}
	name := clean(strings.TrimSpace(title + " " + string(s.Protocol) + " " + strconv.Itoa(int(port))))
	o := serviceObject{host: host, name: p.free(name, host), plugin: how, address: address, port: port}
	if id == "postgresql" {
		o.hint = "check_pgsql looks deeper, with a login"
	}
	p.services = append(p.services, o)
}

func (p *planner) leave(s *topology.Service, why string) {
	process := s.Process
	if process == "" {
		process = "what listens there"
	}
	p.left = append(p.left, fmt.Sprintf("%s %s/%d: %s %s", clean(s.Node), s.Protocol, s.Port, clean(process), why))
}

// choose is the plugin for software on a port; false if there is none.
func choose(id string, web bool, protocol topology.Protocol, port uint16) (plugin, bool) {
	if protocol == "udp" {
		switch {
		case id == "dns" && port == 53:
			return viaDNS, true
		case port == 123:
			return viaNTP, true
		}
		return "", false
	}
	encrypted := port == 465 || port == 636 || port == 990 || port == 993 || port == 995
	switch {
	case port == 443 || web && port == 8443:
		return viaHTTPS, true
	case port == 80 || web:
		return viaHTTP, true
	case encrypted:
		return viaTCP, true
	}
	switch id {
	case "ssh":
		return viaSSH, true
	case "smtp":
		return viaSMTP, true
	case "imap":
		if port == 110 {
			return viaPOP, true
		}
		return viaIMAP, port != 0
	case "pop3":
		return viaPOP, true
	case "ftp":
		return viaFTP, true
	case "mysql":
		return viaMySQL, true
	case "ldap":
		return viaLDAP, true
	case "redis":
		return viaRedis, true
	case "memcached":
		return viaMemcached, true
	}
	return viaTCP, true
}

// clean makes a text fit for names in both systems, and harmless: letters, digits and
// a few signs of ASCII, at most 128 bytes.
func clean(s string) string {
	const most = 128
	out := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(" ._-/:@+", r):
			return r
		}
		return '_'
	}, s)
	if len(out) > most {
		out = out[:most]
	}
	if out = strings.Join(strings.Fields(out), " "); out == "" {
		return "unnamed"
	}
	return out
}
