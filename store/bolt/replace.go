package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/devops-trouble-map/dotm/store"
)

// replacing is the folder beside the database in which its successor is made.
const replacing = "restoring"

// Replace fills a new file beside the old one and puts it in its place. Until
// then the old one stands and is used: a process that dies meanwhile leaves it as
// it was, and what is written to it meanwhile is replaced with it. One Replace
// waits for another.
func (s *Store) Replace(ctx context.Context, fill func(store.Store) error) error {
	s.replacing.Lock()
	defer s.replacing.Unlock()
	dir := s.successor()
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("making room for a new database: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in nobody's way
	next, err := Open(dir)
	if err != nil {
		return err
	}
	if err := next.fill(ctx, fill); err != nil {
		return errors.Join(fmt.Errorf("filling a new database: %w", full(err)), next.Close())
	}
	old, err := s.takeOver(next)
	if err != nil {
		return errors.Join(err, next.Close())
	}
	if err := errors.Join(old.Close(), syncFolder(filepath.Dir(s.path))); err != nil {
		return fmt.Errorf("putting the new database in place: %w", err)
	}
	return nil
}

func (s *Store) successor() string { return filepath.Join(filepath.Dir(s.path), replacing) }

// fill waits for the disk once, at the end.
func (s *Store) fill(ctx context.Context, fill func(store.Store) error) error {
	s.db.NoSync = true
	if err := errors.Join(fill(s), ctx.Err()); err != nil {
		return err
	}
	s.db.NoSync = false
	return s.db.Sync()
}

// takeOver makes the file of next that of s, and returns what s had until now. The
// new file is open, and so locked, all along: no other process comes in between.
func (s *Store) takeOver(next *Store) (old interface{ Close() error }, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, store.ErrClosed
	}
	if err := os.Rename(next.path, s.path); err != nil {
		return nil, fmt.Errorf("putting the new database in place: %w", err)
	}
	old, s.db, s.eraser = s.db, next.db, eraser{}
	return old, nil
}

// syncFolder makes a renamed file survive a loss of power.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
