package daemon

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"
)

// Need skips the test where a program is missing, by name; see [Lacks].
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Lacks(t, p+" is not installed")
		}
	}
}

// Lacks skips the test, as this machine lacks something; with DOTM_REQUIRE_REAL=all it
// fails it.
func Lacks(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("DOTM_REQUIRE_REAL") == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Account is that of a user, to run a program as.
func Account(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", name, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// FreeAddr is an address of loopback where nobody listens.
func FreeAddr(t testing.TB) string {
	t.Helper()
	return "127.0.0.1:" + FreePorts(t, 1)[0]
}

// FreePorts are ports of loopback where nobody listens.
func FreePorts(t testing.TB, n int) (ports []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}
