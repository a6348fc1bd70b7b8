package redis

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// model is as much of Redis as the plans use: strings, hashes, lists.
type model struct {
	values  map[string]any
	expires map[string]int64
}

func newModel() *model { return &model{map[string]any{}, map[string]int64{}} }

// run does a command; it panics on what Redis would refuse.
func (m *model) run(cmd []any) {
	var a []string
	for _, x := range cmd {
		a = append(a, fmt.Sprint(x))
	}
	key := a[1]
	switch a[0] {
	case "SET":
		m.values[key] = a[2]
		delete(m.expires, key)
	case "DEL":
		delete(m.values, key)
		delete(m.expires, key)
	case "HSET":
		h, _ := m.values[key].(map[string]string)
		if h == nil {
			if m.values[key] != nil {
				panic("WRONGTYPE " + key)
			}
			h = map[string]string{}
			m.values[key] = h
		}
		if len(a)%2 != 0 || len(a) < 4 {
			panic(fmt.Sprintf("wrong number of arguments: %v", a))
		}
		for f := range slices.Chunk(a[2:], 2) {
			h[f[0]] = f[1]
		}
	case "HDEL":
		for _, f := range a[2:] {
			delete(m.values[key].(map[string]string), f)
		}
	case "RPUSH":
		l, _ := m.values[key].([]string)
		m.values[key] = append(slices.Clone(l), a[2:]...)
	case "LREM":
		l, _ := m.values[key].([]string)
		if l = slices.DeleteFunc(slices.Clone(l), func(x string) bool { return x == a[3] }); len(l) == 0 {
			delete(m.values, key)
		} else {
			m.values[key] = l
		}
	case "EXPIREAT":
		if m.values[key] == nil {
			panic("EXPIREAT of nothing: " + key)
		}
		at, err := strconv.ParseInt(a[2], 10, 64)
		if err != nil {
			panic(err)
		}
		m.expires[key] = at
	default:
		panic("no such command: " + a[0])
	}
}

func (m *model) runAll(p *seedPlan) {
	for _, cmd := range p.commands {
		m.run(cmd)
	}
}

// drain sends plans until nothing waits.
func drain(s *seed, m *model, now time.Time) {
	for {
		p := s.plan(now)
		m.runAll(p)
		s.done(p)
		if len(s.queue) == 0 && len(s.left) == 0 {
			return
		}
	}
}

func host(name string, addresses ...string) *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting, LastReport: noon}}
	for _, a := range addresses {
		b.Node.Addresses = append(b.Node.Addresses, netip.MustParseAddr(a))
	}
	return b
}

func serves(b *topology.Block, port uint16, process string, clients int) *topology.Block {
	b.Services = append(b.Services, topology.Service{
		ID: topology.ServiceID(b.Node.Name, "tcp", port, netip.Addr{}), Node: b.Node.Name, Protocol: "tcp", Port: port,
		Process: process, State: topology.Listening, Clients: clients, LastSeen: noon.Add(-time.Hour),
	})
	return b
}

func calls(holder *topology.Block, client, process, server string, port uint16, service string, count int) *topology.Block {
	c := topology.Connection{
		Client: topology.Client{Node: client, Process: process}, Server: topology.Server{Node: server, Port: port, Process: service},
		Protocol: "tcp", Count: count, Directed: true, FirstSeen: noon, LastSeen: noon.Add(-time.Minute), LastConnection: noon.Add(-2 * time.Minute),
	}
	if service != "" {
		c.Server.Service = topology.ServiceID(server, "tcp", port, netip.Addr{})
	}
	c.ID = topology.ConnectionID(&c)
	holder.Connections = append(holder.Connections, &c)
	return holder
}

// started is a seed with nodes, and what was sent for them.
func started(blocks ...*topology.Block) (*seed, *model) {
	s, m := newSeed(CompatKeys), newModel()
	s.begin("e", &store.State{}, store.Patch{}, nil)
	s.take(&store.Change{Put: blocks})
	drain(s, m, noon)
	return s, m
}

func TestSeedKeys(t *testing.T) {
	const seen = "1772366400" // noon
	for _, tt := range []struct {
		name   string
		blocks []*topology.Block
		key    string
		want   any // nil: no such key
	}{
		{"nodes", []*topology.Block{host("web"), host("db")}, "dotm::nodes", []string{"db", "web"}},
		{"a node", []*topology.Block{host("web", "10.0.0.1", "127.0.0.1", "fd00::1")}, "dotm::nodes::web", map[string]string{"last_fetch": seen, "fetch_status": "OK", "ips": "10.0.0.1,fd00::1"}},
		{"a silent node", []*topology.Block{stale(host("web"))}, "dotm::nodes::web", map[string]string{"last_fetch": seen, "fetch_status": "no report since 2026-03-01T12:00:00Z", "ips": ""}},
		{"an inferred node", []*topology.Block{{Node: topology.Node{Name: "10.9.9.9", Kind: topology.Inferred}}}, "dotm::nodes::10.9.9.9", nil},
		{"no node is listed", nil, "dotm::nodes", nil},
		{"an address", []*topology.Block{host("web", "10.0.0.1")}, "dotm::resolver::ip_to_node::10.0.0.1", "web"},
		{"an address of loopback", []*topology.Block{host("web", "127.0.0.1")}, "dotm::resolver::ip_to_node::127.0.0.1", nil},
		{"an address for containers", []*topology.Block{bridged(host("web", "172.17.0.1"))}, "dotm::resolver::ip_to_node::172.17.0.1", nil},
		{"a service", []*topology.Block{serves(host("web"), 80, "nginx", 0)}, "dotm::services::web::80", map[string]string{"process": "nginx", "last_seen": seen}},
		{"a used service", []*topology.Block{serves(host("web"), 80, "nginx", 2)}, "dotm::services::web::80", map[string]string{"process": "nginx", "last_seen": seen, "last_connection": seen}},
		{"a hidden process", []*topology.Block{serves(host("web"), 80, "", 0)}, "dotm::services::web::80", map[string]string{"process": "unknown", "last_seen": seen}},
		{"a gone service", []*topology.Block{gone(serves(host("web"), 80, "nginx", 0))}, "dotm::services::web::80", map[string]string{"process": "nginx", "last_seen": "1772362800"}},
		{"an ignored service", []*topology.Block{serves(host("web"), 22, "sshd", 0)}, "dotm::services::web::22", nil},
		{"an ignored name", []*topology.Block{serves(host("web"), 2222, "rpc.statd", 0)}, "dotm::services::web::2222", nil},
		{
			"the process is known at the other end",
			[]*topology.Block{unnamed(calls(host("web"), "web", "php", "db", 5432, "postgres", 1)), serves(host("db"), 5432, "postgres", 1)},
			"dotm::connections::db::5432::web",
			map[string]string{"process": "postgres", "connections": "1", "direction": "in", "local_port": "5432", "remote_port": "high", "remote_host": "web", "last_seen": seen, "last_connection": "1772366280"},
		},
		{"UDP", []*topology.Block{udp(serves(host("web"), 514, "rsyslogd", 0))}, "dotm::services::web::514", nil},
		{"our own", []*topology.Block{own(serves(host("web"), 4849, "dotm", 0))}, "dotm::services::web::4849", nil},
		{"two owners of a port", []*topology.Block{serves(gone(serves(host("web"), 80, "old", 0)), 80, "nginx", 0)}, "dotm::services::web::80", map[string]string{"process": "nginx", "last_seen": seen}},
		{
			"a call",
			[]*topology.Block{calls(host("web"), "web", "php", "db", 5432, "postgres", 3), host("db")},
			"dotm::connections::web::5432::db",
			map[string]string{"process": "php", "connections": "3", "direction": "out", "local_port": "high", "remote_port": "5432", "remote_host": "db", "last_seen": seen, "last_connection": "1772366280"},
		},
		{
			"its other end",
			[]*topology.Block{calls(host("web"), "web", "php", "db", 5432, "postgres", 3), host("db")},
			"dotm::connections::db::5432::web",
			map[string]string{"process": "postgres", "connections": "3", "direction": "in", "local_port": "5432", "remote_port": "high", "remote_host": "web", "last_seen": seen, "last_connection": "1772366280"},
		},
		{"the other end of what doesn't report", []*topology.Block{calls(host("web"), "web", "php", "10.9.9.9", 5432, "postgres", 3)}, "dotm::connections::10.9.9.9::5432::web", nil},
		{
			"a closed call",
			[]*topology.Block{calls(host("web"), "web", "php", "db", 5432, "postgres", 0)},
			"dotm::connections::web::5432::db",
			map[string]string{"process": "php", "connections": "0", "direction": "out", "local_port": "high", "remote_port": "5432", "remote_host": "db", "last_seen": "1772366340", "last_connection": "1772366280"},
		},
		{
			"high ports are one",
			[]*topology.Block{calls(calls(host("web"), "web", "php", "Internet", 8443, "", 3), "web", "php", "Internet", 9443, "", 2)},
			"dotm::connections::web::high::Internet",
			map[string]string{"process": "php", "connections": "5", "direction": "out", "local_port": "high", "remote_port": "high", "remote_host": "Internet", "last_seen": seen, "last_connection": "1772366280"},
		},
		{
			"a low port is not",
			[]*topology.Block{calls(host("web"), "web", "php", "Internet", 443, "", 3)},
			"dotm::connections::web::443::Internet",
			map[string]string{"process": "php", "connections": "3", "direction": "out", "local_port": "high", "remote_port": "443", "remote_host": "Internet", "last_seen": seen, "last_connection": "1772366280"},
		},
		{
			"from IPv6",
			[]*topology.Block{calls(host("web"), "fd00::9", "", "web", 80, "nginx", 1)},
			"dotm::connections::web::80::fd00::9",
			map[string]string{"process": "nginx", "connections": "1", "direction": "in", "local_port": "80", "remote_port": "high", "remote_host": "fd00::9", "last_seen": seen, "last_connection": "1772366280"},
		},
		{
			"over loopback",
			[]*topology.Block{loopback(calls(host("web"), "web", "php", "web", 3306, "mysqld", 1))},
			"dotm::connections::web::3306::127.0.0.1",
			map[string]string{"process": "php", "connections": "1", "direction": "out", "local_port": "high", "remote_port": "3306", "remote_host": "127.0.0.1", "local_service": "mysqld", "last_seen": seen, "last_connection": "1772366280"},
		},
		{"to an ignored port", []*topology.Block{calls(host("web"), "web", "php", "dns", 53, "named", 1)}, "dotm::connections::web::53::dns", nil},
		{"settings: text", nil, "dotm::config::service_name_whitelist", "rpc.statd,rpc.mountd"},
		{"settings: none", nil, "dotm::config::other_internal_networks", nil},
		{"settings: a table", nil, "dotm::config::aging", map[string]string{"Services": "300", "Connections": "300"}},
		{"settings: days", nil, "dotm::config::hiding", map[string]string{"Services": "35", "Connections": "35"}},
		{"settings: history", nil, "dotm::config::history", map[string]string{"enabled": "1", "interval": "86400", "expire": "2592000"}},
		{"no password", nil, "dotm::config::nagios_instance", nil},
		{"when", nil, "dotm::state::last_updated", seen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, m := started(tt.blocks...)
			if diff := cmp.Diff(tt.want, m.values[tt.key]); diff != "" {
				t.Errorf("%s (-want +got):\n%s\nof %s", tt.key, diff, slices.Sorted(maps.Keys(m.values)))
			}
		})
	}
}

func stale(b *topology.Block) *topology.Block { b.Node.State = topology.Stale; return b }

func bridged(b *topology.Block) *topology.Block {
	b.Node.ContainerNetworks = []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16")}
	return b
}

func last(b *topology.Block) *topology.Service { return &b.Services[len(b.Services)-1] }

func gone(b *topology.Block) *topology.Block { last(b).State = topology.Gone; return b }
func udp(b *topology.Block) *topology.Block  { last(b).Protocol = "udp"; return b }
func own(b *topology.Block) *topology.Block  { last(b).Own = true; return b }

func unnamed(b *topology.Block) *topology.Block {
	b.Write(0).Server.Process = ""
	return b
}

func loopback(b *topology.Block) *topology.Block {
	b.Write(0).Evidence.ServerAddress = "127.0.0.1"
	return b
}

// sent are the commands after a change, without what says when.
func sent(s *seed, c store.Change, now time.Time) (out []string) {
	s.take(&c)
	p := s.plan(now)
	s.done(p)
	for _, cmd := range p.commands {
		if cmd[1] != seedUpdated {
			out = append(out, strings.TrimSuffix(fmt.Sprintln(cmd...), "\n"))
		}
	}
	return out
}

// TestSeedWritesWhatChanged: and nothing else.
func TestSeedWritesWhatChanged(t *testing.T) {
	web := func() *topology.Block {
		return calls(serves(host("web", "10.0.0.1"), 80, "nginx", 0), "web", "php", "db", 5432, "postgres", 3)
	}
	counted := web()
	counted.Write(0).Count = 4
	older := web()
	older.Node.LastReport = noon.Add(2 * time.Minute)
	for _, tt := range []struct {
		name  string
		c     store.Change
		after time.Duration
		want  []string
	}{
		{"nothing", store.Change{}, time.Hour, nil},
		{"the same again", store.Change{Put: []*topology.Block{web()}}, time.Minute, nil},
		{"times alone", store.Change{Put: []*topology.Block{older}}, time.Minute, nil},
		{"times alone, later", store.Change{Put: []*topology.Block{older}}, 5 * time.Minute, []string{
			"HSET dotm::connections::db::5432::web last_seen 1772366520 last_connection 1772366280",
			"HSET dotm::connections::web::5432::db last_seen 1772366520 last_connection 1772366280",
			"HSET dotm::nodes::web last_fetch 1772366520",
			"HSET dotm::services::web::80 last_seen 1772366520",
		}},
		{"a count", store.Change{Put: []*topology.Block{counted}}, time.Minute, []string{
			"HSET dotm::connections::db::5432::web process postgres connections 4 direction in local_port 5432 remote_port high remote_host web last_seen 1772366400 last_connection 1772366280",
			"HSET dotm::connections::web::5432::db process php connections 4 direction out local_port high remote_port 5432 remote_host db last_seen 1772366400 last_connection 1772366280",
		}},
		{"less", store.Change{Put: []*topology.Block{host("web", "10.0.0.2")}}, time.Minute, []string{
			"DEL dotm::connections::db::5432::web", "DEL dotm::connections::web::5432::db", "DEL dotm::services::web::80",
			"HSET dotm::nodes::web fetch_status OK ips 10.0.0.2 last_fetch 1772366400",
			"DEL dotm::resolver::ip_to_node::10.0.0.1", "SET dotm::resolver::ip_to_node::10.0.0.2 web",
		}},
		{"a node goes", store.Change{Delete: []string{"web", "never"}}, time.Minute, []string{
			"LREM dotm::nodes 0 web", "DEL dotm::connections::db::5432::web", "DEL dotm::connections::web::5432::db",
			"DEL dotm::nodes::web", "DEL dotm::services::web::80", "DEL dotm::resolver::ip_to_node::10.0.0.1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := started(web(), host("db"))
			if diff := cmp.Diff(tt.want, sent(s, tt.c, noon.Add(tt.after))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSeedHandover: an edge that another block holds now keeps its keys, in
// whichever order the blocks come.
func TestSeedHandover(t *testing.T) {
	s, m := started(host("web"), calls(host("db"), "web", "", "db", 5432, "postgres", 2))
	s.take(&store.Change{Put: []*topology.Block{calls(host("web"), "web", "php", "db", 5432, "postgres", 2)}})
	drain(s, m, noon)
	s.take(&store.Change{Put: []*topology.Block{host("db")}})
	drain(s, m, noon)
	for _, key := range []string{"dotm::connections::web::5432::db", "dotm::connections::db::5432::web"} {
		if m.values[key] == nil {
			t.Errorf("%s is gone", key)
		}
	}
}

func TestSeedSettings(t *testing.T) {
	s, m := started(serves(serves(host("web"), 22, "sshd", 0), 80, "nginx", 0))
	in := store.Defaults()
	in.IgnoredPorts, in.ExpireAfter = []uint16{80}, topology.Duration(time.Hour)
	s.configure(in)
	drain(s, m, noon)
	if m.values["dotm::services::web::80"] != nil || m.values["dotm::services::web::22"] == nil {
		t.Errorf("shown is %v", slices.Sorted(maps.Keys(m.values)))
	}
	if got := m.expires["dotm::services::web::22"]; got != noon.Add(time.Hour+seedRefresh).Unix() {
		t.Errorf("it expires at %d", got)
	}
	if got := m.values["dotm::config::expire"]; !cmp.Equal(got, map[string]string{"Services": "1", "Connections": "1", "Nagios Alerts": "0"}) {
		t.Errorf("expiry is told as %v", got)
	}
	in.ExpireAfter = 0
	in.Aliases = map[string]string{"WEB": "web"}
	in.Mapping = []mapping.Rule{{Check: "^HTTP", Process: "nginx"}, {Check: "^HTTP", Process: "apache2"}, {Check: "vpn", Node: "gw", Port: 1194}, {Check: "db", Process: "postgres", Host: "db"}}
	s.configure(in)
	drain(s, m, noon)
	if len(m.expires) != 0 {
		t.Errorf("never is %v", m.expires)
	}
	for name, want := range map[string]map[string]string{SeedAliases: {"WEB": "web"}, SeedMapping: {"^HTTP": "nginx"}} {
		if got := m.values["dotm::config::"+name]; !cmp.Equal(got, want) {
			t.Errorf("%s is told as %v", name, got)
		}
	}
}

func TestSeedSnapshots(t *testing.T) {
	s, m := newSeed(CompatFull), newModel()
	s.begin("e", &store.State{Blocks: []*topology.Block{serves(host("web", "10.0.0.1"), 80, "nginx", 0)}}, store.Patch{}, []int64{noon.Add(-31 * day).Unix(), noon.Add(-2 * day).Unix()})
	m.values[seedHistory] = []string{"1769688000", "1772193600"}
	drain(s, m, noon)
	if diff := cmp.Diff([]string{"1772193600", "1772366400"}, m.values[seedHistory]); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	for _, key := range []string{"nodes", "nodes::web", "services::web::80", "resolver::ip_to_node::10.0.0.1", "config::aging"} {
		live, copied := m.values["dotm::"+key], m.values["1772366400::dotm::"+key]
		if live == nil || !cmp.Equal(live, copied) {
			t.Errorf("%s is %v, its copy %v", key, live, copied)
		}
		if got := m.expires["1772366400::dotm::"+key]; got != noon.Add(30*day).Unix() {
			t.Errorf("the copy of %s expires at %d", key, got)
		}
	}
	if m.values[seedSnapshot] != "1772366400" {
		t.Errorf("last snapshot is %v", m.values[seedSnapshot])
	}
	before := len(m.values)
	drain(s, m, noon.Add(23*time.Hour))
	if len(m.values) != before {
		t.Error("another one came too early")
	}
	drain(s, m, noon.Add(24*time.Hour))
	if len(m.values) <= before {
		t.Error("the next one did not come")
	}
}

func TestSeedEnds(t *testing.T) {
	for key, want := range map[string][2]string{
		"dotm::connections::web::80::fd00::9": {"web", "fd00::9"},
		"dotm::connections::web::high::db":    {"web", "db"},
		"dotm::services::web::80":             {},
		"dotm::connections::web":              {},
	} {
		a, b, ok := seedEnds(key)
		if a != want[0] || b != want[1] || ok != (want[0] != "") {
			t.Errorf("%s: %q, %q, %v", key, a, b, ok)
		}
	}
}

// site is a site that changes at random.
type randomSite struct {
	nodes map[string]*topology.Block
	names []string
}

func (r *randomSite) change(t *rapid.T) (c store.Change) {
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		name := rapid.SampledFrom(r.names).Draw(t, "node")
		if r.nodes[name] != nil && rapid.IntRange(0, 4).Draw(t, "goes") == 0 {
			delete(r.nodes, name)
			c.Put = slices.DeleteFunc(c.Put, func(b *topology.Block) bool { return b.Node.Name == name })
			c.Delete = append(c.Delete, name)
			continue
		}
		b := r.block(t, name)
		r.nodes[name] = b
		c.Delete = slices.DeleteFunc(c.Delete, func(n string) bool { return n == name })
		c.Put = append(slices.DeleteFunc(c.Put, func(x *topology.Block) bool { return x.Node.Name == name }), b)
	}
	return c
}

// block is a node of a site. Each node serves a port of its own, so that no key
// has two meanings, and an edge is held by one end, as in a topology.
func (r *randomSite) block(t *rapid.T, name string) *topology.Block {
	at := slices.Index(r.names, name)
	b := host(name, fmt.Sprintf("10.0.0.%d", at+1))
	if rapid.Bool().Draw(t, "shares") {
		b.Node.Addresses = append(b.Node.Addresses, netip.MustParseAddr("10.0.1.1"))
	}
	if rapid.IntRange(0, 5).Draw(t, "silent") == 0 {
		b.Node.State = rapid.SampledFrom([]topology.NodeState{topology.Stale, topology.Left, topology.Rebooting, topology.Stopped}).Draw(t, "why")
	}
	if rapid.IntRange(0, 6).Draw(t, "inferred") == 0 {
		b.Node.Kind = topology.Inferred
		return b
	}
	if rapid.Bool().Draw(t, "serves") {
		serves(b, uint16(6000+at), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "process"), rapid.IntRange(0, 1).Draw(t, "clients"))
	}
	for to, other := range r.names {
		count := rapid.IntRange(-2, 2).Draw(t, "count")
		if count >= 0 && to != at && !r.holds(other, name) {
			calls(b, name, "c", other, uint16(6000+to), "a", count)
			b.Write(len(b.Connections) - 1).Server.Process = ""
		}
	}
	return b
}

// holds says whether a node holds edges with another.
func (r *randomSite) holds(node, with string) bool {
	b := r.nodes[node]
	return b != nil && slices.ContainsFunc(b.Connections, func(c *topology.Connection) bool { return c.Server.Node == with })
}

// TestSeedAgreesWithItself: whatever changes, fails half way, or begins again, in
// the end the keys are those that somebody would write who knows the state alone.
func TestSeedAgreesWithItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		site := &randomSite{map[string]*topology.Block{}, []string{"a", "b", "c", "d"}}
		s, m, now := newSeed(CompatKeys), newModel(), noon
		s.begin("e", &store.State{}, store.Patch{}, nil)
		for range rapid.IntRange(1, 12).Draw(t, "writes") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
			c := site.change(t)
			s.take(&c)
			p := s.plan(now)
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 0: // a part of it, and nobody knows
				for _, cmd := range p.commands[:rapid.IntRange(0, len(p.commands)).Draw(t, "sent")] {
					m.run(cmd)
				}
				s.failed(p)
			case 1: // another server goes on from the whole state
				m.runAll(p)
				s.begin("f", &store.State{Blocks: slices.Collect(maps.Values(site.nodes))}, store.Patch{}, nil)
			default:
				m.runAll(p)
				s.done(p)
			}
		}
		now = now.Add(seedRefresh)
		s.take(&store.Change{Put: slices.Collect(maps.Values(site.nodes))})
		drain(s, m, now)

		fresh, want := newSeed(CompatKeys), newModel()
		fresh.begin("g", &store.State{Blocks: slices.Collect(maps.Values(site.nodes))}, store.Patch{}, nil)
		drain(fresh, want, now)
		for _, x := range []*model{m, want} { // orders and ties that nobody promises
			if l, ok := x.values[seedNodes].([]string); ok {
				slices.Sort(l)
			}
			if x.values[seedAddress+"10.0.1.1"] != nil {
				x.values[seedAddress+"10.0.1.1"] = "somebody"
			}
		}
		if diff := cmp.Diff(want.values, m.values); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// TestSeedBudget: a site that appears at once is written in parts.
func TestSeedBudget(t *testing.T) {
	s := newSeed(CompatKeys)
	s.begin("e", &store.State{}, store.Patch{}, nil)
	var c store.Change
	for i := range 500 {
		b := host(fmt.Sprintf("node%d", i))
		for j := range 100 {
			calls(b, b.Node.Name, "c", fmt.Sprintf("10.1.%d.%d", i, j), 80, "x", 1)
		}
		c.Put = append(c.Put, b)
	}
	s.take(&c)
	plans := 0
	for ; len(s.queue) > 0; plans++ {
		p := s.plan(noon)
		if len(p.commands) > seedBudget+1000 {
			t.Fatalf("%d commands in one write", len(p.commands))
		}
		s.done(p)
	}
	if plans < 3 {
		t.Errorf("%d plans", plans)
	}
}
