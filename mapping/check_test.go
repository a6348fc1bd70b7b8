package mapping

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// depot is where ports are not what they seem.
func depot(t testing.TB) *topology.Snapshot {
	t.Helper()
	docker := node("docker1", "10.0.0.20", "8080 docker-proxy", "5000 docker-proxy", "22 sshd")
	docker.Node.Forwards = []topology.Forward{{Protocol: "tcp", From: netip.MustParseAddrPort("10.0.0.20:8080"), To: netip.MustParseAddrPort("172.17.0.2:80")}}
	vip := node("vip", "10.0.0.100", "80 -")
	vip.Node.Kind = topology.Virtual
	moved := node("moved", "10.0.0.30", "8000 shop gone", "8001 shop", "5432 postgres gone", "5433 postgres")
	moved.Services[3].FirstSeen = noon.Add(2 * time.Hour) // shop on 8001, since 8000 is gone
	return snapshot(t, docker, vip, moved,
		node("docker1/web", "172.17.0.2", "80 nginx"), node("docker1/db", "172.17.0.3", "5432 postgres"),
		node("web1", "10.0.0.1", "80 nginx", "443 nginx", "9100 node_exporter", "9187 postgres_export", "5666 nrpe", "8080 java", "8081 java"),
		node("db1", "10.0.0.2", "5432 postgres", "5433 postgres unit=postgresql@15-report.service"),
		node("two", "10.0.0.3 10.0.0.4", "80 nginx addr=10.0.0.3", "80 apache2 addr=10.0.0.4"),
		node("dns1", "10.0.0.5", "53/udp named", "53 named", "53/udp dnsmasq loopback addr=127.0.0.1"),
		node("multi", "10.0.0.6", "3000 app-a", "3001 app-b", "4000 shop-api", "4001 shop-api"))
}

func TestChecks(t *testing.T) {
	port := func(p uint16, address ...string) []Hint {
		return []Hint{{Port: p, Address: strings.Join(address, ""), From: "command argument -p"}}
	}
	exporter := func(p uint16, address string) []Hint {
		return []Hint{{Port: p, Address: address, From: "label instance", Exporter: true}}
	}
	rules := compiled(t, Settings{Rules: []Rule{
		{Name: "shop", Check: "^shop$", Process: "^nginx$", Port: 443},
		{Check: "both", Process: "java"},
		{Check: "elsewhere", Node: "db1", Process: "postgres", Port: 5432},
		{Check: "whole", Host: "web", Node: "web1"},
		{Check: "futile", Process: "nothing"},
		{Check: "^Lost$", Node: "nowhere"},
		{Check: "inside", Process: "nginx"},
		{Check: "resolver", Port: 53, Protocol: "tcp"},
	}})
	for _, tt := range []struct {
		name, host, check string
		hints             []Hint
		want              string
		says              string
	}{
		{"rule", "web1", "Shop", nil, "web1~tcp~443 rule", `rule "shop" of the settings: nginx on port 443`},
		{"rule for several", "web1", "both", nil, "web1 rule? web1~tcp~8080 web1~tcp~8081", "rule 2 of the settings, and 2 services would do"},
		{"rule for several, a port decides", "web1", "both", port(8081), "web1~tcp~8081 rule", ""},
		{"rule for several, a number decides", "web1", "both 8081", nil, "web1~tcp~8081 rule", ""},
		{"rule to another node", "web1", "elsewhere", nil, "db1~tcp~5432 rule", ""},
		{"rule for a host that is no node", "nowhere", "elsewhere", nil, "db1~tcp~5432 rule", ""},
		{"rule to the node as a whole", "web1", "whole http", nil, "web1 rule", "the node as a whole"},
		{"rule for another host", "db1", "whole postgres", nil, "db1~tcp~5432 known", ""},
		{"rule that leads nowhere", "web1", "futile", nil, "web1 name", "rule 5 fits it, and no service of web1"},
		{"rule that leads nowhere, and more", "web1", "futile http", nil, "web1~tcp~80 known", ""},
		{"rule to no node", "web1", "Lost", nil, "web1 name", "rule 6 leads to no node"},
		{"rule into a container", "docker1", "inside", nil, "docker1!web~tcp~80 rule", "to which port 8080 is forwarded"},
		{"rule with a protocol", "dns1", "resolver", nil, "dns1~tcp~53 rule", ""},

		{"port", "web1", "x", port(443), "web1~tcp~443 port", "command argument -p names the port: nginx on port 443"},
		{"port goes before words", "web1", "http", port(443), "web1~tcp~443 port", ""},
		{"port of nobody", "web1", "http", port(81), "web1 name", "names port 81, where nothing is known to listen"},
		{"port of another node", "web1", "x", port(5432, "10.0.0.2"), "db1~tcp~5432 port", "leads to db1"},
		{"port at a node's name", "web1", "x", port(5432, "db1"), "db1~tcp~5432 port", ""},
		{"port at another monitored host", "web1", "x", port(5432, "monitored-db"), "db1~tcp~5432 port", ""},
		{"port at a name that it serves", "web1", "x", port(80, "www.shop.example"), "web1~tcp~80 port", ""},
		{"port at an address of nobody", "web1", "https", port(80, "192.0.2.1"), "web1~tcp~443 known", ""},
		{"port at itself", "web1", "x", port(80, "127.0.0.1"), "web1~tcp~80 port", ""},
		{"port at one of two addresses", "two", "x", port(80, "10.0.0.4"), "two~tcp~80~10.0.0.4 port", "apache2 on port 80"},
		{"port at no address", "two", "x", port(80), "two port? two~tcp~80 two~tcp~80~10.0.0.4", "2 services would do"},
		{"port of a virtual address", "vip", "x", port(80), "vip~tcp~80 port", "what listens on port 80"},
		{"port that is forwarded", "docker1", "x", port(8080), "docker1!web~tcp~80 port", "nginx on port 80 of docker1/web, to which port 8080 is forwarded"},
		{"port of the container's proxy", "docker1", "x", port(5000), "docker1~tcp~5000 port", ""},
		{"two ports", "web1", "x", append(port(80), port(443)...), "web1 port? web1~tcp~443 web1~tcp~80", ""},
		{"two ports, and a word", "web1", "https", append(port(80), port(443)...), "web1~tcp~443 port", ""},
		{"address alone", "web1", "postgres", port(0, "10.0.0.2"), "db1~tcp~5432 known", "an address that the check names leads to db1"},
		{"address alone, nothing there", "web1", "redis", port(0, "10.0.0.2"), "db1 address", "no service of it is known as Redis"},
		{"own address beside another", "web1", "postgres", append(port(0, "10.0.0.2"), port(0, "10.0.0.1")...), "web1 name", ""},
		{"address for a host that is no node", "nowhere", "postgres", port(0, "10.0.0.2"), "db1~tcp~5432 known", ""},

		{"exporter's port", "web1", "http", exporter(9100, ""), "web1~tcp~80 known", ""},
		{"exporter's port without the mark", "web1", "http", port(9100), "web1~tcp~80 known", ""},
		{"agent's port", "web1", "load", port(5666), "web1 host", ""},
		{"agent itself", "web1", "NRPE", exporter(5666, ""), "web1~tcp~5666 port", ""},
		{"agent elsewhere", "web1", "load", port(9999), "web1 host", `"load" is about a node as a whole`},
		{"what an exporter measures", "db1", "TooManyLocks", exporter(9187, ""), "db1~tcp~5432 known", "where PostgreSQL is measured"},
		{"exporter at an address", "x", "PostgresqlDown", exporter(9187, "10.0.0.2"), "db1~tcp~5432 known", ""},

		{"the usual port", "db1", "postgres", nil, "db1~tcp~5432 known", `"postgres" means PostgreSQL: postgres on port 5432`},
		{"the instance's name", "db1", "postgres report", nil, "db1~tcp~5433 known", ""},
		{"a number", "db1", "postgres 5433", nil, "db1~tcp~5433 port", "its name says the port"},
		{"in a container", "docker1", "postgres", nil, "docker1!db~tcp~5432 known", "of docker1/db"},
		{"UDP first", "dns1", "dns", nil, "dns1~udp~53 known", "named"},
		{"TCP if it says so", "dns1", "dns tcp", nil, "dns1~tcp~53 known", ""},

		{"name", "multi", "app-a", nil, "multi~tcp~3000 name", `"appa" is a name that goes with it`},
		{"name with more", "multi", "app-b health", nil, "multi~tcp~3001 name", ""},
		{"name of two", "multi", "shop-api", nil, "multi name? multi~tcp~4000 multi~tcp~4001", ""},
		{"name of nobody", "multi", "shops", nil, "multi name", "no service of it fits"},
		{"moved", "moved", "shop", nil, "moved~tcp~8001 name", ""},
		{"failed", "moved", "postgres", nil, "moved~tcp~5432 known", "which stopped listening"},

		{"host", "web1", "", nil, "web1 name", ""},
		{"host that is no node", "nowhere", "", nil, "-", ""},
		{"nowhere", "nowhere", "http", nil, "-", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(depot(t), rules, []Host{{Name: "web1"}, {Name: "monitored-db", Addresses: []string{"10.0.0.2"}}})
			c := m.Check(check(tt.host, tt.check, tt.hints...))
			evidence := ""
			if c.Mapping != nil {
				evidence = c.Mapping.Evidence
			}
			if got := told(c); got != tt.want || !strings.Contains(evidence, tt.says) {
				t.Errorf("got  %s\nwant %s\n%s", got, tt.want, evidence)
			}
		})
	}
}

// TestEvidenceSaysWhichNode: where the host's name doesn't.
func TestEvidenceSaysWhichNode(t *testing.T) {
	m := New(depot(t), nil, []Host{{Name: "customer-17", Addresses: []string{"10.0.0.1"}}})
	for name, want := range map[string]string{"http": `"customer-17" is web1: its address 10.0.0.1; "http" means HTTP: nginx on port 80`, "load": `"customer-17" is web1: its address 10.0.0.1; "load" is about a node as a whole`} {
		if got := m.Check(check("customer-17", name)).Mapping.Evidence; got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestOwnNameSaysNothing: what a host is called in its own checks is no clue.
func TestOwnNameSaysNothing(t *testing.T) {
	m := New(snapshot(t, node("redis1", "", "6379 redis-server", "80 nginx"), node("redis", "", "6379 redis-server")), nil, nil)
	for _, tt := range [][3]string{
		{"redis1", "redis1 has been restarted", "redis1 host"},
		{"redis1", "http on redis1", "redis1~tcp~80 known"},
		{"redis1", "redis memory", "redis1~tcp~6379 known"},
		{"redis1", "redis1 backup", "redis1 host"},
		{"redis", "Redis: Service is down", "redis~tcp~6379 known"},
		{"redis", "REDIS", "redis~tcp~6379 known"},
	} {
		if got := told(m.Check(check(tt[0], tt[1]))); got != tt[2] {
			t.Errorf("%s: %s, want %s", tt[1], got, tt[2])
		}
	}
}

// TestMemoryIsBounded: a source whose checks all have different names does not fill
// the memory.
func TestMemoryIsBounded(t *testing.T) {
	m := New(depot(t), compiled(t, Settings{Rules: []Rule{{Check: "x", Process: "x"}}}), nil)
	for i := range maxMemory + 10 {
		m.Check(check("web1", fmt.Sprint("check ", i)))
	}
	if len(m.subjects) > maxMemory || len(m.namings) > maxMemory || len(m.sayings) > maxMemory {
		t.Errorf("%d subjects, %d namings, %d sayings", len(m.subjects), len(m.namings), len(m.sayings))
	}
}

// TestManyStrangers: hosts that nobody gave are remembered up to a number, and mapped
// beyond it.
func TestManyStrangers(t *testing.T) {
	m := New(snapshot(t, node("web1", "10.0.0.1")), nil, nil)
	for i := range maxStrangers + 10 {
		m.Host(fmt.Sprint("stranger", i))
	}
	if len(m.list) > maxStrangers || len(m.hosts) > maxStrangers {
		t.Errorf("%d hosts", len(m.list))
	}
	if p := m.Host("web1"); p.Node != "web1" {
		t.Errorf("%+v", p)
	}
}

func TestRenewTells(t *testing.T) {
	before := snapshot(t, node("web1", "10.0.0.1", "80 nginx"), node("db1", "10.0.0.2", "5432 postgres"), node("idle", "10.0.0.3", "22 sshd"))
	for _, tt := range []struct {
		name   string
		change func(e *topology.Edit)
		want   []string
	}{
		{"nothing", func(*topology.Edit) {}, nil},
		{"numbers and checks", func(e *topology.Edit) {
			b := e.Block("web1").Clone()
			b.Services[0].Clients, b.Node.LastReport = 7, noon.Add(time.Minute)
			b.SetChecks([]topology.Check{{ID: "x", Status: topology.Critical}})
			e.Put(b)
		}, nil},
		{"a service", func(e *topology.Edit) { e.Put(node("web1", "10.0.0.1", "80 nginx", "443 nginx")) }, []string{"web1"}},
		{"a service that a check of another host looks at", func(e *topology.Edit) { e.Put(node("db1", "10.0.0.2", "5433 postgres")) }, []string{"db-main", "web1"}},
		{"a node that is gone", func(e *topology.Edit) { e.Delete("idle") }, []string{"idle"}},
		{"a node that comes", func(e *topology.Edit) { e.Put(node("new", "10.0.0.9")) }, []string{"later"}},
		{"an address that moves", func(e *topology.Edit) { e.Put(node("idle", "10.0.0.2 10.0.0.3")) }, []string{"db-main", "idle", "web1"}},
		{"a container that comes", func(e *topology.Edit) { e.Put(node("idle/redis", "", "6379 redis-server")) }, []string{"idle"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(before, nil, []Host{{Name: "web1"}, {Name: "db-main", Addresses: []string{"10.0.0.2"}}, {Name: "idle"}, {Name: "later", Addresses: []string{"10.0.0.9"}}})
			m.Check(check("web1", "x", Hint{Address: "10.0.0.2", Port: 5432}))
			e := before.Edit()
			tt.change(e)
			if got := m.Renew(e.Commit(topology.Revision{Epoch: "e", Number: 2}, noon)); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestMissed(t *testing.T) {
	m := New(depot(t), compiled(t, Settings{Rules: []Rule{{Check: "whole", Node: "web1"}}}), nil)
	for _, tt := range []struct {
		host, name string
		want       Miss
	}{
		{"web1", "http", Found},
		{"web1", "load", Found},
		{"web1", "", Found},
		{"web1", "whole", Found},
		{"nowhere", "http", NoNode},
		{"nowhere", "", NoNode},
		{"web1", "redis", NoService},
		{"multi", "shop-api", Several},
	} {
		if c := m.Check(check(tt.host, tt.name)); Missed(&c.Check) != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.host, tt.name, Missed(&c.Check), tt.want)
		}
	}
}
