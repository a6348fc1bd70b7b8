package realtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// host is a network and a name of its own. Its processes and files are the
// machine's.
type host struct {
	name     string
	net, uts *os.File
}

// newHost makes a host that has nothing but loopback.
func newHost(t *testing.T, name string) *host {
	t.Helper()
	if r := os.Getenv(envInside); r != asRoot && r != asUserRoot {
		cannot(t, r)
	}
	h := &host{name: name}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespaces
		made <- h.make()
	}()
	if err := <-made; err != nil {
		cannot(t, "no host of our own: "+err.Error())
	}
	t.Cleanup(func() {
		_ = h.net.Close()
		_ = h.uts.Close()
	})
	h.ip(t, "link set lo up")
	return h
}

// make moves the calling thread into new namespaces and keeps hold of them.
func (h *host) make() (err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("making namespaces: %w", err)
	}
	if err := unix.Sethostname([]byte(h.name)); err != nil {
		return fmt.Errorf("naming host: %w", err)
	}
	h.net, h.uts, err = threadNamespaces()
	return err
}

func threadNamespaces() (network, uts *os.File, err error) {
	if network, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return nil, nil, err
	}
	uts, err = os.Open("/proc/thread-self/ns/uts")
	return network, uts, err
}

// do calls f on the host: what it starts and the sockets that it opens are
// there. f must not leave its goroutine.
func (h *host) do(f func() error) error {
	runtime.LockOSThread()
	network, uts, err := threadNamespaces()
	if err != nil {
		return err
	}
	defer network.Close() //nolint:errcheck // reading only
	defer uts.Close()     //nolint:errcheck // reading only
	if err := enter(h.net, h.uts); err != nil {
		return err
	}
	result := f()
	if err := enter(network, uts); err != nil {
		return err // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return result
}

func enter(network, uts *os.File) error {
	if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network: %w", err)
	}
	if err := unix.Setns(int(uts.Fd()), unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("entering host name: %w", err)
	}
	return nil
}

// dial is a [net.Dialer]'s DialContext on the host, for numeric addresses.
func (h *host) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.do(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// ip runs commands of ip(8) on the host, one a line.
func (h *host) ip(t *testing.T, commands ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(need(t, "ip"), "-batch", "-") //nolint:gosec // found in PATH
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Join(commands, "\n")), &out, &out
	if err := h.do(cmd.Run); err != nil {
		t.Fatalf("ip on %s: %v\n%s\n%s", h.name, err, strings.Join(commands, "\n"), out.Bytes())
	}
}

// The addresses of two hosts that are joined, and of what the second one
// pretends to be.
const (
	webAddress  = "10.77.0.1"
	webAddress6 = "fd77::1"
	dbAddress   = "10.77.0.2"
	dbAddress6  = "fd77::2"
)

// outsiders are addresses of the second host that belong to no internal
// network (RFC 5737, RFC 3849): they stand for the Internet.
var outsiders = []string{"198.51.100.7", "198.51.100.8", "2001:db8:77::7"}

// twoHosts makes web1 and db1, joined by a cable.
func twoHosts(t *testing.T) (web, db *host) {
	t.Helper()
	web, db = newHost(t, "web1"), newHost(t, "db1")
	web.ip(
		t,
		fmt.Sprintf("link add eth0 type veth peer name eth0 netns /proc/%d/fd/%d", os.Getpid(), db.net.Fd()),
		"address add "+webAddress+"/24 dev eth0",
		"address add "+webAddress6+"/64 dev eth0 nodad",
		"link set eth0 up",
		"route add 198.51.100.0/24 dev eth0",
		"route add 2001:db8:77::/64 dev eth0",
	)
	db.ip(
		t,
		"address add "+dbAddress+"/24 dev eth0",
		"address add "+dbAddress6+"/64 dev eth0 nodad",
		"address add 198.51.100.7/32 dev eth0",
		"address add 198.51.100.8/32 dev eth0",
		"address add 2001:db8:77::7/128 dev eth0 nodad",
		"link set eth0 up",
	)
	return web, db
}

// join is an address with a port.
func join(address string, port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }

// rename gives the host another name.
func (h *host) rename(t *testing.T, name string) {
	t.Helper()
	if err := h.do(func() error { return unix.Sethostname([]byte(name)) }); err != nil {
		t.Fatal(err)
	}
	h.name = name
}
