// Package archive saves everything that is kept, and brings it back.
package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/devops-trouble-map/dotm/store"
)

// Keeping is how everything that is kept is saved, and brought back.
type Keeping interface {
	// Backup writes an archive.
	Backup(ctx context.Context, w io.Writer) error
	// Restore replaces everything by an archive that was checked.
	Restore(ctx context.Context, archive io.Reader) error
}

// The paths of archives.
const (
	BackupPath  = read.Prefix + "/backup"
	RestorePath = read.Prefix + "/restore"
)

// Limits of archives.
const (
	maxArchive  = 16 << 30 // bytes of one that is restored
	archiveTime = time.Hour
)

// Options are what the routes need. All are required.
type Options struct {
	Keeping Keeping
	Log     *slog.Logger
}

type routes struct{ Options }

// Router serves patterns of [http.ServeMux].
type Router interface {
	HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request))
}

// Register serves GET /backup and POST /restore.
func Register(mux Router, opt Options) {
	h := &routes{opt}
	mux.HandleFunc("GET "+BackupPath, h.backup)
	mux.HandleFunc("POST "+RestorePath, h.restore)
}

func (h *routes) backup(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(archiveTime))
	w.Header().Set("Content-Type", "application/zstd")
	w.Header().Set("Content-Disposition", `attachment; filename="dotm-`+time.Now().UTC().Format("20060102-150405")+`.dotm"`)
	if err := h.Keeping.Backup(r.Context(), w); err != nil {
		h.Log.Error("backup failed", "error", err)
		panic(http.ErrAbortHandler) // its beginning is sent: the reader must not take it for whole
	}
}

// Restored is the answer of POST /restore.
type Restored struct {
	Made      time.Time `json:"made" doc:"when the archive was"`
	Nodes     int64     `json:"nodes"`
	Documents int64     `json:"documents" doc:"logins, agents, tokens, nodes to ask"`
	Events    int64     `json:"events"`
	Records   int64     `json:"records" doc:"states of nodes"`
}

// restore takes the archive in and checks it to its end before anything is
// touched.
func (h *routes) restore(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(archiveTime))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(archiveTime))
	c, err := h.restoreFrom(r.Context(), http.MaxBytesReader(w, r.Body, maxArchive))
	var large *http.MaxBytesError
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(Restored{c.Made, c.Nodes, c.Documents, c.Events, c.Records})
	case errors.As(err, &large):
		problem.Write(w, problem.Of(http.StatusRequestEntityTooLarge, fmt.Sprintf("an archive must be at most %d bytes", int64(maxArchive))))
	case errors.Is(err, store.ErrArchive), errors.Is(err, store.ErrNewer):
		problem.Write(w, problem.Of(http.StatusUnprocessableEntity, err.Error()+": nothing was changed"))
	default:
		h.Log.Error("restoring failed", "error", err)
		problem.Write(w, problem.Of(http.StatusServiceUnavailable, err.Error()))
	}
}

func (h *routes) restoreFrom(ctx context.Context, body io.Reader) (c store.Contents, err error) {
	f, err := os.CreateTemp("", "dotm-restore")
	if err != nil {
		return c, fmt.Errorf("making room for the archive: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is in nobody's way
	defer f.Close()           //nolint:errcheck // read only from here on
	if _, err := io.Copy(f, body); err != nil {
		return c, fmt.Errorf("taking the archive in: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	if c, err = store.CheckArchive(ctx, f); err != nil {
		return c, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return c, err
	}
	journal.Changed(ctx, "", nil, map[string]any{"made": c.Made, "nodes": c.Nodes, "documents": c.Documents, "events": c.Events})
	h.Log.Warn("everything that is kept is replaced by an archive", "made", c.Made, "nodes", c.Nodes, "events", c.Events)
	return c, h.Keeping.Restore(ctx, f)
}
