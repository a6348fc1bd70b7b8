package hostfs

import (
	"os"
	"path/filepath"
	"testing"
)

// host is the file system of a host.
type host struct {
	t    testing.TB
	root string
}

func newHost(t testing.TB) *host { return &host{t, t.TempDir()} }

// write puts a file in place as runtimes do: a new one over the old.
func (h *host) write(p, text string) {
	h.t.Helper()
	p = filepath.Join(h.root, p)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(p+".new", []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(p+".new", p); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) remove(p string) {
	h.t.Helper()
	if err := os.RemoveAll(filepath.Join(h.root, p)); err != nil {
		h.t.Fatal(err)
	}
}
