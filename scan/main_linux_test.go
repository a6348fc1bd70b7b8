package scan

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/scan/procfs"
)

// The tests look at real sockets of real processes. They run in a network
// namespace of their own, so that every row of a report can be foretold: the
// test program starts itself again in one. Programs that hold the sockets are
// the test program, too (see peer).
const (
	envOwnNetwork = "DOTM_SCAN_TEST_NETWORK" // set inside: "own", or why not
	envPeer       = "DOTM_SCAN_TEST_PEER"    // set in a program that takes commands
	envRequire    = "DOTM_REQUIRE_REAL"      // "all": what cannot be tested fails
	envOwners     = "DOTM_SCAN_TEST_OWNERS"  // "walk": processes are found without eBPF
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(envPeer) != "":
		runPeer()
	case os.Getenv(envOwnNetwork) == "" && !isFuzzing():
		os.Exit(runInOwnNetwork())
	}
	os.Exit(m.Run())
}

// isFuzzing: the workers of go test -fuzz talk over descriptors that another
// process in between would lose. Fuzz tests need no sockets.
func isFuzzing() bool {
	return slices.ContainsFunc(os.Args, func(a string) bool {
		return strings.HasPrefix(a, "-test.fuzz=") || strings.HasPrefix(a, "-test.fuzzworker")
	})
}

// runInOwnNetwork runs all tests twice: processes are found by eBPF the first
// time, without it the second. Benchmarks name their ways themselves.
func runInOwnNetwork() int {
	if code := runOnce(); code != 0 || isBenchmark() {
		return code
	}
	if err := os.Setenv(envOwners, "walk"); err != nil {
		panic(err)
	}
	return runOnce()
}

func isBenchmark() bool {
	return slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.bench=") })
}

// runOnce runs this program again in a new network namespace, and without one
// if the kernel doesn't permit it.
func runOnce() int {
	err := again(newNetwork(), "own")
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		err = again(nil, err.Error())
	}
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "running the tests:", err)
		return 1
	}
	return 0
}

func again(attr *syscall.SysProcAttr, network string) error {
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), envOwnNetwork+"="+network)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = attr
	return cmd.Run()
}

// newNetwork asks for a network namespace; who isn't root needs a user
// namespace around it.
func newNetwork() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// ownNetwork skips a test that needs a namespace of its own where there is
// none, and brings its loopback interface up.
func ownNetwork(t testing.TB) {
	t.Helper()
	if why := os.Getenv(envOwnNetwork); why != "own" {
		cannot(t, "no network namespace of our own: "+why)
	}
	if err := loopbackUp(); err != nil {
		cannot(t, "loopback interface can't be brought up: "+err.Error())
	}
}

// needRoot skips a test that needs the host's root.
func needRoot(t testing.TB) {
	t.Helper()
	ownNetwork(t)
	if r, err := procfs.ReadRights("/proc"); err != nil || r.EUID != 0 || !r.All {
		cannot(t, "needs root with CAP_SYS_PTRACE in the host's user namespace")
	}
}

// cannot skips for a stranger, and fails where everything must be tested.
func cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(envRequire) == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// loopbackUp sets IFF_UP on lo (netdevice(7)).
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is lost with it
	var ifreq struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(ifreq.name[:], "lo")
	ifreq.flags = unix.IFF_UP
	if _, _, no := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&ifreq))); no != 0 {
		return no
	}
	return nil
}
