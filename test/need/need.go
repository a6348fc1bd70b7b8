// Package need says what a test can't do without. Where it is missing the test is
// skipped, for a stranger's machine, and fails where everything must be tested: CI sets
// DOTM_REQUIRE_REAL=all.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Programs are needed by name, or by path.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		Program(t, name)
	}
}

// Program finds one.
func Program(t testing.TB, name string) (path string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Lacks(t, name+" is not installed")
	}
	return path
}

// Kernel says what the machine's kernel, or who runs it, does not permit: nothing that
// could be installed. The test is skipped everywhere.
func Kernel(t testing.TB, why string) {
	t.Helper()
	t.Skip(why)
}

// Lacks says what this machine lacks.
func Lacks(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("DOTM_REQUIRE_REAL") == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}
