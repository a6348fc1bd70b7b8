//go:build linux

// Package stage is where tests play their scenes: hosts on a [bed] with real
// programs and puppets on them, the dotm under test, and what its [chart] must show.
// What goes wrong fails the test; what was started ends with it, and is shown if it
// failed.
//
// What is missing (a program, a right) skips by name the tests that need it;
// with DOTM_REQUIRE_REAL=all it fails them.
package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/program"
)

// The variables by which a person tells the tests something.
const (
	envBinary   = program.Variable    // the dotm that is tested; built if not set
	envRequire  = "DOTM_REQUIRE_REAL" // "all": what cannot be tested fails
	envPictures = "DOTM_PICTURES"     // a folder for pictures of charts that were wrong
)

// Prepare makes the dotm that is tested, for [bed.Main].
func Prepare(dir string) ([]string, error) {
	binary := filepath.Join(dir, "dotm") // its processes must be called dotm
	if given := os.Getenv(envBinary); given != "" {
		given, err := filepath.Abs(given)
		if err == nil {
			err = os.Symlink(given, binary)
		}
		return []string{envBinary + "=" + binary}, err
	}
	return []string{envBinary + "=" + binary}, program.Build(binary)
}

// Cannot skips for a stranger, and fails where everything must be tested.
func Cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(envRequire) == "all" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Need finds a program, also in these folders, or ends the test.
func Need(t testing.TB, program string, folders ...string) string {
	t.Helper()
	path, err := bed.Find(program, folders...)
	if err != nil {
		Cannot(t, err.Error())
	}
	return path
}

// NeedRoot ends a test that needs the machine's root: several user ids.
func NeedRoot(t testing.TB) {
	t.Helper()
	if why := bed.LacksRoot(); why != "" {
		Cannot(t, why)
	}
}

// Must ends the test on an error of the bed.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Patience bounds every wait of these tests. Nothing is asserted about time but
// that it ends.
const Patience = 40 * time.Second

// Eventually waits until f returns nil, and fails with its last error when
// [Patience] ends.
func Eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	Within(t, Patience, what, f)
}

// Within waits until f returns nil, and fails with its last error after a time.
func Within(t testing.TB, limit time.Duration, what string, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := bed.Until(ctx, f); err != nil {
		t.Fatalf("%s: not within %s: %v", what, limit, err)
	}
}

// OpenDir is a folder of the test that any user may enter.
func OpenDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(bed.Dir(), "test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	Must(t, err)
	return dir
}

// Write makes a file that any user may read.
func Write(t testing.TB, path, text string) {
	t.Helper()
	Must(t, os.WriteFile(path, []byte(text), 0o644))
}

// Read is a file's text.
func Read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	Must(t, err)
	return string(text)
}

// ContainsAll says which of the parts a text lacks.
func ContainsAll(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("%q is not in %q", part, text)
		}
	}
	return nil
}
