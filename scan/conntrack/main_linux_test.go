package conntrack

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The tests read the tables of real network namespaces, between which real
// connections run. The test program starts itself again in a namespace of its
// own, so that nothing of the machine is touched, and who isn't root has the
// rights in there.
const (
	envOwnNetwork = "DOTM_CONNTRACK_TEST_NETWORK" // set inside: "own", or why not
	envRequire    = "DOTM_REQUIRE_REAL"           // "all": what cannot be tested fails
)

var update = flag.Bool("update", false, "record the kernel's messages in testdata anew; needs conntrack(8)")

func TestMain(m *testing.M) {
	if os.Getenv(envOwnNetwork) == "" && !isFuzzing() {
		os.Exit(runInOwnNetwork())
	}
	os.Exit(m.Run())
}

// isFuzzing: the workers of go test -fuzz talk over descriptors that another
// process in between would lose.
func isFuzzing() bool {
	return slices.ContainsFunc(os.Args, func(a string) bool {
		return strings.HasPrefix(a, "-test.fuzz=") || strings.HasPrefix(a, "-test.fuzzworker")
	})
}

// runInOwnNetwork runs this program again in a new network namespace, and
// without one if the kernel doesn't permit it.
func runInOwnNetwork() int {
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

// cannot skips for a stranger, and fails where everything must be tested.
func cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(envRequire) == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
