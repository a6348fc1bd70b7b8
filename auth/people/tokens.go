package people

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// Limits of API tokens.
const (
	MaxTokenLife = 10 * 365 * 24 * time.Hour
	maxAPITokens = 1000
	maxTokenName = 64
	// showEnded is how long one that is over is still listed.
	showEnded = 30 * 24 * time.Hour
)

// tokenMark begins every API token. The digit is the form's version.
const tokenMark = "dotm1t"

// APIToken is what is shown of one: everything but its secret.
type APIToken struct {
	ID       string    `json:"id"`
	Name     string    `json:"name" doc:"what it is for"`
	Role     auth.Role `json:"role" enum:"viewer,operator,admin"`
	By       string    `json:"by" doc:"who made it"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero" doc:"without it the token has no end"`
	Used     time.Time `json:"used,omitzero" doc:"when it was used last"`
	UsedFrom string    `json:"used_from,omitempty" doc:"from where"`
	// Embed is the only thing that a token for embedding may ask; nil for others.
	Embed *Embed `json:"embed,omitempty" doc:"of a token for embedding: the one question that it asks"`
}

// apiToken is what is kept.
type apiToken struct {
	APIToken
	Hash string `json:"hash"`

	written time.Time // the use that the store knows of
	left    float64   // of one for embedding: how often it may be used at once,
	asked   time.Time // as of when
}

func (t *apiToken) over(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

func (l *Logins) putToken(id string, t *apiToken) {
	t.written = t.Used
	l.tokens[id] = t
}

// IsAPIToken reports whether a credential has the form of an API token.
func IsAPIToken(text string) bool { return strings.HasPrefix(text, tokenMark+".") }

// TokenOptions say what a new API token is for.
type TokenOptions struct {
	Name string
	Role auth.Role
	Life time.Duration // 0 has no end
	By   string        // who makes it
	// Embed makes it one for embedding; nil for others.
	Embed *Embed
}

func (o *TokenOptions) check() error {
	if _, err := auth.ParseRole(string(o.Role)); err != nil {
		return err
	}
	if o.Embed != nil {
		if err := o.Embed.check(o.Role); err != nil {
			return err
		}
	}
	switch {
	case o.Name == "" || len(o.Name) > maxTokenName || plain(o.Name, maxTokenName) != o.Name:
		return fmt.Errorf("name is %w: it must be 1 to %d bytes of plain text, is %.80q", auth.ErrInvalid, maxTokenName, o.Name)
	case o.Life != 0 && (o.Life < time.Second || o.Life > MaxTokenLife):
		return fmt.Errorf("expires_in is %w: it must be 1s to %s, or nothing for no end, is %s", auth.ErrInvalid, MaxTokenLife, o.Life)
	}
	return nil
}

// CreateAPIToken makes one and returns its text, which is kept nowhere. Errors
// wrap [auth.ErrInvalid] or are the keeper's.
func (l *Logins) CreateAPIToken(ctx context.Context, opt TokenOptions) (text string, info APIToken, err error) {
	if err := opt.check(); err != nil {
		return "", APIToken{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tokens) >= maxAPITokens {
		return "", APIToken{}, fmt.Errorf("another token is %w: there are %d (dotm token api remove ends one)", auth.ErrInvalid, maxAPITokens)
	}
	for _, t := range l.tokens {
		if t.Name == opt.Name {
			return "", APIToken{}, fmt.Errorf("name is %w: token %s has it (dotm token api remove %s ends that one)", auth.ErrInvalid, t.ID, t.ID)
		}
	}
	now := l.now().UTC().Truncate(time.Second)
	secret := auth.NewSecret()
	t := &apiToken{APIToken: APIToken{ID: auth.NewID(), Name: opt.Name, Role: opt.Role, By: opt.By, Created: now, Embed: opt.Embed}, Hash: auth.HashSecret(secret)}
	if opt.Life > 0 {
		t.Expires = now.Add(opt.Life)
	}
	if err := l.keeper.ChangeDocuments(ctx, []auth.Document{auth.NewDocument(kindToken, t.ID, t)}, nil); err != nil {
		return "", APIToken{}, fmt.Errorf("keeping token: %w", err)
	}
	l.putToken(t.ID, t)
	return t.mark() + "." + t.ID + "." + secret, t.APIToken, nil
}

// CheckAPIToken tells which token a text is of, and notes that it is used. Errors
// wrap [auth.ErrCredential] and don't repeat it.
func (l *Logins) CheckAPIToken(text string, from netip.Addr) (APIToken, error) {
	return l.checkToken(tokenMark, text, from)
}

func (l *Logins) checkToken(mark, text string, from netip.Addr) (APIToken, error) {
	parts := strings.Split(text, ".")
	if len(text) > auth.MaxTokenText || len(parts) != 3 || parts[0] != mark {
		return APIToken{}, fmt.Errorf("API token is %w: it must look like %s.….…", auth.ErrCredential, mark)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	t := l.tokens[parts[1]]
	switch {
	case t == nil || t.mark() != mark || !auth.SameHash(t.Hash, auth.HashSecret(parts[2])):
		return APIToken{}, fmt.Errorf("API token is %w: this server doesn't know it (dotm token api create makes one)", auth.ErrCredential)
	case t.over(now):
		return APIToken{}, fmt.Errorf("API token %q is %w: it ended at %s (dotm token api create makes another)", t.Name, auth.ErrCredential, t.Expires.Format(time.RFC3339))
	}
	t.Used = now.UTC().Truncate(time.Second)
	if from.IsValid() {
		t.UsedFrom = from.Unmap().String()
	}
	return t.APIToken, nil
}

// TokenHolds reports whether a token is in force.
func (l *Logins) TokenHolds(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tokens[id]
	return t != nil && !t.over(l.now())
}

// APITokens lists them by name.
func (l *Logins) APITokens() []APIToken {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]APIToken, 0, len(l.tokens))
	for _, t := range l.tokens {
		out = append(out, t.APIToken)
	}
	slices.SortFunc(out, func(a, b APIToken) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	return out
}

// DropAPIToken ends one, at once and for good. The error wraps
// [auth.ErrNotFound] or is the keeper's.
func (l *Logins) DropAPIToken(ctx context.Context, id string) (APIToken, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tokens[id]
	if t == nil {
		return APIToken{}, fmt.Errorf("API token %.40q is %w", id, auth.ErrNotFound)
	}
	if err := l.keeper.ChangeDocuments(ctx, nil, []auth.Key{{Kind: kindToken, Name: id}}); err != nil {
		return APIToken{}, fmt.Errorf("ending token: %w", err)
	}
	delete(l.tokens, id)
	return t.APIToken, nil
}

// sweepTokens says which are to be kept with their last use, and which dropped.
// The caller holds the lock.
func (l *Logins) sweepTokens(now time.Time) (keep []auth.Document, drop []auth.Key) {
	for id, t := range l.tokens {
		switch {
		case t.over(now) && now.Sub(t.Expires) >= showEnded:
			drop = append(drop, auth.Key{Kind: kindToken, Name: id})
		case t.Used.Sub(t.written) >= noteUse:
			keep = append(keep, auth.NewDocument(kindToken, id, t))
		}
	}
	return keep, drop
}
