package auth

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits of tokens.
const (
	DefaultTokenLife = 24 * time.Hour
	MaxTokenLife     = 400 * 24 * time.Hour
	MaxTokenUses     = 100_000
	maxTokens        = 1000
	maxNames         = 32
	// showExpired is how long a token that is over is still listed.
	showExpired = 24 * time.Hour
)

// TokenOptions say what a new token is good for.
type TokenOptions struct {
	// Uses is how often it may be used; 0 is as often as [MaxTokenUses].
	Uses int
	// Life is how long it may be used; 0 is [DefaultTokenLife].
	Life time.Duration
	// Names, if there are any, make it a relay's: host names or addresses for
	// which the relay gets a certificate.
	Names []string
}

// TokenInfo is what is shown of a token: everything but its secret.
type TokenInfo struct {
	ID      string    `json:"id"`
	Role    Role      `json:"role" enum:"agent,relay"`
	Names   []string  `json:"names,omitempty" doc:"of a relay's certificate"`
	Uses    int       `json:"uses" doc:"how often it may be used; 0 is any number"`
	Used    int       `json:"used" doc:"how often it was used"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// token is what is kept.
type token struct {
	TokenInfo
	Hash string `json:"hash"`
}

// refuses says why a token can't be used, or nil.
func (t *token) refuses(now time.Time) error {
	switch {
	case !now.Before(t.Expires):
		return fmt.Errorf("token is %w: it expired at %s (dotm token create makes another)", ErrCredential, t.Expires.Format(time.RFC3339))
	case t.Uses > 0 && t.Used >= t.Uses:
		return fmt.Errorf("token is %w: it was used up (dotm token create makes another, --uses N for several machines)", ErrCredential)
	}
	return nil
}

// fits refuses to make an agent of a relay, and the other way round.
func (t *token) fits(r EnrolRequest) error {
	switch wantsKey := len(r.Key) > 0; {
	case t.Role == RoleRelay && !wantsKey:
		return fmt.Errorf("token is %w for an agent: it is a relay's (dotm token create without --relay makes an agent's)", ErrInvalid)
	case t.Role == RoleAgent && wantsKey:
		return fmt.Errorf("token is %w for a relay: it is an agent's (dotm token create --relay NAME makes a relay's)", ErrInvalid)
	}
	return nil
}

// CreateToken makes one and returns its secret, which is kept nowhere. Errors
// wrap [ErrInvalid] or are the keeper's.
func (a *Agents) CreateToken(ctx context.Context, opt TokenOptions) (secret string, info TokenInfo, err error) {
	if opt.Life == 0 {
		opt.Life = DefaultTokenLife
	}
	if err := opt.check(); err != nil {
		return "", TokenInfo{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.tokens) >= maxTokens {
		return "", TokenInfo{}, fmt.Errorf("another token is %w: there are %d (dotm token remove ends one)", ErrInvalid, maxTokens)
	}
	now := a.now().UTC().Truncate(time.Second)
	secret = NewSecret()
	t := &token{TokenInfo{
		ID: NewID(), Role: RoleAgent, Names: opt.Names, Uses: opt.Uses, Created: now, Expires: now.Add(opt.Life),
	}, HashSecret(secret)}
	if len(opt.Names) > 0 {
		t.Role = RoleRelay
	}
	if err := a.keeper.ChangeDocuments(ctx, []Document{NewDocument(kindToken, t.ID, t)}, nil); err != nil {
		return "", TokenInfo{}, fmt.Errorf("keeping token: %w", err)
	}
	a.putToken(t)
	return secret, t.TokenInfo, nil
}

func (o *TokenOptions) check() error {
	switch {
	case o.Uses < 0 || o.Uses > MaxTokenUses:
		return fmt.Errorf("uses is %w: it must be 0 (any number) to %d, is %d", ErrInvalid, MaxTokenUses, o.Uses)
	case o.Life < time.Second || o.Life > MaxTokenLife:
		return fmt.Errorf("expires_in is %w: it must be 1s to %s, is %s", ErrInvalid, MaxTokenLife, o.Life)
	case len(o.Names) > maxNames:
		return fmt.Errorf("names is %w: there may be %d, are %d", ErrInvalid, maxNames, len(o.Names))
	}
	for _, n := range o.Names {
		if !IsServerName(n) {
			return fmt.Errorf("names is %w: each must be a host name or an IP address, is %.80q", ErrInvalid, n)
		}
	}
	return nil
}

// label is one of a host name's (RFC 1123, 2.1), underscores allowed.
var label = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// IsServerName tells what the certificates of a server or relay can be for: host
// names without wildcards, and IP addresses.
func IsServerName(s string) bool {
	if net.ParseIP(s) != nil {
		return true
	}
	return len(s) <= 253 && !slices.ContainsFunc(strings.Split(s, "."), func(l string) bool { return !label.MatchString(l) })
}

// putToken keeps one at hand. The caller holds the lock.
func (a *Agents) putToken(t *token) {
	a.tokens[t.ID] = t
	a.secrets[t.Hash] = t
}

// Tokens lists them, the newest first.
func (a *Agents) Tokens() []TokenInfo {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]TokenInfo, 0, len(a.tokens))
	for _, t := range a.tokens {
		out = append(out, t.TokenInfo)
	}
	slices.SortFunc(out, func(x, y TokenInfo) int {
		if c := y.Created.Compare(x.Created); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return out
}

// DropToken ends one; what enrolled with it stays enrolled.
func (a *Agents) DropToken(ctx context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tokens[id]
	if t == nil {
		return fmt.Errorf("token %.40q is %w", id, ErrNotFound)
	}
	if err := a.keeper.ChangeDocuments(ctx, nil, []Key{{kindToken, id}}); err != nil {
		return fmt.Errorf("dropping token: %w", err)
	}
	a.forgetToken(t)
	return nil
}

func (a *Agents) forgetToken(t *token) {
	delete(a.tokens, t.ID)
	delete(a.secrets, t.Hash)
}

// CheckToken says whether a token's text is that of one that is known here, and
// changes nothing: it is what can be judged before a body is read. One that is
// used up or expired is known too; [Agents.Enrol] judges that, because what
// enrolled with it may ask again.
func (a *Agents) CheckToken(text string) (secret string, err error) {
	t, err := ParseToken(text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCredential, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.secrets[HashSecret(t.Secret)] == nil {
		return "", errUnknownToken
	}
	return t.Secret, nil
}

var errUnknownToken = fmt.Errorf("token is %w: this server doesn't know it (dotm token create makes one, on the server's machine)", ErrCredential)
