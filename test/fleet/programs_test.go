//go:build linux

package fleettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// nginx passes what comes to an address on to another server.
func (m *machine) nginx(t *testing.T, listen, upstream string) *bed.Program {
	t.Helper()
	binary, dir := need(t, "nginx"), openDir(t)
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s;\n", kind, kind)
	}
	config := filepath.Join(dir, "nginx.conf")
	write(t, config, fmt.Sprintf(`user nobody nogroup;
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
access_log off;
%sserver {
listen %s;
location / { proxy_pass http://%s; proxy_read_timeout 1h; }
}
}
`, temp.String(), listen, upstream))
	return m.start(binary, []string{"-p", dir, "-c", config, "-e", "stderr"})
}

// haproxy spreads what comes to an address over servers. mode is "http" or
// "tcp"; check is what stands behind each server.
func (m *machine) haproxy(t *testing.T, mode, listen, check string, servers ...string) *bed.Program {
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
		fmt.Fprintf(&b, "    server s%d %s %s\n", i, s, check)
	}
	config := filepath.Join(openDir(t), "haproxy.cfg")
	write(t, config, b.String())
	return m.start(need(t, "haproxy"), []string{"-db", "-f", config})
}

// nobody owns no files but those that a test gives to it (base-passwd).
const nobody = 65534

// postgres starts a database of its own.
func (m *machine) postgres(t *testing.T, address string) *bed.Program {
	t.Helper()
	const folders = "/usr/lib/postgresql/*/bin"
	initdb, postgres := need(t, "initdb", folders), need(t, "postgres", folders)
	dir := openDir(t)
	must(t, os.Chown(dir, nobody, nobody))
	p := m.start(initdb, []string{"-D", dir + "/db", "-A", "trust", "-U", "dotm", "--no-sync", "--no-instructions"}, bed.As(nobody))
	<-p.Ended
	if _, err := os.Stat(dir + "/db/PG_VERSION"); err != nil {
		t.Fatalf("initdb: %s\n%s", p, p.Said())
	}
	return m.start(postgres, []string{
		"-D", dir + "/db", "-h", address, "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "authentication_timeout=600",
	}, bed.As(nobody))
}

// redis starts a server that keeps nothing.
func (m *machine) redis(t *testing.T, port int, addresses ...string) *bed.Program {
	t.Helper()
	args := []string{"--port", fmt.Sprint(port), "--save", "", "--appendonly", "no", "--protected-mode", "no", "--dir", openDir(t), "--bind"}
	return m.start(need(t, "redis-server"), append(args, addresses...))
}

func (m *machine) memcached(t *testing.T, address string) *bed.Program {
	t.Helper()
	return m.start(need(t, "memcached"), []string{"-l", address, "-p", "11211", "-U", "0", "-m", "16", "-t", "1", "-u", "nobody"})
}

// dnsmasq is a name server that knows one name, on UDP and TCP.
func (m *machine) dnsmasq(t *testing.T, address string) *bed.Program {
	t.Helper()
	return m.start(need(t, "dnsmasq"), []string{
		"--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=", "--user=nobody",
		"--bind-interfaces", "--listen-address=" + address, "--except-interface=none", "--address=/site.test/192.0.2.1",
	})
}

// operator is the ordinary user that a host is asked as over SSH.
const (
	operator   = "dotm-fleet"
	operatorID = 64008
)

// sshd is a real server that lets the key's owner in as operator, who may run
// what privilege says (sudoers(5)). It returns the line for known_hosts.
func (m *machine) sshd(t *testing.T, address, publicKey, privilege string) (known string) {
	t.Helper()
	need(t, "sudo")
	need(t, "ss")
	read := func(path string) string {
		text, err := os.ReadFile(path)
		must(t, err)
		return string(text)
	}
	must(t, m.Write("/etc/passwd", read("/etc/passwd")+fmt.Sprintf("%s:x:%d:%d::/nonexistent:/bin/sh\n", operator, operatorID, operatorID), 0o644))
	must(t, m.Write("/etc/group", read("/etc/group")+fmt.Sprintf("%s:x:%d:\n", operator, operatorID), 0o644))
	must(t, m.Write("/etc/shadow", read("/etc/shadow")+operator+":*:19000:0:99999:7:::\n", 0o600))
	must(t, m.Write("/etc/sudoers", "Defaults !syslog\nDefaults env_reset\nroot ALL=(ALL) ALL\n"+operator+" "+privilege+"\n", 0o440))
	dir := openDir(t)
	keygen(t, filepath.Join(dir, "host"))
	write(t, filepath.Join(dir, "authorized_keys"), publicKey)
	config := filepath.Join(dir, "sshd_config")
	write(t, config, fmt.Sprintf(`ListenAddress %s
HostKey %s/host
AuthorizedKeysFile %s/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
`, address, dir, dir))
	m.start(need(t, "sshd"), []string{"-D", "-e", "-f", config})
	host, _, _ := strings.Cut(address, ":")
	return host + " " + read(filepath.Join(dir, "host.pub"))
}

// keygen makes a key pair, and returns its public half.
func keygen(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.Command(need(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	text, err := os.ReadFile(file + ".pub")
	must(t, err)
	return string(text)
}
