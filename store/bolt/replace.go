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
// then the old one stands: a process that dies meanwhile leaves it as it was.
func (s *Store) Replace(ctx context.Context, fill func(store.Store) error) error {
	dir := filepath.Join(filepath.Dir(s.path), replacing)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("making room for a new database: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in nobody's way
	next, err := Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(next), ctx.Err(), next.Close()); err != nil {
		return fmt.Errorf("filling a new database: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", s.path, err)
	}
	err = os.Rename(next.path, s.path)
	if err == nil {
		err = syncFolder(filepath.Dir(s.path))
	}
	s.eraser = eraser{}
	if err := errors.Join(err, s.guard("opening", s.openFile)); err != nil {
		return fmt.Errorf("putting the new database in place: %w", err)
	}
	return nil
}

// syncFolder makes a renamed file survive a loss of power.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
