package server

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store/bolt"
)

// TestAuditLog: what is noted is there, the newest first, also after a restart.
func TestAuditLog(t *testing.T) {
	dir := t.TempDir()
	open := func() (*Server, *bolt.Store) {
		st, err := bolt.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(t.Context(), Options{Store: st, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return s, st
	}
	s, st := open()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, who := range []string{"a", "b", "c", "d", "e", "f", "g"} { // over three years, and in no even steps
		if err := s.Note(t.Context(), audit.Entry{At: at.Add(time.Duration(i*i*i*5) * 24 * time.Hour), Kind: audit.User, Who: who + "\n", What: "login", Result: audit.Done}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	s, st = open()
	defer st.Close()
	ask := func(f audit.Filter, limit int) (who []string, more bool) {
		t.Helper()
		list, more, err := s.AuditLog(t.Context(), at, at.AddDate(4, 0, 0), f, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			who = append(who, e.Who)
		}
		return who, more
	}
	for limit, want := range map[int]string{1: "g ", 2: "g f ", 3: "g f e ", 7: "g f e d c b a ", 8: "g f e d c b a "} {
		got, more := ask(audit.Filter{}, limit)
		if strings.Join(got, "") != want || more != (limit < 7) {
			t.Errorf("%d: %q, more %t; want %q", limit, got, more, want)
		}
	}
	if got, more := ask(audit.Filter{Find: "c"}, 5); !slices.Equal(got, []string{"c "}) || more {
		t.Errorf("%q, more %t", got, more)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Note(t.Context(), audit.Entry{At: at}); err == nil || !strings.Contains(err.Error(), "writing audit log") {
		t.Errorf("%v", err)
	}
	if _, _, err := s.AuditLog(t.Context(), at, at.Add(1), audit.Filter{}, 1); err == nil || !strings.Contains(err.Error(), "reading audit log") {
		t.Errorf("%v", err)
	}
}
