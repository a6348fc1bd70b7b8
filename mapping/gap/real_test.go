package gap

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/monitor"
	"github.com/devops-trouble-map/dotm/monitor/nagios"
	"github.com/devops-trouble-map/dotm/test/need"
	"github.com/devops-trouble-map/dotm/test/redis"
	"github.com/devops-trouble-map/dotm/topology"
)

// patience is how long Nagios may take for its first checks.
const patience = 30 * time.Second

// TestNagiosRunsIt: what is defined is run by Nagios itself, tells how the services
// are, and is mapped on them when it is read back.
func TestNagiosRunsIt(t *testing.T) {
	program := need.Program(t, "nagios4")
	need.Program(t, "/usr/lib/nagios/plugins/check_tcp")
	need.Program(t, "/usr/lib/nagios/plugins/check_http")
	store := redis.Start(t)
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	site := &http.Server{ReadHeaderTimeout: patience}
	go func() { _ = site.Serve(web) }()
	t.Cleanup(func() { _ = site.Close() })
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()

	b := block("here", topology.Host, nil,
		serve("here", portOf(t, store.Addr), "tcp", "redis-server", "0.0.0.0"), serve("here", portOf(t, web.Addr().String()), "tcp", "nginx", "0.0.0.0"),
		serve("here", portOf(t, dead.Addr().String()), "tcp", "shop-api", "0.0.0.0"))
	snap := snapshot(t, b)
	text := strings.ReplaceAll(defined(t, Nagios, snap, Options{}), "address              here", "address              127.0.0.1")
	dir := runNagios(t, program, text)

	source, err := nagios.New(monitor.Options{Name: "site", Kind: monitor.Nagios, URL: "file://" + dir})
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint16]topology.Status{portOf(t, store.Addr): topology.OK, portOf(t, web.Addr().String()): topology.Warning, portOf(t, dead.Addr().String()): topology.Critical}
	var said string
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(100 * time.Millisecond) {
		if said = readBack(t, source, snap, want); said == "" {
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "nagios.log"))
	t.Errorf("%s\n%s\n%s", said, text, log)
}

func portOf(t testing.TB, addr string) uint16 {
	t.Helper()
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port()
}

// readBack says what is not yet as it should be; nothing if all is.
func readBack(t testing.TB, source *nagios.Source, snap *topology.Snapshot, want map[uint16]topology.Status) string {
	reading, err := source.Read(t.Context())
	if err != nil {
		return err.Error()
	}
	m := mapping.New(snap, nil, reading.Hosts)
	found := 0
	for i := range reading.Checks {
		c := m.Check(&reading.Checks[i])
		if c.Kind == topology.HostCheck {
			continue
		}
		s := snap.Service(c.Service)
		if s == nil || !strings.HasSuffix(c.Name, " "+strconv.Itoa(int(s.Port))) {
			return c.Name + " is on " + c.Node + " " + c.Service
		}
		if c.Status != want[s.Port] {
			return c.Name + " is " + string(c.Status) + ", not " + string(want[s.Port]) + ": " + c.Output
		}
		found++
	}
	if found != len(want) {
		return strconv.Itoa(found) + " services are read"
	}
	return ""
}

// runNagios runs Nagios with definitions until the test ends, and gives the folder of
// its files.
func runNagios(t testing.TB, program, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	account, group := whoami(t)
	const who = " check_period always\n notification_period always\n contacts nobody\n max_check_attempts 1\n check_interval 1\n retry_interval 1\n register 0\n}\n"
	templates := "define timeperiod {\n timeperiod_name always\n alias always\n monday 00:00-24:00\n tuesday 00:00-24:00\n wednesday 00:00-24:00\n thursday 00:00-24:00\n" +
		" friday 00:00-24:00\n saturday 00:00-24:00\n sunday 00:00-24:00\n}\ndefine command {\n command_name tell\n command_line /bin/true\n}\n" +
		"define contact {\n contact_name nobody\n host_notification_period always\n service_notification_period always\n host_notification_options n\n" +
		" service_notification_options n\n host_notification_commands tell\n service_notification_commands tell\n}\n" +
		"define host {\n name generic-host\n" + who + "define service {\n name generic-service\n" + who
	resource := "$USER1$=/usr/lib/nagios/plugins\n"
	config := "nagios_user=" + account + "\nnagios_group=" + group + "\ninterval_length=1\nstatus_update_interval=1\nmax_concurrent_checks=4\nenable_notifications=0\n" +
		"execute_service_checks=1\ncheck_external_commands=0\nuse_syslog=0\nillegal_object_name_chars=`~!$%^&*|'\"<>?,()=\nillegal_macro_output_chars=`~$&|'\"<>\n" +
		"temp_path=" + dir + "\ncheck_result_path=" + dir + "\nlog_archive_path=" + dir + "\nquery_socket=" + filepath.Join(dir, "nagios.qh") + "\n" +
		"log_file=" + filepath.Join(dir, "nagios.log") + "\nstatus_file=" + filepath.Join(dir, "status.dat") + "\nobject_cache_file=" + filepath.Join(dir, "objects.cache") + "\n" +
		"resource_file=" + write(t, filepath.Join(dir, "resource.cfg"), resource) + "\ncfg_file=" + write(t, filepath.Join(dir, "templates.cfg"), templates) + "\n" +
		"cfg_file=" + write(t, filepath.Join(dir, "dotm.cfg"), text) + "\n"
	for _, kind := range []string{"lock_file", "temp_file", "command_file", "precached_object_file", "state_retention_file"} {
		config += kind + "=" + filepath.Join(dir, kind) + "\n"
	}
	cmd := exec.Command(program, write(t, filepath.Join(dir, "nagios.cfg"), config))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it ends its workers, too
		hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer hung.Stop()
		_ = cmd.Wait()
	})
	return dir
}
