package scan

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/scan/procfs"
	"github.com/devops-trouble-map/dotm/test/netns"
)

// The tests look at real sockets of real processes. They run in a network
// namespace of their own, so that every row of a report can be foretold: the
// test program starts itself again in one. Programs that hold the sockets are
// the test program, too (see peer).
const (
	envPeer   = "DOTM_SCAN_TEST_PEER"   // set in a program that takes commands
	envOwners = "DOTM_SCAN_TEST_OWNERS" // "walk": processes are found without eBPF
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(envPeer) != "":
		runPeer()
	case !netns.Inside():
		os.Exit(runTwice())
	}
	os.Exit(m.Run())
}

// runTwice runs all tests twice: processes are found by eBPF the first
// time, without it the second. Benchmarks name their ways themselves.
func runTwice() int {
	if code := netns.Run(); code != 0 || isBenchmark() {
		return code
	}
	if err := os.Setenv(envOwners, "walk"); err != nil {
		panic(err)
	}
	return netns.Run()
}

func isBenchmark() bool {
	return slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.bench=") })
}

// ownNetwork skips a test that needs a namespace of its own where there is
// none, and brings its loopback interface up.
func ownNetwork(t testing.TB) {
	t.Helper()
	netns.Need(t)
	if err := loopbackUp(); err != nil {
		netns.Cannot(t, "loopback interface can't be brought up: "+err.Error())
	}
}

// needRoot skips a test that needs the host's root.
func needRoot(t testing.TB) {
	t.Helper()
	ownNetwork(t)
	if r, err := procfs.ReadRights("/proc"); err != nil || r.EUID != 0 || !r.All {
		netns.Cannot(t, "needs root with CAP_SYS_PTRACE in the host's user namespace")
	}
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
