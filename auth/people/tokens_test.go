package people

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

func TestAPITokens(t *testing.T) {
	k, c := newMemory(), newClock()
	l := newLogins(t, k, c)
	text, info, err := l.CreateAPIToken(t.Context(), TokenOptions{Name: "grafana", Role: auth.Viewer, Life: time.Hour, By: "anna"})
	want := APIToken{ID: info.ID, Name: "grafana", Role: auth.Viewer, By: "anna", Created: noon, Expires: noon.Add(time.Hour)}
	if err != nil || info != want || !IsAPIToken(text) || !strings.HasPrefix(text, "dotm1t."+info.ID+".") {
		t.Fatalf("%s %+v, %v", text, info, err)
	}
	endless, _, err := l.CreateAPIToken(t.Context(), TokenOptions{Name: "backup", Role: auth.Admin})
	if err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute)
	want.Used, want.UsedFrom = noon.Add(time.Minute), home.String()
	if got, err := l.CheckAPIToken(text, home); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = newLogins(t, k, c)
	if got := l.APITokens(); len(got) != 2 || got[1] != want || got[0].Name != "backup" || !got[0].Expires.IsZero() {
		t.Errorf("after a restart they are %+v", got)
	}
	for _, wrong := range []string{
		"", "dotm1t", "dotm1t..", text + "x", text[:len(text)-1], strings.Replace(text, info.ID, "0", 1),
		"dotm1t." + info.ID + "." + auth.NewSecret(), strings.Replace(text, "dotm1t", "dotm1a", 1), text + strings.Repeat("x", 2000),
	} {
		_, err := l.CheckAPIToken(wrong, home)
		if !errors.Is(err, auth.ErrCredential) || len(wrong) > 10 && strings.Contains(err.Error(), wrong) {
			t.Errorf("%.90s: %v", wrong, err)
		}
	}
	c.pass(time.Hour)
	_, err = l.CheckAPIToken(text, home)
	isKind(t, err, auth.ErrCredential, `API token "grafana" is not accepted: it ended at 2026-03-01T13:00:00Z`)
	if l.TokenHolds(info.ID) {
		t.Error("it holds for ever")
	}
	if got, err := l.CheckAPIToken(endless, home); err != nil || got.Role != auth.Admin {
		t.Errorf("%+v, %v", got, err)
	}
	gone, err := l.DropAPIToken(t.Context(), l.APITokens()[0].ID)
	if err != nil || gone.Name != "backup" {
		t.Fatalf("%+v, %v", gone, err)
	}
	if _, err := l.CheckAPIToken(endless, home); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("a token that was ended is accepted: %v", err)
	}
	_, err = l.DropAPIToken(t.Context(), gone.ID)
	isKind(t, err, auth.ErrNotFound, "API token")
	c.pass(showEnded)
	if err := l.Sweep(t.Context()); err != nil || k.count(kindToken) != 0 {
		t.Errorf("%d tokens are kept, %v", k.count(kindToken), err)
	}
}

func TestAPITokensThatCannotBe(t *testing.T) {
	l := newLogins(t, newMemory(), newClock())
	if _, _, err := l.CreateAPIToken(t.Context(), TokenOptions{Name: "one", Role: auth.Viewer}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		opt  TokenOptions
		want string
	}{
		{TokenOptions{Role: auth.Viewer}, "name is not valid: it must be 1 to 64 bytes"},
		{TokenOptions{Name: "a\nb", Role: auth.Viewer}, "plain text"},
		{TokenOptions{Name: strings.Repeat("x", 65), Role: auth.Viewer}, "1 to 64"},
		{TokenOptions{Name: "one", Role: auth.Viewer}, "name is not valid: token "},
		{TokenOptions{Name: "two", Role: "root"}, "role is not valid"},
		{TokenOptions{Name: "two"}, "role is not valid"},
		{TokenOptions{Name: "two", Role: auth.Viewer, Life: -time.Hour}, "expires_in is not valid"},
		{TokenOptions{Name: "two", Role: auth.Viewer, Life: MaxTokenLife + 1}, "expires_in is not valid"},
	} {
		_, _, err := l.CreateAPIToken(t.Context(), tt.opt)
		isKind(t, err, auth.ErrInvalid, tt.want)
	}
	if n := len(l.APITokens()); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

// TestReloadKeepsUses: what another server decides doesn't make this one forget
// when a token was used.
func TestReloadKeepsUses(t *testing.T) {
	k, c := newMemory(), newClock()
	l, other := newLogins(t, k, c), newLogins(t, k, c)
	text, _, err := other.CreateAPIToken(t.Context(), TokenOptions{Name: "a", Role: auth.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.CheckAPIToken(text, home); err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	used := slices.IndexFunc(l.APITokens(), func(t APIToken) bool { return t.UsedFrom == home.String() })
	if used < 0 {
		t.Errorf("%+v", l.APITokens())
	}
}
