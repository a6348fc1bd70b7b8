package gap

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/test/need"
	"github.com/devops-trouble-map/dotm/test/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func serve(node string, port uint16, protocol topology.Protocol, process, address string) topology.Service {
	return topology.Service{
		ID: topology.ServiceID(node, protocol, port, netip.Addr{}), Node: node, Protocol: protocol, Port: port, Process: process, State: topology.Listening,
		Addresses: []netip.Addr{netip.MustParseAddr(address)}, FirstSeen: noon, LastSeen: noon,
	}
}

func block(name string, kind topology.NodeKind, addresses []string, services ...topology.Service) *topology.Block {
	b := &topology.Block{Node: topology.Node{Name: name, Kind: kind, State: topology.Reporting, LastReport: noon}, Services: services}
	for _, a := range addresses {
		b.Node.Addresses = append(b.Node.Addresses, netip.MustParseAddr(a))
	}
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

func checked(b *topology.Block, source, host, name, service string) *topology.Block {
	b.SetChecks(append(b.Checks, topology.Check{
		ID: topology.CheckID(source, host, name), Source: source, Kind: topology.ServiceCheck, Host: host, Name: name, Node: b.Node.Name, Service: service,
		Status: topology.OK, Mapping: &topology.Mapping{Rule: "known", Evidence: "x"},
	}))
	return b
}

// scene is a site with everything that is special.
func scene(t testing.TB) *topology.Snapshot {
	t.Helper()
	const all = "0.0.0.0"
	loopback := serve("web1", 25, "tcp", "master", "127.0.0.1")
	loopback.Scope = topology.ScopeLoopback
	gone := serve("web1", 81, "tcp", "nginx", all)
	gone.State = topology.Gone
	own := serve("web1", 4849, "tcp", "dotm", all)
	own.Own = true
	web := block("web1", topology.Host, []string{"fd00::1", "10.0.0.1", "10.0.0.101"},
		serve("web1", 80, "tcp", "nginx", all), serve("web1", 443, "tcp", "nginx", "10.0.0.101"), serve("web1", 22, "tcp", "sshd", all), loopback, gone, own)
	web.Node.Forwards = []topology.Forward{{Protocol: "tcp", From: netip.MustParseAddrPort("10.0.0.1:6400"), To: netip.MustParseAddrPort("172.18.0.2:6379")}}
	evil := block("evil", topology.Host, []string{"10.0.0.66"},
		serve("evil", 1, "tcp", "a;b}\ndefine h{", all), serve("evil", 2, "tcp", `"+$USER1$!`, all), serve("evil", 3, "tcp", "ümlaut", all), serve("evil", 4, "tcp", "", all))
	db := block("db1", topology.Host, []string{"10.0.0.2"},
		serve("db1", 5432, "tcp", "postgres", all), serve("db1", 3306, "tcp", "mariadbd", all), serve("db1", 22, "tcp", "sshd", all))
	infra := block("infra1", topology.Host, nil,
		serve("infra1", 53, "udp", "named", all), serve("infra1", 53, "tcp", "named", all), serve("infra1", 389, "tcp", "slapd", all), serve("infra1", 25, "tcp", "exim4", all),
		serve("infra1", 143, "tcp", "dovecot", all), serve("infra1", 110, "tcp", "dovecot", all), serve("infra1", 993, "tcp", "dovecot", all), serve("infra1", 21, "tcp", "vsftpd", all),
		serve("infra1", 123, "udp", "chronyd", all), serve("infra1", 514, "udp", "rsyslogd", all), serve("infra1", 11211, "tcp", "memcached", all), serve("infra1", 6379, "tcp", "redis-server", all))
	return snapshot(t, web, evil, infra,
		checked(checked(db, "nagios", "db-main", "PostgreSQL", db.Service("db1~tcp~5432").ID), "nagios", "db-main", "SSH tcp 22", ""),
		block("web1/redis", topology.Container, []string{"172.18.0.2"}, serve("web1/redis", 6379, "tcp", "redis-server", all)),
		block("web1/app", topology.Container, []string{"172.18.0.3"}, serve("web1/app", 8000, "tcp", "gunicorn", all)),
		block("10.9.9.9", topology.Inferred, []string{"10.9.9.9"}, serve("10.9.9.9", 9000, "tcp", "", "10.9.9.9")),
		block("shop-vip", topology.Virtual, []string{"10.0.0.100"}),
		block("Internet", topology.Internet, nil),
		checked(block("fine", topology.Host, []string{"10.0.0.3"}), "nagios", "fine", "load", ""),
	)
}

func TestFind(t *testing.T) {
	var out strings.Builder
	for _, g := range Find(scene(t), Options{Ignore: func(s *topology.Service) bool { return s.Port == 22 }}) {
		fmt.Fprintf(&out, "%s %s %v %v %v\n", g.Node, g.Kind, g.Monitored, g.Hosts, g.Services)
	}
	golden.Check(t, "gaps.txt", []byte(out.String()))
	if got := Find(scene(t), Options{Source: "other"}); !slices.ContainsFunc(got, func(g Gap) bool { return g.Node == "fine" && !g.Monitored }) {
		t.Error("another source's checks count")
	}
}

func defined(t testing.TB, system System, snap *topology.Snapshot, opt Options) string {
	t.Helper()
	var out strings.Builder
	written, err := Define(&out, system, snap, Find(snap, Options{}), opt)
	if err != nil {
		t.Fatal(err)
	}
	object := map[System][2]string{Nagios: {"define host {", "define service {"}, Icinga2: {"object Host ", "object Service "}}[system]
	if hosts, services := strings.Count(out.String(), object[0]), strings.Count(out.String(), object[1]); hosts != written.Hosts || services != written.Services || services == 0 {
		t.Errorf("%d hosts and %d services are defined, said are %+v", hosts, services, written)
	}
	return out.String()
}

func TestDefine(t *testing.T) {
	golden.Check(t, "nagios.cfg", []byte(defined(t, Nagios, scene(t), Options{Source: "nagios"})))
	golden.Check(t, "icinga2.conf", []byte(defined(t, Icinga2, scene(t), Options{Source: "nagios"})))
	if _, err := Define(&strings.Builder{}, "zabbix", scene(t), nil, Options{}); err == nil || !strings.Contains(err.Error(), "zabbix") {
		t.Errorf("zabbix: %v", err)
	}
}

func write(t testing.TB, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// known are what the definitions of the scene refer to: the host that is monitored
// already, as its owner defined it.
const (
	knownNagios = "define host {\n use generic-host\n host_name db-main\n address 10.0.0.2\n check_command there\n contact_groups admins\n max_check_attempts 3\n}\n" +
		"define service {\n use generic-service\n host_name db-main\n service_description SSH tcp 22\n check_command there\n}\n" +
		"define command {\n command_name there\n command_line /bin/true\n}\n"
	knownIcinga = "object Host \"db-main\" {\n import \"generic-host\"\n address = \"10.0.0.2\"\n check_command = \"hostalive\"\n}\n"
)

// whoami names the account of the test, so that the daemons, which give up root's
// rights, can read its files.
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

// verifyNagios lets Nagios read definitions beside Debian's own templates.
func verifyNagios(t testing.TB, text string) {
	t.Helper()
	program := need.Program(t, "nagios4")
	dir := t.TempDir()
	account, group := whoami(t)
	config := "nagios_user=" + account + "\nnagios_group=" + group + "\nresource_file=/etc/nagios4/resource.cfg\nillegal_object_name_chars=`~!$%^&*|'\"<>?,()=\nillegal_macro_output_chars=`~$&|'\"<>\n"
	for _, f := range []string{"commands", "contacts", "timeperiods", "templates"} {
		config += "cfg_file=/etc/nagios4/objects/" + f + ".cfg\n"
	}
	config += "cfg_file=" + write(t, filepath.Join(dir, "known.cfg"), knownNagios) + "\ncfg_file=" + write(t, filepath.Join(dir, "dotm.cfg"), text) + "\n"
	for _, kind := range []string{"log_file", "lock_file", "status_file", "temp_file", "object_cache_file", "precached_object_file", "command_file", "state_retention_file"} {
		config += kind + "=" + filepath.Join(dir, kind) + "\n"
	}
	config += "temp_path=" + dir + "\ncheck_result_path=" + dir + "\nlog_archive_path=" + dir + "\n"
	out, err := exec.Command(program, "-v", write(t, filepath.Join(dir, "nagios.cfg"), config)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Total Warnings: 0") || !strings.Contains(string(out), "Total Errors:   0") {
		t.Errorf("nagios4 -v: %v\n%s\n%s", err, out, text)
	}
}

// verifyIcinga lets Icinga 2 read definitions beside its own templates.
func verifyIcinga(t testing.TB, text string) {
	t.Helper()
	program := need.Program(t, "icinga2")
	dir := t.TempDir()
	config := "include <itl>\ninclude <plugins>\nconst PluginDir = \"/usr/lib/nagios/plugins\"\nconst NodeName = \"here\"\nconst ZoneName = NodeName\ninclude \"/etc/icinga2/conf.d/templates.conf\"\n" +
		"include \"" + write(t, filepath.Join(dir, "known.conf"), knownIcinga) + "\"\ninclude \"" + write(t, filepath.Join(dir, "dotm.conf"), text) + "\"\n"
	cmd := exec.Command(program, "daemon", "-C", "-c", write(t, filepath.Join(dir, "icinga2.conf"), config),
		"-DDataDir="+dir, "-DLogDir="+dir, "-DCacheDir="+dir, "-DSpoolDir="+dir, "-DInitRunDir="+dir)
	account, group := whoami(t)
	cmd.Env = append(os.Environ(), "ICINGA2_USER="+account, "ICINGA2_GROUP="+group)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "critical/") {
		t.Errorf("icinga2 daemon -C: %v\n%s\n%s", err, out, text)
	}
}

// TestNagiosTakesIt: as Debian has them, only linux-server says whom to tell of a
// host, and Nagios warns where nobody is told.
func TestNagiosTakesIt(t *testing.T) {
	verifyNagios(t, defined(t, Nagios, scene(t), Options{Source: "nagios", HostTemplate: "linux-server"}))
}

func TestIcinga2TakesIt(t *testing.T) {
	verifyIcinga(t, defined(t, Icinga2, scene(t), Options{Source: "nagios"}))
}

// TestDaemonsRefuseWhatIsWrong: the two tests above can fail.
func TestDaemonsRefuseWhatIsWrong(t *testing.T) {
	for system, wrong := range map[System]string{Nagios: "define service {\n use generic-service\n host_name nobody\n service_description x\n check_command x\n}\n", Icinga2: "object Service \"x\" { }\n"} {
		t.Run(string(system), func(t *testing.T) {
			need.Program(t, map[System]string{Nagios: "nagios4", Icinga2: "icinga2"}[system])
			probe := &failure{TB: t}
			map[System]func(testing.TB, string){Nagios: verifyNagios, Icinga2: verifyIcinga}[system](probe, wrong)
			if !probe.failed {
				t.Error("a wrong definition is taken")
			}
		})
	}
}

// failure notes that a test would have failed.
type failure struct {
	testing.TB
	failed bool
}

func (f *failure) Errorf(string, ...any) { f.failed = true }

// TestEvilNames: whatever programs and nodes are called, the text holds nothing but
// the definitions.
func TestEvilNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, process := rapid.String().Draw(t, "node"), rapid.String().Draw(t, "process")
		if name == "" {
			name = "x"
		}
		b := block(name, topology.Host, []string{"10.0.0.1"}, serve(name, 1234, "tcp", process, "0.0.0.0"))
		snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, []*topology.Block{b})
		if err != nil {
			t.Fatal(err)
		}
		for system, lines := range map[System]int{Nagios: 28, Icinga2: 16} {
			var out strings.Builder
			if _, err := Define(&out, system, snap, Find(snap, Options{}), Options{}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(out.String(), "\n"); got != lines {
				t.Fatalf("%s: %d lines, want %d:\n%s", system, got, lines, out.String())
			}
		}
	})
}

var realNames = []string{"nginx", "postgres", "redis-server", "mysqld", "sshd", "named", "java", "shop-api", "load-agent", "disk", "x", "", "node", "slapd", "exim4", "ünicode", "kafka", "memcached", "host"}

// TestWhatIsDefinedIsMapped: checks as they are defined find the services that they
// were defined for, by their names alone.
func TestWhatIsDefinedIsMapped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ports := rapid.SliceOfNDistinct(rapid.Uint16Range(1, 65535), 1, 6, rapid.ID).Draw(t, "ports")
		b := block("app1", topology.Host, []string{"10.0.0.1"})
		for _, port := range ports {
			b.Services = append(b.Services, serve("app1", port, "tcp", rapid.SampledFrom(realNames).Draw(t, "process"), "0.0.0.0"))
		}
		slices.SortFunc(b.Services, func(x, y topology.Service) int { return strings.Compare(x.ID, y.ID) })
		snap, err := topology.FromBlocks(topology.Revision{Epoch: "e", Number: 1}, noon, []*topology.Block{b})
		if err != nil {
			t.Fatal(err)
		}
		p := planFor(snap, Find(snap, Options{}), Options{})
		m := mapping.New(snap, nil, []mapping.Host{{Name: p.hosts[0].name, Addresses: []string{p.hosts[0].address}}})
		for _, s := range p.services {
			c := m.Check(&mapping.Check{Check: topology.Check{Kind: topology.ServiceCheck, Host: s.host, Name: s.name}, Command: "dotm_" + string(s.plugin)})
			if c.Service != topology.ServiceID("app1", "tcp", s.port, netip.Addr{}) {
				t.Fatalf("%q is mapped on %q: %+v", s.name, c.Service, c.Mapping)
			}
		}
	})
}

// TestTheCommandsWork: what is asked of Redis is right, by the plugin itself.
func TestTheCommandsWork(t *testing.T) {
	const check = "/usr/lib/nagios/plugins/check_tcp"
	need.Program(t, check)
	server := redis.Start(t)
	host, port, _ := strings.Cut(server.Addr, ":")
	line := "/usr/lib/nagios/plugins/" + strings.NewReplacer("$ARG1$", port, "$ARG2$", host).Replace(commandLines[viaRedis])
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "+PONG") {
		t.Errorf("%s: %v: %s", line, err, out)
	}
	server.Kill()
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err == nil {
		t.Errorf("a dead one is fine: %s", out)
	}
}
