// Package packages_test installs the packages of dist/ on machines that boot: Debian
// under systemd, each in a container with a network of its own. make test-packages
// builds what it needs and runs it.
package packages_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// From the environment: folders with packages, of this commit and of the one before,
// and the root file system that machines begin with.
const (
	envNew  = "DOTM_PACKAGES"
	envOld  = "DOTM_PACKAGES_BEFORE"
	envRoot = "DOTM_PACKAGES_ROOT"
)

// patience is how long a machine may take for anything, busy as it may be.
const patience = 60 * time.Second

// folder is one of those folders; without it the test is not meant to run.
func folder(t *testing.T, env string) string {
	t.Helper()
	dir := os.Getenv(env)
	if dir == "" {
		t.Skip(env + " is not set: make test-packages runs this, as root")
	}
	dir, err := filepath.EvalSymlinks(dir) // podman follows none
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// machine is a booted Debian.
type machine struct{ name string }

// command runs a program of this machine's, and gives what it prints.
func command(t *testing.T, argv ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(argv, " "), err, &out, &errOut)
	}
	return strings.TrimSpace(out.String())
}

// attempt is command for what may fail.
func attempt(argv ...string) (string, error) {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// cable is a network of machines: a bridge in a namespace of its own, so that nothing
// of the host is touched.
type cable struct {
	name  string
	hosts []string
}

func newCable(t *testing.T, hosts ...string) *cable {
	t.Helper()
	c := &cable{name: fmt.Sprintf("dotmpkg%d", os.Getpid()), hosts: hosts}
	command(t, "ip", "netns", "add", c.name)
	t.Cleanup(func() { _, _ = attempt("ip", "netns", "del", c.name) })
	command(t, "ip", "-n", c.name, "link", "add", "br0", "type", "bridge")
	command(t, "ip", "-n", c.name, "link", "set", "br0", "up")
	for i, h := range hosts {
		ns := c.namespace(h)
		command(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { _, _ = attempt("ip", "netns", "del", ns) })
		port := fmt.Sprintf("p%d", i)
		command(t, "ip", "-n", ns, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", c.name)
		command(t, "ip", "-n", c.name, "link", "set", port, "master", "br0", "up")
		command(t, "ip", "-n", ns, "address", "add", c.address(h)+"/24", "dev", "eth0")
		command(t, "ip", "-n", ns, "link", "set", "lo", "up")
		command(t, "ip", "-n", ns, "link", "set", "eth0", "up")
	}
	return c
}

func (c *cable) namespace(host string) string { return c.name + host }

func (c *cable) address(host string) string {
	for i, h := range c.hosts {
		if h == host {
			return fmt.Sprintf("10.97.0.%d", i+1)
		}
	}
	return ""
}

// boot starts a machine with a fresh file system, and waits until systemd is done.
func (c *cable) boot(t *testing.T, host string) *machine {
	t.Helper()
	m := &machine{c.namespace(host)}
	argv := []string{
		"podman", "--runtime", "runc", // crun wants one kind of control groups
		"run", "--detach", "--rm", "--name", m.name, "--hostname", host, "--systemd", "always",
		"--ulimit", "nofile=1024:20000", "--ulimit", "nproc=1000:1000", // what this host may give
		"--network", "ns:/run/netns/" + c.namespace(host), "--cap-add", "all", "--security-opt", "seccomp=unconfined",
		"--volume", folder(t, envNew) + ":/new:ro", "--volume", folder(t, envOld) + ":/old:ro",
	}
	playbooks, err := filepath.Abs("../../packaging/ansible")
	if err != nil {
		t.Fatal(err)
	}
	argv = append(argv, "--volume", playbooks+":/ansible:ro")
	for _, h := range c.hosts {
		argv = append(argv, "--add-host", h+":"+c.address(h))
	}
	command(t, append(argv, "--rootfs", folder(t, envRoot)+":O", "/sbin/init")...)
	t.Cleanup(func() { _, _ = attempt("podman", "rm", "--force", "--time", "1", m.name) })
	m.until(t, "systemd is up", `systemctl is-system-running | grep -E 'running|degraded'`)
	return m
}

func (m *machine) argv(script string) []string {
	return []string{"podman", "exec", m.name, "sh", "-euc", script}
}

// run runs a script there, and gives what it prints.
func (m *machine) run(t *testing.T, script string) string {
	t.Helper()
	return command(t, m.argv(script)...)
}

// fails runs a script that must fail, and gives what it says.
func (m *machine) fails(t *testing.T, script string) string {
	t.Helper()
	out, err := attempt(m.argv(script)...)
	if err == nil {
		t.Fatalf("%s succeeds:\n%s", script, out)
	}
	return out
}

// until waits for a script to succeed, and gives what it prints.
func (m *machine) until(t *testing.T, what, script string) string {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		out, err := attempt(m.argv(script)...)
		if err == nil {
			return out
		}
		select {
		case <-end:
			log, _ := attempt(m.argv("journalctl --no-pager -n 40 2>/dev/null; systemctl --failed --no-pager")...)
			t.Fatalf("waited too long until %s: %v\n%s\n%s", what, err, out, log)
		case <-tick.C:
		}
	}
}

// same tells that a script prints what is wanted.
func (m *machine) same(t *testing.T, what, script, want string) {
	t.Helper()
	if got := m.run(t, script); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// copyTo hands a file to another machine.
func (m *machine) copyTo(t *testing.T, to *machine, path string) {
	t.Helper()
	content := m.run(t, "cat "+path)
	cmd := exec.CommandContext(t.Context(), "podman", "exec", "--interactive", to.name, "sh", "-euc", "umask 077; cat > "+path)
	cmd.Stdin = strings.NewReader(content + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copying %s: %v\n%s", path, err, out)
	}
}

// agent is what dotm agents --json says of one.
type agent struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Enrolled   time.Time `json:"enrolled"`
	LastReport time.Time `json:"last_report"`
}

// agents are those that the server knows.
func (m *machine) agents(t *testing.T) []agent {
	t.Helper()
	var list struct{ Agents []agent }
	if err := json.Unmarshal([]byte(m.run(t, "dotm agents --json")), &list); err != nil {
		t.Fatal(err)
	}
	return list.Agents
}

// started is when a unit's process began, so that a restart shows.
func (m *machine) started(t *testing.T, unit string) string {
	t.Helper()
	return m.run(t, "systemctl show --value -p MainPID,ExecMainStartTimestampMonotonic "+unit)
}
