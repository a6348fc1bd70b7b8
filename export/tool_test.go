package export

import (
	"os"
	"os/exec"
	"testing"
)

// tool finds a program that the tests need; where all must run, it must be there.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("DOTM_REQUIRE_REAL") == "all" {
			t.Fatalf("%s is missing: apt-get install graphviz", name)
		}
		t.Skipf("%s is missing: apt-get install graphviz", name)
	}
	return path
}
