package people

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// withAdmin is logins whose admin has the password.
func withAdmin(t *testing.T, k auth.Keeper, c *clock) *Logins {
	t.Helper()
	l := newLogins(t, k, c)
	link, _, err := l.NewLink(t.Context(), AdminUser)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Setup(t.Context(), link, good, from(home)); err != nil {
		t.Fatal(err)
	}
	return l
}

func login(t *testing.T, l *Logins) string {
	t.Helper()
	secret, p, err := l.Login(t.Context(), AdminUser, good, from(home))
	if err != nil || p != (Person{AdminUser, auth.Admin, ByPassword}) {
		t.Fatalf("%+v, %v", p, err)
	}
	return secret
}

// TestFirstLink is the way in: once, and not for ever.
func TestFirstLink(t *testing.T) {
	k, c := newMemory(), newClock()
	l := newLogins(t, k, c)
	if l.Configured() {
		t.Fatal("nobody set a password")
	}
	if _, _, err := l.Login(t.Context(), AdminUser, "", from(home)); !errors.Is(err, auth.ErrCredential) {
		t.Fatalf("without a password one gets in: %v", err)
	}
	first, expires, err := l.NewLink(t.Context(), AdminUser)
	if err != nil || !expires.Equal(noon.Add(LinkLife)) {
		t.Fatalf("%s, %v", expires, err)
	}
	if l.Configured() {
		t.Error("a link is no password")
	}
	link, _, err := l.NewLink(t.Context(), AdminUser)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = l.Setup(t.Context(), first, good, from(home))
	isKind(t, err, auth.ErrCredential, "a newer one was made (dotm login-link makes another)")
	_, _, err = l.Setup(t.Context(), link, "short", from(home))
	isKind(t, err, auth.ErrInvalid, "at least 12")
	c.pass(LinkLife - time.Second)
	secret, p, err := l.Setup(t.Context(), link, good, from(home))
	if err != nil || p != (Person{AdminUser, auth.Admin, ByPassword}) {
		t.Fatalf("%+v, %v", p, err)
	}
	if who, ok := l.Session(secret); !ok || who != p {
		t.Errorf("session is %+v, %t", who, ok)
	}
	_, _, err = l.Setup(t.Context(), link, "another password", from(home))
	isKind(t, err, auth.ErrCredential, "it was used")
	if !l.Configured() {
		t.Error("the password is not there")
	}
}

func TestLinkExpires(t *testing.T) {
	k, c := newMemory(), newClock()
	l := newLogins(t, k, c)
	link, _, err := l.NewLink(t.Context(), AdminUser)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(LinkLife)
	_, _, err = l.Setup(t.Context(), link, good, from(home))
	isKind(t, err, auth.ErrCredential, "it expired at 2026-03-02T12:00:00Z")
	_, _, err = l.Setup(t.Context(), "", good, from(home))
	isKind(t, err, auth.ErrCredential, "login link is")
}

// TestForgottenPassword: a new password ends what the old one began.
func TestForgottenPassword(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	old := login(t, l)
	link, _, err := l.NewLink(t.Context(), AdminUser)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := l.Session(old); !ok {
		t.Error("a link that nobody used ended a session")
	}
	if _, _, err := l.Setup(t.Context(), link, "a newer password", from(home)); err != nil {
		t.Fatal(err)
	}
	if _, ok := l.Session(old); ok {
		t.Error("the session of the old password goes on")
	}
	if _, _, err := l.Login(t.Context(), AdminUser, good, from(home)); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("the old password gives %v", err)
	}
}

func TestLogin(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	for _, tt := range []struct{ name, user, password string }{
		{"wrong password", AdminUser, good + " "},
		{"no password", AdminUser, ""},
		{"another user", "root", good},
		{"no user", "", good},
		{"a hash as password", AdminUser, l.users[AdminUser].Password},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, p, err := l.Login(t.Context(), tt.user, tt.password, from(enemy))
			isKind(t, err, auth.ErrCredential, "user and password are not accepted")
			if p != (Person{}) {
				t.Errorf("%+v is in", p)
			}
		})
	}
	_, _, err := l.Login(t.Context(), AdminUser, good, from(enemy))
	var busy *auth.BusyError
	if !errors.As(err, &busy) || !strings.Contains(err.Error(), "try again in 1s") {
		t.Errorf("after five failures even the right one is told %v, want to wait: or the wait tells which is right", err)
	}
	if one, other := login(t, l), login(t, l); one == other {
		t.Error("two sessions have one secret")
	}
}

// TestNoSecretIsKept looks for secrets in what is stored.
func TestNoSecretIsKept(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	link, _, err := l.NewLink(t.Context(), AdminUser)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := l.CreateAPIToken(t.Context(), TokenOptions{Name: "scripts", Role: auth.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{good, link, login(t, l), token, token[strings.LastIndex(token, ".")+1:]}
	for key, d := range k.docs {
		for _, s := range secrets {
			if strings.Contains(string(d.Value), s) || strings.Contains(d.Key, s) {
				t.Errorf("%v holds a secret: %s", key, d.Value)
			}
		}
	}
}

func TestSessionEnds(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	ended, idle, used := login(t, l), login(t, l), login(t, l)
	if err := l.End(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	if err := l.End(t.Context(), ended); err != nil {
		t.Errorf("ended twice: %v", err)
	}
	is := func(what, secret string, want bool) {
		t.Helper()
		if p, ok := l.Session(secret); ok != want || ok && p.User != AdminUser {
			t.Errorf("%s: %+v, %t", what, p, ok)
		}
	}
	is("ended", ended, false)
	is("made up", auth.NewSecret(), false)
	is("empty", "", false)
	for range 13 { // 6.5 days
		c.pass(SessionIdle - time.Second)
		is("used", used, true)
	}
	is("idle", idle, false)
	c.pass(SessionMax - 13*(SessionIdle-time.Second))
	is("a week old", used, false)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := k.count(kindSession); n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
}

// TestLoginsAfterRestart reads what another process wrote.
func TestLoginsAfterRestart(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	secret, gone := login(t, l), login(t, l)
	if err := l.End(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	c.pass(SessionIdle - time.Minute)
	l.Session(secret)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	writes := k.writes
	if err := l.Sweep(t.Context()); err != nil || k.writes != writes {
		t.Errorf("a sweep with nothing to do writes: %v", err)
	}
	c.pass(time.Hour) // more than idle since the login, less since its use
	again := newLogins(t, k, c)
	if _, ok := again.Session(secret); !ok {
		t.Error("a session did not survive a restart")
	}
	if _, ok := again.Session(gone); ok {
		t.Error("an ended session came back with a restart")
	}
	login(t, again)
}

func TestSessionsAreBounded(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	oldest := login(t, l)
	l.mu.Lock()
	for len(l.sessions) < maxSessions {
		c.pass(time.Second)
		if _, err := l.begin(t.Context(), Person{AdminUser, auth.Admin, ByPassword}, "", Client{}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	delete(l.sessions, "") // none such
	l.mu.Unlock()
	login(t, l)
	login(t, l)
	if n := len(l.sessions); n != maxSessions {
		t.Errorf("%d sessions", n)
	}
	if n := k.count(kindSession); n != maxSessions {
		t.Errorf("%d sessions are kept", n)
	}
	if _, ok := l.Session(oldest); ok {
		t.Error("the one used least recently is still there")
	}
}

// TestStoreFails: what could not be kept did not happen.
func TestStoreFails(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	secret := login(t, l)
	link, _, err := l.NewLink(t.Context(), AdminUser)
	if err != nil {
		t.Fatal(err)
	}
	k.fail(errDisk)
	if _, _, err := l.Login(t.Context(), AdminUser, good, from(home)); !errors.Is(err, errDisk) {
		t.Errorf("login: %v", err)
	}
	if err := l.End(t.Context(), secret); !errors.Is(err, errDisk) {
		t.Errorf("end: %v", err)
	}
	if _, ok := l.Session(secret); !ok {
		t.Error("a session ended that is still stored")
	}
	if _, _, err := l.Setup(t.Context(), link, "a newer password", from(home)); !errors.Is(err, errDisk) {
		t.Errorf("setup: %v", err)
	}
	if _, _, err := l.NewLink(t.Context(), AdminUser); !errors.Is(err, errDisk) {
		t.Errorf("link: %v", err)
	}
	c.pass(SessionMax)
	if err := l.Sweep(t.Context()); !errors.Is(err, errDisk) {
		t.Errorf("sweep: %v", err)
	}
	k.fail(nil)
	login(t, l) // the old password is still in force
}

func TestDamagedDocuments(t *testing.T) {
	for _, kind := range []string{kindUser, kindSession, kindToken} {
		k := newMemory()
		k.docs[auth.Key{Kind: kind, Name: "x"}] = auth.Document{Kind: kind, Key: "x", Value: []byte("{")}
		if _, err := NewLogins(k, newClock().now, nil); err == nil {
			t.Errorf("a damaged %s is not noticed", kind)
		}
	}
}
