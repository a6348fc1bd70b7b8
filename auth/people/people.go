// Package people says who is at the browser, and which scripts may ask: users
// with a password that is kept here, people that somebody else vouches for, their
// sessions, and API tokens. It keeps hashes only.
package people

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// AdminUser is the user that always can be made to log in, by a link that only
// the server's own machine makes.
const AdminUser = "admin"

// The kinds of documents that this package keeps.
const (
	kindUser    = "user"
	kindSession = "session"
	kindToken   = "apitoken"
)

// How somebody proved who they are.
type How string

// The ways in.
const (
	ByPassword How = "password" // of a user that is kept here
	ByFile     How = "htpasswd" // of a file of users
	ByProvider How = "oidc"     // an OpenID provider vouches
	ByProxy    How = "proxy"    // the proxy before the server vouches
)

// Person is somebody who logged in. Two of one name that came in different ways
// are two.
type Person struct {
	User string
	Role auth.Role
	How  How
}

// Client is where somebody asks from.
type Client struct {
	Address netip.Addr
	Program string // what it calls itself; "" if it doesn't
}

// maxProgram bounds what is kept of that.
const maxProgram = 200

// Directory knows people with passwords beside those that are kept here.
type Directory interface {
	// Fits reports whether a password is that of a name. It takes as long for
	// names that are not known.
	Fits(name, password string) bool
	// Look is the role of a name, "" for none, and a mark that changes when its
	// password does.
	Look(name string) (role auth.Role, mark string)
}

// Logins are the people who may log in, their sessions, and the API tokens. All
// methods are safe for concurrent use.
type Logins struct {
	keeper    auth.Keeper
	now       func() time.Time
	hasher    *hasher
	attempts  *attempts
	directory Directory // nil for none

	mu       sync.Mutex // held over a write: memory never runs ahead of the store
	users    map[string]*user
	sessions map[string]*session  // by the hash of their secret
	tokens   map[string]*apiToken // by id
}

// NewLogins reads what is kept. now is the clock; also are people who are not
// kept here, nil for none.
func NewLogins(k auth.Keeper, now func() time.Time, also Directory) (*Logins, error) {
	l := &Logins{
		keeper: k, now: now, hasher: newHasher(), attempts: newAttempts(), directory: also,
		users: map[string]*user{}, sessions: map[string]*session{}, tokens: map[string]*apiToken{},
	}
	return l, l.load()
}

func (l *Logins) load() error {
	if err := auth.Load(l.keeper, kindUser, func(name string, u *user) { l.users[name] = u }); err != nil {
		return err
	}
	if err := auth.Load(l.keeper, kindToken, func(id string, t *apiToken) { l.putToken(id, t) }); err != nil {
		return err
	}
	return auth.Load(l.keeper, kindSession, func(hash string, s *session) {
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
	used := l.tokens
	l.tokens = map[string]*apiToken{}
	err := l.load()
	for id, t := range l.tokens { // what only this server knows yet
		if u := used[id]; u != nil && u.Used.After(t.Used) {
			t.Used, t.UsedFrom = u.Used, u.UsedFrom
		}
		if u := used[id]; u != nil {
			t.left, t.asked = u.left, u.asked
		}
	}
	return err
}

// Configured reports whether anybody can log in with a password.
func (l *Logins) Configured() bool {
	if l.directory != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range l.users {
		if u.Password != "" {
			return true
		}
	}
	return false
}

// errLogin doesn't tell which of the two is wrong.
var errLogin = fmt.Errorf("user and password are %w", auth.ErrCredential)

// Login checks a password and begins a session; secret names it from now on.
// Errors are [*auth.BusyError], or wrap [auth.ErrCredential], or are the
// keeper's.
func (l *Logins) Login(ctx context.Context, name, password string, from Client) (secret string, p Person, err error) {
	if len(name) > MaxPassword {
		name = ""
	}
	if wait := l.attempts.begin(from.Address, name, l.now()); wait > 0 {
		return "", Person{}, &auth.BusyError{Wait: wait}
	}
	u, known := l.user(name)
	fits, err := l.hasher.verify(ctx, password, u.Password)
	if err != nil {
		return "", Person{}, err
	}
	vouched, err := l.vouched(ctx, name, password) // asked for every name: the answer takes as long for each
	switch {
	case err != nil:
		return "", Person{}, err
	case known && fits:
		secret, p, err = l.beginOwn(ctx, name, u.Password, from)
	case !known && vouched:
		secret, p, err = l.beginFiled(ctx, name, from)
	default:
		err = errLogin
	}
	if err == nil {
		l.attempts.succeed(from.Address, name, l.now())
	}
	return secret, p, err
}

// vouched asks the directory, if there is one.
func (l *Logins) vouched(ctx context.Context, name, password string) (bool, error) {
	if l.directory == nil {
		return false, nil
	}
	done, err := l.hasher.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	return len(password) <= MaxPassword && l.directory.Fits(name, password), nil
}

// beginOwn begins the session of a user that is kept here, unless the password
// was changed meanwhile.
func (l *Logins) beginOwn(ctx context.Context, name, hash string, from Client) (string, Person, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.users[name]
	if now == nil || now.Password != hash {
		return "", Person{}, errLogin
	}
	seen := *now
	seen.LastLogin = l.now().UTC().Truncate(time.Second)
	p := Person{name, now.Role, ByPassword}
	secret, err := l.begin(ctx, p, "", from, []auth.Document{auth.NewDocument(kindUser, name, &seen)}, nil)
	if err != nil {
		return "", Person{}, err
	}
	l.users[name] = &seen
	return secret, p, nil
}

func (l *Logins) beginFiled(ctx context.Context, name string, from Client) (string, Person, error) {
	role, mark := l.directory.Look(name)
	if !role.Known() {
		return "", Person{}, fmt.Errorf("user is %w: the file of users gives them no role", auth.ErrForbidden)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := Person{name, role, ByFile}
	secret, err := l.begin(ctx, p, mark, from, nil, nil)
	if err != nil {
		return "", Person{}, err
	}
	return secret, p, nil
}

// Attempt counts a login by a provider, until [Logins.Vouch] says that it was one. A
// positive result is how long to wait, as there were too many.
func (l *Logins) Attempt(from Client) time.Duration {
	return l.attempts.begin(from.Address, "", l.now())
}

// Vouch begins a session of somebody whom another one vouches for. It lasts
// [ProviderMax] at most. Errors are the keeper's, or wrap [auth.ErrForbidden].
func (l *Logins) Vouch(ctx context.Context, user string, role auth.Role, from Client) (secret string, p Person, err error) {
	if !role.Known() {
		return "", Person{}, fmt.Errorf("user is %w: nothing that their provider says of them gives them a role here", auth.ErrForbidden)
	}
	l.attempts.succeed(from.Address, "", l.now())
	l.mu.Lock()
	defer l.mu.Unlock()
	p = Person{user, role, ByProvider}
	secret, err = l.begin(ctx, p, "", from, nil, nil)
	return secret, p, err
}

func (l *Logins) user(name string) (u user, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.users[name]; found != nil {
		return *found, true
	}
	return user{}, false
}

// Knows reports whether somebody of a name can log in with a password.
func (l *Logins) Knows(name string) bool {
	if _, known := l.user(name); known {
		return true
	}
	if l.directory == nil {
		return false
	}
	role, _ := l.directory.Look(name)
	return role.Known()
}
