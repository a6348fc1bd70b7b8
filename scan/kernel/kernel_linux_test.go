package kernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestObjectIsOfItsSource: the committed object was compiled from the committed
// source.
func TestObjectIsOfItsSource(t *testing.T) {
	h := sha256.New()
	for _, name := range []string{"bpf/kernel.bpf.c", "bpf/types.h"} {
		text, err := os.ReadFile(name)
		must(t, err)
		h.Write(text)
	}
	sum, err := os.ReadFile("bpf/kernel.bpf.sum")
	must(t, err)
	if got := hex.EncodeToString(h.Sum(nil)); got != strings.TrimSpace(string(sum)) {
		t.Errorf("the source has the sum %s, the object is of %s: run make bpf", got, sum)
	}
}

// TestObjectCompilesAgain: where the compiler is installed, it gives the same
// bytes.
func TestObjectCompilesAgain(t *testing.T) {
	if _, err := exec.LookPath("clang-16"); err != nil {
		t.Skip("clang-16 is not installed")
	}
	dir := filepath.Join(t.TempDir(), "bpf")
	must(t, os.CopyFS(dir, os.DirFS("bpf")))
	if out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "build.sh")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	again, err := os.ReadFile(filepath.Join(dir, "kernel.bpf.o"))
	must(t, err)
	if !bytes.Equal(again, object) {
		t.Error("the object differs: run make bpf")
	}
}

func TestPassParse(t *testing.T) {
	want := [][]byte{[]byte("0123"), []byte("4567")}
	raw := []byte("01234567")
	for cut := range len(raw) + 1 {
		p := &pass{buf: raw, size: 4}
		var got [][]byte
		done := p.parse(cut, func(b []byte) { got = append(got, b) })
		if n := cut / 4; done != n*4 || !slices.EqualFunc(got, want[:n], bytes.Equal) {
			t.Errorf("of %d bytes %d read: %v", cut, done, got)
		}
	}
}

func TestParseEdge(t *testing.T) {
	raw := make([]byte, 60)
	copy(raw, netip.MustParseAddr("::ffff:10.0.0.9").AsSlice())
	copy(raw[16:], netip.MustParseAddr("::1").AsSlice())
	copy(raw[32:], "curl")
	raw[48], raw[52], raw[56], raw[57], raw[58] = 7, 9, 0x38, 0x15, 1
	e, ok := parseEdge(raw)
	if !ok || e.Peer().String() != "10.0.0.9" || e.Local().String() != "::1" || e.Network != 7 || e.UID != 9 || e.Port != 5432 || !e.Active() {
		t.Errorf("read %+v, %t", e, ok)
	}
	for n := range 60 {
		if _, ok := parseEdge(raw[:n]); ok {
			t.Errorf("%d bytes are an edge", n)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
