package mapping

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/topology"
)

var (
	someNodes     = []string{"web1", "web1.a.example", "web2", "db1", "db1@7f3a", "redis", "web1/redis", "web1/app-1", "db1/x", "10.0.0.9"}
	someHosts     = []string{"web1", "WEB1", "web1.a.example", "web1.b.example", "web2.a.example", "db1", "redis", "10.0.0.1", "old1", "other", "alias1", "x"}
	someNames     = []string{"http", "HTTPS", "redis", "Redis memory", "postgres", "load", "disk /var", "app", "app http", "port 8080", "web1 mysql", "x", "replication", "InstanceDown", "ssh 2222", "load x", "dns"}
	someProcesses = []string{"", "nginx", "redis-server", "postgres", "java", "app", "x", "docker-proxy", "haproxy", "node", "named"}
	somePorts     = []uint16{22, 53, 80, 443, 2222, 5432, 6379, 8080, 9187}
	someAddresses = []string{"10.0.0.1", "10.0.0.2", "10.0.0.9", "172.17.0.1", "172.18.0.2", "fd00::1", "127.0.0.1"}
)

func addresses(t *rapid.T) (out []netip.Addr) {
	for _, a := range rapid.SliceOfNDistinct(rapid.SampledFrom(someAddresses), 0, 3, rapid.ID).Draw(t, "addresses") {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func randomBlock(t *rapid.T, name string) *topology.Block {
	b := node(name, "")
	b.Node.Kind = rapid.SampledFrom([]topology.NodeKind{b.Node.Kind, b.Node.Kind, topology.Inferred, topology.Virtual, topology.Network}).Draw(t, "kind")
	b.Node.Addresses = addresses(t)
	b.Node.Zone = rapid.SampledFrom([]string{"", "dmz"}).Draw(t, "zone")
	if rapid.Bool().Draw(t, "former") {
		b.Node.Formerly = []topology.Former{{Name: "old1"}}
	}
	if rapid.Bool().Draw(t, "bridge") {
		b.Node.ContainerNetworks = []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16")}
	}
	if rapid.Bool().Draw(t, "forward") {
		b.Node.Forwards = []topology.Forward{{Protocol: "tcp", From: netip.MustParseAddrPort("10.0.0.1:8080"), To: netip.MustParseAddrPort("172.18.0.2:80")}}
	}
	seen := map[string]bool{}
	for i := range rapid.IntRange(0, 5).Draw(t, "services") {
		s := service(name, fmt.Sprintf("%d/%s %s addr=10.0.0.%d", rapid.SampledFrom(somePorts).Draw(t, "port"), rapid.SampledFrom([]string{"tcp", "tcp", "udp"}).Draw(t, "protocol"),
			rapid.SampledFrom(someProcesses).Draw(t, "process"), i), seen)
		s.Unit = rapid.SampledFrom([]string{"", "", "redis.service", "app@1.service"}).Draw(t, "unit")
		s.Container = rapid.SampledFrom([]string{"", "", "shop-app-1"}).Draw(t, "container")
		s.State = rapid.SampledFrom([]topology.ServiceState{topology.Listening, topology.Listening, topology.Gone}).Draw(t, "state")
		s.FirstSeen = noon.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "first")) * time.Hour)
		s.LastSeen = noon.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "last")) * time.Hour)
		b.Services = append(b.Services, s)
	}
	sortServices(b)
	return b
}

func randomHosts(t *rapid.T) (out []Host) {
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(someHosts), 0, len(someHosts), rapid.ID).Draw(t, "hosts") {
		out = append(out, Host{
			Name: name, Addresses: rapid.SliceOfN(rapid.SampledFrom(append([]string{"web2", "db1"}, someAddresses...)), 0, 2).Draw(t, "host addresses"),
			Alias: rapid.SampledFrom([]string{"", "", "web1", "db1.a.example", "localhost"}).Draw(t, "alias"),
		})
	}
	return out
}

func randomChecks(t *rapid.T) (out []*Check) {
	hosts := append(slices.Clone(someHosts), "stranger", "web2")
	for i := range rapid.IntRange(1, 12).Draw(t, "checks") {
		c := check(rapid.SampledFrom(hosts).Draw(t, "of"), rapid.SampledFrom(append([]string{""}, someNames...)).Draw(t, "name"))
		c.ID = fmt.Sprint(i)
		c.Command = rapid.SampledFrom([]string{"", "", "check_http", "check_load", "check_redis", "check_tcp"}).Draw(t, "command")
		for range rapid.IntRange(0, 2).Draw(t, "hints") {
			c.Hints = append(c.Hints, Hint{
				Address: rapid.SampledFrom(append([]string{"", "", "db1", "other", "web1", "nobody.example"}, someAddresses...)).Draw(t, "hint address"),
				Port:    rapid.SampledFrom(append([]uint16{0, 0}, somePorts...)).Draw(t, "hint port"), From: "perfdata",
				Exporter: rapid.Bool().Draw(t, "exporter"),
			})
		}
		out = append(out, c)
	}
	return out
}

func randomRules(t *rapid.T) *Rules {
	s := Settings{Aliases: map[string]string{}}
	for range rapid.IntRange(0, 2).Draw(t, "aliases") {
		s.Aliases[strings.ToLower(rapid.SampledFrom(someHosts).Draw(t, "alias of"))] = rapid.SampledFrom(someNodes).Draw(t, "alias to")
	}
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		s.Rules = append(s.Rules, Rule{
			Check:   rapid.SampledFrom([]string{"^http$", "redis|postgres", ".", "^(?-i:HTTPS)$"}).Draw(t, "check"),
			Process: rapid.SampledFrom([]string{"", "nginx", "^app$", "."}).Draw(t, "rule process"),
			Host:    rapid.SampledFrom([]string{"", "web", "^db1$"}).Draw(t, "rule host"),
			Node:    rapid.SampledFrom([]string{"", "", "db1", "WEB1", "gone"}).Draw(t, "rule node"),
			Port:    rapid.SampledFrom([]uint16{0, 80, 5432}).Draw(t, "rule port"),
		})
	}
	for i := range s.Rules {
		if r := &s.Rules[i]; r.Process == "" && r.Port == 0 && r.Node == "" {
			r.Port = 443
		}
	}
	r, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func randomSnapshot(t *rapid.T, old *topology.Snapshot) *topology.Snapshot {
	e := topology.Empty(topology.Revision{Epoch: "e", Number: 1}, noon).Edit()
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(someNodes), 0, len(someNodes), rapid.ID).Draw(t, "nodes")
	if old != nil {
		e = old.Edit()
		names = names[:min(len(names), 3)]
	}
	for _, name := range names {
		if old != nil && rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			e.Delete(name)
		} else {
			e.Put(randomBlock(t, name))
		}
	}
	return e.Commit(topology.Revision{Epoch: "e", Number: 2}, noon)
}

func mapped(m *Mapper, checks []*Check) map[string]topology.Check {
	out := map[string]topology.Check{}
	for _, c := range checks {
		x := *c
		out[c.ID] = m.Check(&x).Check
	}
	return out
}

var sameAddresses = cmpopts.EquateComparable(netip.Addr{})

// TestOrderMakesNoDifference: hosts and checks in another order are mapped alike.
func TestOrderMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snap, rules, hosts, checks := randomSnapshot(t, nil), randomRules(t), randomHosts(t), randomChecks(t)
		a := mapped(New(snap, rules, hosts), checks)
		hosts, checks = rapid.Permutation(hosts).Draw(t, "hosts again"), rapid.Permutation(checks).Draw(t, "checks again")
		if diff := cmp.Diff(a, mapped(New(snap, rules, hosts), checks), sameAddresses); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestRenewingIsMappingAnew: after Renew, the checks of the hosts that it names, and
// no others, have to be mapped again.
func TestRenewingIsMappingAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snap, rules, hosts, checks := randomSnapshot(t, nil), randomRules(t), randomHosts(t), randomChecks(t)
		m := New(snap, rules, hosts)
		now := mapped(m, checks)
		for range rapid.IntRange(1, 3).Draw(t, "renewals") {
			snap = randomSnapshot(t, snap)
			affected := m.Renew(snap)
			for _, c := range checks {
				if slices.Contains(affected, c.Host) {
					x := *c
					now[c.ID] = m.Check(&x).Check
				}
			}
			fresh := New(snap, rules, hosts)
			if diff := cmp.Diff(mapped(fresh, checks), now, sameAddresses); diff != "" {
				t.Fatal(diff)
			}
			for _, h := range someHosts {
				if diff := cmp.Diff(fresh.Host(h), m.Host(h), sameAddresses); diff != "" {
					t.Fatal(diff)
				}
			}
		}
	})
}

// TestWhatIsMappedIsThere: the service is one of the node, candidates exist, and
// there is always evidence.
func TestWhatIsMappedIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snap, rules, hosts, checks := randomSnapshot(t, nil), randomRules(t), randomHosts(t), randomChecks(t)
		m := New(snap, rules, hosts)
		for _, c := range checks {
			m.Check(c)
			if place := m.Host(c.Host); place.Mapping.Evidence == "" || place.Mapping.Rule == "" {
				t.Fatalf("host %q: %+v", c.Host, place)
			}
			if c.Node == "" {
				if c.Mapping != nil || c.Service != "" {
					t.Fatalf("%q is on no node, and %+v", c.Name, c.Mapping)
				}
				continue
			}
			b := snap.Block(c.Node)
			switch {
			case b == nil:
				t.Fatalf("%q is on %q, which is no node", c.Name, c.Node)
			case c.Service != "" && b.Service(c.Service) == nil:
				t.Fatalf("%q is on %q, which %q doesn't have", c.Name, c.Service, c.Node)
			case c.Mapping.Evidence == "" || c.Mapping.Rule == "":
				t.Fatalf("%q: %+v", c.Name, c.Mapping)
			case c.Mapping.Ambiguous != (len(c.Mapping.Candidates) > 1) || c.Mapping.Ambiguous && c.Service != "":
				t.Fatalf("%q: service %q, %+v", c.Name, c.Service, c.Mapping)
			}
			for _, id := range c.Mapping.Candidates {
				if snap.Service(id) == nil {
					t.Fatalf("%q: candidate %q is no service", c.Name, id)
				}
			}
		}
	})
}
