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
		from := map[string]string{"dot": "graphviz", "icinga2": "icinga2-bin", "nagios4": "nagios4-core"}[name]
		if os.Getenv("DOTM_REQUIRE_REAL") == "all" {
			t.Fatalf("%s is missing: apt-get install %s", name, from)
		}
		t.Skipf("%s is missing: apt-get install %s", name, from)
	}
	return path
}
