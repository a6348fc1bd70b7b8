package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/store"
)

// entry is one of the audit log: who did it is its name.
func entry(who string, ms int) audit.Entry {
	return audit.Entry{At: at(ms).Truncate(time.Millisecond), Kind: audit.User, Who: who, What: "login", Result: audit.Done}
}

func (s *suite) audited(t *testing.T, from, to int) (out []string) {
	t.Helper()
	err := s.Audit(t.Context(), at(from).Truncate(time.Millisecond), at(to).Truncate(time.Millisecond), func(e audit.Entry) bool { out = append(out, e.Who); return true })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func testAudit(t *testing.T, s *suite) {
	if got := s.audited(t, -1000, 1000); got != nil {
		t.Errorf("a new store has %v", got)
	}
	full := filled[audit.Entry](3)
	full.At = at(50).UTC().Truncate(time.Millisecond)
	s.write(t, store.Change{Audit: []audit.Entry{entry("b", 20), entry("a", 10)}})
	s.write(t, store.Change{Audit: []audit.Entry{entry("c", 20)}})
	s.write(t, store.Change{Audit: []audit.Entry{full}})
	s.reopen(t)
	for _, tt := range []struct {
		from, to int
		want     []string
	}{
		{0, 50, []string{"a", "b", "c"}}, {10, 20, []string{"a"}}, {11, 21, []string{"b", "c"}}, {30, 40, nil},
	} {
		if got := s.audited(t, tt.from, tt.to); !slices.Equal(got, tt.want) {
			t.Errorf("from %d to %d: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
	var got []audit.Entry
	if err := s.Audit(t.Context(), at(49), always[1], func(e audit.Entry) bool { got = append(got, e); return true }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]audit.Entry{full}, got); diff != "" {
		t.Errorf("an entry (-written +read):\n%s", diff)
	}
	n := 0
	if err := s.Audit(t.Context(), always[0], always[1], func(audit.Entry) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("stopped after %d, %v", n, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Audit(ended, always[0], always[1], func(audit.Entry) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func testForgetAudit(t *testing.T, s *suite) {
	c := store.Change{}
	for i := range 3000 { // more than one part
		c.Audit = append(c.Audit, entry("x", i))
	}
	s.write(t, c)
	if n := len(s.audited(t, 0, 3000)); n != 3000 {
		t.Errorf("%d entries", n)
	}
	s.write(t, store.Change{Forget: store.Forget{Before: at(9999), Uses: at(9999)}})
	if n := len(s.audited(t, 0, 3000)); n != 3000 {
		t.Errorf("%d entries are left when the history was forgotten", n)
	}
	s.write(t, store.Change{Audit: []audit.Entry{entry("y", 5000)}, Forget: store.Forget{Audit: at(2990).Truncate(time.Millisecond)}})
	if n := len(s.audited(t, 0, 9000)); n != 11 {
		t.Errorf("%d entries are left, want 11", n)
	}
}
