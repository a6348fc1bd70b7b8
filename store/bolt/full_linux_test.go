package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
)

// TestDiskFull fills a disk of 2 MiB, which is mounted in a namespace of its own.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		lacking(t, "mounting a small disk takes root")
	}
	cmd := child(t, "full", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		lacking(t, "the kernel permits no mount namespace")
	}
	if err != nil || !strings.HasSuffix(string(out), "survived\n") {
		t.Errorf("%v: %s", err, out)
	}
}

// lacking skips a test, but not where everything has to be there.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("DOTM_REQUIRE_REAL") == "all" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// fillDisk mounts a small disk on dir, writes until it is full, makes room and
// writes on. It says "survived" if all went as it should.
func fillDisk(dir string) int {
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m")
	}
	if err == nil {
		err = survive(filepath.Join(dir, "data"), filepath.Join(dir, "ballast"))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("survived")
	return 0
}

func survive(data, ballast string) error {
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		return err
	}
	s, err := Open(data)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	last, err := writeUntilFull(s, 0)
	if err != nil {
		return err
	}
	for range 3 { // it goes on failing, and reading goes on
		if err := refusedFor(s, last+1); err != nil {
			return err
		}
		if err := is(s, last); err != nil {
			return fmt.Errorf("while the disk is full: %w", err)
		}
	}
	if err := reopened(&s, data, last); err != nil {
		return fmt.Errorf("with a full disk: %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	for n := last + 1; n < last+20; n++ {
		if err := s.Write(context.Background(), numbered(n)); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	if err := is(s, last+19); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return reopened(&s, data, last+19)
}

// writeUntilFull returns the number of the last change that was acknowledged.
func writeUntilFull(s *Store, last int) (int, error) {
	for ; last < 100_000; last++ {
		err := s.Write(context.Background(), numbered(last+1))
		if errors.Is(err, syscall.ENOSPC) {
			return last, nil
		}
		if err != nil {
			return last, fmt.Errorf("change %d: %w", last+1, err)
		}
	}
	return last, errors.New("the disk is never full")
}

func refusedFor(s *Store, n int) error {
	err := s.Write(context.Background(), numbered(n))
	if !errors.Is(err, store.ErrFull) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
		return fmt.Errorf("a write to a full disk returns %w", err)
	}
	return nil
}

func reopened(s **Store, data string, last int) (err error) {
	if err := (*s).Close(); err != nil {
		return err
	}
	if *s, err = Open(data); err != nil {
		return err
	}
	return is(*s, last)
}

// is says why a database does not hold the first n changes, or is not whole.
func is(s *Store, n int) error {
	state, err := s.Load(context.Background())
	if err != nil {
		return err
	}
	x, err := s.Extent(context.Background())
	if err != nil {
		return err
	}
	if state.Revision.Number != uint64(n) || x.Events != int64(n) || x.Records != int64(n) {
		return fmt.Errorf("revision %d, %d events, %d records after %d changes", state.Revision.Number, x.Events, x.Records, n)
	}
	return s.view(func(tx *bbolt.Tx) error {
		var broken error
		for err := range tx.Check() {
			broken = errors.Join(broken, err)
		}
		return broken
	})
}
