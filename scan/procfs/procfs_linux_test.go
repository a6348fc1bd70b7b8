package procfs

import (
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openTestProcfs(t testing.TB) *FS {
	t.Helper()
	fs, err := Open("/proc")
	must(t, err)
	t.Cleanup(func() { must(t, fs.Close()) })
	return fs
}

func TestProcfs(t *testing.T) {
	fs := openTestProcfs(t)
	self := os.Getpid()
	comm, err := fs.Read(Under(self, "comm"))
	if err != nil || strings.TrimSpace(string(comm)) == "" {
		t.Errorf("comm is %q, %v", comm, err)
	}
	exe, err := fs.Readlink(Under(self, "exe"))
	if want, _ := os.Executable(); err != nil || exe != want {
		t.Errorf("exe is %q, %v, want %q", exe, err, want)
	}
	if _, err := fs.Read("no-such-file"); !IsGone(err) {
		t.Errorf("reading no file: got %v", err)
	}
	if _, err := fs.Readlink("no-such-link"); !IsGone(err) {
		t.Errorf("reading no link: got %v", err)
	}
	if text, err := fs.Read("self/smaps"); err != nil || len(text) != len(fs.text) {
		t.Errorf("of a long file %d bytes are read, want %d (%v)", len(text), len(fs.text), err)
	}
}

func TestProcfsNumbers(t *testing.T) {
	fs := openTestProcfs(t)
	for range 2 { // it begins anew each time
		var got []int
		must(t, fs.Numbers(fs.Dir, func(n int, name []byte) bool {
			if string(name) != strconv.Itoa(n)+"\x00" {
				t.Errorf("entry %d has the name %q", n, name)
			}
			got = append(got, n)
			return true
		}))
		if !slices.Contains(got, 1) || !slices.Contains(got, os.Getpid()) {
			t.Errorf("got %v, want 1 and %d among them", got, os.Getpid())
		}
	}
	calls := 0
	must(t, fs.Numbers(fs.Dir, func(int, []byte) bool { calls++; return false }))
	if calls != 1 {
		t.Errorf("%d calls after the first said stop", calls-1)
	}
}

// dirent builds a struct linux_dirent64.
func dirent(name string) []byte {
	size := (direntName + len(name) + 1 + 7) &^ 7
	b := make([]byte, size)
	binary.NativeEndian.PutUint16(b[direntReclen:], uint16(size))
	copy(b[direntName:], name)
	return b
}

func TestEachNumber(t *testing.T) {
	var dir []byte
	for _, name := range []string{".", "..", "1", "self", "42", "7x", "", "4294967295", "99999999999", "0"} {
		dir = append(dir, dirent(name)...)
	}
	got := map[int]string{}
	eachNumber(dir, func(n int, name []byte) bool { got[n] = string(name); return true })
	want := map[int]string{0: "0\x00", 1: "1\x00", 42: "42\x00", 4294967295: "4294967295\x00"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzEachNumber(f *testing.F) {
	f.Add(append(dirent("1"), dirent("self")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		eachNumber(slices.Clip(slices.Clone(b)), func(n int, name []byte) bool {
			if len(name) < 2 || name[len(name)-1] != 0 || n < 0 {
				t.Errorf("entry %d has the name %q", n, name)
			}
			return true
		})
	})
}

func TestOpenProcfsError(t *testing.T) {
	if _, err := ReadRights(t.TempDir()); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "self/status") {
		t.Errorf("got %v, want that self/status is missing", err)
	}
	if _, err := Open("/no/such/proc"); err == nil || err.Error() != "opening /no/such/proc: no such file or directory" {
		t.Errorf("got %v", err)
	}
}
