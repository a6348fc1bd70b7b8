//go:build linux

package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// Nobody owns no files but those that a test gives to it (base-passwd).
const Nobody = 65534

// Nginx starts the web server with a master and one worker. body is what
// stands in its server block; each listen is what stands behind that word.
func (h *Host) Nginx(t testing.TB, body string, listen ...string) *Program {
	t.Helper()
	binary, dir := Need(t, "nginx"), OpenDir(t)
	user := "root" // the only one there may be
	if bed.LacksRoot() == "" {
		user = "nobody nogroup"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "user %s;\nworker_processes 1;\ndaemon off;\npid nginx.pid;\nerror_log stderr warn;\n", user)
	b.WriteString("events { worker_connections 256; }\nhttp {\naccess_log off;\n")
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "%s_temp_path %s;\n", kind, kind)
	}
	b.WriteString("server {\n")
	for _, l := range listen {
		fmt.Fprintf(&b, "listen %s;\n", l)
	}
	fmt.Fprintf(&b, "%s\n}\n}\n", body)
	config := filepath.Join(dir, "nginx.conf")
	Write(t, config, b.String())
	return h.Start(t, binary, []string{"-p", dir, "-c", config, "-e", "stderr"})
}

// Haproxy spreads what comes to an address over servers. mode is "http" or
// "tcp".
func (h *Host) Haproxy(t testing.TB, mode, listen string, servers ...string) *Program {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, `global
    nbthread 1
defaults
    mode %s
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    balance roundrobin
listen all
    bind %s
`, mode, listen)
	for i, s := range servers {
		fmt.Fprintf(&b, "    server s%d %s\n", i, s)
	}
	config := filepath.Join(OpenDir(t), "haproxy.cfg")
	Write(t, config, b.String())
	return h.Start(t, Need(t, "haproxy"), []string{"-db", "-f", config})
}

// Keepalived holds an address by VRRP on eth0, or waits for it, by priority.
func (h *Host) Keepalived(t testing.TB, address string, priority int) *Program {
	t.Helper()
	config := filepath.Join(OpenDir(t), "keepalived.conf")
	Write(t, config, fmt.Sprintf(`global_defs {
    router_id %s
}
vrrp_instance front {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 1
    virtual_ipaddress {
        %s/32
    }
}
`, h.Name, priority, address))
	return h.Start(t, Need(t, "keepalived"), []string{"--dont-fork", "--log-console", "--vrrp", "-f", config, "-p", "/run/keepalived.pid", "-r", "/run/vrrp.pid"})
}

// Database is a PostgreSQL in a test's hands.
type Database struct {
	*Program
	on   *Host
	path string
	args []string
}

// Postgres starts a database of its own, which trusts everybody.
func (h *Host) Postgres(t testing.TB, address string) *Database {
	t.Helper()
	const folders = "/usr/lib/postgresql/*/bin"
	initdb, postgres := Need(t, "initdb", folders), Need(t, "postgres", folders)
	dir := OpenDir(t)
	Must(t, os.Chown(dir, Nobody, Nobody))
	p := h.Start(t, initdb, []string{"-D", dir + "/db", "-A", "trust", "-U", "dotm", "--no-sync", "--no-instructions"}, bed.As(Nobody))
	if code := p.Wait(t); code != 0 {
		t.Fatalf("initdb: %s\n%s", p, p.Said())
	}
	d := &Database{on: h, path: postgres, args: []string{
		"-D", dir + "/db", "-h", address, "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "authentication_timeout=600",
	}}
	d.Again(t)
	return d
}

// Again starts the database anew with what it kept. It must have ended.
func (d *Database) Again(t testing.TB) {
	t.Helper()
	d.Program = d.on.Start(t, d.path, d.args, bed.As(Nobody))
}

// Stop has the database close its connections and end, as its unit would: the "fast
// shutdown" of postgres(1). It waits for connections over which nobody has yet said who
// it is.
func (d *Database) Stop(t testing.TB) {
	t.Helper()
	Must(t, syscall.Kill(d.PID(), syscall.SIGINT))
	d.Wait(t)
}

// Redis starts redis-server on the addresses. It keeps nothing.
func (h *Host) Redis(t testing.TB, port int, addresses ...string) *Program {
	t.Helper()
	return h.Start(t, Need(t, "redis-server"), slices.Concat(
		[]string{"--port", strconv.Itoa(port), "--save", "", "--appendonly", "no", "--protected-mode", "no", "--dir", OpenDir(t), "--bind"}, addresses,
	))
}

// Memcached starts a cache on TCP port 11211.
func (h *Host) Memcached(t testing.TB, address string) *Program {
	t.Helper()
	args := []string{"-l", address, "-p", "11211", "-U", "0", "-m", "16", "-t", "1"}
	switch {
	case bed.LacksRoot() == "":
		args = append(args, "-u", "nobody")
	case os.Geteuid() == 0:
		args = append(args, "-u", "root") // the only one there is
	}
	return h.Start(t, Need(t, "memcached"), args)
}

// Dnsmasq starts a name server that knows one name, on UDP and TCP.
func (h *Host) Dnsmasq(t testing.TB, port int, address string) *Program {
	t.Helper()
	return h.Start(t, Need(t, "dnsmasq"), []string{
		"--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
		"--bind-interfaces", "--listen-address=" + address, "--except-interface=none", fmt.Sprintf("--port=%d", port), "--address=/site.test/192.0.2.1",
	})
}
