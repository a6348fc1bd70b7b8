//go:build linux

package fleettest

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/collect/ssh"
	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// The hosts of the base scene. Those with an agent report; the others are read
// as text, over SSH, or not at all.
var (
	withAgent = []string{"map1", "lb1", "web1", "web2", "app1", "db1", "cache1", "dns1", "six1", "desk1", "gw1", "branch1"}
	asked     = []string{"old1", "legacy1"}
)

// noEBPF is the host whose agent may look at sockets and processes, but may load
// no eBPF programs.
const noEBPF = "web2"

const httpRequest = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"

// baseHosts is the site's network: one switch, and a branch behind a gateway.
func baseHosts(t *testing.T) site {
	t.Helper()
	const branch = "192.168.50.0/24 via 10.77.0.22"
	main := func(name, last string, addresses ...string) stage.Plan {
		return stage.On("main", name, append([]string{"10.77.0." + last + "/24"}, addresses...)...).Via(branch)
	}
	return newSite(t,
		main("map1", "10"), main("lb1", "11"), main("web1", "12"), main("web2", "13"),
		main("app1", "14", "fd77::14/64"), main("db1", "15"), main("cache1", "16"), main("dns1", "17"),
		main("old1", "18"), main("legacy1", "19"), main("bare1", "20"),
		main("six1", "21", "fd77::21/64"), main("desk1", "23", "fd77::23/64"),
		stage.On("main", "gw1", "10.77.0.22/24").And("branch", "192.168.50.1/24"),
		stage.On("branch", "branch1", "192.168.50.2/24").Via("10.77.0.0/24 via 192.168.50.1"),
	)
}

// baseSite starts the programs of the base scene, and everything that reports.
func baseSite(t *testing.T) (site, *dotm) {
	t.Helper()
	s := baseHosts(t)
	h := s.Hosts
	h["db1"].Postgres(t, "10.77.0.15")
	h["cache1"].Redis(t, 6379, "10.77.0.16")
	h["cache1"].Memcached(t, "10.77.0.16")
	h["dns1"].Dnsmasq(t, 53, "10.77.0.17")
	shop := s.listens(t, "app1", "shop", "tcp4 10.77.0.14:8080", "tcp6 [fd77::14]:8081", "tcp4 10.77.0.14:61500", "tcp4 10.77.0.14:45000")
	const pass = "location / { proxy_pass http://10.77.0.14:8080; proxy_read_timeout 1h; }"
	h["web1"].Nginx(t, pass, "10.77.0.12:80")
	h["web2"].Nginx(t, pass, "10.77.0.13:80")
	h["lb1"].Haproxy(t, "http", "10.77.0.11:80", "10.77.0.12:80", "10.77.0.13:80")
	_, access := asks(t, h["legacy1"], "10.77.0.19")
	h["gw1"].Rules(t, `table ip nat {
		chain pre { type nat hook prerouting priority dstnat; ip daddr 192.168.50.1 tcp dport 8443 dnat to 10.77.0.14:8080; }
	}`)
	h["desk1"].Reachable(t, "10.77.0.11:80", "10.77.0.12:80", "10.77.0.13:80", "10.77.0.14:8080", "10.77.0.15:5432", "10.77.0.16:6379", "10.77.0.16:11211", "10.77.0.17:53")
	shop.Calls(t, "tcp 10.77.0.15:5432", "tcp 10.77.0.16:6379", "tcp 10.77.0.16:11211", "udp 10.77.0.17:53")
	baseClients(t, s)

	d := s.server(t, "map1", "10.77.0.10:4849", access...)
	for _, name := range withAgent {
		if name == noEBPF {
			d.agentAs(t, h[name], nil, bed.As(stage.Nobody, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH, unix.CAP_NET_ADMIN))
		} else {
			d.agent(t, h[name])
		}
	}
	speaksText(t, h["old1"], "10.77.0.18")
	d.add(t, "text://10.77.0.18:4848", "ssh://"+stage.Operator+"@10.77.0.19")
	d.HeardOf(t, append(withAgent, asked...)...)
	return s, d
}

// speaksText has a host answer as the original agent did.
func speaksText(t *testing.T, h *stage.Host, address string) *stage.Puppet {
	t.Helper()
	stage.Need(t, "netstat")
	p := h.Puppet(t, "dotm_node")
	p.Do(t, bed.Order{Do: "text", Network: "tcp4", Local: address + ":4848"})
	return p
}

// asks prepares a host to be asked over SSH, and returns what the server must be
// told for it.
func asks(t *testing.T, h *stage.Host, address string) (*stage.SSHD, []string) {
	t.Helper()
	stage.Need(t, "ss")
	keys := stage.NewKeys(t)
	server := h.SSHD(t, address+":22", stage.SSHSetup{Permit: keys, Sudoers: stage.Operator + " " + ssh.SudoPrivilege})
	return server, []string{"--ssh-key", keys.Private, "--ssh-known-hosts", stage.KnownHosts(t, server)}
}

// add has the server ask nodes.
func (d *dotm) add(t *testing.T, addresses ...string) {
	t.Helper()
	for _, a := range addresses {
		d.On.Ask(t, "node", "add", a, "--data", d.data)
	}
}

// baseClients opens the connections of the base scene, and the servers that
// are puppets.
func baseClients(t *testing.T, s site) {
	t.Helper()
	s.listens(t, "six1", "api6", "tcp [::]:9000", "tcp6 [fd77::21]:9001")
	s.listens(t, "dns1", "syslogd", "udp4 10.77.0.17:514")
	s.calls(t, "bare1", "partner", "tcp 10.77.0.11:80")
	s.listens(t, "bare1", "partner2", "tcp4 10.77.0.20:7000")
	s.listens(t, "old1", "ledger", "tcp4 10.77.0.18:7001").Calls(t, "tcp 10.77.0.15:5432")
	s.listens(t, "legacy1", "archive", "tcp4 10.77.0.19:7002").Calls(t, "tcp 10.77.0.16:6379")
	s.calls(t, "legacy1", "logger", "udp 10.77.0.17:514")

	s.calls(t, "app1", "orders", "tcp 10.77.0.21:9000", "tcp [fd77::21]:9000", "tcp [fd77::21]:9001")
	s.calls(t, "six1", "poller", "tcp [fd77::14]:8081")
	s.calls(t, "cache1", "stats", "tcp 10.77.0.16:6379")
	s.calls(t, "branch1", "till", "tcp 192.168.50.1:8443")

	desk := s.Hosts["desk1"]
	desk.Puppet(t, "browser").Do(t, bed.Order{Do: "dial", Network: "tcp", Address: "10.77.0.11:80", Count: 4, Send: httpRequest})
	s.calls(t, "desk1", "books", "tcp 10.77.0.18:7001", "tcp 10.77.0.19:7002", "tcp 10.77.0.20:7000")
	s.calls(t, "desk1", "resolver", "udp 10.77.0.17:53", "tcp 10.77.0.17:53")
	high := desk.Puppet(t, "high") // its own ports are below the servers'
	for local, address := range map[string]string{"10.77.0.23:2001": "10.77.0.14:61500", "10.77.0.23:2002": "10.77.0.14:45000"} {
		high.Do(t, bed.Order{Do: "dial", Network: "tcp4", Local: local, Address: address})
	}
}

// baseScene is what the chart must show of it.
func baseScene(t *testing.T) chart.Graph {
	t.Helper()
	return chart.Graph{
		Edges: chart.ReadEdges(t, "base.tsv"),
		Nodes: append(chart.Reporting(slices.Concat(withAgent, asked)...), "10.77.0.20 inferred inferred"),
	}
}

// A whole site: every edge that there is, and no other.
func TestBase(t *testing.T) {
	s, d := baseSite(t)
	// Most of these are open for less than a look.
	stage.Must(t, s.Hosts["desk1"].Puppet(t, "visitor").Visit(20, 5*time.Millisecond, "10.77.0.16:6379"))
	want := baseScene(t)
	c := d.Shows(t, want, withAgent...)
	for name, how := range map[string]string{"lb1": "agent", "old1": "text", "legacy1": "ssh"} {
		if got := c.Node(name).Collect; got != how {
			t.Errorf("%s is read by %q, want %q", name, got, how)
		}
	}
	for _, name := range withAgent {
		for _, code := range []string{"no-ebpf", "short-connections"} {
			there := slices.ContainsFunc(c.Node(name).Notes, func(n chart.Note) bool { return n.Code == code })
			if there != (name == noEBPF) {
				t.Errorf("%s has note %s: %t", name, code, there)
			}
		}
	}
}
