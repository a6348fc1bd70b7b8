package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/devops-trouble-map/dotm/auth"
)

// Limits of a password, in bytes. The shortest is what twelve random letters
// give; the longest bounds what is hashed.
const (
	MinPassword = 12
	MaxPassword = 256
)

// The cost of a hash: argon2id with 19 MiB, two passes, one lane, which is the
// least that OWASP's Password Storage Cheat Sheet names, and about 20 ms.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonLanes   = 1
	argonKey     = 32 // bytes
	argonSalt    = 16 // bytes
	maxMemory    = 256 << 10
	maxTime      = 16
	maxHashing   = 2  // hashes at a time: together they take 38 MiB
	maxQueue     = 32 // more that may wait for their turn
	queueRefusal = 5 * time.Second
)

// CheckPassword says what is wrong with a new password. The error wraps
// [auth.ErrInvalid] and doesn't repeat it.
func CheckPassword(password string) error {
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return fmt.Errorf("password is %w: it must have at least %d characters", auth.ErrInvalid, MinPassword)
	case len(password) > MaxPassword:
		return fmt.Errorf("password is %w: it must have at most %d bytes", auth.ErrInvalid, MaxPassword)
	}
	return nil
}

// hasher hashes passwords, a few at a time, so that logins never take more than
// a bounded part of the memory and the processor.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
}

func newHasher() *hasher { return &hasher{slots: make(chan struct{}, maxHashing)} }

// turn waits for a slot, and returns how to give it back.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	if h.waiting.Add(1) > maxQueue+maxHashing {
		h.waiting.Add(-1)
		return nil, &auth.BusyError{Wait: queueRefusal}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; h.waiting.Add(-1) }, nil
	case <-ctx.Done():
		h.waiting.Add(-1)
		return nil, fmt.Errorf("waiting to check password: %w", ctx.Err())
	}
}

// hash makes a PHC string
// (https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md).
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	p := phc{memory: argonMemory, time: argonTime, lanes: argonLanes, salt: make([]byte, argonSalt)}
	_, _ = rand.Read(p.salt) // never fails
	p.key = p.derive(password, argonKey)
	return p.String(), nil
}

// nobody is compared with where there is no such user, so that the answer takes
// as long as for one that exists.
var nobody = phc{
	memory: argonMemory, time: argonTime, lanes: argonLanes,
	salt: make([]byte, argonSalt), key: make([]byte, argonKey),
}.String()

// verify compares in constant time. An empty hash fits no password.
func (h *hasher) verify(ctx context.Context, password, hash string) (bool, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	known := hash != ""
	if !known {
		hash = nobody
	}
	p, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	if len(password) > MaxPassword {
		password, known = "", false
	}
	same := subtle.ConstantTimeCompare(p.derive(password, uint32(len(p.key))), p.key) == 1
	return same && known, nil
}

// phc is a hash with what it was made from.
type phc struct {
	memory, time uint32
	lanes        uint8
	salt, key    []byte
}

// derive is argon2id (RFC 9106).
func (p *phc) derive(password string, length uint32) []byte {
	return argon2.IDKey([]byte(password), p.salt, p.time, p.memory, p.lanes, length)
}

// String is the PHC form.
func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.lanes,
		b64.EncodeToString(p.salt), b64.EncodeToString(p.key))
}

// parsePHC reads the PHC form, and refuses costs that would take the server
// down.
func parsePHC(s string) (p phc, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, fmt.Errorf("password hash is %w: it must be argon2id, version %d", auth.ErrInvalid, argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.lanes); err != nil {
		return phc{}, fmt.Errorf("password hash is %w: its costs can't be read", auth.ErrInvalid)
	}
	b64 := base64.RawStdEncoding
	p.salt, err = b64.DecodeString(parts[4])
	if err == nil {
		p.key, err = b64.DecodeString(parts[5])
	}
	fits := p.memory <= maxMemory && p.time >= 1 && p.time <= maxTime && p.lanes >= 1 && len(p.salt) >= 8 && len(p.key) >= 16 && len(p.key) <= 64
	if err != nil || !fits {
		return phc{}, fmt.Errorf("password hash is %w: its parts are out of bounds", auth.ErrInvalid)
	}
	return p, nil
}
