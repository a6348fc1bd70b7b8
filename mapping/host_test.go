package mapping

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
)

// crowd is a site where names and addresses are not what one would wish.
func crowd(t testing.TB) *topology.Snapshot {
	t.Helper()
	bridged := node("docker1", "10.0.0.20 172.17.0.1")
	bridged.Node.ContainerNetworks = []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16")}
	other := node("docker2", "10.0.0.21 172.17.0.1")
	other.Node.ContainerNetworks = bridged.Node.ContainerNetworks
	vip := node("shop-vip", "10.0.0.100")
	vip.Node.Kind = topology.Virtual
	inferred := node("10.0.0.77", "10.0.0.77", "5432 -")
	inferred.Node.Kind = topology.Inferred
	dmz := node("dmz1", "10.0.0.1")
	dmz.Node.Zone = "dmz"
	renamed := node("new-name", "10.0.0.50")
	renamed.Node.Formerly = []topology.Former{{Name: "old-name"}}
	internet := node("Internet", "10.6.6.6")
	internet.Node.Kind = topology.Internet
	return snapshot(t, bridged, other, vip, inferred, dmz, renamed, internet,
		node("web1", "10.0.0.1 fd00::1"), node("web2", "10.0.0.2 10.0.0.200"), node("web3", "10.0.0.3 10.0.0.200"), node("db1.example.org", "10.0.0.5"),
		node("twin", "10.1.0.1"), node("twin@7f3a", "10.1.0.2"), node("app.a.example", "10.2.0.1"), node("app.b.example", "10.2.0.2"),
		node("docker1/redis", "172.17.0.2", "6379 redis-server"), node("Mixed", "10.0.0.60"))
}

func TestHosts(t *testing.T) {
	rules := compiled(t, Settings{Aliases: map[string]string{"DB-Main": "db1.example.org", "lost": "nowhere", "short": "db1", "web2": "web3"}})
	for _, tt := range []struct {
		name string
		host Host
		want string // node and rule, or why there is none
		says string // part of the evidence
	}{
		{"alias in other letters", Host{Name: "db-main", Addresses: []string{"10.0.0.2"}}, "db1.example.org alias", "the settings say"},
		{"alias of no node", Host{Name: "lost", Addresses: []string{"10.0.0.2"}}, "- alias", `"nowhere", which is no node`},
		{"alias without the domain", Host{Name: "short"}, "db1.example.org alias", "the settings say"},
		{"alias before the name", Host{Name: "web2"}, "web3 alias", ""},
		{"address", Host{Name: "x", Addresses: []string{"10.0.0.2"}}, "web2 address", "its address 10.0.0.2"},
		{"IPv6", Host{Name: "x", Addresses: []string{"FD00:0::1"}}, "web1 address", "fd00::1"},
		{"IPv4 in IPv6", Host{Name: "x", Addresses: []string{"::ffff:10.0.0.2"}}, "web2 address", ""},
		{"address goes before name", Host{Name: "web3", Addresses: []string{"10.0.0.2"}}, "web2 address", ""},
		{"the name is an address", Host{Name: "10.0.0.2"}, "web2 address", ""},
		{"address of two zones", Host{Name: "x", Addresses: []string{"10.0.0.1"}}, "? dmz1 web1", "may be dmz1 or web1"},
		{"address of two zones, and a name", Host{Name: "web1.example.org", Addresses: []string{"10.0.0.1"}}, "web1 address", "the one with its name"},
		{"address of two nodes", Host{Name: "x", Addresses: []string{"10.0.0.200"}}, "? web2 web3", ""},
		{"address of two nodes, and another", Host{Name: "x", Addresses: []string{"10.0.0.200", "10.0.0.3"}}, "web3 address", ""},
		{"addresses of two nodes", Host{Name: "x", Addresses: []string{"10.0.0.2", "10.0.0.3"}}, "? web2 web3", ""},
		{"address of every Docker host", Host{Name: "x", Addresses: []string{"172.17.0.1"}}, "- name", "no node has an address or a name"},
		{"virtual address", Host{Name: "shop", Addresses: []string{"10.0.0.100"}}, "shop-vip address", ""},
		{"inferred", Host{Name: "x", Addresses: []string{"10.0.0.77"}}, "10.0.0.77 address", ""},
		{"container", Host{Name: "x", Addresses: []string{"172.17.0.2"}}, "docker1/redis address", ""},
		{"container by name", Host{Name: "redis"}, "docker1/redis name", ""},
		{"the Internet is nobody", Host{Name: "Internet", Addresses: []string{"10.6.6.6"}}, "- name", ""},
		{"loopback says nothing", Host{Name: "web2.example", Addresses: []string{"127.0.0.1"}}, "web2 name", ""},
		{"localhost is nobody", Host{Name: "localhost", Alias: "localhost", Addresses: []string{"127.0.0.1"}}, "- name", ""},
		{"exact name", Host{Name: "Web1"}, "web1 name", "is the node's"},
		{"name in other letters", Host{Name: "MIXED"}, "Mixed name", ""},
		{"name with a domain", Host{Name: "web1.example.org"}, "web1 name", "without its domain"},
		{"name without a domain", Host{Name: "db1"}, "db1.example.org name", "without its domain"},
		{"another domain", Host{Name: "db1.other.org"}, "- name", ""},
		{"short for two", Host{Name: "app"}, "? app.a.example app.b.example", ""},
		{"two hosts of one name", Host{Name: "twin"}, "? twin twin@7f3a", ""},
		{"former name", Host{Name: "old-name"}, "new-name name", "was the node's before"},
		{"address is a name", Host{Name: "x", Addresses: []string{"web3"}}, "web3 name", `its address "web3"`},
		{"alias text", Host{Name: "x", Alias: "web3"}, "web3 name", `its alias "web3"`},
		{"display name", Host{Name: "x", Alias: "The web", Display: "web3"}, "web3 name", "display"},
		{"nothing", Host{Name: "printer", Addresses: []string{"192.0.2.1"}, Alias: "Printer"}, "- name", `"printer"`},
		{"empty", Host{}, "- name", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := New(crowd(t), rules, []Host{tt.host}).Host(tt.host.Name)
			got := p.Node + " " + p.Mapping.Rule
			switch {
			case p.Mapping.Ambiguous && p.Node == "":
				got = "? " + strings.Join(p.Mapping.Candidates, " ")
			case p.Node == "":
				got = "- " + p.Mapping.Rule
			}
			if got != tt.want || !strings.Contains(p.Mapping.Evidence, tt.says) || p.Mapping.Evidence == "" || p.Service != "" {
				t.Errorf("%q, want %q: %s", got, tt.want, p.Mapping.Evidence)
			}
		})
	}
}

// TestSeveralDomains: with two monitored hosts of one short name, a node of that name
// is neither for sure, unless an address tells.
func TestSeveralDomains(t *testing.T) {
	snap := snapshot(t, node("web1", "10.0.0.1"))
	m := New(snap, nil, []Host{{Name: "web1.a.example"}, {Name: "web1.b.example"}, {Name: "web1.c.example", Addresses: []string{"10.0.0.1"}}})
	for _, name := range []string{"web1.a.example", "web1.b.example"} {
		if p := m.Host(name); p.Node != "" || !p.Mapping.Ambiguous || !strings.Contains(p.Mapping.Evidence, "other domains") {
			t.Errorf("%s is %q: %s", name, p.Node, p.Mapping.Evidence)
		}
	}
	if p := m.Host("web1.c.example"); p.Node != "web1" {
		t.Errorf("web1.c.example is %q: %s", p.Node, p.Mapping.Evidence)
	}
	if strays := m.Strays(); len(strays) != 2 || strays[0].Host.Name != "web1.a.example" || strays[0].Mapping.Candidates[0] != "web1" {
		t.Errorf("strays: %+v", strays)
	}
}

// TestHostsOfOneName count as one that has the addresses of all.
func TestHostsOfOneName(t *testing.T) {
	snap := snapshot(t, node("web1", "10.0.0.1"))
	for _, hosts := range [][]Host{{{Name: "x"}, {Name: "x", Addresses: []string{"10.0.0.1"}}}, {{Name: "x", Addresses: []string{"10.0.0.1"}}, {Name: "x"}}} {
		if p := New(snap, nil, hosts).Host("x"); p.Node != "web1" {
			t.Errorf("%q: %s", p.Node, p.Mapping.Evidence)
		}
	}
}
