//go:build linux

package stage

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// Operator is the ordinary user that nodes are asked as; nothing else runs as it.
const (
	Operator   = "dotm-test"
	operatorID = 64007
)

// Keys are a key pair of the asking side: the private one's file, the public
// one's text.
type Keys struct{ Private, Public string }

// NewKeys makes a pair.
func NewKeys(t testing.TB) Keys {
	t.Helper()
	file := filepath.Join(OpenDir(t), "id_ed25519")
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file)
	return Keys{file, strings.TrimSpace(Read(t, file+".pub"))}
}

func keygen(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(Need(t, "ssh-keygen"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	return string(out)
}

// SSHD is a real server with files of its own.
type SSHD struct {
	*Program
	address, dir string
	Key          string // the host key's public file
	script       string // starts it
}

// SSHSetup says what is special about a server's host.
type SSHSetup struct {
	Permit  Keys              // who may log in
	Forced  string            // what stands before the key in authorized_keys
	Sudoers string            // what stands in sudoers behind root's line
	Hide    []string          // programs that the host does not have
	Replace map[string]string // scripts in place of programs
	Small   bool              // the user's world is BusyBox and nothing else
	Config  string            // lines of sshd_config that come first, and so win
}

// SSHD starts one on the host. It sees a user database with the Operator, a
// sudoers, and programs of its own; the machine's are not touched.
func (h *Host) SSHD(t testing.TB, address string, s SSHSetup) *SSHD {
	t.Helper()
	NeedRoot(t)
	d := &SSHD{address: address, dir: OpenDir(t)}
	binary := Need(t, "sshd")
	Need(t, "sudo")
	file := func(name, text string) string {
		path := filepath.Join(d.dir, name)
		Write(t, path, text)
		return path
	}
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(d.dir, "host"))
	d.Key = filepath.Join(d.dir, "host.pub")
	script := []string{
		"set -e", "mount -t tmpfs -o mode=755 tmpfs /run", "mkdir /run/sshd",
		"mount --bind " + file("passwd", Read(t, "/etc/passwd")+fmt.Sprintf("%s:x:%d:%d::/nonexistent:/bin/sh\n", Operator, operatorID, operatorID)) + " /etc/passwd",
		"mount --bind " + file("group", Read(t, "/etc/group")+fmt.Sprintf("%s:x:%d:\n", Operator, operatorID)) + " /etc/group",
		"mount --bind " + file("shadow", Read(t, "/etc/shadow")+Operator+":*:19000:0:99999:7:::\n") + " /etc/shadow",
	}
	sudoers := file("sudoers", "Defaults !syslog\nDefaults env_reset\nDefaults use_pty\nDefaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nroot ALL=(ALL) ALL\n"+s.Sudoers+"\n")
	if err := os.Chmod(sudoers, 0o440); err != nil {
		t.Fatal(err)
	}
	script = append(script, "mount --bind "+sudoers+" /etc/sudoers")
	for _, program := range s.Hide {
		script = append(script, "mount --bind /dev/null "+realPath(t, program))
	}
	for program, text := range s.Replace {
		path := file("program-"+program, text)
		script = append(script, "chmod 755 "+path, "mount --bind "+path+" "+realPath(t, program))
	}
	if s.Small {
		script = append(script, smallWorld(t)...)
		s.Config += "\nChrootDirectory " + smallRoot
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
`, s.Config, address, filepath.Join(d.dir, "host"), file("authorized_keys", s.Forced+s.Permit.Public+"\n")))
	script = append(script, "exec "+binary+" -D -e -f "+config)
	d.script = strings.Join(script, "\n")
	d.Again(t, h)
	return d
}

// Again starts the server, which must have ended, as it was started before: with
// the same keys, perhaps on a host that was started anew.
func (d *SSHD) Again(t testing.TB, h *Host) {
	t.Helper()
	d.Program = h.Start(t, "/bin/sh", []string{"-c", d.script}, bed.WithMounts())
	h.Reachable(t, d.address)
}

// smallRoot is where a world of BusyBox lies, in the server's own /run.
const smallRoot = "/run/small"

// smallWorld makes that world.
func smallWorld(t testing.TB) []string {
	return []string{
		"cd /run", "mkdir -p small/bin small/proc small/dev", "cp " + realPath(t, "busybox") + " small/bin/busybox",
		"chroot small /bin/busybox --install -s /bin",
		`printf '#!/bin/sh\nexec sh "$@"\n' >small/bin/bash`, "chmod 755 small/bin/bash", // root's shell by its usual name
		"mount -t proc proc small/proc",
		"touch small/dev/null", "mount --bind /dev/null small/dev/null",
	}
}

// realPath is where a program lies, behind all links.
func realPath(t testing.TB, program string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(Need(t, program))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// KnownHosts is a known_hosts file with the keys of servers.
func KnownHosts(t testing.TB, servers ...*SSHD) string {
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
		fmt.Fprintf(&b, "%s %s", host, Read(t, d.Key))
	}
	file := filepath.Join(OpenDir(t), "known_hosts")
	Write(t, file, b.String())
	return file
}

// Fingerprint is a host key's, as people compare it.
func (d *SSHD) Fingerprint(t testing.TB) string {
	t.Helper()
	return strings.Fields(keygen(t, "-lf", d.Key))[1]
}
