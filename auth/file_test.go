package auth

import (
	"os"
	"path/filepath"
	"testing"
)

// checkSecretFile checks what a file holds, who may read it, and that nothing
// else lies beside it.
func checkSecretFile(t *testing.T, path, text string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("%s holds %q, %v", path, got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if all, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(all) != 0 {
		t.Errorf("%v is left", all)
	}
}
