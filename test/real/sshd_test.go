package realtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/collect/ssh"
)

// operator is the ordinary user that nodes are asked as; no other test has it.
const (
	operator   = "dotm-test"
	operatorID = 64007
)

// keys are a key pair of the asking side.
type keys struct{ private, public string }

func newKeys(t *testing.T) keys {
	t.Helper()
	file := filepath.Join(openDir(t), "id_ed25519")
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file)
	return keys{file, strings.TrimSpace(read(t, file+".pub"))}
}

func keygen(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(need(t, "ssh-keygen"), args...).CombinedOutput() //nolint:gosec // found in PATH
	if err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	return string(out)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sshd is a real server with files of its own.
type sshd struct {
	*program
	address, dir string
	key          string // the host key's public file
}

// sshSetup says what is special about a server's host.
type sshSetup struct {
	permit  keys     // who may log in
	forced  string   // what stands before the key in authorized_keys
	sudoers string   // what stands in sudoers behind root's line
	hide    []string // programs that the host does not have
	replace map[string]string
	small   bool   // the user's world is BusyBox and nothing else
	config  string // lines of sshd_config that come first, and so win
}

// sshd starts one on the host. It sees a user database with the operator, a
// sudoers, and programs of its own; the machine's are not touched.
func (h *host) sshd(t *testing.T, address string, s sshSetup) *sshd {
	t.Helper()
	needRoot(t)
	d := &sshd{address: address, dir: openDir(t)}
	binary := need(t, "sshd")
	need(t, "sudo")
	file := func(name, text string) string {
		path := filepath.Join(d.dir, name)
		write(t, path, text)
		return path
	}
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(d.dir, "host"))
	d.key = filepath.Join(d.dir, "host.pub")
	script := []string{
		"set -e", "mount -t tmpfs -o mode=755 tmpfs /run", "mkdir /run/sshd",
		"mount --bind " + file("passwd", read(t, "/etc/passwd")+fmt.Sprintf("%s:x:%d:%d::/nonexistent:/bin/sh\n", operator, operatorID, operatorID)) + " /etc/passwd",
		"mount --bind " + file("group", read(t, "/etc/group")+fmt.Sprintf("%s:x:%d:\n", operator, operatorID)) + " /etc/group",
		"mount --bind " + file("shadow", read(t, "/etc/shadow")+operator+":*:19000:0:99999:7:::\n") + " /etc/shadow",
	}
	sudoers := file("sudoers", "Defaults !syslog\nDefaults env_reset\nDefaults use_pty\nDefaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nroot ALL=(ALL) ALL\n"+s.sudoers+"\n")
	if err := os.Chmod(sudoers, 0o440); err != nil { //nolint:gosec // as sudo wants it
		t.Fatal(err)
	}
	script = append(script, "mount --bind "+sudoers+" /etc/sudoers")
	for _, program := range s.hide {
		script = append(script, "mount --bind /dev/null "+realPath(t, program))
	}
	for program, text := range s.replace {
		path := file("program-"+program, text)
		script = append(script, "chmod 755 "+path, "mount --bind "+path+" "+realPath(t, program))
	}
	if s.small {
		script = append(script, smallWorld(t)...)
		s.config += "\nChrootDirectory " + smallRoot
	}
	config := file("sshd_config", fmt.Sprintf(`%s
ListenAddress %s
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
LogLevel VERBOSE
`, s.config, address, filepath.Join(d.dir, "host"), file("authorized_keys", s.forced+s.permit.public+"\n")))
	script = append(script, "exec "+binary+" -D -e -f "+config)
	d.program = h.start(t, "/bin/sh", []string{"-c", strings.Join(script, "\n")}, func(c *exec.Cmd) {
		c.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	})
	h.reachable(t, address)
	return d
}

// smallRoot is where a world of BusyBox lies, in the server's own /run.
const smallRoot = "/run/small"

// smallWorld makes that world.
func smallWorld(t *testing.T) []string {
	return []string{
		"cd /run", "mkdir -p small/bin small/proc small/dev", "cp " + realPath(t, "busybox") + " small/bin/busybox",
		"chroot small /bin/busybox --install -s /bin",
		`printf '#!/bin/sh\nexec sh "$@"\n' >small/bin/bash`, "chmod 755 small/bin/bash", // root's shell by its usual name
		"mount -t proc proc small/proc",
		"touch small/dev/null", "mount --bind /dev/null small/dev/null",
	}
}

// realPath is where a program lies, behind all links.
func realPath(t *testing.T, program string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(need(t, program))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// knownHosts is a known_hosts file with the keys of servers.
func knownHosts(t *testing.T, servers ...*sshd) string {
	t.Helper()
	var b strings.Builder
	for _, d := range servers {
		host, port, err := net.SplitHostPort(d.address)
		if err != nil {
			t.Fatal(err)
		}
		if port != "22" {
			host = "[" + host + "]:" + port
		}
		fmt.Fprintf(&b, "%s %s", host, read(t, d.key))
	}
	file := filepath.Join(openDir(t), "known_hosts")
	write(t, file, b.String())
	return file
}

// fingerprint is a host key's, as people compare it.
func (d *sshd) fingerprint(t *testing.T) string {
	t.Helper()
	return strings.Fields(keygen(t, "-lf", d.key))[1]
}

// sudoLine lets the operator list sockets as root.
const sudoLine = operator + " " + ssh.SudoPrivilege
