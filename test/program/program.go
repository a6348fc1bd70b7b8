// Package program has the dotm that tests of real servers run.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Variable may name a dotm that is tested instead of one that is built.
const Variable = "DOTM_BINARY"

// Main runs a package's tests with the path of dotm in binary, and returns the exit code
// for [os.Exit]. dotm is built for them, unless [Variable] names one.
func Main(m *testing.M, binary *string) int {
	if *binary = os.Getenv(Variable); *binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "dotm-tested-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "dotm")
	if err := Build(*binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Build makes dotm of the source that is tested.
func Build(path string) error {
	out, err := exec.Command("go", "build", "-o", path, "github.com/devops-trouble-map/dotm/cmd/dotm").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building dotm: %w\n%s", err, out)
	}
	return nil
}
