package proposal

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func node(name, address string) *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, LastReport: noon}}
	if strings.Contains(name, "/") {
		b.Node.Kind = topology.Container
	}
	if address != "" {
		b.Node.Addresses = []netip.Addr{netip.MustParseAddr(address)}
	}
	return b
}

func service(node string, protocol topology.Protocol, port uint16, process, address string) topology.Service {
	return topology.Service{
		ID: topology.ServiceID(node, protocol, port, netip.Addr{}), Node: node, Protocol: protocol, Port: port, Process: process, State: topology.Listening,
		Addresses: []netip.Addr{netip.MustParseAddr(address)}, FirstSeen: noon, LastSeen: noon,
	}
}

// with adds services to a block; a second on one port has its address in its id.
func with(b *topology.Block, services ...topology.Service) *topology.Block {
	for _, s := range services {
		if slices.ContainsFunc(b.Services, func(x topology.Service) bool { return x.ID == s.ID }) {
			s.ID = topology.ServiceID(s.Node, s.Protocol, s.Port, s.Addresses[0])
		}
		b.Services = append(b.Services, s)
	}
	return sorted(b)
}

func sorted(b *topology.Block) *topology.Block {
	slices.SortFunc(b.Services, func(x, y topology.Service) int { return strings.Compare(x.ID, y.ID) })
	return b
}

func snapshot(t testing.TB, blocks ...*topology.Block) *topology.Snapshot {
	t.Helper()
	s, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func depot(t testing.TB) *topology.Snapshot {
	t.Helper()
	const all = "0.0.0.0"
	vip := with(node("vip", "10.0.0.100"), service("vip", "tcp", 80, "", "10.0.0.100"))
	vip.Node.Kind = topology.Virtual
	internet := node("Internet", "")
	internet.Node.Kind = topology.Internet
	return snapshot(t, vip, internet, node("docker1", "10.0.0.20"),
		with(node("docker1/db", "172.17.0.3"), service("docker1/db", "tcp", 5432, "postgres", all)),
		with(node("web1", "10.0.0.1"), service("web1", "tcp", 80, "nginx", all), service("web1", "tcp", 443, "nginx", all)),
		with(node("db1", "10.0.0.2"), service("db1", "tcp", 5432, "postgres", all), service("db1", "tcp", 5433, "postgres", all)),
		with(node("dns1", "10.0.0.5"), service("dns1", "tcp", 53, "named", all), service("dns1", "udp", 53, "named", all)))
}

func compiled(t testing.TB, s mapping.Settings) *mapping.Rules {
	t.Helper()
	r, err := mapping.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func check(host, name string) *mapping.Check {
	kind := topology.ServiceCheck
	if name == "" {
		kind = topology.HostCheck
	}
	return &mapping.Check{Check: topology.Check{ID: topology.CheckID("test", host, name), Source: "test", Kind: kind, Host: host, Name: name}}
}

func TestPreview(t *testing.T) {
	checks := []mapping.Check{*check("web1", "shop"), *check("web1", "load"), *check("db1", "shop"), *check("nowhere", "shop")}
	m := mapping.New(depot(t), nil, []mapping.Host{{Name: "web1"}, {Name: "db1"}})
	before := slices.Clone(checks)
	moves := Preview(m, compiled(t, mapping.Settings{Rules: []mapping.Rule{{Check: "^shop$", Process: "nginx", Port: 443}}, Aliases: map[string]string{"nowhere": "web1"}}), checks)
	var got []string
	for _, mv := range moves {
		got = append(got, fmt.Sprintf("%s %s %s: %s%s %s -> %s%s %s", mv.ID[:4], mv.Host, mv.Name, mv.From.Node, mv.From.Service, mv.From.Mapping.Rule, mv.To.Node, mv.To.Service, mv.To.Mapping.Rule))
	}
	want := []string{
		checks[3].ID[:4] + " nowhere shop:  name -> web1web1~tcp~443 rule",
		checks[0].ID[:4] + " web1 shop: web1 name -> web1web1~tcp~443 rule",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for i := range checks {
		if checks[i].Node != before[i].Node || checks[i].Mapping != nil {
			t.Error("the checks changed")
		}
	}
	if moves := Preview(m, compiled(t, mapping.Settings{}), checks); len(moves) != 0 {
		t.Errorf("the same rules move %v", moves)
	}
}

func TestSuggest(t *testing.T) {
	m := mapping.New(depot(t), compiled(t, mapping.Settings{Aliases: map[string]string{"customer": "web1"}}), []mapping.Host{{Name: "web1"}, {Name: "customer"}})
	for _, tt := range []struct {
		name          string
		c             *mapping.Check
		node, service string
		want          string
	}{
		{"a service", check("web1", "x (1)"), "web1", "web1~tcp~80", `check ^(?-i:x \(1\))$ host ^(?-i:web1)$ process ^(?-i:nginx)$ port 80 tcp`},
		{"of an alias", check("customer", "x"), "web1", "web1~tcp~80", `check ^(?-i:x)$ host ^(?-i:customer)$ process ^(?-i:nginx)$ port 80 tcp`},
		{"elsewhere", check("web1", "12"), "db1", "db1~tcp~5433", `check ^12$ host ^(?-i:web1)$ node db1 process ^(?-i:postgres)$ port 5433 tcp`},
		{"in a container", check("docker1", "x"), "docker1/db", "docker1!db~tcp~5432", `check ^(?-i:x)$ host ^(?-i:docker1)$ node docker1/db process ^(?-i:postgres)$ port 5432 tcp`},
		{"unseen process", check("web1", "x"), "vip", "vip~tcp~80", `check ^(?-i:x)$ host ^(?-i:web1)$ node vip port 80 tcp`},
		{"UDP", check("dns1", "x"), "dns1", "dns1~udp~53", `check ^(?-i:x)$ host ^(?-i:dns1)$ process ^(?-i:named)$ port 53 udp`},
		{"the node", check("web1", "http"), "web1", "", `check ^(?-i:http)$ host ^(?-i:web1)$ node web1`},
		{"a host", check("customer-9", ""), "web1", "", "alias customer-9 web1"},
		{"a host on a service", check("web1", ""), "web1", "web1~tcp~80", "error: no rule leads there: the check of a host is about a node as a whole: choose the node"},
		{"no node", check("web1", "x"), "nowhere", "", `error: no rule leads there: "nowhere" is no node that checks can be on`},
		{"no service", check("web1", "x"), "web1", "db1~tcp~5432", `error: no rule leads there: "db1~tcp~5432" is no service of "web1"`},
		{"two alike", check("alike", "x"), "alike", "alike~tcp~80", `error: no rule leads there: the process and port of "alike~tcp~80" don't tell it from other services of "alike"`},
		{"a long name", check("web1", strings.Repeat("(", 600)), "web1", "web1~tcp~80", "error: no rule leads there: its name is too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "two alike" {
				m = mapping.New(snapshot(t, with(node("alike", ""), service("alike", "tcp", 80, "nginx", "10.0.0.3"), service("alike", "tcp", 80, "nginx", "10.0.0.4"))), nil, nil)
				defer func() { m = mapping.New(depot(t), nil, nil) }()
			}
			g, err := Suggest(m, tt.c, tt.node, tt.service)
			got := suggested(&g, err)
			if got != tt.want && (!strings.HasPrefix(tt.want, "error") || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func suggested(g *Suggestion, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	if g.Rule == nil {
		return "alias " + g.Host + " " + g.Node
	}
	var out []string
	for _, f := range [][2]string{{"check", g.Rule.Check}, {"host", g.Rule.Host}, {"node", g.Rule.Node}, {"process", g.Rule.Process}} {
		if f[1] != "" {
			out = append(out, f[0]+" "+f[1])
		}
	}
	if g.Rule.Port != 0 {
		out = append(out, fmt.Sprintf("port %d %s", g.Rule.Port, g.Rule.Protocol))
	}
	return strings.Join(out, " ")
}

// TestSuggestedMovesNothingElse: what a click writes brings the check where it was
// told to, and leaves all others where they are.
func TestSuggestedMovesNothingElse(t *testing.T) {
	hosts := []mapping.Host{{Name: "web1"}, {Name: "WEB1", Addresses: []string{"10.0.0.1"}}, {Name: "web1.x"}, {Name: "db1"}, {Name: "(db1)"}, {Name: "gone"}}
	programs := []string{"", "nginx", "Nginx", "redis-server", "java", "a.b", "axb"}
	rapid.Check(t, func(t *rapid.T) {
		var blocks []*topology.Block
		var services []topology.Service
		for _, name := range []string{"web1", "db1", "web1/app"} {
			b := node(name, map[string]string{"web1": "10.0.0.1", "db1": "10.0.0.2", "web1/app": "172.18.0.2"}[name])
			for _, port := range rapid.SliceOfNDistinct(rapid.SampledFrom([]uint16{53, 80, 443, 6379, 8080}), 0, 4, rapid.ID).Draw(t, "ports") {
				for _, protocol := range rapid.SliceOfNDistinct(rapid.SampledFrom([]topology.Protocol{"tcp", "udp"}), 1, 2, rapid.ID).Draw(t, "protocols") {
					b.Services = append(b.Services, service(name, protocol, port, rapid.SampledFrom(programs).Draw(t, "process"), "0.0.0.0"))
				}
			}
			sorted(b)
			blocks, services = append(blocks, b), append(services, b.Services...)
		}
		if len(services) == 0 {
			t.Skip("nothing to click on")
		}
		snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, blocks)
		if err != nil {
			t.Fatal(err)
		}
		var checks []mapping.Check
		for _, h := range hosts {
			for _, name := range []string{"http", "HTTP", "http 2", "a.b", "axb", "x|http", "load", "^http$", ""} {
				checks = append(checks, *check(h.Name, name))
			}
		}
		settings := mapping.Settings{Rules: []mapping.Rule{{Check: rapid.SampledFrom([]string{".", "http", "nothing"}).Draw(t, "rule"), Process: "nginx"}}}
		rules, err := mapping.Compile(settings)
		if err != nil {
			t.Fatal(err)
		}
		m := mapping.New(snap, rules, hosts)
		c, s := rapid.SampledFrom(checks).Draw(t, "check"), rapid.SampledFrom(services).Draw(t, "service")
		if c.Kind == topology.HostCheck {
			s.ID = ""
		}
		g, err := Suggest(m, &c, s.Node, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		applied, err := mapping.Compile(g.Apply(settings))
		if err != nil {
			t.Fatal(err)
		}
		for _, mv := range Preview(m, applied, checks) {
			alias := c.Kind == topology.HostCheck && strings.EqualFold(mv.Host, c.Host)
			if !alias && (mv.Host != c.Host || mv.Name != c.Name) {
				t.Fatalf("%q of %q moves, too", mv.Name, mv.Host)
			}
		}
		if to := mapping.New(snap, applied, hosts).Place(&c); to.Service != s.ID || to.Node != s.Node {
			t.Fatalf("it is on %q, not on %q", to.Node+to.Service, s.Node+s.ID)
		}
	})
}

func TestApply(t *testing.T) {
	s := mapping.Settings{Aliases: map[string]string{"X": "a", "y": "b"}, Rules: []mapping.Rule{{Check: "1", Port: 1}}}
	host := (&Suggestion{Host: "x", Node: "c"}).Apply(s)
	if len(host.Aliases) != 2 || host.Aliases["x"] != "c" || s.Aliases["X"] != "a" {
		t.Errorf("%v from %v", host.Aliases, s.Aliases)
	}
	rule := (&Suggestion{Rule: &mapping.Rule{Check: "2", Port: 2}}).Apply(s)
	if len(rule.Rules) != 2 || rule.Rules[0].Check != "2" || len(s.Rules) != 1 {
		t.Errorf("%v from %v", rule.Rules, s.Rules)
	}
}

// BenchmarkPreview is a rule tried on all of it.
func BenchmarkPreview(b *testing.B) {
	const many = 10_000
	e := topology.Empty(topology.Revision{Epoch: "e", Number: 1}, noon).Edit()
	var hosts []mapping.Host
	var checks []mapping.Check
	for i := range many {
		name := fmt.Sprintf("host%05d", i)
		b := node(name, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String())
		for _, port := range []uint16{22, 80, 443, 5432, 6379, 8080, 9000, 9100, 9187, 11211} {
			b.Services = append(b.Services, service(name, "tcp", port, map[uint16]string{80: "nginx", 443: "nginx", 22: "sshd", 5432: "postgres"}[port], "0.0.0.0"))
		}
		e.Put(sorted(b))
		hosts = append(hosts, mapping.Host{Name: name})
		for _, what := range []string{"PING", "load", "Disk /var", "ssh", "HTTP", "PostgreSQL", "redis", "memory", "swap", "users"} {
			checks = append(checks, *check(name, what))
		}
	}
	snap := e.Commit(topology.Revision{Epoch: "e", Number: 1}, noon)
	m := mapping.New(snap, nil, hosts)
	rules, err := mapping.Compile(mapping.Settings{Rules: []mapping.Rule{{Check: "^HTTP$", Process: "nginx", Port: 443}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(Preview(m, rules, checks)); n != many {
			b.Fatal(n)
		}
	}
}
