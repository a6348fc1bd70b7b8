//go:build linux

package fleettest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/collect/ssh"
	"github.com/devops-trouble-map/dotm/test/bed"
)

// The hosts of the base scene. Those with an agent report; the others are read
// as text, over SSH, or not at all.
var (
	withAgent = []string{"map1", "lb1", "web1", "web2", "app1", "db1", "cache1", "dns1", "six1", "desk1", "gw1", "branch1"}
	asked     = []string{"old1", "legacy1"}
)

const httpRequest = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"

// baseHosts is the site's network: one switch, and a branch behind a gateway.
func baseHosts(t *testing.T) *site {
	t.Helper()
	const branch = "192.168.50.0/24 via 10.77.0.22"
	main := func(name, last string, addresses ...string) plan {
		p := on("main", name, append([]string{"10.77.0." + last + "/24"}, addresses...)...)
		p.routes = []string{branch}
		return p
	}
	return newSite(t,
		main("map1", "10"), main("lb1", "11"), main("web1", "12"), main("web2", "13"),
		main("app1", "14", "fd77::14/64"), main("db1", "15"), main("cache1", "16"), main("dns1", "17"),
		main("old1", "18"), main("legacy1", "19"), main("bare1", "20"),
		main("six1", "21", "fd77::21/64"), main("desk1", "23", "fd77::23/64"),
		plan{name: "gw1", cables: []cable{{"main", []string{"10.77.0.22/24"}}, {"branch", []string{"192.168.50.1/24"}}}},
		plan{name: "branch1", cables: []cable{{"branch", []string{"192.168.50.2/24"}}}, routes: []string{"10.77.0.0/24 via 192.168.50.1"}},
	)
}

// baseSite starts the programs of the base scene, and everything that reports.
func baseSite(t *testing.T) (*site, *dotm) {
	t.Helper()
	s := baseHosts(t)
	h := s.hosts
	key := filepath.Join(openDir(t), "id_ed25519")
	public := keygen(t, key)
	h["db1"].postgres(t, "10.77.0.15")
	h["cache1"].redis(t, 6379, "10.77.0.16")
	h["cache1"].memcached(t, "10.77.0.16")
	h["dns1"].dnsmasq(t, "10.77.0.17")
	shop := h["app1"].listens("shop", "tcp4 10.77.0.14:8080", "tcp6 [fd77::14]:8081", "tcp4 10.77.0.14:61500", "tcp4 10.77.0.14:45000")
	h["web1"].nginx(t, "10.77.0.12:80", "10.77.0.14:8080")
	h["web2"].nginx(t, "10.77.0.13:80", "10.77.0.14:8080")
	h["lb1"].haproxy(t, "http", "10.77.0.11:80", "", "10.77.0.12:80", "10.77.0.13:80")
	known := filepath.Join(openDir(t), "known_hosts")
	write(t, known, h["legacy1"].sshd(t, "10.77.0.19:22", public, ssh.SudoPrivilege))
	must(t, h["gw1"].Set("net.ipv4.ip_forward=1"))
	_, err := h["gw1"].Run(`table ip nat {
		chain pre { type nat hook prerouting priority dstnat; ip daddr 192.168.50.1 tcp dport 8443 dnat to 10.77.0.14:8080; }
	}`, need(t, "nft"), "-f", "-")
	must(t, err)
	h["desk1"].reachable("10.77.0.11:80", "10.77.0.12:80", "10.77.0.13:80", "10.77.0.14:8080", "10.77.0.15:5432", "10.77.0.16:6379", "10.77.0.16:11211", "10.77.0.17:53", "10.77.0.19:22")
	calls(t, shop, "tcp 10.77.0.15:5432", "tcp 10.77.0.16:6379", "tcp 10.77.0.16:11211", "udp 10.77.0.17:53")
	baseClients(t, s)

	d := h["map1"].server(t, "10.77.0.10:4849", "--ssh-key", key, "--ssh-known-hosts", known)
	for _, name := range withAgent {
		h[name].agent(d)
	}
	need(t, "netstat")
	_, err = h["old1"].puppet("dotm_node").Order(bed.Order{Do: "text", Network: "tcp4", Local: "10.77.0.18:4848"})
	must(t, err)
	d.ask(t, "node", "add", "text://10.77.0.18:4848", "--data", d.data)
	d.ask(t, "node", "add", "ssh://"+operator+"@10.77.0.19", "--data", d.data)
	d.heardOf(t, append(withAgent, asked...)...)
	return s, d
}

// baseClients opens the connections of the base scene, and the servers that
// are puppets.
func baseClients(t *testing.T, s *site) {
	t.Helper()
	h := s.hosts
	h["six1"].listens("api6", "tcp [::]:9000", "tcp6 [fd77::21]:9001")
	h["dns1"].listens("syslogd", "udp4 10.77.0.17:514")
	h["bare1"].calls("partner", "tcp 10.77.0.11:80")
	h["bare1"].listens("partner2", "tcp4 10.77.0.20:7000")
	calls(t, h["old1"].listens("ledger", "tcp4 10.77.0.18:7001"), "tcp 10.77.0.15:5432")
	calls(t, h["legacy1"].listens("archive", "tcp4 10.77.0.19:7002"), "tcp 10.77.0.16:6379")
	h["legacy1"].calls("logger", "udp 10.77.0.17:514")

	h["app1"].calls("orders", "tcp 10.77.0.21:9000", "tcp [fd77::21]:9000", "tcp [fd77::21]:9001")
	h["six1"].calls("poller", "tcp [fd77::14]:8081")
	h["cache1"].calls("stats", "tcp 10.77.0.16:6379")
	h["branch1"].calls("till", "tcp 192.168.50.1:8443")

	desk := h["desk1"]
	browser := desk.puppet("browser")
	_, err := browser.Order(bed.Order{Do: "dial", Network: "tcp", Address: "10.77.0.11:80", Count: 4, Send: httpRequest})
	must(t, err)
	desk.calls("books", "tcp 10.77.0.18:7001", "tcp 10.77.0.19:7002", "tcp 10.77.0.20:7000")
	desk.calls("resolver", "udp 10.77.0.17:53", "tcp 10.77.0.17:53")
	high := desk.puppet("high") // its own ports are below the servers'
	for local, address := range map[string]string{"10.77.0.23:2001": "10.77.0.14:61500", "10.77.0.23:2002": "10.77.0.14:45000"} {
		_, err := high.Order(bed.Order{Do: "dial", Network: "tcp4", Local: local, Address: address})
		must(t, err)
	}
}

// baseScene is what the chart must show of it.
func baseScene(t *testing.T) scene {
	t.Helper()
	want := scene{edges: expected(t, "base.tsv"), nodes: []string{"10.77.0.20 inferred inferred"}}
	for _, name := range append(withAgent, asked...) {
		want.nodes = append(want.nodes, name+" host reporting")
	}
	return want
}

// A whole site: every edge that there is, and no other.
func TestBase(t *testing.T) {
	_, d := baseSite(t)
	s := d.on.site
	// Most of these are open for less than a look.
	must(t, s.hosts["desk1"].puppet("visitor").Visit(20, 5*time.Millisecond, "10.77.0.16:6379"))
	want := baseScene(t)
	c := d.shows(t, want, withAgent...)
	for name, how := range map[string]string{"lb1": "agent", "old1": "text", "legacy1": "ssh"} {
		if got := c.node(name).Collect; got != how {
			t.Errorf("%s is read by %q, want %q", name, got, how)
		}
	}
}
