package people

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/devops-trouble-map/dotm/auth"
)

// How long sessions last.
const (
	SessionIdle = 12 * time.Hour     // one that nobody uses
	SessionMax  = 7 * 24 * time.Hour // any
	ProviderMax = 12 * time.Hour     // one that somebody else vouched for: they may have changed their mind
)

const (
	// maxSessions bounds the sessions of all users; the one that was used
	// least recently ends for a new one.
	maxSessions = 1000
	// noteUse is how much later than the last written one a use is written.
	noteUse = 10 * time.Minute
)

// session is one login.
type session struct {
	User    string    `json:"user"`
	How     How       `json:"how,omitempty"`  // empty in what was kept before there was another way than a password
	Role    auth.Role `json:"role,omitempty"` // of who is known nowhere else
	Mark    string    `json:"mark,omitempty"` // of the password in a directory
	Address string    `json:"address,omitempty"`
	Program string    `json:"program,omitempty"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`

	written time.Time // the use that the store knows of
}

func (s *session) over(now time.Time) bool {
	life := SessionMax
	if s.How == ByProvider {
		life = ProviderMax
	}
	return now.Sub(s.Used) >= SessionIdle || now.Sub(s.Created) >= life
}

func (s *session) how() How { return cmp.Or(s.How, ByPassword) }

// SessionInfo is what is shown of a session: everything but its secret.
type SessionInfo struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Role    auth.Role `json:"role" enum:"viewer,operator,admin"`
	How     How       `json:"how" enum:"password,htpasswd,oidc,proxy" doc:"how they logged in"`
	Address string    `json:"address,omitempty" doc:"where they logged in from"`
	Program string    `json:"program,omitempty" doc:"what their browser calls itself"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used" doc:"when it was used last"`
}

// Of reports whether it is a session of somebody.
func (s *SessionInfo) Of(p Person) bool { return s.User == p.User && s.How == p.How }

// SessionID is the public name of the session with a secret.
func SessionID(secret string) string { return idOf(auth.HashSecret(secret)) }

// idOf names a session by the hash that it is kept under. It tells nothing of
// that.
func idOf(hash string) string { return auth.HashSecret(hash)[:16] }

// begin writes a new session, together with other changes. The caller holds the
// lock.
func (l *Logins) begin(ctx context.Context, p Person, mark string, from Client, keep []auth.Document, drop []auth.Key) (secret string, err error) {
	now := l.now().UTC()
	if len(l.sessions) >= maxSessions {
		drop = append(drop, auth.Key{Kind: kindSession, Name: l.idlest()})
	}
	secret = auth.NewSecret()
	s := &session{User: p.User, How: p.How, Mark: mark, Program: plain(from.Program, maxProgram), Created: now, Used: now, written: now}
	if from.Address.IsValid() {
		s.Address = from.Address.Unmap().String()
	}
	if p.How == ByProvider {
		s.Role = p.Role
	}
	keep = append(keep, auth.NewDocument(kindSession, auth.HashSecret(secret), s))
	if err := l.keeper.ChangeDocuments(ctx, keep, drop); err != nil {
		return "", fmt.Errorf("beginning session: %w", err)
	}
	for _, k := range drop {
		delete(l.sessions, k.Name)
	}
	l.sessions[auth.HashSecret(secret)] = s
	return secret, nil
}

// plain is a text without what a terminal or a page might take for more, cut.
func plain(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
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

// roleOf is what the one of a session may do now; "" if it is over. The caller
// holds the lock.
func (l *Logins) roleOf(s *session, now time.Time) auth.Role {
	if s.over(now) {
		return ""
	}
	u := l.users[s.User]
	switch s.how() {
	case ByProvider:
		return s.Role
	case ByPassword:
		if u != nil {
			return u.Role
		}
	case ByFile:
		if l.directory == nil || u != nil {
			return ""
		}
		if role, mark := l.directory.Look(s.User); mark == s.Mark {
			return role
		}
	case ByProxy: // it has no sessions: each request says who asks
	}
	return ""
}

// Session tells whose session a secret names, and notes that it is used.
func (l *Logins) Session(secret string) (Person, bool) {
	if secret == "" {
		return Person{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[auth.HashSecret(secret)]
	if s == nil {
		return Person{}, false
	}
	now := l.now()
	role := l.roleOf(s, now)
	if !role.Known() {
		return Person{}, false
	}
	if now.After(s.Used) {
		s.Used = now.UTC()
	}
	return Person{s.User, role, s.how()}, true
}

// Sessions lists those that go on, the one used last first.
func (l *Logins) Sessions() []SessionInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	out := make([]SessionInfo, 0, len(l.sessions))
	for hash, s := range l.sessions {
		if role := l.roleOf(s, now); role.Known() {
			out = append(out, SessionInfo{idOf(hash), s.User, role, s.how(), s.Address, s.Program, s.Created, s.Used})
		}
	}
	slices.SortFunc(out, func(a, b SessionInfo) int {
		return cmp.Or(b.Used.Compare(a.Used), strings.Compare(a.ID, b.ID))
	})
	return out
}

// End ends a session. One that doesn't exist has ended already.
func (l *Logins) End(ctx context.Context, secret string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := auth.HashSecret(secret)
	if l.sessions[hash] == nil {
		return nil
	}
	return l.drop(ctx, []auth.Key{{Kind: kindSession, Name: hash}})
}

// EndSession ends the session of an id, if may lets it. The error wraps
// [auth.ErrNotFound] if there is none that it lets.
func (l *Logins) EndSession(ctx context.Context, id string, may func(SessionInfo) bool) (SessionInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for hash, s := range l.sessions {
		info := SessionInfo{idOf(hash), s.User, "", s.how(), s.Address, s.Program, s.Created, s.Used}
		if info.ID == id && may(info) {
			return info, l.drop(ctx, []auth.Key{{Kind: kindSession, Name: hash}})
		}
	}
	return SessionInfo{}, fmt.Errorf("session %.40q is %w", id, auth.ErrNotFound)
}

// EndAll ends all sessions of a name, whichever way they came in, and says how
// many those were.
func (l *Logins) EndAll(ctx context.Context, name string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var keys []auth.Key
	for hash, s := range l.sessions {
		if s.User == name {
			keys = append(keys, auth.Key{Kind: kindSession, Name: hash})
		}
	}
	if len(keys) == 0 {
		return 0, nil
	}
	return len(keys), l.drop(ctx, keys)
}

// drop ends sessions. The caller holds the lock.
func (l *Logins) drop(ctx context.Context, keys []auth.Key) error {
	if err := l.keeper.ChangeDocuments(ctx, nil, keys); err != nil {
		return fmt.Errorf("ending session: %w", err)
	}
	for _, k := range keys {
		delete(l.sessions, k.Name)
	}
	return nil
}

// ownSessions are those of a user that is kept here. The caller holds the lock.
func (l *Logins) ownSessions(name string) (keys []auth.Key) {
	for hash, s := range l.sessions {
		if s.User == name && s.how() == ByPassword {
			keys = append(keys, auth.Key{Kind: kindSession, Name: hash})
		}
	}
	return keys
}

// Sweep drops what is over, and writes when sessions and tokens were last used.
// It is to be called now and then.
func (l *Logins) Sweep(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	keep, drop := l.sweepTokens(now)
	for hash, s := range l.sessions {
		switch {
		case s.over(now):
			drop = append(drop, auth.Key{Kind: kindSession, Name: hash})
		case s.Used.Sub(s.written) >= noteUse:
			keep = append(keep, auth.NewDocument(kindSession, hash, s))
		}
	}
	if len(keep)+len(drop) == 0 {
		return nil
	}
	if err := l.keeper.ChangeDocuments(ctx, keep, drop); err != nil {
		return fmt.Errorf("keeping sessions: %w", err)
	}
	for _, d := range keep {
		if d.Kind == kindToken {
			l.tokens[d.Key].written = l.tokens[d.Key].Used
		} else {
			l.sessions[d.Key].written = l.sessions[d.Key].Used
		}
	}
	for _, k := range drop {
		if k.Kind == kindToken {
			delete(l.tokens, k.Name)
		} else {
			delete(l.sessions, k.Name)
		}
	}
	return nil
}
