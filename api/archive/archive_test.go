package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api/archive"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestBackupAndRestore saves a site, changes it, and gets it back.
func TestBackupAndRestore(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Put(t, shop.Host("web", "10.0.0.1").Listen("nginx", 80).Report)
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web") != nil })
	saved := s.Get(t, archive.BackupPath)
	if got := saved.Header.Get("Content-Disposition"); saved.StatusCode != http.StatusOK || saved.Header.Get("Content-Type") != "application/zstd" || !strings.HasPrefix(got, `attachment; filename="dotm-`) {
		t.Fatalf("%s, %s, %s", saved.Status, saved.Header.Get("Content-Type"), got)
	}
	if c, err := store.CheckArchive(t.Context(), bytes.NewReader(saved.Text)); err != nil || c.Nodes == 0 {
		t.Fatalf("it holds %+v, %v", c, err)
	}
	s.Put(t, shop.Host("db", "10.0.0.2").Report)
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("db") != nil })

	if a := s.Do(t, http.MethodPost, archive.RestorePath, string(saved.Text)); a.StatusCode != http.StatusOK || !strings.Contains(string(a.Text), `"nodes":`) {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("db") == nil && snap.Block("web") != nil })
}

// TestRestoreRefused: what is no whole archive changes nothing, and is told.
func TestRestoreRefused(t *testing.T) {
	s := served.New(t, served.Options{})
	s.Put(t, shop.Host("web", "10.0.0.1").Report)
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web") != nil })
	saved := string(s.Get(t, archive.BackupPath).Text)
	for name, body := range map[string]string{"nothing": "", "text": "hello", "one that is cut": saved[:len(saved)-1], "one with more": saved + "x"} {
		before := s.Model.Snapshot()
		if p := served.Refused(t, s.Do(t, http.MethodPost, archive.RestorePath, body), http.StatusUnprocessableEntity); !strings.Contains(p.Detail, "nothing was changed") {
			t.Errorf("%s: %s", name, p.Detail)
		}
		if after := s.Model.Snapshot(); after.Revision() != before.Revision() {
			t.Errorf("%s: revision %s after %s", name, after.Revision(), before.Revision())
		}
	}
}

// TestArchivesAreForAdmins asks as everybody else.
func TestArchivesAreForAdmins(t *testing.T) {
	s := served.New(t, served.Options{Login: true})
	_, agent := s.Enrol(t, s.Token(t, "{}"), "web", "m1", "")
	for _, at := range []struct{ method, path string }{{http.MethodGet, archive.BackupPath}, {http.MethodPost, archive.RestorePath}, {http.MethodHead, archive.BackupPath}} {
		if a := s.Do(t, at.method, at.path, ""); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger: %s %s: %s", at.method, at.path, a.Status)
		}
		if a := s.Do(t, at.method, at.path, "", agent...); a.StatusCode != http.StatusForbidden {
			t.Errorf("an agent: %s %s: %s", at.method, at.path, a.Status)
		}
	}
	if a := s.Get(t, archive.BackupPath, s.SignIn(t)...); a.StatusCode != http.StatusOK {
		t.Errorf("an admin: %s", a.Status)
	}
}

// broken is a server that can't keep.
type broken struct{ restored bool }

var errBroken = errors.New("disk on fire")

func (*broken) Backup(_ context.Context, w io.Writer) error {
	_, _ = w.Write(make([]byte, 1<<20))
	return errBroken
}

func (b *broken) Restore(context.Context, io.Reader) error { b.restored = true; return errBroken }

// TestArchivesFail: half a backup does not look like a whole one, and a restore that
// failed is told and logged.
func TestArchivesFail(t *testing.T) {
	whole := served.New(t, served.Options{}).Get(t, archive.BackupPath).Text
	log := new(served.Log)
	keeping := new(broken)
	mux := http.NewServeMux()
	archive.Register(mux, archive.Options{Keeping: keeping, Log: slog.New(slog.NewTextHandler(log, nil))})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	resp, err := http.Get(srv.URL + archive.BackupPath)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if err == nil || !strings.Contains(log.String(), "disk on fire") {
		t.Errorf("half a backup ends with %v, the log says %s", err, log)
	}

	resp, err = http.Post(srv.URL+archive.RestorePath, "application/zstd", bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "disk on fire") || !keeping.restored {
		t.Errorf("%s %s, %v", resp.Status, body, err)
	}
}
