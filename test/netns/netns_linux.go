// Package netns runs tests in a network namespace of their own, so that nothing of
// the machine is touched, every socket can be foretold, and who isn't root has the
// rights in there.
package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const (
	envInside  = "DOTM_TEST_NETWORK" // set inside: "own", or why not
	envRequire = "DOTM_REQUIRE_REAL" // "all": what cannot be tested fails
)

// Inside says whether this program is to run the tests itself: it runs in the
// namespace already, without one because the kernel permits none, or as a worker
// of go test -fuzz, which talks over descriptors that another process in between
// would lose.
func Inside() bool {
	return os.Getenv(envInside) != "" || slices.ContainsFunc(os.Args, func(a string) bool {
		return strings.HasPrefix(a, "-test.fuzz=") || strings.HasPrefix(a, "-test.fuzzworker")
	})
}

// Run runs this program again in a new network namespace, and without one if the
// kernel doesn't permit it. It returns the exit code.
func Run() int {
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
	cmd.Env = append(os.Environ(), envInside+"="+network)
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

// Need skips a test that needs the namespace where there is none.
func Need(t testing.TB) {
	t.Helper()
	if why := os.Getenv(envInside); why != "own" {
		Cannot(t, "no network namespace of our own: "+why)
	}
}

// Cannot skips for a stranger, and fails where everything must be tested.
func Cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(envRequire) == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}
