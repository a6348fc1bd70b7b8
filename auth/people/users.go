package people

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// LinkLife is how long a login link works.
const LinkLife = 24 * time.Hour

// maxUsers bounds those that are kept.
const maxUsers = 1000

// user is a person whose password is kept.
type user struct {
	Role     auth.Role `json:"role"`
	Password string    `json:"password,omitempty"` // a PHC string; empty fits no password
	// Link is the hash of a one-time secret that sets the password.
	Link        string    `json:"link,omitempty"`
	LinkExpires time.Time `json:"link_expires,omitzero"`
	Created     time.Time `json:"created,omitzero"`
	LastLogin   time.Time `json:"last_login,omitzero"`
}

// User is what is shown of one: everything but secrets.
type User struct {
	Name        string    `json:"name"`
	Role        auth.Role `json:"role" enum:"viewer,operator,admin"`
	Password    bool      `json:"password" doc:"they have one, and so can log in"`
	LinkExpires time.Time `json:"link_expires,omitzero" doc:"until when a link sets their password"`
	Created     time.Time `json:"created,omitzero"`
	LastLogin   time.Time `json:"last_login,omitzero"`
}

// userName is the form of a user's name: also an address of e-mail.
var userName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

// CheckName says what is wrong with a user's name. The error wraps
// [auth.ErrInvalid].
func CheckName(name string) error {
	if !userName.MatchString(name) {
		return fmt.Errorf("name is %w: it must be 1 to 64 letters, digits and . _ @ + -, and begin with a letter or digit, is %.80q", auth.ErrInvalid, name)
	}
	return nil
}

func notFound(name string) error { return fmt.Errorf("user %.80q is %w", name, auth.ErrNotFound) }

// Users lists them by name.
func (l *Logins) Users() []User {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]User, 0, len(l.users))
	for name, u := range l.users {
		shown := User{Name: name, Role: u.Role, Password: u.Password != "", Created: u.Created, LastLogin: u.LastLogin}
		if u.Link != "" && l.now().Before(u.LinkExpires) {
			shown.LinkExpires = u.LinkExpires
		}
		out = append(out, shown)
	}
	slices.SortFunc(out, func(a, b User) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return out
}

// AddUser adds one without a password: [Logins.NewLink] lets them set it. Errors
// wrap [auth.ErrInvalid] or are the keeper's.
func (l *Logins) AddUser(ctx context.Context, name string, role auth.Role) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, err := auth.ParseRole(string(role)); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for known := range l.users {
		if strings.EqualFold(known, name) {
			return fmt.Errorf("name is %w: there is a user %q", auth.ErrInvalid, known)
		}
	}
	switch {
	case strings.EqualFold(name, AdminUser):
		return fmt.Errorf("name is %w: %q is there from the start (dotm login-link sets its password)", auth.ErrInvalid, AdminUser)
	case len(l.users) >= maxUsers:
		return fmt.Errorf("another user is %w: there are %d", auth.ErrInvalid, maxUsers)
	}
	return l.put(ctx, name, &user{Role: role, Created: l.now().UTC().Truncate(time.Second)})
}

// put keeps a user. The caller holds the lock.
func (l *Logins) put(ctx context.Context, name string, u *user) error {
	if err := l.keeper.ChangeDocuments(ctx, []auth.Document{auth.NewDocument(kindUser, name, u)}, nil); err != nil {
		return fmt.Errorf("keeping user: %w", err)
	}
	l.users[name] = u
	return nil
}

// SetRole changes what a user may do, from their next request on, and says what
// they might before. Errors wrap [auth.ErrInvalid], [auth.ErrNotFound] or
// [auth.ErrForbidden], or are the keeper's.
func (l *Logins) SetRole(ctx context.Context, name string, role auth.Role) (before auth.Role, err error) {
	if _, err := auth.ParseRole(string(role)); err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.users[name]
	switch {
	case u == nil:
		return "", notFound(name)
	case name == AdminUser && role != auth.Admin:
		return "", fmt.Errorf("role of user %q is %w to change: somebody must be able to do everything", name, auth.ErrForbidden)
	}
	changed := *u
	changed.Role = role
	return u.Role, l.put(ctx, name, &changed)
}

// RemoveUser removes one, and ends their sessions. Errors wrap
// [auth.ErrNotFound] or [auth.ErrForbidden], or are the keeper's.
func (l *Logins) RemoveUser(ctx context.Context, name string) (before User, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.users[name]
	switch {
	case u == nil:
		return before, notFound(name)
	case name == AdminUser:
		return before, fmt.Errorf("removing user %q is %w: it is the way back in (without a password nobody logs in with it)", name, auth.ErrForbidden)
	}
	sessions := l.ownSessions(name)
	if err := l.keeper.ChangeDocuments(ctx, nil, append(sessions, auth.Key{Kind: kindUser, Name: name})); err != nil {
		return before, fmt.Errorf("removing user: %w", err)
	}
	delete(l.users, name)
	for _, k := range sessions {
		delete(l.sessions, k.Name)
	}
	return User{Name: name, Role: u.Role, Password: u.Password != ""}, nil
}

// NewLink makes a secret that sets the password of a user, once, within
// [LinkLife]. It replaces the one before. [AdminUser] is made if need be; for
// others errors wrap [auth.ErrNotFound].
func (l *Logins) NewLink(ctx context.Context, name string) (secret string, expires time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var u user
	switch known := l.users[name]; {
	case known != nil:
		u = *known
	case name == AdminUser:
		u = user{Role: auth.Admin, Created: l.now().UTC().Truncate(time.Second)}
	default:
		return "", time.Time{}, notFound(name)
	}
	secret = auth.NewSecret()
	u.Link, u.LinkExpires = auth.HashSecret(secret), l.now().UTC().Add(LinkLife).Truncate(time.Second)
	if err := l.put(ctx, name, &u); err != nil {
		return "", time.Time{}, err
	}
	return secret, u.LinkExpires, nil
}

// Setup takes a link's secret and sets the password of its user: all their
// sessions end, and a new one begins. Errors are as for [Logins.Login], or wrap
// [auth.ErrInvalid].
func (l *Logins) Setup(ctx context.Context, link, password string, from Client) (secret string, p Person, err error) {
	if wait := l.attempts.begin(from.Address, "", l.now()); wait > 0 {
		return "", Person{}, &auth.BusyError{Wait: wait}
	}
	l.mu.Lock()
	_, err = l.linked(link)
	l.mu.Unlock()
	if err != nil {
		return "", Person{}, err
	}
	l.attempts.succeed(from.Address, "", l.now())
	if err := CheckPassword(password); err != nil {
		return "", Person{}, err
	}
	hash, err := l.hasher.hash(ctx, password)
	if err != nil {
		return "", Person{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	name, err := l.linked(link) // somebody else may have used it
	if err != nil {
		return "", Person{}, err
	}
	return l.setPassword(ctx, name, hash, from)
}

// setPassword keeps a new password, ends the sessions of the old one, and begins
// a new one. The caller holds the lock.
func (l *Logins) setPassword(ctx context.Context, name, hash string, from Client) (secret string, p Person, err error) {
	was := l.users[name]
	u := &user{Role: was.Role, Password: hash, Created: was.Created, LastLogin: l.now().UTC().Truncate(time.Second)}
	p = Person{name, u.Role, ByPassword}
	secret, err = l.begin(ctx, p, "", from, []auth.Document{auth.NewDocument(kindUser, name, u)}, l.ownSessions(name))
	if err != nil {
		return "", Person{}, err
	}
	l.users[name] = u
	return secret, p, nil
}

// linked is the user that a link is of, or says why it is not accepted. The
// caller holds the lock.
func (l *Logins) linked(link string) (name string, err error) {
	hash := auth.HashSecret(link)
	for n, u := range l.users {
		if u.Link != "" && auth.SameHash(u.Link, hash) {
			name = n
		}
	}
	switch u := l.users[name]; {
	case name == "":
		return "", fmt.Errorf("login link is %w: it was used, or a newer one was made (dotm login-link makes another)", auth.ErrCredential)
	case !l.now().Before(u.LinkExpires):
		again := "dotm login-link"
		if name != AdminUser {
			again = "dotm user passwd " + name
		}
		return "", fmt.Errorf("login link is %w: it expired at %s (%s makes another)", auth.ErrCredential, u.LinkExpires.Format(time.RFC3339), again)
	}
	return name, nil
}

// ChangePassword sets the password of somebody who knows the one before. Their
// sessions end, and a new one begins. Errors are as for [Logins.Setup], or wrap
// [auth.ErrForbidden] for somebody whose password is not kept here.
func (l *Logins) ChangePassword(ctx context.Context, p Person, before, password string, from Client) (secret string, err error) {
	if p.How != ByPassword {
		return "", fmt.Errorf("changing this password here is %w: it is kept elsewhere", auth.ErrForbidden)
	}
	if wait := l.attempts.begin(from.Address, p.User, l.now()); wait > 0 {
		return "", &auth.BusyError{Wait: wait}
	}
	u, known := l.user(p.User)
	fits, err := l.hasher.verify(ctx, before, u.Password)
	switch {
	case err != nil:
		return "", err
	case !fits || !known:
		return "", fmt.Errorf("present password is %w", auth.ErrInvalid) // not 401: the session is fine
	}
	l.attempts.succeed(from.Address, p.User, l.now())
	if err := CheckPassword(password); err != nil {
		return "", err
	}
	hash, err := l.hasher.hash(ctx, password)
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.users[p.User]; now == nil || now.Password != u.Password {
		return "", fmt.Errorf("present password is %w: it was changed meanwhile", auth.ErrInvalid)
	}
	secret, _, err = l.setPassword(ctx, p.User, hash, from)
	return secret, err
}
