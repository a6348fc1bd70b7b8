package manage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/store"
)

// archiveTimeout bounds a backup, and a restore.
const archiveTimeout = time.Hour

// Backup is dotm backup.
type Backup struct {
	client.Flags
	File string `arg:"" help:"File to write. It must not exist." type:"path"`
}

// Run saves everything that a running server keeps. The file holds what must stay
// secret, so that its user alone may read it.
func (c *Backup) Run(ctx context.Context, g *console.Globals) (err error) {
	if _, err := os.Lstat(c.File); err == nil {
		return fmt.Errorf("%s exists: name a new file, or remove it first", c.File)
	}
	ctx, cancel := context.WithTimeout(ctx, archiveTimeout)
	defer cancel()
	resp, err := c.Ask(ctx, http.MethodGet, "/backup", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode != http.StatusOK {
		return client.Decode(c.Server, resp, nil)
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), ".dotm-backup-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has its name by then, or is in nobody's way
	contents, err := save(ctx, f, resp.Body)
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if err := os.Rename(f.Name(), c.File); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if g.JSON {
		return console.WriteJSON(g.Out, contents)
	}
	_, err = fmt.Fprintf(g.Out, "%s: %s. It holds secrets (logins, agents, perhaps the CA's key): keep it safe.\n", c.File, spellContents(contents))
	return err
}

// save writes an archive and reads it again: what is not whole is no backup.
func save(ctx context.Context, f *os.File, from io.Reader) (c store.Contents, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, from); err != nil {
		return c, err
	}
	if err := f.Sync(); err != nil {
		return c, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	return store.CheckArchive(ctx, f)
}

func spellContents(c store.Contents) string {
	return fmt.Sprintf("%d nodes, %d events, %d states of nodes, %d documents, as of %s", c.Nodes, c.Events, c.Records, c.Documents, c.Made.UTC().Format(time.RFC3339))
}

// Restore is dotm restore.
type Restore struct {
	client.Flags
	File string `arg:"" help:"File that dotm backup wrote." type:"existingfile"`
	Yes  bool   `help:"Really replace everything that the server keeps."`
}

// Run replaces everything that a running server keeps.
func (c *Restore) Run(ctx context.Context, g *console.Globals) error {
	ctx, cancel := context.WithTimeout(ctx, archiveTimeout)
	defer cancel()
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading only
	contents, err := store.CheckArchive(ctx, f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if !c.Yes {
		return fmt.Errorf("%s has %s: restoring it replaces everything that the server keeps now: say --yes if you mean it", c.File, spellContents(contents))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	resp, err := c.Ask(ctx, http.MethodPost, "/restore", f)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	var done api.Restored
	if err := client.Decode(c.Server, resp, &done); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, done)
	}
	_, err = fmt.Fprintf(g.Out, "restored: %s\n", spellContents(contents))
	return err
}
