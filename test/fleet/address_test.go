//go:build linux

package fleettest

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// reporting are the lines of nodes that report.
func reporting(names ...string) (list []string) {
	for _, n := range names {
		list = append(list, n+" host reporting")
	}
	return list
}

// agents start one on each host, and wait until they all report.
func (d *dotm) agents(t *testing.T, names ...string) map[string]*agent {
	t.Helper()
	out := map[string]*agent{}
	for _, n := range names {
		out[n] = d.on.site.hosts[n].agent(d)
	}
	d.heardOf(t, names...)
	return out
}

// floating is an address that moves between hosts, and that keepalived holds.
const floating = "10.77.0.100"

// keepalived runs VRRP for the floating address.
func (m *machine) keepalived(t *testing.T, priority int) *bed.Program {
	t.Helper()
	config := filepath.Join(openDir(t), "keepalived.conf")
	write(t, config, fmt.Sprintf(`global_defs {
    router_id %s
}
vrrp_instance front {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 1
    virtual_ipaddress {
        %s/32
    }
}
`, m.Name, priority, floating))
	return m.start(need(t, "keepalived"), []string{"--dont-fork", "--log-console", "--vrrp", "-f", config, "-p", "/run/keepalived.pid", "-r", "/run/vrrp.pid"})
}

// Keepalived moves an address from one balancer to the other: the edges lead to
// the address before and after, and who has it is its history.
func TestFailover(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "lb1", "lb2", "desk1"}
	s := newSite(t, on("main", "map1", "10.77.0.10/24"), on("main", "lb1", "10.77.0.11/24"), on("main", "lb2", "10.77.0.12/24"), on("main", "desk1", "10.77.0.13/24"))
	s.hosts["lb1"].listens("front", "tcp4 0.0.0.0:80")
	s.hosts["lb2"].listens("front", "tcp4 0.0.0.0:80")
	first := s.hosts["lb1"].keepalived(t, 150)
	s.hosts["desk1"].reachable(floating + ":80")
	s.hosts["lb2"].keepalived(t, 100)
	browser := s.hosts["desk1"].calls("browser", "tcp "+floating+":80")
	d := s.hosts["map1"].server(t, "10.77.0.10:4849")
	d.agents(t, hosts...)
	want := scene{edges: expected(t, "failover.tsv"), nodes: append(reporting(hosts...), floating+" virtual inferred")}
	before := d.shows(t, want, hosts...)
	if h := before.node(floating).Holders; len(h) != 1 || h[0].Node != "lb1" {
		t.Errorf("%s is held by %+v, want lb1", floating, h)
	}

	first.Kill()
	must(t, s.hosts["lb1"].IP("address del "+floating+"/32 dev eth0")) // what keepalived does if asked to end
	must(t, browser.HangUp())
	eventually(t, "lb2 answers", func() error { return browser.Dial(1, "tcp", floating+":80") })
	eventually(t, "lb2 holds "+floating, func() error {
		c, err := d.chart(t.Context())
		if err != nil {
			return err
		}
		if h := c.node(floating).Holders; len(h) != 2 || h[0].Node != "lb2" || h[1].Node != "lb1" || h[1].Until.IsZero() {
			return fmt.Errorf("its holders are %+v", h)
		}
		return nil
	})
	sameEdges(t, before, d.shows(t, want, hosts...))
}

// sameEdges checks that every edge and node is the one that it was.
func sameEdges(t *testing.T, before, after *chart) {
	t.Helper()
	for _, b := range before.Connections {
		i := slices.IndexFunc(after.Connections, func(c connection) bool { return c.ID == b.ID })
		if i < 0 {
			if !b.Own {
				t.Errorf("edge %s/%s → %s:%d is not there any more", b.Client.Node, b.Client.Process, b.Server.Node, b.Server.Port)
			}
			continue
		}
		if a := after.Connections[i]; !a.FirstSeen.Equal(b.FirstSeen) || a.Status != b.Status {
			t.Errorf("edge %s/%s → %s:%d was first seen %s, is said to be first seen %s; %s, was %s",
				b.Client.Node, b.Client.Process, b.Server.Node, b.Server.Port, b.FirstSeen, a.FirstSeen, a.Status, b.Status)
		}
	}
	for _, b := range before.Nodes {
		if a := after.node(b.Name); a == nil || !a.FirstSeen.Equal(b.FirstSeen) {
			t.Errorf("node %s was first seen %s, is now %+v", b.Name, b.FirstSeen, a)
		}
	}
	for _, b := range before.Services {
		i := slices.IndexFunc(after.Services, func(s service) bool { return s.ID == b.ID })
		if i < 0 || !after.Services[i].FirstSeen.Equal(b.FirstSeen) {
			t.Errorf("service %s, first seen %s, is not there any more", b.ID, b.FirstSeen)
		}
	}
}

// Two servers answer under one address that rests on lo, as behind a balancer
// that sends back directly: the callers' routes say whom they reach.
func TestDirectServerReturn(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "real1", "real2", "desk1", "desk2"}
	via := func(p plan, router string) plan {
		p.routes = []string{floating + "/32 via " + router}
		return p
	}
	s := newSite(t,
		on("main", "map1", "10.77.0.10/24"), on("main", "real1", "10.77.0.11/24"), on("main", "real2", "10.77.0.12/24"),
		via(on("main", "desk1", "10.77.0.13/24"), "10.77.0.11"), via(on("main", "desk2", "10.77.0.14/24"), "10.77.0.12"),
	)
	for _, real := range []string{"real1", "real2"} {
		must(t, s.hosts[real].Set("net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"))
		must(t, s.hosts[real].IP("address add "+floating+"/32 dev lo"))
		s.hosts[real].listens("shop", "tcp4 0.0.0.0:80")
	}
	s.hosts["desk1"].calls("browser", "tcp "+floating+":80")
	s.hosts["desk2"].calls("browser", "tcp "+floating+":80")
	d := s.hosts["map1"].server(t, "10.77.0.10:4849")
	d.agents(t, hosts...)
	c := d.shows(t, scene{edges: expected(t, "direct-return.tsv"), nodes: append(reporting(hosts...), floating+" virtual inferred")}, hosts...)
	for _, k := range c.Connections {
		if !k.Own && !k.Evidence.Confirmed {
			t.Errorf("from %s: both ends report, and nothing confirms that they speak of one connection", k.Client.Node)
		}
	}
	var holders []string
	for _, h := range c.node(floating).Holders {
		holders = append(holders, h.Node)
	}
	if slices.Sort(holders); !slices.Equal(holders, []string{"real1", "real2"}) {
		t.Errorf("%s is said to be at %v", floating, holders)
	}
}

// Two hosts call through a gateway that puts its own address in place of
// theirs.
func TestSNAT(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "app1", "gw1", "till1", "till2"}
	s := newSite(t, on("main", "map1", "10.77.0.10/24"), on("main", "app1", "10.77.0.11/24"),
		plan{name: "gw1", cables: []cable{{"main", []string{"10.77.0.22/24"}}, {"branch", []string{"192.168.50.1/24"}}}},
		plan{name: "till1", cables: []cable{{"branch", []string{"192.168.50.2/24"}}}, routes: []string{"default via 192.168.50.1"}},
		plan{name: "till2", cables: []cable{{"branch", []string{"192.168.50.3/24"}}}, routes: []string{"default via 192.168.50.1"}},
	)
	must(t, s.hosts["gw1"].Set("net.ipv4.ip_forward=1"))
	_, err := s.hosts["gw1"].Run(`table ip nat {
		chain post { type nat hook postrouting priority srcnat; oifname eth0 masquerade; }
	}`, need(t, "nft"), "-f", "-")
	must(t, err)
	s.hosts["app1"].listens("shop", "tcp4 10.77.0.11:8080")
	s.hosts["till1"].calls("till", "tcp 10.77.0.11:8080")
	s.hosts["till2"].calls("audit", "tcp 10.77.0.11:8080", "tcp 10.77.0.11:8080")
	d := s.hosts["map1"].server(t, "10.77.0.10:4849")
	d.agents(t, hosts...)
	d.shows(t, scene{edges: expected(t, "snat.tsv"), nodes: reporting(hosts...)}, hosts...)
}

// twoZones are two parts of a site that number their hosts alike, and a server
// that both reach by another way.
func twoZones(t *testing.T) (s *site, hosts []string) {
	t.Helper()
	twin := func(zone, name, address, management string) plan {
		return plan{name: name, cables: []cable{{"management", []string{management + "/24"}}, {zone, []string{address + "/24"}}}}
	}
	s = newSite(t, on("management", "map1", "10.80.0.10/24"),
		twin("north", "web-n", "192.168.5.1", "10.80.0.11"), twin("north", "db-n", "192.168.5.2", "10.80.0.12"),
		twin("south", "web-s", "192.168.5.1", "10.80.0.13"), twin("south", "db-s", "192.168.5.2", "10.80.0.14"),
	)
	for _, z := range []string{"n", "s"} {
		s.hosts["db-"+z].redis(t, 6379, "192.168.5.2")
		s.hosts["web-"+z].reachable("192.168.5.2:6379")
		s.hosts["web-"+z].calls("shop-"+z, "tcp 192.168.5.2:6379")
	}
	return s, []string{"map1", "web-n", "db-n", "web-s", "db-s"}
}

// Two equal networks in two zones: an address means what it means in its own.
func TestZones(t *testing.T) {
	t.Parallel()
	s, hosts := twoZones(t)
	d := s.hosts["map1"].server(t, "10.80.0.10:4849")
	s.hosts["map1"].agent(d)
	for zone, names := range map[string][]string{"north": {"web-n", "db-n"}, "south": {"web-s", "db-s"}} {
		for _, n := range names {
			s.hosts[n].agent(d, "--zone", zone)
		}
	}
	d.heardOf(t, hosts...)
	c := d.shows(t, scene{edges: expected(t, "zones.tsv"), nodes: reporting(hosts...)}, hosts...)
	if z := c.node("db-s").Zone; z != "south" {
		t.Errorf("db-s is in zone %q", z)
	}
	for _, n := range c.Nodes {
		for _, f := range n.Findings {
			t.Errorf("finding %s of %s: %s", f.Code, n.Name, f.Text)
		}
	}
}

// The same without zones: addresses resolve to none of those that have them,
// but both ends say which connection is which.
func TestEqualNetworks(t *testing.T) {
	t.Parallel()
	s, hosts := twoZones(t)
	d := s.hosts["map1"].server(t, "10.80.0.10:4849")
	d.agents(t, hosts...)
	c := d.shows(t, scene{edges: expected(t, "zones.tsv"), nodes: reporting(hosts...)}, hosts...)
	for _, name := range hosts[1:] {
		if !slices.ContainsFunc(c.node(name).Findings, func(f finding) bool { return f.Code == "duplicate-address" }) {
			t.Errorf("nothing says that %s has an address that another host has: %+v", name, c.node(name).Findings)
		}
	}
}

// Every host has a bridge docker0 of the same address, with services on it and
// a container behind it.
func TestContainerBridges(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "web1", "web2"}
	s := newSite(t, on("main", "map1", "10.77.0.10/24"), on("main", "web1", "10.77.0.11/24"), on("main", "web2", "10.77.0.12/24"))
	for _, name := range hosts {
		must(t, s.hosts[name].IP("link add docker0 type bridge", "address add 172.17.0.1/16 dev docker0", "link set docker0 up"))
	}
	for _, name := range []string{"web1", "web2"} {
		h := s.hosts[name]
		h.redis(t, 6379, "172.17.0.1")
		h.reachable("172.17.0.1:6379")
		api := h.container(t, "api")
		_, err := api.Listen("tcp4", "172.17.0.2:80")
		must(t, err)
		calls(t, api, "tcp 172.17.0.1:6379")
		h.calls("shop", "tcp 172.17.0.1:6379", "tcp 172.17.0.2:80")
	}
	s.hosts["web2"].listens("front", "tcp4 10.77.0.12:8080")
	s.hosts["web1"].calls("shop2", "tcp 10.77.0.12:8080")
	d := s.hosts["map1"].server(t, "10.77.0.10:4849")
	for _, name := range hosts {
		s.hosts[name].agent(d, "--namespaces", "all")
	}
	d.heardOf(t, hosts...)
	containers := []string{"web1/api container reporting", "web2/api container reporting"}
	c := d.shows(t, scene{edges: expected(t, "bridges.tsv"), nodes: append(containers, reporting(hosts...)...)}, hosts...)
	for _, n := range c.Nodes {
		for _, f := range n.Findings {
			t.Errorf("finding %s of %s: %s", f.Code, n.Name, f.Text)
		}
	}
}

// container is a puppet with a network of its own, behind docker0.
func (m *machine) container(t *testing.T, name string) *bed.Puppet {
	t.Helper()
	p := m.puppet(name, bed.Contained())
	c, err := m.Container(p.Program)
	must(t, err)
	t.Cleanup(c.Stop)
	port := fmt.Sprintf("cable%d", serial.Add(1))
	must(t, bed.IP(fmt.Sprintf("link add %s netns %d type veth peer name eth0 netns %d", port, m.PID(), c.PID())))
	must(t, m.IP("link set "+port+" master docker0 up"))
	must(t, c.IP("address add 172.17.0.2/16 dev eth0", "link set eth0 up"))
	return p
}

// A balancer that knows nothing of what it passes on: two edges, and none that
// leads through it.
func TestProxyOfConnections(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "lb1", "db1", "desk1"}
	s := newSite(t, on("main", "map1", "10.77.0.10/24"), on("main", "lb1", "10.77.0.11/24"), on("main", "db1", "10.77.0.12/24"), on("main", "desk1", "10.77.0.13/24"))
	s.hosts["db1"].redis(t, 6379, "10.77.0.12")
	s.hosts["lb1"].reachable("10.77.0.12:6379")
	s.hosts["lb1"].haproxy(t, "tcp", "10.77.0.11:6380", "", "10.77.0.12:6379")
	s.hosts["desk1"].reachable("10.77.0.11:6380")
	s.hosts["desk1"].calls("orders", "tcp 10.77.0.11:6380", "tcp 10.77.0.11:6380")
	d := s.hosts["map1"].server(t, "10.77.0.10:4849")
	d.agents(t, hosts...)
	d.shows(t, scene{edges: expected(t, "proxy.tsv"), nodes: reporting(hosts...)}, hosts...)
}
