package people

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// add makes a user who has the password.
func add(t *testing.T, l *Logins, name string, role auth.Role) {
	t.Helper()
	if err := l.AddUser(t.Context(), name, role); err != nil {
		t.Fatal(err)
	}
	link, _, err := l.NewLink(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, p, err := l.Setup(t.Context(), link, good, from(home)); err != nil || p != (Person{name, role, ByPassword}) {
		t.Fatalf("%+v, %v", p, err)
	}
}

// enter logs in.
func enter(t *testing.T, l *Logins, name string) string {
	t.Helper()
	secret, _, err := l.Login(t.Context(), name, good, from(home))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestUsers(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	if err := l.AddUser(t.Context(), "anna@example.org", auth.Viewer); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Login(t.Context(), "anna@example.org", "", from(home)); !errors.Is(err, auth.ErrCredential) {
		t.Fatalf("without a password one gets in: %v", err)
	}
	add(t, l, "Bob", auth.Operator)
	if _, _, err := l.NewLink(t.Context(), "anna@example.org"); err != nil {
		t.Fatal(err)
	}
	want := []User{
		{Name: AdminUser, Role: auth.Admin, Password: true, Created: noon, LastLogin: noon},
		{Name: "anna@example.org", Role: auth.Viewer, LinkExpires: noon.Add(LinkLife), Created: noon},
		{Name: "Bob", Role: auth.Operator, Password: true, Created: noon, LastLogin: noon},
	}
	if got := l.Users(); !slices.Equal(got, want) {
		t.Errorf("users are %+v\nwant %+v", got, want)
	}
	again := newLogins(t, k, c)
	if got := again.Users(); !slices.Equal(got, want) {
		t.Errorf("after a restart they are %+v", got)
	}
}

func TestUsersThatCannotBe(t *testing.T) {
	l := withAdmin(t, newMemory(), newClock())
	add(t, l, "bob", auth.Viewer)
	for _, tt := range []struct {
		name string
		role auth.Role
		want string
	}{
		{"", auth.Viewer, "name is not valid: it must be 1 to 64 letters"},
		{"a b", auth.Viewer, `is "a b"`},
		{"-x", auth.Viewer, "begin with a letter or digit"},
		{"<script>", auth.Viewer, "letters, digits"},
		{strings.Repeat("x", 65), auth.Viewer, "1 to 64"},
		{"eve", "root", `role is not valid: it must be viewer, operator or admin, is "root"`},
		{"eve", "", "role is not valid"},
		{"eve", auth.RoleAgent, "role is not valid"},
		{"BOB", auth.Viewer, `there is a user "bob"`},
		{"Admin", auth.Viewer, `there is a user "admin"`},
	} {
		isKind(t, l.AddUser(t.Context(), tt.name, tt.role), auth.ErrInvalid, tt.want)
	}
	isKind(t, newLogins(t, newMemory(), newClock()).AddUser(t.Context(), AdminUser, auth.Viewer), auth.ErrInvalid, "from the start")
	_, _, err := l.NewLink(t.Context(), "nobody")
	isKind(t, err, auth.ErrNotFound, `user "nobody" is not found`)
	_, err = l.SetRole(t.Context(), "nobody", auth.Viewer)
	isKind(t, err, auth.ErrNotFound, "nobody")
	_, err = l.RemoveUser(t.Context(), "nobody")
	isKind(t, err, auth.ErrNotFound, "nobody")
}

// TestRoleChanges count from the next request on.
func TestRoleChanges(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	add(t, l, "bob", auth.Admin)
	secret := enter(t, l, "bob")
	before, err := l.SetRole(t.Context(), "bob", auth.Viewer)
	if err != nil || before != auth.Admin {
		t.Fatalf("%s, %v", before, err)
	}
	if p, ok := l.Session(secret); !ok || p.Role != auth.Viewer {
		t.Errorf("the session is %+v, %t", p, ok)
	}
	_, err = l.SetRole(t.Context(), "bob", "root")
	isKind(t, err, auth.ErrInvalid, "must be viewer, operator or admin")
	_, err = l.SetRole(t.Context(), AdminUser, auth.Operator)
	isKind(t, err, auth.ErrForbidden, "somebody must be able to do everything")
	_, err = l.RemoveUser(t.Context(), AdminUser)
	isKind(t, err, auth.ErrForbidden, "the way back in")
	gone, err := l.RemoveUser(t.Context(), "bob")
	if err != nil || gone.Role != auth.Viewer {
		t.Fatalf("%+v, %v", gone, err)
	}
	if _, ok := l.Session(secret); ok {
		t.Error("a user who was removed is still in")
	}
	if k.count(kindUser) != 1 || k.count(kindSession) != 1 { // the admin's
		t.Errorf("%d users and %d sessions are kept", k.count(kindUser), k.count(kindSession))
	}
	if _, _, err := l.Login(t.Context(), "bob", good, from(home)); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("a user who was removed logs in: %v", err)
	}
}

// TestChangePassword: who knows the present one sets another; all else ends.
func TestChangePassword(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	add(t, l, "bob", auth.Viewer)
	old, bob := enter(t, l, "bob"), Person{"bob", auth.Viewer, ByPassword}
	admin := login(t, l)
	const other = "a newer password"
	_, err := l.ChangePassword(t.Context(), bob, "wrong", other, from(home))
	isKind(t, err, auth.ErrInvalid, "present password is not valid")
	_, err = l.ChangePassword(t.Context(), bob, good, "short", from(home))
	isKind(t, err, auth.ErrInvalid, "at least 12")
	_, err = l.ChangePassword(t.Context(), Person{"bob", auth.Viewer, ByProvider}, good, other, from(home))
	isKind(t, err, auth.ErrForbidden, "kept elsewhere")
	secret, err := l.ChangePassword(t.Context(), bob, good, other, from(home))
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{old: false, secret: true, admin: true} {
		if _, ok := l.Session(s); ok != want {
			t.Errorf("a session is %t, want %t", ok, want)
		}
	}
	if _, _, err := l.Login(t.Context(), "bob", other, from(home)); err != nil {
		t.Error(err)
	}
	var busy *auth.BusyError
	for range freeAttempts {
		_, _ = l.ChangePassword(t.Context(), bob, "wrong", other, from(enemy))
	}
	if _, err = l.ChangePassword(t.Context(), bob, other, good, from(enemy)); !errors.As(err, &busy) {
		t.Errorf("guessing the present password is not slowed down: %v", err)
	}
}

// TestSessionsAreListed: with where they are from, and without their secrets.
func TestSessionsAreListed(t *testing.T) {
	k, c := newMemory(), newClock()
	l := withAdmin(t, k, c)
	c.pass(time.Minute)
	add(t, l, "bob", auth.Viewer)
	c.pass(time.Minute)
	secret, _, err := l.Login(t.Context(), "bob", good, Client{Address: enemy, Program: "Mozilla\x1b[31m/5" + strings.Repeat("é", 200)})
	if err != nil {
		t.Fatal(err)
	}
	list := l.Sessions()
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	got := list[0]
	if got.ID != SessionID(secret) || got.User != "bob" || got.Role != auth.Viewer || got.How != ByPassword || got.Address != enemy.String() || !got.Created.Equal(noon.Add(2*time.Minute)) {
		t.Errorf("%+v", got)
	}
	if !strings.HasPrefix(got.Program, "Mozilla[31m/5é") || len(got.Program) > maxProgram {
		t.Errorf("program is %q", got.Program)
	}
	if strings.Contains(secret, got.ID) || strings.HasPrefix(auth.HashSecret(secret), got.ID) {
		t.Error("the id tells of the secret")
	}
	bob := Person{"bob", auth.Viewer, ByPassword}
	own := func(s SessionInfo) bool { return s.Of(bob) }
	_, err = l.EndSession(t.Context(), list[2].ID, own)
	if list[2].User != AdminUser {
		t.Fatalf("%+v", list[2])
	}
	isKind(t, err, auth.ErrNotFound, "session ")
	if ended, err := l.EndSession(t.Context(), got.ID, own); err != nil || ended.ID != got.ID {
		t.Errorf("%+v, %v", ended, err)
	}
	if _, ok := l.Session(secret); ok {
		t.Error("it goes on")
	}
	if n, err := l.EndAll(t.Context(), "bob"); n != 1 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	if n, err := l.EndAll(t.Context(), "bob"); n != 0 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	if left := newLogins(t, k, c).Sessions(); len(left) != 1 || left[0].User != AdminUser {
		t.Errorf("%+v", left)
	}
}

// file is a directory of one person.
type file struct {
	name, password, mark string
	role                 auth.Role
	asked                int
}

func (f *file) Fits(name, password string) bool {
	f.asked++
	return name == f.name && password == f.password
}

func (f *file) Look(name string) (role auth.Role, mark string) {
	if name != f.name {
		return "", ""
	}
	return f.role, f.mark
}

// TestDirectory: people of a file log in, unless somebody here has their name.
func TestDirectory(t *testing.T) {
	k, c := newMemory(), newClock()
	f := &file{"anna", "their own password", "1", auth.Operator, 0}
	l, err := NewLogins(k, c.now, f)
	if err != nil {
		t.Fatal(err)
	}
	if !l.Configured() {
		t.Error("nobody can log in")
	}
	secret, p, err := l.Login(t.Context(), "anna", f.password, from(home))
	if err != nil || p != (Person{"anna", auth.Operator, ByFile}) {
		t.Fatalf("%+v, %v", p, err)
	}
	f.role = auth.Viewer
	if p, ok := l.Session(secret); !ok || p.Role != auth.Viewer {
		t.Errorf("%+v, %t: the role is that of the file now", p, ok)
	}
	f.mark = "2"
	if _, ok := l.Session(secret); ok {
		t.Error("the session of an old password goes on")
	}
	f.role = ""
	_, _, err = l.Login(t.Context(), "anna", f.password, from(home))
	isKind(t, err, auth.ErrForbidden, "gives them no role")
	f.role = auth.Admin
	asked := f.asked
	for _, name := range []string{"nobody", AdminUser} {
		if _, _, err := l.Login(t.Context(), name, "x", from(home)); !errors.Is(err, auth.ErrCredential) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.asked != asked+2 {
		t.Error("the answer takes longer for names of the file")
	}
	add(t, l, "anna", auth.Viewer)
	if _, _, err := l.Login(t.Context(), "anna", f.password, from(home)); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("somebody of the file is taken for the user of that name: %v", err)
	}
	if p, ok := l.Session(enter(t, l, "anna")); !ok || p.How != ByPassword {
		t.Errorf("%+v, %t", p, ok)
	}
}

// TestVouched: what a provider says holds for a while.
func TestVouched(t *testing.T) {
	k, c := newMemory(), newClock()
	l := newLogins(t, k, c)
	_, _, err := l.Vouch(t.Context(), "anna", "", from(home))
	isKind(t, err, auth.ErrForbidden, "gives them a role")
	secret, p, err := l.Vouch(t.Context(), "anna", auth.Operator, from(home))
	want := Person{"anna", auth.Operator, ByProvider}
	if err != nil || p != want {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = newLogins(t, k, c)
	c.pass(ProviderMax / 2)
	if p, ok := l.Session(secret); !ok || p != want {
		t.Errorf("%+v, %t", p, ok)
	}
	c.pass(ProviderMax / 2)
	if _, ok := l.Session(secret); ok {
		t.Error("it goes on for ever")
	}
}
