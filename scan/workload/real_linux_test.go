package workload

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// These tests start containers with the real runtimes, whose state is in a
// directory of the test's own, and find their processes. They need root and
// the Debian packages podman, docker.io (with containerd and runc), lxc and
// busybox-static.

// patience bounds everything that is waited for.
const patience = 2 * time.Minute

const realImage = "example.org/shop/cart:1.2"

// needs skips a test that needs root and programs.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		cannot(t, "needs root to start containers")
	}
	for _, p := range append(programs, "busybox") {
		if _, err := exec.LookPath(p); err != nil {
			cannot(t, "needs the program "+p+": "+err.Error())
		}
	}
}

// runs runs a program and gives what it printed.
func runs(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // t.Context ends before cleanups
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(out.String())
}

// rootfs is the file system of the containers: a busybox that needs nothing
// else.
func rootfs(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rootfs")
	for _, d := range []string{"bin", "dev", "etc", "proc", "run", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// image is the same as a file to import.
func image(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(rootfs(t))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// is checks what a process that runs now belongs to.
func (h *host) is(pid string, want Container) {
	h.t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		h.t.Fatal(err)
	}
	w, err := h.Of(n)
	if err != nil || w.Container == nil {
		text, _ := os.ReadFile("/proc/" + pid + "/cgroup")
		h.t.Fatalf("got %+v, %v, want %+v, in\n%s", w, err, want, text)
	}
	if *w.Container != want {
		h.t.Errorf(" got %+v\nwant %+v", *w.Container, want)
	}
}

// realHost has state of its own and the processes of this host. Its paths are
// short: Podman takes no run directory of more than 50 characters, nor the
// kernel a socket of more than 107.
func realHost(t *testing.T) *host {
	t.Helper()
	h := newHost(t)
	root, err := os.MkdirTemp("", "dotm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	h.root = root
	h.Finder = New(Options{Root: h.root, Proc: "/proc", Now: func() time.Time { return h.time }})
	return h
}

var idles = []string{"/bin/busybox", "sleep", "1000"}

// limits are what a process without CAP_SYS_RESOURCE may set.
var limits = []string{"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"}

func TestPodmanForReal(t *testing.T) {
	needs(t, "podman", "runc")
	h := realHost(t)
	podman := func(args ...string) string {
		return runs(t, "podman", append([]string{
			"--root", h.path("/var/lib/containers/storage"), "--runroot", h.path("/run/containers/storage"),
			"--tmpdir", h.path("/run/libpod"), "--storage-driver", "vfs", "--runtime", "runc",
			"--cgroup-manager", "cgroupfs", "--events-backend", "file",
		}, args...)...)
	}
	var monitors []int
	start := func(args ...string) (id, pid string) {
		id = podman(append(append([]string{"run", "--detach", "--network", "none"}, limits...), args...)...)
		pids := strings.Fields(podman("inspect", "--format", "{{.State.Pid}} {{.State.ConmonPid}}", id))
		monitors = append(monitors, watch(t, pids[1]))
		return id, pids[0]
	}
	podman("import", image(t), realImage)
	t.Cleanup(func() {
		podman("rm", "--all", "--force", "--time", "0")
		for _, m := range monitors { // they tidy up, in their own time
			await(t, m)
		}
	})

	id, pid := start(append([]string{"--name", "cart", realImage}, idles...)...)
	h.is(pid, Container{ID: id, Name: "cart", Runtime: "podman", Image: realImage})
	removed, removedPID := start(append([]string{"--rm", "--name", "fleeting", realImage}, idles...)...)
	h.is(removedPID, Container{ID: removed, Name: "fleeting", Runtime: "podman", Image: realImage})
	bare, barePID := start(append([]string{"--name", "bare", "--rootfs", rootfs(t)}, idles...)...)
	h.is(barePID, Container{ID: bare, Name: "bare", Runtime: "podman"})
	podman("rename", "cart", "basket")
	h.pass(recheck)
	h.is(pid, Container{ID: id, Name: "basket", Runtime: "podman", Image: realImage})
	h.notes()
}

func TestDockerForReal(t *testing.T) {
	needs(t, "dockerd", "docker", "containerd", "runc")
	h := realHost(t)
	socket := "unix://" + h.path(dockerSocket)
	config := h.path("/etc/docker/daemon.json")
	h.write("/etc/docker/daemon.json", "{}")
	daemon := exec.Command("dockerd", "--config-file", config, "--data-root", h.path(dockerRoot),
		"--exec-root", h.path("/run/docker"), "--pidfile", h.path("/run/docker.pid"), "--host", socket,
		"--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false",
		"--ip-forward=false", "--ip-masq=false", "--default-ulimit", "nofile=1024:1024")
	starts(t, daemon, "API listen on")
	docker := func(args ...string) string { return runs(t, "docker", append([]string{"--host", socket}, args...)...) }
	docker("import", image(t), realImage)
	id := docker(append([]string{"run", "--detach", "--network", "none", "--name", "cart", realImage}, idles...)...)
	t.Cleanup(func() { docker("rm", "--force", id) })
	pid := docker("inspect", "--format", "{{.State.Pid}}", id)

	want := Container{ID: id, Name: "cart", Runtime: "docker", Image: realImage}
	h.is(pid, want)
	docker("rename", "cart", "basket")
	h.pass(recheck)
	want.Name = "basket"
	h.is(pid, want)
	h.notes()

	// Asked through its socket, the daemon says the same.
	asked := realHost(t)
	asked.state.dockerAPI.socket, asked.state.dockerAPI.patience = h.path(dockerSocket), patience
	asked.is(pid, want)
	docker("rename", "basket", "cart")
	asked.pass(recheck)
	want.Name = "cart"
	asked.is(pid, want)
	asked.notes()
}

func TestContainerdForReal(t *testing.T) {
	needs(t, "containerd", "ctr", "runc")
	h := realHost(t)
	state, config := h.path("/run/containerd"), h.path("/config.toml")
	h.write("/config.toml", `version = 2
root = "`+h.path("/var/lib/containerd")+`"
state = "`+state+`"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
address = "`+state+`/containerd.sock"
[ttrpc]
address = "`+state+`/containerd.sock.ttrpc"
`)
	starts(t, exec.Command("containerd", "--config", config), "containerd successfully booted")
	ctr := func(args ...string) string {
		return runs(t, "ctr", append([]string{"--address", state + "/containerd.sock"}, args...)...)
	}
	name := "dotm-" + strconv.Itoa(os.Getpid()) // runc knows it outside of this test, too
	ctr(append([]string{"run", "--detach", "--rootfs", rootfs(t), name}, idles...)...)
	t.Cleanup(func() { ctr("task", "delete", "--force", name) })
	lines := strings.Split(ctr("task", "list"), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	h.is(fields[1], Container{ID: name, Name: name, Runtime: "containerd"})
	h.notes()
}

func TestLXCForReal(t *testing.T) {
	needs(t, "lxc-start", "lxc-stop", "lxc-info")
	h := realHost(t)
	lxc := h.path("/var/lib/lxc")
	name := "dotm-" + strconv.Itoa(os.Getpid())
	h.write("/var/lib/lxc/"+name+"/config", "lxc.uts.name = web\nlxc.rootfs.path = dir:"+rootfs(t)+"\nlxc.net.0.type = empty\nlxc.apparmor.profile = unconfined\n")
	runs(t, "lxc-start", append([]string{"--lxcpath", lxc, "--name", name, "--"}, idles...)...)
	t.Cleanup(func() { runs(t, "lxc-stop", "--lxcpath", lxc, "--name", name, "--kill") })
	pid := runs(t, "lxc-info", "--lxcpath", lxc, "--name", name, "--pid", "--no-humanize")
	h.is(pid, Container{Name: name, Runtime: "lxc"})
	h.notes()
}

// watch gives a descriptor of a process, to await its end (pidfd_open(2)).
func watch(t *testing.T, pid string) int {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(n, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func await(t *testing.T, process int) {
	t.Helper()
	defer unix.Close(process)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if n == 0 && err == nil {
			t.Error("the process doesn't end")
		}
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// starts starts a daemon, in a network and with mounts of its own so that it
// touches nothing of the host's, and waits until its log says that it is
// ready. It ends with the test.
func starts(t *testing.T, daemon *exec.Cmd, ready string) {
	t.Helper()
	daemon.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGTERM,
	}
	log, err := daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		cannot(t, "starting "+daemon.Path+": "+err.Error())
	}
	late := time.AfterFunc(patience, func() { daemon.Process.Kill() })
	t.Cleanup(func() {
		daemon.Process.Signal(syscall.SIGTERM)
		daemon.Wait()
		late.Stop()
	})
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), ready) {
			go io.Copy(io.Discard, log) // until it ends
			return
		}
	}
	t.Fatalf("%s ended:\n%s", daemon.Path, said.String())
}
