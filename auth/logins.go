package auth

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// How long things last.
const (
	SessionIdle = 12 * time.Hour     // a session that nobody uses
	SessionMax  = 7 * 24 * time.Hour // any session
	LinkLife    = 24 * time.Hour     // a login link
)

// AdminUser is the one login that there is.
const AdminUser = "admin"

const (
	// maxSessions bounds the sessions of all users; the one that was used
	// least recently ends for a new one.
	maxSessions = 1000
	// noteUse is how much later than the last written one a use is written.
	noteUse = 10 * time.Minute
)

// Logins are the people who may log in, and their sessions. All methods are
// safe for concurrent use.
type Logins struct {
	keeper   Keeper
	now      func() time.Time
	hasher   *hasher
	attempts *attempts

	mu       sync.Mutex // held over a write: memory never runs ahead of the store
	users    map[string]*user
	sessions map[string]*session // by the hash of their secret
}

// user is a person who may log in.
type user struct {
	Role     Role   `json:"role"`
	Password string `json:"password,omitempty"` // a PHC string; empty fits no password
	// Link is the hash of a one-time secret that sets the password.
	Link        string    `json:"link,omitempty"`
	LinkExpires time.Time `json:"link_expires,omitzero"`
}

// session is one login of a user.
type session struct {
	User    string    `json:"user"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`

	written time.Time // the use that the store knows of
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.Used) >= SessionIdle || now.Sub(s.Created) >= SessionMax
}

// Person is somebody who logged in.
type Person struct {
	User string
	Role Role
}

// NewLogins reads what is kept. now is the clock.
func NewLogins(k Keeper, now func() time.Time) (*Logins, error) {
	l := &Logins{
		keeper: k, now: now, hasher: newHasher(), attempts: newAttempts(),
		users: map[string]*user{}, sessions: map[string]*session{},
	}
	return l, l.load()
}

func (l *Logins) load() error {
	if err := load(l.keeper, kindUser, func(name string, u *user) { l.users[name] = u }); err != nil {
		return err
	}
	return load(l.keeper, kindSession, func(hash string, s *session) {
		s.written = s.Used
		l.sessions[hash] = s
	})
}

// Reload takes in what another server keeps.
func (l *Logins) Reload() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.users)
	clear(l.sessions)
	return l.load()
}

// Configured reports whether anybody can log in with a password.
func (l *Logins) Configured() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range l.users {
		if u.Password != "" {
			return true
		}
	}
	return false
}

// Login checks a password and begins a session; secret names it from now on.
// from is the address of who asks. Errors are [*BusyError], or wrap
// [ErrCredential], or are the keeper's.
func (l *Logins) Login(ctx context.Context, name, password string, from netip.Addr) (secret string, p Person, err error) {
	if len(name) > MaxPassword {
		name = ""
	}
	if wait := l.attempts.begin(from, name, l.now()); wait > 0 {
		return "", Person{}, &BusyError{wait}
	}
	u, known := l.user(name)
	fits, err := l.hasher.verify(ctx, password, u.Password)
	if err != nil {
		return "", Person{}, err
	}
	if !fits || !known {
		return "", Person{}, fmt.Errorf("user and password are %w", ErrCredential)
	}
	l.attempts.succeed(from, name, l.now())
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.users[name]
	if now == nil || now.Password != u.Password {
		return "", Person{}, fmt.Errorf("user and password are %w", ErrCredential) // changed meanwhile
	}
	secret, err = l.begin(ctx, name, nil, nil)
	return secret, Person{name, now.Role}, err
}

func (l *Logins) user(name string) (u user, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.users[name]; found != nil {
		return *found, true
	}
	return user{}, false
}

// begin writes a new session, together with other changes. The caller holds the
// lock.
func (l *Logins) begin(ctx context.Context, name string, keep []Document, drop []Key) (secret string, err error) {
	now := l.now().UTC()
	if len(l.sessions) >= maxSessions {
		drop = append(drop, Key{kindSession, l.idlest()})
	}
	secret = NewSecret()
	s := &session{User: name, Created: now, Used: now, written: now}
	keep = append(keep, document(kindSession, HashSecret(secret), s))
	if err := l.keeper.ChangeDocuments(ctx, keep, drop); err != nil {
		return "", fmt.Errorf("beginning session: %w", err)
	}
	for _, k := range drop {
		delete(l.sessions, k.Name)
	}
	l.sessions[HashSecret(secret)] = s
	return secret, nil
}

func (l *Logins) idlest() (hash string) {
	var used time.Time
	for h, s := range l.sessions {
		if hash == "" || s.Used.Before(used) {
			hash, used = h, s.Used
		}
	}
	return hash
}

// Session tells whose session a secret names, and notes that it is used.
func (l *Logins) Session(secret string) (Person, bool) {
	if secret == "" {
		return Person{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	s := l.sessions[HashSecret(secret)]
	if s == nil || s.over(now) || l.users[s.User] == nil {
		return Person{}, false
	}
	if now.After(s.Used) {
		s.Used = now.UTC()
	}
	return Person{s.User, l.users[s.User].Role}, true
}

// End ends a session. One that doesn't exist has ended already.
func (l *Logins) End(ctx context.Context, secret string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := HashSecret(secret)
	if l.sessions[hash] == nil {
		return nil
	}
	if err := l.keeper.ChangeDocuments(ctx, nil, []Key{{kindSession, hash}}); err != nil {
		return fmt.Errorf("ending session: %w", err)
	}
	delete(l.sessions, hash)
	return nil
}

// NewLink makes a secret that sets the password of [AdminUser], once, within
// [LinkLife]. It replaces the one before.
func (l *Logins) NewLink(ctx context.Context) (secret string, expires time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := user{Role: Admin}
	if known := l.users[AdminUser]; known != nil {
		u = *known
	}
	secret = NewSecret()
	u.Link, u.LinkExpires = HashSecret(secret), l.now().UTC().Add(LinkLife).Truncate(time.Second)
	if err := l.keeper.ChangeDocuments(ctx, []Document{document(kindUser, AdminUser, &u)}, nil); err != nil {
		return "", time.Time{}, fmt.Errorf("keeping login link: %w", err)
	}
	l.users[AdminUser] = &u
	return secret, u.LinkExpires, nil
}

// Setup takes a link's secret and sets the password of [AdminUser]: all its
// sessions end, and a new one begins. Errors are as for [Logins.Login], or wrap
// [ErrInvalid].
func (l *Logins) Setup(ctx context.Context, link, password string, from netip.Addr) (secret string, p Person, err error) {
	if wait := l.attempts.begin(from, "", l.now()); wait > 0 {
		return "", Person{}, &BusyError{wait}
	}
	if err := l.checkLink(link); err != nil {
		return "", Person{}, err
	}
	l.attempts.succeed(from, "", l.now())
	if err := CheckPassword(password); err != nil {
		return "", Person{}, err
	}
	hash, err := l.hasher.hash(ctx, password)
	if err != nil {
		return "", Person{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.linkFits(link); err != nil { // somebody else may have used it
		return "", Person{}, err
	}
	u := &user{Role: l.users[AdminUser].Role, Password: hash}
	secret, err = l.begin(ctx, AdminUser, []Document{document(kindUser, AdminUser, u)}, l.sessionsOf(AdminUser))
	if err != nil {
		return "", Person{}, err
	}
	l.users[AdminUser] = u
	return secret, Person{AdminUser, u.Role}, nil
}

func (l *Logins) checkLink(link string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.linkFits(link)
}

// linkFits says why a link is not accepted. The caller holds the lock.
func (l *Logins) linkFits(link string) error {
	u := l.users[AdminUser]
	switch {
	case u == nil || u.Link == "" || !sameHash(u.Link, HashSecret(link)):
		return fmt.Errorf("login link is %w: it was used, or a newer one was made (dotm login-link makes another)", ErrCredential)
	case !l.now().Before(u.LinkExpires):
		return fmt.Errorf("login link is %w: it expired at %s (dotm login-link makes another)", ErrCredential, u.LinkExpires.Format(time.RFC3339))
	}
	return nil
}

func (l *Logins) sessionsOf(name string) (keys []Key) {
	for hash, s := range l.sessions {
		if s.User == name {
			keys = append(keys, Key{kindSession, hash})
		}
	}
	return keys
}

// Sweep drops what is over, and writes when sessions were last used. It is to be
// called now and then.
func (l *Logins) Sweep(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var keep []Document
	var drop []Key
	for hash, s := range l.sessions {
		switch {
		case s.over(now):
			drop = append(drop, Key{kindSession, hash})
		case s.Used.Sub(s.written) >= noteUse:
			keep = append(keep, document(kindSession, hash, s))
		}
	}
	if len(keep)+len(drop) == 0 {
		return nil
	}
	if err := l.keeper.ChangeDocuments(ctx, keep, drop); err != nil {
		return fmt.Errorf("keeping sessions: %w", err)
	}
	for _, d := range keep {
		l.sessions[d.Key].written = l.sessions[d.Key].Used
	}
	for _, k := range drop {
		delete(l.sessions, k.Name)
	}
	return nil
}
