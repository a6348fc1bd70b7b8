package scan

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
	if !bytes.Equal(again, kernelObject) {
		t.Error("the object differs: run make bpf")
	}
}

// TestDescriptors: the kernel lists a socket with the process that holds it
// and the descriptor, and what is no socket not at all.
func TestDescriptors(t *testing.T) {
	needRoot(t)
	p := startPeer(t, "holder", 0)
	p.do("listen", "tcp4", "127.0.0.1:8080")
	d, err := openDescriptors()
	must(t, err)
	defer func() { must(t, d.close()) }()
	for range 2 { // each pass is a new one
		var mine []held
		must(t, d.each(func(h held) {
			if int(h.tgid) == p.pid() {
				mine = append(mine, h)
			}
		}))
		if len(mine) != 1 || mine[0].inode == 0 || mine[0].netns == 0 {
			t.Errorf("got %+v, want the one socket of process %d", mine, p.pid())
		}
	}
}

func TestHeldParse(t *testing.T) {
	want := []held{{1, 2, 3, 4}, {5, 6, 7, 8}}
	var raw []byte
	for _, h := range want {
		for _, v := range []uint32{h.inode, h.tgid, h.fd, h.netns} {
			raw = binary.NativeEndian.AppendUint32(raw, v)
		}
	}
	for cut := range len(raw) + 1 {
		d := &descriptors{buf: slices.Clone(raw)}
		var got []held
		done := d.parse(cut, func(h held) { got = append(got, h) })
		if n := cut / sizeofHeld; done != n*sizeofHeld || !slices.Equal(got, want[:n]) {
			t.Errorf("of %d bytes %d read: %v", cut, done, got)
		}
	}
}

func TestNominate(t *testing.T) {
	for _, c := range []struct {
		pids []uint32
		want uint32
	}{
		{nil, 0},
		{[]uint32{7}, 7},
		{[]uint32{7, 3, 5}, 3},
		{[]uint32{1}, 1},
		{[]uint32{1, 9}, 9},
		{[]uint32{9, 1, 4}, 4},
	} {
		h := &holding{}
		for _, pid := range c.pids {
			h.nominate(held{tgid: pid, fd: pid * 10})
		}
		if h.candidate != c.want || h.candidateFD != c.want*10 {
			t.Errorf("of %v: %d with descriptor %d, want %d", c.pids, h.candidate, h.candidateFD, c.want)
		}
	}
}
