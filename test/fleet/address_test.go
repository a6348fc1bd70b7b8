//go:build linux

package fleettest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed/chart"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// floating is an address that moves between hosts, or that several have.
const floating = "10.77.0.100"

// Keepalived moves an address from one balancer to the other: the edges lead to
// the address before and after, and who has it is its history.
func TestFailover(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "lb1", "lb2", "desk1"}
	s := newSite(t, stage.On("main", "map1", "10.77.0.10/24"), stage.On("main", "lb1", "10.77.0.11/24"), stage.On("main", "lb2", "10.77.0.12/24"), stage.On("main", "desk1", "10.77.0.13/24"))
	s.listens(t, "lb1", "front", "tcp4 0.0.0.0:80")
	s.listens(t, "lb2", "front", "tcp4 0.0.0.0:80")
	first := s.Hosts["lb1"].Keepalived(t, floating, 150)
	s.Hosts["desk1"].Reachable(t, floating+":80")
	s.Hosts["lb2"].Keepalived(t, floating, 100)
	browser := s.calls(t, "desk1", "browser", "tcp "+floating+":80")
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.agents(t, s)
	want := chart.Graph{Edges: chart.ReadEdges(t, "failover.tsv"), Nodes: append(chart.Reporting(hosts...), floating+" virtual inferred")}
	before := d.Shows(t, want, hosts...)
	if h := before.Node(floating).Holders; len(h) != 1 || h[0].Node != "lb1" {
		t.Errorf("%s is held by %+v, want lb1", floating, h)
	}

	begin := time.Now()
	first.Kill()
	s.Hosts["lb1"].IP(t, "address del "+floating+"/32 dev eth0") // what keepalived does if asked to end
	browser.HangUp(t)
	stage.Eventually(t, "lb2 answers", func() error { return browser.Puppet.Dial(1, "tcp", floating+":80") })
	d.ChartWhen(t, "lb2 holds "+floating, func(c *chart.Chart) error {
		if h := c.Node(floating).Holders; len(h) != 2 || h[0].Node != "lb2" || h[1].Node != "lb1" || h[1].Until.IsZero() {
			return fmt.Errorf("its holders are %+v", h)
		}
		return nil
	})
	sameEdges(t, before, d.Shows(t, want, hosts...))
	if events := d.events(t, begin); !slices.Equal(events, []string{"changed node " + floating + " holder"}) {
		t.Errorf("a failover is said to be %q", events)
	}
}

// sameEdges checks that every edge and node is the one that it was.
func sameEdges(t *testing.T, before, after *chart.Chart) {
	t.Helper()
	for _, b := range before.Connections {
		i := slices.IndexFunc(after.Connections, func(c chart.Connection) bool { return c.ID == b.ID })
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
		if a := after.Node(b.Name); a == nil || !a.FirstSeen.Equal(b.FirstSeen) {
			t.Errorf("node %s was first seen %s, is now %+v", b.Name, b.FirstSeen, a)
		}
	}
	for _, b := range before.Services {
		i := slices.IndexFunc(after.Services, func(s chart.Service) bool { return s.ID == b.ID })
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
	s := newSite(t,
		stage.On("main", "map1", "10.77.0.10/24"), stage.On("main", "real1", "10.77.0.11/24"), stage.On("main", "real2", "10.77.0.12/24"),
		stage.On("main", "desk1", "10.77.0.13/24").Via(floating+"/32 via "+"10.77.0.11"), stage.On("main", "desk2", "10.77.0.14/24").Via(floating+"/32 via "+"10.77.0.12"),
	)
	for _, real := range []string{"real1", "real2"} {
		s.Hosts[real].Set(t, "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
		s.Hosts[real].IP(t, "address add "+floating+"/32 dev lo")
		s.listens(t, real, "shop", "tcp4 0.0.0.0:80")
	}
	s.calls(t, "desk1", "browser", "tcp "+floating+":80")
	s.calls(t, "desk2", "browser", "tcp "+floating+":80")
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.agents(t, s)
	c := d.Shows(t, chart.Graph{Edges: chart.ReadEdges(t, "direct-return.tsv"), Nodes: append(chart.Reporting(hosts...), floating+" virtual inferred")}, hosts...)
	for _, k := range c.Connections {
		if !k.Own && !k.Evidence.Confirmed {
			t.Errorf("from %s: both ends report, and nothing confirms that they speak of one connection", k.Client.Node)
		}
	}
	var holders []string
	for _, h := range c.Node(floating).Holders {
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
	s := newSite(t, stage.On("main", "map1", "10.77.0.10/24"), stage.On("main", "app1", "10.77.0.11/24"),
		stage.On("main", "gw1", "10.77.0.22/24").And("branch", "192.168.50.1/24"),
		stage.On("branch", "till1", "192.168.50.2/24").Via("default via 192.168.50.1"),
		stage.On("branch", "till2", "192.168.50.3/24").Via("default via 192.168.50.1"),
	)
	s.Hosts["gw1"].Rules(t, `table ip nat {
		chain post { type nat hook postrouting priority srcnat; oifname eth0 masquerade; }
	}`)
	s.listens(t, "app1", "shop", "tcp4 10.77.0.11:8080")
	s.calls(t, "till1", "till", "tcp 10.77.0.11:8080")
	s.calls(t, "till2", "audit", "tcp 10.77.0.11:8080", "tcp 10.77.0.11:8080")
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.agents(t, s)
	d.Shows(t, chart.Graph{Edges: chart.ReadEdges(t, "snat.tsv"), Nodes: chart.Reporting(hosts...)}, hosts...)
}

// twoZones are two parts of a site that number their hosts alike, and a server
// that both reach by another way.
func twoZones(t *testing.T) (s site, hosts []string) {
	t.Helper()
	twin := func(zone, name, address, management string) stage.Plan {
		return stage.On("management", name, management+"/24").And(zone, address+"/24")
	}
	s = newSite(t, stage.On("management", "map1", "10.80.0.10/24"),
		twin("north", "web-n", "192.168.5.1", "10.80.0.11"), twin("north", "db-n", "192.168.5.2", "10.80.0.12"),
		twin("south", "web-s", "192.168.5.1", "10.80.0.13"), twin("south", "db-s", "192.168.5.2", "10.80.0.14"),
	)
	for _, z := range []string{"n", "s"} {
		s.Hosts["db-"+z].Redis(t, 6379, "192.168.5.2")
		s.Hosts["web-"+z].Reachable(t, "192.168.5.2:6379")
		s.calls(t, "web-"+z, "shop-"+z, "tcp 192.168.5.2:6379")
	}
	return s, []string{"map1", "web-n", "db-n", "web-s", "db-s"}
}

// Two equal networks in two zones: an address means what it means in its own.
func TestZones(t *testing.T) {
	t.Parallel()
	s, hosts := twoZones(t)
	d := s.server(t, "map1", "10.80.0.10:4849")
	d.agent(t, s.Hosts["map1"])
	for zone, names := range map[string][]string{"north": {"web-n", "db-n"}, "south": {"web-s", "db-s"}} {
		for _, n := range names {
			d.agent(t, s.Hosts[n], "--zone", zone)
		}
	}
	d.HeardOf(t, hosts...)
	c := d.Shows(t, chart.Graph{Edges: chart.ReadEdges(t, "zones.tsv"), Nodes: chart.Reporting(hosts...)}, hosts...)
	if z := c.Node("db-s").Zone; z != "south" {
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
	d := s.server(t, "map1", "10.80.0.10:4849")
	d.agents(t, s)
	c := d.Shows(t, chart.Graph{Edges: chart.ReadEdges(t, "zones.tsv"), Nodes: chart.Reporting(hosts...)}, hosts...)
	for _, name := range hosts[1:] {
		if !slices.ContainsFunc(c.Node(name).Findings, func(f chart.Finding) bool { return f.Code == "duplicate-address" }) {
			t.Errorf("nothing says that %s has an address that another host has: %+v", name, c.Node(name).Findings)
		}
	}
}

// Every host has a bridge docker0 of the same address, with services on it and
// a container behind it.
func TestContainerBridges(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "web1", "web2"}
	s := newSite(t, stage.On("main", "map1", "10.77.0.10/24"), stage.On("main", "web1", "10.77.0.11/24"), stage.On("main", "web2", "10.77.0.12/24"))
	for _, name := range hosts {
		s.Hosts[name].IP(t, "link add docker0 type bridge", "address add 172.17.0.1/16 dev docker0", "link set docker0 up")
	}
	for _, name := range []string{"web1", "web2"} {
		h := s.Hosts[name]
		h.Redis(t, 6379, "172.17.0.1")
		h.Reachable(t, "172.17.0.1:6379")
		h.Container(t, "api", "docker0", "172.17.0.2/16").Serves(t, "tcp4 172.17.0.2:80").Calls(t, "tcp 172.17.0.1:6379")
		s.calls(t, name, "shop", "tcp 172.17.0.1:6379", "tcp 172.17.0.2:80")
	}
	s.listens(t, "web2", "front", "tcp4 10.77.0.12:8080")
	s.calls(t, "web1", "shop2", "tcp 10.77.0.12:8080")
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.agents(t, s, "--namespaces", "all")
	containers := []string{"web1/api container reporting", "web2/api container reporting"}
	c := d.Shows(t, chart.Graph{Edges: chart.ReadEdges(t, "bridges.tsv"), Nodes: append(containers, chart.Reporting(hosts...)...)}, hosts...)
	for _, n := range c.Nodes {
		for _, f := range n.Findings {
			t.Errorf("finding %s of %s: %s", f.Code, n.Name, f.Text)
		}
	}
}

// A balancer that knows nothing of what it passes on: two edges, and none that
// leads through it.
func TestProxyOfConnections(t *testing.T) {
	t.Parallel()
	hosts := []string{"map1", "lb1", "db1", "desk1"}
	s := newSite(t, stage.On("main", "map1", "10.77.0.10/24"), stage.On("main", "lb1", "10.77.0.11/24"), stage.On("main", "db1", "10.77.0.12/24"), stage.On("main", "desk1", "10.77.0.13/24"))
	s.Hosts["db1"].Redis(t, 6379, "10.77.0.12")
	s.Hosts["lb1"].Reachable(t, "10.77.0.12:6379")
	s.Hosts["lb1"].Haproxy(t, "tcp", "10.77.0.11:6380", "10.77.0.12:6379")
	s.Hosts["desk1"].Reachable(t, "10.77.0.11:6380")
	s.calls(t, "desk1", "orders", "tcp 10.77.0.11:6380", "tcp 10.77.0.11:6380")
	d := s.server(t, "map1", "10.77.0.10:4849")
	d.agents(t, s)
	d.Shows(t, chart.Graph{Edges: chart.ReadEdges(t, "proxy.tsv"), Nodes: chart.Reporting(hosts...)}, hosts...)
}
