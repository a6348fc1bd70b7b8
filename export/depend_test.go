package export

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/test/need"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// needs is a connection of a service to a service, first seen so many hours ago.
func needs(from, to string, hours int) view.Connection {
	fromNode, _, _ := strings.Cut(from, "~")
	toNode, rest, _ := strings.Cut(to, "~")
	protocol, port, _ := strings.Cut(rest, "~")
	c := calls(from+">"+to, fromNode, "x", toNode, 0, 1)
	_, _ = fmt.Sscan(port, &c.Server.Port)
	c.Protocol, c.Server.Service = topology.Protocol(protocol), to
	if from != fromNode {
		c.Client.Service = from
	}
	c.FirstSeen = noon.Add(-time.Duration(hours) * time.Hour)
	return c
}

func listens(node string, port uint16) view.Service {
	return view.Service{Service: topology.Service{ID: topology.ServiceID(node, "tcp", port, netip.Addr{}), Node: node, Protocol: "tcp", Port: port, State: topology.Listening}}
}

// shop is a site of which most is monitored: web servers behind a virtual address, which
// call each of two databases, a cache that calls back, a log host that serves everyone.
func shop() (*Chart, []Monitored) {
	c := &Chart{Topology: view.Topology{Level: view.LevelService, At: noon, Lanes: []view.Lane{{ID: "group~s", Title: "shop; & <co>"}}}, Data: Live, Titles: map[string]string{"pool~db": "shop-db"}}
	var known []Monitored
	add := func(name, pool, group string, ports map[uint16]string) {
		n := node(name, topology.Host, 0, 0, topology.NoVerdict)
		n.Pool, n.Group = pool, group
		c.Nodes = append(c.Nodes, n)
		known = append(known, Monitored{Host: name + ".example", Node: name, Rule: "host"})
		for port, check := range ports {
			s := listens(name, port)
			c.Services = append(c.Services, s)
			if check != "" {
				known = append(known, Monitored{Host: name + ".example", Name: check, Node: name, Service: s.ID, Rule: "port"})
			}
		}
	}
	add("web1", "pool~web", "group~s", map[uint16]string{80: "http"})
	add("web2", "pool~web", "group~s", map[uint16]string{80: `http "2" \o/`})
	add("db1", "pool~db", "group~s", map[uint16]string{5432: "pg"})
	add("db2", "pool~db", "group~s", map[uint16]string{5432: "pg"})
	add("cache1", "", "group~s", map[uint16]string{6379: "redis"})
	add("log1", "", "", map[uint16]string{514: "syslog"})
	add("erp", "", "", nil)
	add("tape", "", "", nil)
	add("odd", "", "", map[uint16]string{1: "a,b|c"})
	add("bare", "", "", map[uint16]string{9: ""})
	c.Nodes[5].Shared = true
	known = append(known, Monitored{Host: "db1.example", Name: "a certificate", Node: "db1", Service: "db1~tcp~5432", Rule: "known"}, Monitored{Host: "nobody", Name: "x"})
	vip := node("vip", topology.Virtual, 0, 0, topology.NoVerdict)
	vip.Holders = []topology.Holder{{Node: "web1", Since: noon}, {Node: "web2", Since: noon}, {Node: "db1", Since: noon, Until: noon}}
	c.Nodes = append(c.Nodes, vip)
	watched, unsure := needs("cache1~tcp~6379", "db1~tcp~5432", 50), needs("db2~tcp~5432", "cache1~tcp~6379", 50)
	watched.Observer, unsure.Directed = true, false
	c.Connections = []view.Connection{
		needs("web1~tcp~80", "db1~tcp~5432", 9), needs("web1~tcp~80", "db2~tcp~5432", 9), needs("web2~tcp~80", "db1~tcp~5432", 8),
		needs("web1~tcp~80", "cache1~tcp~6379", 7), needs("cache1~tcp~6379", "web1~tcp~80", 3), // the younger one goes round
		needs("web1~tcp~80", "log1~tcp~514", 9), needs("erp", "tape~tcp~4000", 9), needs("cache1", "db1~tcp~5432", 9),
		needs("erp", "vip~tcp~80", 9), needs("odd~tcp~1", "db1~tcp~5432", 9), needs("odd~tcp~1", "bare~tcp~9", 9), watched, unsure,
	}
	return c, known
}

func defined(t testing.TB, kind Definitions, c *Chart, known []Monitored) (string, *Defined) {
	t.Helper()
	var b bytes.Buffer
	d, err := Define(&b, kind, c, known)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), d
}

// TestDefinitions: who needs whom, whatever the order in which it is told.
func TestDefinitions(t *testing.T) {
	c, known := shop()
	for kind, want := range map[Definitions]int{Icinga2Dependencies: 9, NagiosDependencies: 3, IcingaBusinessProcess: 2} {
		got, d := defined(t, kind, c, known)
		if d.Dependencies != want {
			t.Errorf("%s: %d dependencies, want %d", kind, d.Dependencies, want)
		}
		golden.Check(t, string(kind), []byte(got))
		other, more := shop()
		slices.Reverse(other.Connections)
		slices.Reverse(other.Services)
		slices.Reverse(more)
		if again, _ := defined(t, kind, other, more); again != got {
			t.Errorf("%s: in another order it is\n%s", kind, again)
		}
	}
	if _, err := Define(&bytes.Buffer{}, "zabbix", c, known); err == nil {
		t.Error("an unknown kind is written")
	}
	if _, err := Define(&bytes.Buffer{}, Icinga2Dependencies, small(), known); err == nil || !strings.Contains(err.Error(), "level pool") {
		t.Errorf("another level: %v", err)
	}
}

// asIcinga and asNagios are the hosts and services as their owner defined them.
func asIcinga(known []Monitored) string {
	var b strings.Builder
	for i := range known {
		if m := &known[i]; m.Name == "" {
			fmt.Fprintf(&b, "object Host %s {\n check_command = \"dummy\"\n}\n", quoteIcinga(m.Host))
		} else if m.Node != "" {
			fmt.Fprintf(&b, "object Service %s {\n host_name = %s\n check_command = \"dummy\"\n}\n", quoteIcinga(m.Name), quoteIcinga(m.Host))
		}
	}
	return b.String()
}

func asNagios(known []Monitored) string {
	var b strings.Builder
	b.WriteString("define command {\n command_name there\n command_line /bin/true\n}\n")
	for i := range known {
		if m := &known[i]; m.Name == "" {
			fmt.Fprintf(&b, "define host {\n use linux-server\n host_name %s\n check_command there\n}\n", m.Host)
		} else if m.Node != "" {
			fmt.Fprintf(&b, "define service {\n use generic-service\n host_name %s\n service_description %s\n check_command there\n}\n", m.Host, m.Name)
		}
	}
	return b.String()
}

func whoami(t testing.TB) (account, group string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return me.Username, g.Name
}

func write(t testing.TB, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// icinga2Takes has the real thing read definitions, and counts its dependencies.
func icinga2Takes(t testing.TB, known, text string) (out string, err error) {
	t.Helper()
	program, dir := need.Program(t, "icinga2"), t.TempDir()
	config := "include <itl>\nconst NodeName = \"here\"\nconst ZoneName = NodeName\ninclude \"" + write(t, filepath.Join(dir, "known.conf"), known) +
		"\"\ninclude \"" + write(t, filepath.Join(dir, "dotm.conf"), text) + "\"\n"
	cmd := exec.CommandContext(t.Context(), program, "daemon", "-C", "-c", write(t, filepath.Join(dir, "icinga2.conf"), config),
		"-DDataDir="+dir, "-DLogDir="+dir, "-DCacheDir="+dir, "-DSpoolDir="+dir, "-DInitRunDir="+dir)
	account, group := whoami(t)
	cmd.Env = append(os.Environ(), "ICINGA2_USER="+account, "ICINGA2_GROUP="+group)
	raw, err := cmd.CombinedOutput()
	return string(raw), err
}

func nagiosTakesIt(t testing.TB, known, text string) (out string, err error) {
	t.Helper()
	program, dir := need.Program(t, "nagios4"), t.TempDir()
	account, group := whoami(t)
	config := "nagios_user=" + account + "\nnagios_group=" + group + "\nresource_file=/etc/nagios4/resource.cfg\nillegal_object_name_chars=`~!$%^&*|'\"<>?,()=\n"
	for _, f := range []string{"commands", "contacts", "timeperiods", "templates"} {
		config += "cfg_file=/etc/nagios4/objects/" + f + ".cfg\n"
	}
	config += "cfg_file=" + write(t, filepath.Join(dir, "known.cfg"), known) + "\ncfg_file=" + write(t, filepath.Join(dir, "dotm.cfg"), text) + "\n"
	for _, kind := range []string{"log_file", "lock_file", "status_file", "temp_file", "object_cache_file", "precached_object_file", "command_file", "state_retention_file"} {
		config += kind + "=" + filepath.Join(dir, kind) + "\n"
	}
	config += "temp_path=" + dir + "\ncheck_result_path=" + dir + "\nlog_archive_path=" + dir + "\n"
	raw, err := exec.CommandContext(t.Context(), program, "-v", write(t, filepath.Join(dir, "nagios.cfg"), config)).CombinedOutput()
	return string(raw), err
}

// TestIcinga2Takes: Icinga 2 takes what is written, each dependency of it, and refuses
// one on what it doesn't know.
func TestIcinga2Takes(t *testing.T) {
	c, known := shop()
	text, d := defined(t, Icinga2Dependencies, c, known)
	out, err := icinga2Takes(t, asIcinga(known), text)
	want := d.Dependencies
	if regexp.MustCompile(`version: [rv]?2\.(\d|1[0-3])\.`).MatchString(out) { // it knows no redundancy
		want -= strings.Count(text, "redundancy_group")
	}
	if err != nil || strings.Contains(out, "critical/") || !strings.Contains(out, fmt.Sprintf("Instantiated %d Dependencies", want)) {
		t.Errorf("icinga2 daemon -C: %v\n%s", err, out)
	}
	if out, err := icinga2Takes(t, asIcinga(known[:2]), text); err == nil {
		t.Errorf("a dependency on nobody is taken\n%s", out)
	}
}

// TestNagiosTakes is the same with Nagios, which looks for circles itself.
func TestNagiosTakes(t *testing.T) {
	c, known := shop()
	for i := range known {
		known[i].Name = strings.NewReplacer(`"`, "", "|", "", ",", "").Replace(known[i].Name) // Nagios takes no such names
	}
	text, _ := defined(t, NagiosDependencies, c, known)
	out, err := nagiosTakesIt(t, asNagios(known), text)
	if err != nil || !strings.Contains(out, "Total Errors:   0") || !strings.Contains(out, "Checked 3 service dependencies") || strings.Contains(out, "Checked 0 host dependencies") {
		t.Errorf("nagios4 -v: %v\n%s", err, out)
	}
	if out, err := nagiosTakesIt(t, asNagios(known[:2]), text); err == nil {
		t.Errorf("a dependency on nobody is taken\n%s", out)
	}
}

// readProcesses reads a file as the module does: lines of NAME = CHILD OP CHILD, with
// one operator each, and display lines for names that are there.
func readProcesses(t testing.TB, text string) (children map[string][]string, shown []string) {
	t.Helper()
	children = map[string][]string{}
	display := regexp.MustCompile(`^display (\d);([^;]+);([^;]+)$`)
	process := regexp.MustCompile(`^(dotm_[A-Za-z0-9._-]+) = (.+)$`)
	for _, line := range strings.Split(text, "\n") {
		switch m, p := display.FindStringSubmatch(line), process.FindStringSubmatch(line); {
		case line == "" || line[0] == '#':
		case m != nil:
			if children[m[2]] == nil {
				t.Fatalf("%q is of nothing", line)
			}
			if m[1] == "1" {
				shown = append(shown, m[2])
			}
		case p != nil && children[p[1]] == nil:
			op := "&"
			if strings.Contains(p[2], "|") {
				op = "|"
			}
			for child := range strings.SplitSeq(p[2], " "+op+" ") {
				if strings.ContainsAny(child, "&|+!@=") || !strings.Contains(child, ";") && children[child] == nil {
					t.Fatalf("%q is no child in %q", child, line)
				}
				children[p[1]] = append(children[p[1]], child)
			}
		default:
			t.Fatalf("%q is no line", line)
		}
	}
	return children, shown
}

func TestBusinessProcess(t *testing.T) {
	c, known := shop()
	text, _ := defined(t, IcingaBusinessProcess, c, known)
	children, shown := readProcesses(t, text)
	if got := children["dotm_shop-db_tcp_5432"]; !slices.Equal(got, []string{"db1.example;pg", "db2.example;pg"}) {
		t.Errorf("the databases are %v", got)
	}
	if len(shown) != 2 {
		t.Errorf("shown are %v", shown)
	}
}

// TestNoCircles: whatever calls whatever, dependencies end somewhere, with each service
// needing its host, too; and none is written of what nobody monitors.
func TestNoCircles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Chart{Topology: view.Topology{Level: view.LevelService, At: noon}, Data: Live}
		var known []Monitored
		hosts := rapid.IntRange(2, 6).Draw(t, "hosts")
		name := func(i int) string { return fmt.Sprint("h", i) }
		for i := range hosts {
			n := node(name(i), topology.Host, 0, 0, topology.NoVerdict)
			n.Pool = rapid.SampledFrom([]string{"", "pool~1", "pool~2"}).Draw(t, "pool")
			c.Nodes = append(c.Nodes, n)
			if rapid.Bool().Draw(t, "monitored") {
				known = append(known, Monitored{Host: name(i), Node: name(i)})
			}
			for port := uint16(1); port < 3; port++ {
				s := listens(name(i), port)
				c.Services = append(c.Services, s)
				if rapid.Bool().Draw(t, "checked") {
					known = append(known, Monitored{Host: name(rapid.IntRange(0, hosts-1).Draw(t, "by")), Name: s.ID, Node: name(i), Service: s.ID, Rule: "port"})
				}
			}
		}
		id := func(label string) string {
			return c.Services[rapid.IntRange(0, len(c.Services)-1).Draw(t, label)].ID
		}
		for range rapid.IntRange(0, 20).Draw(t, "connections") {
			from := id("from")
			if rapid.Bool().Draw(t, "a client alone") {
				from, _, _ = strings.Cut(from, "~")
			}
			c.Connections = append(c.Connections, needs(from, id("to"), rapid.IntRange(0, 3).Draw(t, "age")))
		}
		for _, takes := range []func(dependency) string{nil, nagiosTakes} {
			d := newDefiner(c, known)
			d.dependencies(takes)
			left := map[object][]object{}
			there := map[object]bool{}
			for i := range known {
				o := object{known[i].Host, known[i].Name}
				there[o] = true
				left[o] = ownHost(o)
			}
			for _, one := range d.list {
				if !there[one.child] || !there[one.parent] {
					t.Fatalf("nobody monitors %v or %v", one.child, one.parent)
				}
				left[one.child] = append(left[one.child], one.parent)
			}
			ends(t, left)
		}
		var b bytes.Buffer
		if _, err := Define(&b, IcingaBusinessProcess, c, known); err != nil {
			t.Fatal(err)
		}
	})
}

// ends takes away what needs nothing that is left, until nothing is.
func ends(t *rapid.T, left map[object][]object) {
	for len(left) > 0 {
		before := len(left)
		for o, list := range left {
			if !slices.ContainsFunc(list, func(p object) bool { _, is := left[p]; return is }) {
				delete(left, o)
			}
		}
		if len(left) == before {
			t.Fatalf("it goes round: %v", left)
		}
	}
}
