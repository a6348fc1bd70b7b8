//go:build linux

package bed

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Host is a machine: a network, a name, processes and an /etc and /run of its
// own. Everything else on its disk is the machine's. A light one has a network
// and a name.
type Host struct {
	Name  string
	first *exec.Cmd // its process 1; nil for a container and a light host
	pid   int       // that leads to its namespaces
	on    io.Closer // ends process 1
	calls chan func()
}

// Power is what a host is started with.
type Power struct {
	// Name is the host's name.
	Name string
	// Machine is what its machine-id is made of; the name, if empty.
	Machine string
	// Hosts are lines of its /etc/hosts.
	Hosts []string
}

// Start makes a host that has nothing but loopback.
func Start(p Power) (*Host, error) {
	if why := Lacks(); why != "" {
		return nil, errors.New(why)
	}
	if p.Machine == "" {
		p.Machine = p.Name
	}
	h := &Host{Name: p.Name, calls: make(chan func())}
	if os.Getenv(envLight) != "" {
		if err := h.live(h.unshare); err != nil {
			return nil, err
		}
		return h, h.IP("link set lo up")
	}
	config, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	h.first = exec.Command(os.Args[0])
	h.first.Args[0] = "init"
	h.first.Env = []string{envPart + "=" + partInit, "GOMAXPROCS=1"}
	h.first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: spaces}
	h.first.Stderr = os.Stderr
	in, _ := h.first.StdinPipe()
	out, _ := h.first.StdoutPipe()
	if err := h.first.Start(); err != nil {
		return nil, fmt.Errorf("starting host %s: %w", p.Name, err)
	}
	h.pid, h.on = h.first.Process.Pid, in
	if _, err := in.Write(append(config, '\n')); err != nil {
		return nil, err
	}
	if word, err := bufio.NewReader(out).ReadString('\n'); word != "ready\n" {
		h.Stop()
		return nil, fmt.Errorf("starting host %s: %q %w", p.Name, word, err)
	}
	if err := h.enter(h.pid); err != nil {
		h.Stop()
		return nil, err
	}
	return h, h.IP("link set lo up")
}

// Stop is a power cut: all that runs there ends at once, and its cables come
// loose. It may be called again.
func (h *Host) Stop() {
	if h.first != nil {
		_ = h.on.Close()
		_ = h.first.Process.Kill()
		_ = h.first.Wait()
		h.first = nil
	}
	if h.calls != nil {
		close(h.calls)
		h.calls = nil
	}
}

// enter starts a thread in all namespaces of a process, and then in the networks
// of others.
func (h *Host) enter(pid int, networks ...int) error {
	return h.live(func() error {
		err := errors.Join(unix.Unshare(unix.CLONE_FS), join(pid, spaces))
		for _, n := range networks {
			err = errors.Join(err, join(n, unix.CLONE_NEWNET))
		}
		return err
	})
}

// unshare makes the calling thread a light host.
func (h *Host) unshare() error {
	if err := unix.Unshare(lightSpaces); err != nil {
		return fmt.Errorf("making namespaces: %w", err)
	}
	h.pid = unix.Gettid()
	return unix.Sethostname([]byte(h.Name))
}

// live starts the thread that lives on the host: whatever [Host.Do] calls is
// called there, and what it starts and opens is there. The thread never leaves.
func (h *Host) live(enter func() error) error {
	entered, calls := make(chan error), h.calls
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
		entered <- enter()
		for f := range calls {
			f()
		}
	}()
	if err := <-entered; err != nil {
		return fmt.Errorf("entering host %s: %w", h.Name, err)
	}
	return nil
}

// join moves the calling thread into namespaces of a process.
func join(pid, which int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, which); err != nil {
		return fmt.Errorf("namespaces of process %d: %w", pid, err)
	}
	return nil
}

// Do calls f on the host: what it starts and the sockets that it opens are
// there. f must not leave its goroutine.
func (h *Host) Do(f func() error) error {
	if h.calls == nil {
		return fmt.Errorf("host %s is off", h.Name)
	}
	done := make(chan error)
	h.calls <- func() { done <- f() }
	return <-done
}

// IP runs commands of ip(8) on the host, one a line.
func (h *Host) IP(commands ...string) error {
	err := batch(commands, func(c *exec.Cmd) error { return h.run(c) })
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// Run runs a program on the host to its end, and returns what it wrote.
func (h *Host) Run(stdin, program string, args ...string) (string, error) {
	path, err := Find(program)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	if err := h.run(cmd); err != nil {
		return out.String(), fmt.Errorf("%s: %s %v: %w\n%s", h.Name, program, args, err, out.String())
	}
	return out.String(), nil
}

// run starts a program on the host's thread and waits for it elsewhere.
func (h *Host) run(cmd *exec.Cmd) error {
	if err := h.Do(cmd.Start); err != nil {
		return err
	}
	return cmd.Wait()
}

// Set writes kernel parameters of the host's network (sysctl(8)), as in
// "net.ipv4.ip_forward=1".
func (h *Host) Set(parameters ...string) error {
	return h.Do(func() error {
		for _, p := range parameters {
			name, value, _ := strings.Cut(p, "=")
			path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
			if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

// Write makes a file in the host's own /etc or /run, with its folders.
func (h *Host) Write(path, text string, mode os.FileMode) error {
	if h.first == nil {
		return fmt.Errorf("%s has no %s of its own", h.Name, path)
	}
	return h.Do(func() error {
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode))
	})
}

// Rename gives the host another name, as hostname(1) does.
func (h *Host) Rename(name string) error {
	h.Name = name
	return h.Do(func() error { return unix.Sethostname([]byte(name)) })
}

// Dial is a [net.Dialer]'s DialContext on the host, for numeric addresses.
func (h *Host) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.Do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Container joins the network namespace of a process that was started on the
// host with one of its own. Stop only lets go of it.
func (h *Host) Container(p *Program) (*Host, error) {
	c := &Host{Name: h.Name + "/" + filepath.Base(p.Path()), pid: p.cmd.Process.Pid, calls: make(chan func())}
	if err := c.enter(h.pid, c.pid); err != nil {
		return nil, err
	}
	return c, c.IP("link set lo up")
}

// PID is a process of the host, as this process sees it, by which ip(8) finds
// its network.
func (h *Host) PID() int { return h.pid }

// runInit is process 1 of a host: it furnishes it, and buries its orphans until
// the power is cut.
func runInit() int {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	var p Power
	if err = errors.Join(err, json.Unmarshal(line, &p)); err == nil {
		err = furnish(p)
	}
	if err != nil {
		return complain(err)
	}
	fmt.Fprintln(os.Stdout, "ready")
	go func() {
		for range ended {
			for pid := 1; pid > 0; {
				pid, _ = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			}
		}
	}()
	_, _ = in.ReadByte() // the end of the input is the power cut
	return 0
}

// furnish gives the host its name and its own /proc, /run and /etc.
func furnish(p Power) error {
	if err := unix.Sethostname([]byte(p.Name)); err != nil {
		return fmt.Errorf("naming host: %w", err)
	}
	if err := ownProc(); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting /run: %w", err)
	}
	for _, dir := range []string{"/run/bed/etc", "/run/bed/work", "/run/sshd", "/run/lock"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/bed/etc,workdir=/run/bed/work"); err != nil {
		return fmt.Errorf("mounting /etc: %w", err)
	}
	id := sha256.Sum256([]byte(p.Machine))
	for path, text := range map[string]string{
		"/etc/machine-id":  hex.EncodeToString(id[:16]) + "\n",
		"/etc/hostname":    p.Name + "\n",
		"/etc/hosts":       "127.0.0.1 localhost\n127.0.1.1 " + p.Name + "\n" + strings.Join(p.Hosts, "\n") + "\n",
		"/etc/resolv.conf": "",
		// Without a resolver, glibc would ask 127.0.0.1 for whatever sudo and sshd
		// look up, and a look of that moment would see a caller of port 53.
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
	} {
		_ = os.Remove(path) // it may lead to a file in /run
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
