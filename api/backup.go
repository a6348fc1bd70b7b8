package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"

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
	backupPath  = Prefix + "/backup"
	restorePath = Prefix + "/restore"
)

// Limits of archives.
const (
	maxArchive  = 16 << 30 // bytes of one that is restored
	archiveTime = time.Hour
)

// archives serves GET /backup and POST /restore.
func (h *handler) archives(mux *router) {
	mux.HandleFunc("GET "+backupPath, h.backup)
	mux.HandleFunc("POST "+restorePath, h.restore)
}

func (h *handler) backup(w http.ResponseWriter, r *http.Request) {
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
func (h *handler) restore(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(archiveTime))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(archiveTime))
	c, err := h.restoreFrom(r.Context(), http.MaxBytesReader(w, r.Body, maxArchive))
	var large *http.MaxBytesError
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(Restored{c.Made, c.Nodes, c.Documents, c.Events, c.Records})
	case errors.As(err, &large):
		writeModel(w, problemOf(http.StatusRequestEntityTooLarge, fmt.Sprintf("an archive must be at most %d bytes", int64(maxArchive))))
	case errors.Is(err, store.ErrArchive), errors.Is(err, store.ErrNewer):
		writeModel(w, problemOf(http.StatusUnprocessableEntity, err.Error()+": nothing was changed"))
	default:
		h.Log.Error("restoring failed", "error", err)
		writeModel(w, problemOf(http.StatusServiceUnavailable, err.Error()))
	}
}

func (h *handler) restoreFrom(ctx context.Context, body io.Reader) (c store.Contents, err error) {
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
	changed(ctx, "", nil, map[string]any{"made": c.Made, "nodes": c.Nodes, "documents": c.Documents, "events": c.Events})
	h.Log.Warn("everything that is kept is replaced by an archive", "made", c.Made, "nodes", c.Nodes, "events", c.Events)
	return c, h.Keeping.Restore(ctx, f)
}

func problemOf(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}
}
