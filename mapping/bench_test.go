package mapping

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/devops-trouble-map/dotm/topology"
)

const (
	manyNodes  = 10_000
	manyChecks = 10 // of each
)

// large is a site of many nodes with ten services each, as many monitored hosts, and
// ten checks of each, of which two name their port.
func large(b *testing.B) (*topology.Snapshot, []Host, []Check) {
	b.Helper()
	programs := []string{
		"22 sshd", "80 nginx", "443 nginx", "5432 postgres unit=postgresql@15-main.service", "6379 redis-server", "9100 node_exporter",
		"8080 java unit=tomcat9.service", "25 master", "123/udp chronyd", "9000 shop-api",
	}
	names := []string{"PING", "load", "Disk /var", "ssh", "HTTP", "PostgreSQL connections", "redis", "shop-api health", "web check", "JVM"}
	e := topology.Empty(topology.Revision{Epoch: "e", Number: 1}, noon).Edit()
	hosts := make([]Host, 0, manyNodes)
	checks := make([]Check, 0, manyNodes*manyChecks)
	for i := range manyNodes {
		addr := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		name := fmt.Sprintf("host%05d", i)
		e.Put(node(name, addr.String(), programs...))
		hosts = append(hosts, Host{Name: name + ".example.org", Addresses: []string{addr.String()}, Alias: "Host number " + name})
		for n, what := range names {
			c := check(name+".example.org", what)
			switch n {
			case 8:
				c.Hints = []Hint{{Port: 443, From: "command argument -p"}}
			case 9:
				c.Hints = []Hint{{Address: addr.String(), Port: 8080, From: "label instance"}}
			}
			checks = append(checks, *c)
		}
	}
	return e.Commit(topology.Revision{Epoch: "e", Number: 1}, noon), hosts, checks
}

// BenchmarkAll is a source that is read for the first time: all hosts and checks.
func BenchmarkAll(b *testing.B) {
	snap, hosts, checks := large(b)
	for _, bb := range []struct {
		name  string
		rules []Rule
	}{{"no rules", nil}, {"1000 rules", manyRules()}} {
		b.Run(bb.name, func(b *testing.B) {
			rules, err := Compile(Settings{Rules: bb.rules})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				m := New(snap, rules, hosts)
				for i := range checks {
					m.Check(&checks[i])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(checks)), "ns/check")
		})
	}
}

func manyRules() (out []Rule) {
	for i := range MaxRules {
		switch i % 3 {
		case 0:
			out = append(out, Rule{Check: fmt.Sprintf("^team%d .*backend", i), Process: "nginx"})
		case 1:
			out = append(out, Rule{Check: "^HTTP$", Host: fmt.Sprintf("^host%05d$", i), Process: "^nginx$", Port: 443})
		default:
			out = append(out, Rule{Check: "redis|memcached", Host: fmt.Sprintf("cache[0-9]+-%d", i), Process: "redis"})
		}
	}
	return out
}

// BenchmarkRenew is a snapshot in which one node of many changed: what is found out,
// and the checks that are mapped again.
func BenchmarkRenew(b *testing.B) {
	snap, hosts, checks := large(b)
	m := New(snap, nil, hosts)
	byHost := map[string][]*Check{}
	for i := range checks {
		m.Check(&checks[i])
		byHost[checks[i].Host] = append(byHost[checks[i].Host], &checks[i])
	}
	for _, bb := range []struct {
		name   string
		change func(*topology.Block, int)
	}{
		{"service", func(bl *topology.Block, n int) { bl.Services[n%2].State = topology.Gone }},
		{"address", func(bl *topology.Block, n int) {
			bl.Node.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, 1, 19, 0x88}), netip.AddrFrom4([4]byte{10, 9, 9, byte(n)})}
		}},
		{"numbers", func(bl *topology.Block, n int) { bl.Services[0].Clients = n }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var next []*topology.Snapshot
			for n := range 2 {
				e := snap.Edit()
				block := snap.Block("host05000").Clone()
				bb.change(block, n)
				e.Put(block)
				next = append(next, e.Commit(topology.Revision{Epoch: "e", Number: uint64(n) + 2}, noon))
			}
			m.Renew(next[1])
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				for _, h := range m.Renew(next[n%2]) {
					for _, c := range byHost[h] {
						m.Check(c)
					}
				}
				n++
			}
		})
	}
}
