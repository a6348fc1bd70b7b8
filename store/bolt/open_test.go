package bolt

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
)

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	mustWrite(t, first, sample(1))

	_, err := Open(dir)
	if !errors.Is(err, store.ErrInUse) {
		t.Fatalf("second Open returns %v", err)
	}
	for _, want := range []string{dir, "(process " + strconv.Itoa(os.Getpid()) + ")", "--data"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}

	mustWrite(t, first, sample(2)) // the first one is not disturbed
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir)
	defer second.Close()
	if state, err := second.Load(t.Context()); err != nil || state.Revision.Number != 2 {
		t.Errorf("loaded %v, %v", state.Revision, err)
	}
}

func TestOpenTwiceFromAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	out, err := child(t, "open", dir).Output()
	if err == nil || !strings.Contains(string(out), "in use by another dotm (process "+strconv.Itoa(os.Getpid())+")") {
		t.Errorf("another process says %q, %v", out, err)
	}
}

// TestOpenAfterKill: the pid file of a dotm that was killed says nothing.
func TestOpenAfterKill(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dotm.pid"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if pid, _ := os.ReadFile(s.pidFile()); string(pid) != strconv.Itoa(os.Getpid()) {
		t.Errorf("pid file holds %q", pid)
	}
	s.Close()
	if _, err := os.Stat(s.pidFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pid file is left over: %v", err)
	}
}

// TestOpenForeign refuses what is not ours, and leaves it as it is.
func TestOpenForeign(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("grafana")); return err })
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, content string
	}{
		{"text", "dear diary, nothing happened today\n"},
		{"short text", "hello\n"},
		{"one byte", "x"},
		{"JSON", `{"nodes":[]}`},
		{"SQLite", "SQLite format 3\x00" + strings.Repeat("\x10\x00", 2040)},
		{"large text", strings.Repeat("all work and no play makes jack a dull boy\n", 5000)},
		{"a bolt file of another application", string(foreign)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(dir)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, store.ErrForeign) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--data") {
				t.Errorf("Open returns %v", err)
			}
			if got, _ := os.ReadFile(path); tt.name != "a bolt file of another application" && string(got) != tt.content {
				t.Error("the file was changed")
			}
		})
	}
	t.Run("the other application's data is left", func(t *testing.T) {
		db, err := bbolt.Open(other, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_ = db.View(func(tx *bbolt.Tx) error {
			if tx.Bucket([]byte("grafana")) == nil || tx.Bucket(bucketMeta) != nil {
				t.Error("its buckets changed")
			}
			return nil
		})
	})
}

func TestOpenNewer(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	setFormat(t, s, "99")
	_, err := Open(dir)
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), fmt.Sprintf("format 99, this one reads %d: update dotm", format)) {
		t.Errorf("Open returns %v", err)
	}
	_, err = Open(dir) // and the file was let go of
	if !errors.Is(err, store.ErrNewer) {
		t.Errorf("Open returns %v the second time", err)
	}
}

func TestOpenWithoutFormat(t *testing.T) {
	for _, format := range []string{"", "one"} {
		dir := t.TempDir()
		setFormat(t, open(t, dir), format)
		if _, err := Open(dir); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("format %q: Open returns %v", format, err)
		}
	}
}

// setFormat writes the version of the format and closes the file.
func setFormat(t *testing.T, s *Store, version string) {
	t.Helper()
	err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyFormat, []byte(version)) })
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestOpenPathIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "making data folder: mkdir "+path+": not a directory (choose another with --data)") {
		t.Errorf("Open returns %v", err)
	}
}

func TestOpenDatabaseIsAFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is a directory") || !strings.Contains(err.Error(), "--data") {
		t.Errorf("Open returns %v", err)
	}
}

// TestOpenUnwritable asks as nobody, because root may write everywhere.
func TestOpenUnwritable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming nobody takes root")
	}
	dir, err := os.MkdirTemp("", "dotm-unwritable") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	readable := filepath.Join(dir, "readable")
	s := open(t, readable)
	s.Close()
	os.Chmod(readable, 0o755)
	os.Chmod(filepath.Join(readable, FileName), 0o444)
	for _, tt := range []struct{ name, dir, want string }{
		{"new folder", filepath.Join(dir, "new"), "making data folder: mkdir " + filepath.Join(dir, "new") + ": permission denied"},
		{"new file", dir, "opening database: open " + filepath.Join(dir, FileName) + ": permission denied"},
		{"file of somebody else", readable, "opening database: open " + filepath.Join(readable, FileName) + ": permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := child(t, "open", tt.dir)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			out, err := cmd.Output()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Fatalf("nobody could: %v", err)
			}
			if !strings.Contains(string(out), tt.want) || !strings.Contains(string(out), "--data") {
				t.Errorf("nobody reads %q", out)
			}
		})
	}
}

// child is this test binary, doing something else in another process. It is
// started by way of /proc, as its folder is closed to other users.
func child(t *testing.T, what string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	return cmd
}
