package site

import (
	"fmt"
	"net/netip"

	"github.com/devops-trouble-map/dotm/report"
)

// hub is a service that most hosts use.
type hub struct {
	kind    string
	pool    *pool
	traffic traffic
	client  string // the process that calls it; empty: it calls all
	every   int64  // milliseconds between two uses; 0: it stays connected
}

// hubKind is how a site gets a hub.
type hubKind struct {
	hub
	program program
	from    int // the size of a site that has it
	per     int // hosts for each of its own
}

var hubKinds = []hubKind{
	{
		hub{kind: "dns", client: "systemd-resolved", traffic: traffic{open: 0.4, rate: 0.2, rtt: 200, steady: true}},
		program{"unbound", "unbound", "unbound.service", "dns", "check_dns", 53, report.UDP},
		4, 400,
	},
	{
		hub{kind: "monitor", traffic: traffic{open: 1, rtt: 350, sent: 120, got: 9e3, steady: true}},
		program{"prometheus", "prometheus", "prometheus.service", "prometheus", "check_http", 9090, report.TCP},
		3, 1500,
	},
	{
		hub{kind: "map", client: "dotm", traffic: traffic{open: 1, rtt: 350, sent: 300, got: 60, steady: true}},
		program{"dotm", "dotm", "dotm.service", "dotm", "check_tcp", 4849, report.TCP},
		5, 20_000,
	},
	{
		hub{kind: "log", client: "vector", traffic: traffic{open: 1, rtt: 330, sent: 3e3, got: 40, steady: true}},
		program{"vector", "vector", "vector.service", "vector", "check_tcp", 6000, report.TCP},
		8, 500,
	},
	{
		hub{kind: "config", client: "puppet", every: 30 * minute, traffic: traffic{open: 1, rate: 0.1, rtt: 500, sent: 9e3, got: 60e3, steady: true}},
		program{"java", "puppet", "puppetserver.service", "puppetserver", "check_http", 8140, report.TCP},
		20, 1500,
	},
	{
		hub{kind: "ntp", client: "chronyd", every: 4 * minute, traffic: traffic{open: 1, rtt: 200, steady: true}},
		program{"chronyd", "_chrony", "chrony.service", "ntp", "check_ntp", 123, report.UDP},
		20, 3000,
	},
	{
		hub{kind: "mirror", client: "apt", every: 6 * hour, traffic: traffic{open: 2, rate: 0.5, rtt: 300, sent: 900, got: 2e6, steady: true}},
		program{"nginx", "www-data", "nginx.service", "http", "check_http", 80, report.TCP},
		40, 3000,
	},
}

// planShared makes the hosts of shared services, and returns how many are left.
func (s *Site) planShared() (rest int) {
	rest = s.opt.Hosts
	for i, k := range hubKinds {
		if s.opt.Hosts < k.from {
			continue
		}
		q := &pool{name: k.kind, tier: Shared}
		n := 1 + s.opt.Hosts/k.per
		if k.kind == "dns" && s.opt.Hosts >= 12 {
			n++
		}
		for j := range n {
			h := s.host(fmt.Sprintf("%s%d", k.kind, j+1), q, netip.AddrFrom4([4]byte{10, 10, byte(i + 1), byte(10 + j)}), 16)
			s.run(h, k.program)
			s.basics(h)
			rest--
		}
		s.pools = append(s.pools, q)
		h := k.hub
		h.pool = q
		s.hubs = append(s.hubs, h)
	}
	return rest
}

// connectShared links all hosts with the shared services.
func (s *Site) connectShared() {
	for _, b := range s.hubs {
		servers := b.pool.servers()
		for i, h := range s.hosts {
			v := servers[i%len(servers)]
			if b.client == "" {
				if v.host != h {
					s.connect(v, h.process("node_exporter"), b.traffic)
				}
				continue
			}
			c := h.client(b.client)
			if v.host == h {
				continue
			}
			s.connect(c, v, b.traffic).period = b.every
		}
	}
}

// client is the process of a name that only calls others.
func (h *host) client(name string) *process {
	for _, p := range h.processes {
		if p.name == name && p.port == 0 {
			return p
		}
	}
	return nil
}
