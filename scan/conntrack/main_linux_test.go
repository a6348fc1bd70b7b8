package conntrack

import (
	"flag"
	"os"
	"testing"

	"github.com/devops-trouble-map/dotm/test/netns"
)

var update = flag.Bool("update", false, "record the kernel's messages in testdata anew; needs conntrack(8)")

// The tests read the tables of real network namespaces, between which real
// connections run.
func TestMain(m *testing.M) {
	if !netns.Inside() {
		os.Exit(netns.Run())
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
