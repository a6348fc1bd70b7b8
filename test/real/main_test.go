// Package realtest runs the real dotm beside real programs: nginx, redis,
// memcached, dnsmasq, and small clients and servers of its own. Every test has
// hosts of its own, which are network namespaces with a host name, so that
// every service and every connection of the chart can be foretold, and nothing
// of the machine shows.
//
// What is missing (a program, a right) skips by name the tests that need it;
// with DOTM_REQUIRE_REAL=all it fails them.
package realtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The variables by which the test program talks to itself.
const (
	envInside  = "DOTM_REAL_INSIDE"  // set in the namespace: the rights there, or why there is none
	envPuppet  = "DOTM_REAL_PUPPET"  // set in a program that takes orders, see puppet_test.go
	envBinary  = "DOTM_REAL_BINARY"  // the dotm that is tested; built if not set
	envRequire = "DOTM_REQUIRE_REAL" // "all": what cannot be tested fails
)

// The rights that the tests may have in their namespace.
const (
	asRoot     = "root"      // the machine's root
	asUserRoot = "user root" // root of a user namespace: one user id, its own processes
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(envPuppet) != "":
		os.Exit(runPuppet())
	case os.Getenv(envInside) == "":
		os.Exit(outside())
	}
	os.Exit(m.Run())
}

// outside builds dotm, runs this program again in namespaces of its own, and
// ends and removes whatever that left behind.
func outside() int {
	runtime.LockOSThread() // what this thread starts dies with it, and it lives as long as the process
	dir, err := os.MkdirTemp("", "dotm-real-")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing more can be done
	binary, err := build(dir)
	if err != nil {
		return complain(err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return complain(fmt.Errorf("becoming the parent of orphans: %w", err))
	}
	defer endOrphans()
	code, err := inside(binary)
	if err != nil {
		return complain(err)
	}
	return code
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "realtest:", err)
	return 1
}

// build makes the dotm that is tested, for every user to run.
func build(dir string) (string, error) {
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // another user runs dotm too
		return "", err
	}
	binary := filepath.Join(dir, "dotm")
	if given := os.Getenv(envBinary); given != "" {
		given, err := filepath.Abs(given)
		return binary, errors.Join(err, os.Symlink(given, binary)) // its processes must be called dotm
	}
	out, err := exec.Command("go", "build", "-o", binary, "github.com/devops-trouble-map/dotm/cmd/dotm").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building dotm: %w\n%s", err, out)
	}
	return binary, nil
}

// inside runs the tests in namespaces of their own, as root if this is root,
// else as root of a user namespace; where the kernel permits neither, without,
// and every test says so.
func inside(binary string) (int, error) {
	var errs []error
	for _, rights := range []string{asRoot, asUserRoot} {
		if rights == asRoot && os.Geteuid() != 0 {
			continue
		}
		code, err := again(binary, rights, namespaces(rights))
		if err == nil {
			return code, nil
		}
		errs = append(errs, err)
	}
	return again(binary, "no namespace of our own: "+errors.Join(errs...).Error(), &syscall.SysProcAttr{})
}

func namespaces(rights string) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS}
	if rights == asUserRoot {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// again runs this program with the same arguments. The error is for what could
// not be started; tests that fail are an exit code.
func again(binary, rights string, attr *syscall.SysProcAttr) (int, error) {
	cmd := exec.Command(os.Args[0], os.Args[1:]...) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), envInside+"="+rights, envBinary+"="+binary, "TMPDIR="+filepath.Dir(binary))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr = attr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// endOrphans kills the processes that outlived a test program that was killed
// itself: they are children of this one now.
func endOrphans() {
	for {
		left := children()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); len(left) == 0 || errors.Is(err, syscall.ECHILD) {
			return
		}
	}
}

// children lists the processes whose parent this one is (proc_pid_stat(5)).
func children() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		after := string(text[strings.LastIndexByte(string(text), ')')+1:])
		fields := strings.Fields(after)
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// cannot skips for a stranger, and fails where everything must be tested.
func cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(envRequire) == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// need finds a program, or ends the test.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} { // not in every user's PATH
			if p, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
				return p
			}
		}
		cannot(t, "program "+program+" is not installed")
	}
	return path
}

// needRoot ends a test that needs the machine's root: several user ids.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Getenv(envInside) != asRoot {
		cannot(t, "needs root, has: "+os.Getenv(envInside))
	}
}
