//go:build linux

// Package fleettest runs a whole site: hosts that are namespaces, joined by
// cables, with real programs on them, agents on some, and one server. What the
// chart must show is written down in testdata, one file a scene: every edge of
// it is demanded, and no other.
//
// What is missing (a program, a right) skips by name the tests that need it;
// with DOTM_REQUIRE_REAL=all it fails them.
package fleettest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// The variables by which a person tells the tests something.
const (
	envBinary  = "DOTM_FLEET_BINARY" // the dotm that is tested; built if not set
	envRequire = "DOTM_REQUIRE_REAL" // "all": what cannot be tested fails
)

func TestMain(m *testing.M) { os.Exit(bed.Main(build, m.Run)) }

// build makes the dotm that is tested.
func build(dir string) ([]string, error) {
	if given := os.Getenv(envBinary); given != "" {
		return nil, nil
	}
	binary := filepath.Join(dir, "dotm")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/devops-trouble-map/dotm/cmd/dotm").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("building dotm: %w\n%s", err, out)
	}
	return []string{envBinary + "=" + binary}, nil
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
func need(t testing.TB, program string, folders ...string) string {
	t.Helper()
	path, err := bed.Find(program, folders...)
	if err != nil {
		cannot(t, err.Error())
	}
	return path
}

// patience bounds every wait of these tests. Nothing is asserted about time but
// that it ends.
const patience = 40 * time.Second

// eventually waits until f returns nil, and fails with its last error when
// patience ends.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := bed.Until(ctx, f); err != nil {
		t.Fatalf("%s: not within %s: %v", what, patience, err)
	}
}

// openDir is a folder of the test that any user may enter.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(bed.Dir(), "test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
