// Package auth says who is who: agents by an enrolment token and then a secret
// of their own; its leaf people, who logs in and which scripts may ask. It keeps
// hashes only, decides nothing about HTTP, and is asked before a request's body
// is read. Its other leaves are htpasswd and oidc (who vouches for people that
// are not kept here), pki (the server's certificates) and uplink (how an agent
// reaches its server).
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Role is what somebody may do.
type Role string

// The roles of people, each of which may do what the one before may.
const (
	Viewer   Role = "viewer"   // reads
	Operator Role = "operator" // acknowledges; decides what checks are about, what is called how, and where boxes stand
	Admin    Role = "admin"    // everything: settings, sources, nodes, people, tokens, agents
)

// ranks orders the roles of people.
var ranks = map[Role]int{Viewer: 1, Operator: 2, Admin: 3}

// May reports whether r includes what needed may do. A role that is not one of
// people's may nothing.
func (r Role) May(needed Role) bool { return ranks[r] > 0 && ranks[r] >= ranks[needed] }

// Known reports whether r is one of people's.
func (r Role) Known() bool { return ranks[r] > 0 }

// ParseRole reads one of people's. The error wraps [ErrInvalid].
func ParseRole(text string) (Role, error) {
	if r := Role(text); r.Known() {
		return r, nil
	}
	return "", fmt.Errorf("role is %w: it must be %s, %s or %s, is %.40q", ErrInvalid, Viewer, Operator, Admin, text)
}

// Grants give people that somebody else vouches for their roles.
type Grants struct {
	// By are the roles of names: of people, of groups, or of what a claim holds.
	By map[string]Role
	// Default is the role of those that are not named; "" if they may nothing.
	Default Role
}

// Of is the highest role that any of the names has, or the default.
func (g Grants) Of(names ...string) Role {
	best := g.Default
	for _, n := range names {
		if r := g.By[n]; ranks[r] > ranks[best] {
			best = r
		}
	}
	return best
}

// Check says what is wrong with them. The error wraps [ErrInvalid].
func (g Grants) Check() error {
	if g.Default != "" {
		if _, err := ParseRole(string(g.Default)); err != nil {
			return fmt.Errorf("default_%w", err)
		}
	}
	for name, r := range g.By {
		if _, err := ParseRole(string(r)); err != nil {
			return fmt.Errorf("roles: %.80q: %w", name, err)
		}
	}
	return nil
}

// The roles of what enrols.
const (
	RoleAgent Role = "agent" // reports about its own host
	RoleRelay Role = "relay" // forwards the reports of others
)

// Document is what a [Keeper] keeps.
type Document struct {
	Kind, Key string
	Value     []byte
}

// Key names a document.
type Key struct{ Kind, Name string }

// Keeper keeps documents over a restart.
type Keeper interface {
	// Documents lists those of a kind, in no particular order.
	Documents(kind string) []Document
	// ChangeDocuments drops some and keeps others, all or none of them. When
	// it returns nil, that is durable.
	ChangeDocuments(ctx context.Context, keep []Document, drop []Key) error
}

// The kinds of documents that this package keeps.
const (
	kindToken = "token"
	kindAgent = "agent"
)

var (
	// ErrCredential is wrapped where a password, session, token or secret is
	// not accepted: who asks is unknown.
	ErrCredential = errors.New("not accepted")
	// ErrForbidden is wrapped where it is known who asks, and that they may not.
	ErrForbidden = errors.New("not permitted")
	// ErrInvalid is wrapped where a value breaks a rule.
	ErrInvalid = errors.New("not valid")
	// ErrNotFound is wrapped where there is nothing of that name.
	ErrNotFound = errors.New("not found")
)

// BusyError refuses for now: too many attempts.
type BusyError struct {
	// Wait is the time after which another attempt is judged.
	Wait time.Duration
}

// Error says how long to wait.
func (e *BusyError) Error() string {
	return fmt.Sprintf("too many attempts: try again in %s", e.Wait.Round(time.Second))
}

// secretBytes is the length of every secret, 256 bits.
const secretBytes = 32

// NewSecret makes 256 random bits, as 43 characters of base64url.
func NewSecret() string {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewID makes the name of a token or agent: 16 hexadecimal digits.
func NewID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// HashSecret is what is kept of a secret: its SHA-256 in hexadecimal digits. A
// secret has 256 random bits, so nothing slower is needed.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// SameHash compares in constant time.
func SameHash(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Load decodes the documents of a kind.
func Load[T any](k Keeper, kind string, put func(key string, v *T)) error {
	for _, d := range k.Documents(kind) {
		v := new(T)
		if err := json.Unmarshal(d.Value, v); err != nil {
			return fmt.Errorf("reading %s %q: %w", kind, d.Key, err)
		}
		put(d.Key, v)
	}
	return nil
}

// NewDocument encodes one. Everything that is kept can be encoded.
func NewDocument(kind, key string, v any) Document {
	raw, _ := json.Marshal(v)
	return Document{kind, key, raw}
}
