package role

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/grouping/census"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// parse reads a site: "web01 nginx:80 sshd:22" is a host, "web01 nginx > db 5432"
// a call; "lone" before a host's name makes it one that doesn't report.
func parse(t *testing.T, text string) *census.Census {
	t.Helper()
	blocks := map[string]*topology.Block{}
	get := func(name string) *topology.Block {
		if blocks[name] == nil {
			blocks[name] = &topology.Block{Node: topology.Node{Name: name, Kind: topology.Host, State: topology.Reporting}}
		}
		return blocks[name]
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 5 && f[2] == ">" {
			var port uint16
			fmt.Sscan(f[4], &port)
			b := get(f[0])
			get(f[3])
			c := topology.Connection{
				Client: topology.Client{Node: f[0], Process: f[1]}, Server: topology.Server{Node: f[3], Port: port}, Protocol: "tcp", Count: 1, Directed: true, LastSeen: noon,
			}
			c.ID = topology.ConnectionID(&c)
			b.Connections = append(b.Connections, &c)
			continue
		}
		if len(f) == 0 {
			continue
		}
		lone := f[0] == "lone"
		if lone {
			f = f[1:]
		}
		b := get(f[0])
		if lone {
			b.Node.State, b.Node.Kind = topology.Unheard, topology.Inferred
		}
		for _, s := range f[1:] {
			process, number, _ := strings.Cut(s, ":")
			var port uint16
			fmt.Sscan(number, &port)
			b.Services = append(b.Services, topology.Service{Protocol: "tcp", Port: port, Process: process, State: topology.Listening})
		}
	}
	var list []*topology.Block
	for _, b := range blocks {
		list = append(list, b)
	}
	snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, list)
	if err != nil {
		t.Fatal(err)
	}
	return census.Take(snap, noon)
}

func nobody(string) (bool, bool) { return false, false }

// told writes a finding down: pools in braces, then hubs.
func told(c *census.Census, f *Finding) string {
	pools := map[int32][]string{}
	var out, hubs []string
	for i, p := range f.Pool {
		if p >= 0 {
			pools[p] = append(pools[p], c.Nodes[i].Name)
		}
		if f.Hub[i] {
			hubs = append(hubs, c.Nodes[i].Name)
		}
	}
	for _, p := range pools {
		out = append(out, "{"+strings.Join(p, " ")+"}")
	}
	slices.Sort(out)
	if len(hubs) > 0 {
		out = append(out, "hubs "+strings.Join(hubs, " "))
	}
	return strings.Join(out, " ")
}

// TestAgents: processes that nobody knows by name are agents if they run on hosts
// of all kinds, and what most hosts are there for is none.
func TestAgents(t *testing.T) {
	var b strings.Builder
	for i := range 24 {
		fmt.Fprintf(&b, "web%d nginx:80 zorpd:99\nweb%d grub > log 7\n", i, i)
	}
	for _, h := range []string{"db postgres:5432", "cache redis:6379", "lb haproxy:443", "mq rabbit:5672"} {
		name, _, _ := strings.Cut(h, " ")
		fmt.Fprintf(&b, "%s zorpd:99\n%s grub > log 7\n", h, name)
	}
	b.WriteString("log logd:7\nodd nginx:80 other:1 zorpd:99\nodd grub > log 7\n")
	s := newSite(parse(t, b.String()))
	s.markCalled()
	s.markAgents()
	for process, want := range map[string]bool{"zorpd": true, "grub": true, "nginx": false, "postgres": false, "logd": false, "sshd": false} {
		w := slices.Index(s.Words, process)
		if got := w >= 0 && s.agents[int32(w)]; got != want {
			t.Errorf("%s is an agent: %v, want %v", process, got, want)
		}
	}
	for process, want := range map[string]bool{"sshd": true, "mysqld_exporter": true, "postgres_export": true, "systemd-resolve": true, "nginx": false, "": false} {
		if isAgent(process) != want {
			t.Errorf("%s is known as an agent: %v, want %v", process, !want, want)
		}
	}
}

func TestFind(t *testing.T) {
	const rest = `
lb haproxy:443
web1 nginx:80
web2 nginx:80
db1 postgres:5432
db2 postgres:5432
mq rabbit:5672
lb haproxy > web1 80
lb haproxy > web2 80
web1 nginx > db1 5432
web1 nginx > db2 5432
web2 nginx > db1 5432
web2 nginx > db2 5432
web1 nginx > mq 5672
web2 nginx > mq 5672
`
	all := func(process, to, port string) string {
		var b strings.Builder
		for _, h := range []string{"lb", "web1", "web2", "db1", "db2", "mq"} {
			fmt.Fprintf(&b, "%s %s > %s %s\n", h, process, to, port)
		}
		return b.String()
	}
	for _, tt := range []struct{ name, site, want string }{
		{"nothing", "", ""},
		{"pools", rest, "{db1 db2} {web1 web2}"},
		{"who serves all", rest + "hub hubd:7\n" + all("x", "hub", "7"), "{db1 db2} {web1 web2} hubs hub"},
		{"who serves by an agent's process", rest + "log rsyslogd:514\n" + all("rsyslogd", "log", "514"), "{db1 db2} {web1 web2} hubs log"},
		{"who looks at all", rest + `
eye watchd:9090
eye watchd > lb 22
eye watchd > web1 22
eye watchd > web2 22
eye watchd > db1 22
eye watchd > db2 22
eye watchd > mq 22
`, "{db1 db2} {web1 web2} hubs eye"},
		{"who only serves the front is none", rest + "hub hubd:7\nweb1 x > hub 7\nweb2 x > hub 7\nlb x > hub 7\n", "{db1 db2} {web1 web2}"},
		{"who only calls the back is none", rest + "eye watchd:9090\neye x > web1 80\neye x > web2 80\neye x > db1 5432\neye x > mq 5672\n", "{db1 db2} {web1 web2}"},
		{"hubs pool", rest + "hub1 hubd:7\nhub2 hubd:7\n" + all("x", "hub1", "7") + all("x", "hub2", "7"), "{db1 db2} {hub1 hub2} {web1 web2} hubs hub1 hub2"},
		{"a hub that nobody calls yet", rest + "hub1 hubd:7\nhub2 hubd:7\n" + all("x", "hub1", "7"), "{db1 db2} {hub1 hub2} {web1 web2} hubs hub1 hub2"},
		{"hosts that don't report have processes that nobody knows", rest + "lone far1 :8080\nlone far2 :8080\nweb1 nginx > far1 8080\nweb2 nginx > far2 8080\nweb1 nginx > far2 8080\n", "{db1 db2} {far1 far2} {web1 web2}"},
		{"clients without services", rest + "job1 celery > mq 5672\njob2 celery > mq 5672\njob1 celery > db1 5432\njob2 celery > db1 5432\njob1 celery > db2 5432\njob2 celery > db2 5432\n", "{db1 db2} {job1 job2} {web1 web2}"},
		{"clients of one program that call others", rest + "job1 python > mq 5672\njob2 python > lb 443\n", "{db1 db2} {web1 web2}"},
		{"an idle one of the same name", rest + "web3 nginx:80\n", "{db1 db2} {web1 web2 web3}"},
		{"two products of one stack", strings.ReplaceAll(rest, "\n", "\na-")[1:] + "\n", "{a-db1 a-db2} {a-web1 a-web2}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := parse(t, tt.site)
			if tt.name == "two products of one stack" {
				c = parse(t, product("a", rest)+product("b", rest))
				tt.want = "{a-db1 a-db2} {a-web1 a-web2} {b-db1 b-db2} {b-web1 b-web2}"
			}
			if got := told(c, Find(c, nobody)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// product puts a prefix before the names of a site's hosts.
func product(prefix, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		f[0] = prefix + "-" + f[0]
		if len(f) == 5 {
			f[3] = prefix + "-" + f[3]
		}
		fmt.Fprintln(&b, strings.Join(f, " "))
	}
	return b.String()
}

// TestPeopleSayWhoIsShared: links follow what they say.
func TestPeopleSayWhoIsShared(t *testing.T) {
	c := parse(t, "a x:1\nb y:2\na x > b 2\n")
	if f := Find(c, nobody); len(f.Links) != 1 || f.Hub[1] {
		t.Errorf("links are %v, hubs %v", f.Links, f.Hub)
	}
	f := Find(c, func(n string) (bool, bool) { return true, n == "b" })
	if len(f.Links) != 0 || !f.Hub[1] {
		t.Errorf("links are %v, hubs %v, want b to be one", f.Links, f.Hub)
	}
}

// TestMain: a node is there for what is called most.
func TestMainProcess(t *testing.T) {
	c := parse(t, "a sshd:22 one:1 two:2\nb c > a 2\nd e > a 2\nd e > a 1\n")
	f := Find(c, nobody)
	if got := c.Words[f.Main[c.Index("a")]]; got != "two" {
		t.Errorf("a is there for %q, want two", got)
	}
	if got := c.Words[f.Main[c.Index("d")]]; got != "e" {
		t.Errorf("d is there for %q, want e", got)
	}
}

// TestStrayCall: one call from one product to the other's database doesn't make
// their pools one.
func TestStrayCall(t *testing.T) {
	var b strings.Builder
	for _, p := range []string{"a", "b"} {
		for i := range 6 {
			fmt.Fprintf(&b, "%s%d nginx:80\n%s%d nginx > %sdb1 5432\n%s%d nginx > %sdb2 5432\n", p, i, p, i, p, p, i, p)
		}
		fmt.Fprintf(&b, "%sdb1 postgres:5432\n%sdb2 postgres:5432\n", p, p)
	}
	b.WriteString("a0 nginx > bdb1 5432\n")
	c := parse(t, b.String())
	want := "{a0 a1 a2 a3 a4 a5} {adb1 adb2} {b0 b1 b2 b3 b4 b5} {bdb1 bdb2}"
	if got := told(c, Find(c, nobody)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
