package journal_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"
	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/test/served"
)

// deaf is an audit log that can't be written.
type deaf struct{ journal.Keeper }

func (deaf) Note(context.Context, audit.Entry) error { return errors.New("disk full") }

// TestAuditFails: what could not be written there is in the server's own log.
func TestAuditFails(t *testing.T) {
	log := new(served.Log)
	j := &journal.Journal{Keeper: deaf{}, Log: slog.New(slog.NewTextHandler(log, nil))}
	j.Note(t.Context(), audit.Entry{Kind: audit.User, Who: "anna", What: "change-settings", On: "ageing", From: "192.0.2.7"}, http.StatusOK, "")
	for _, want := range []string{"level=ERROR", "audit log lacks an entry", "disk full", "what=change-settings", "who=anna", "on=ageing", "from=192.0.2.7", "result=done"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
	before := log.String()
	j.Note(t.Context(), audit.Entry{What: "login"}, http.StatusTooManyRequests, "")
	if log.String() != before {
		t.Error("an attempt that was not judged is written")
	}
}

// TestBrokenAnswer: a backup that ends in the middle is no done one.
func TestBrokenAnswer(t *testing.T) {
	s := served.New(t, served.Options{})
	j := &journal.Journal{Keeper: s.Model, Log: slog.New(slog.DiscardHandler)}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/backup", http.NoBody)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nobody noticed")
			}
		}()
		j.Noted(httptest.NewRecorder(), r, &caller.Caller{Role: auth.Admin}, "backup", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}))
	}()
	if e := s.Entries(t); len(e) != 1 || e[0].Result != audit.Failed || e[0].Why != "the answer was broken off" {
		t.Errorf("%+v", e)
	}
}
