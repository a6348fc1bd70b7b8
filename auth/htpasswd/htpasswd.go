// Package htpasswd reads files of users with passwords, as Apache's htpasswd
// writes them (htpasswd(1)): with bcrypt, and with nothing weaker.
package htpasswd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/devops-trouble-map/dotm/auth"
)

// Limits of a file.
const (
	maxBytes = 4 << 20
	maxName  = 255
	// MinCost is the least that makes guessing slow; MaxCost is what a login may
	// cost the server, about a second.
	MinCost = 10
	MaxCost = 14
)

// recheck is how often it is looked whether the file changed.
const recheck = time.Second

// parse reads a file: names with their hashes, of a cost that is not below least. The
// error names the line, and wraps [auth.ErrInvalid].
func parse(raw []byte, least int) (map[string]string, error) {
	users := map[string]string{}
	n := 0
	for line := range bytes.Lines(raw) {
		n++
		text := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		name, hash, found := strings.Cut(text, ":")
		hash, _, _ = strings.Cut(hash, ":") // what follows is a comment
		switch {
		case !found || name == "" || len(name) > maxName || !utf8.ValidString(name):
			return nil, fmt.Errorf("line %d is %w: it must be like name:hash", n, auth.ErrInvalid)
		case users[name] != "":
			return nil, fmt.Errorf("line %d is %w: user %q is there already", n, auth.ErrInvalid, name)
		}
		if err := checkHash(hash, least); err != nil {
			return nil, fmt.Errorf("line %d, user %q: %w", n, name, err)
		}
		users[name] = hash
	}
	return users, nil
}

// weak are the beginnings of hashes that are no protection, by what they are.
var weak = []struct{ begins, is string }{
	{"$apr1$", "MD5"}, {"$1$", "MD5"}, {"{SHA}", "SHA-1"}, {"$5$", "SHA-256 of crypt(3)"}, {"$6$", "SHA-512 of crypt(3)"},
}

// checkHash refuses all but bcrypt of a sound cost. The error wraps
// [auth.ErrInvalid] and doesn't repeat the hash.
func checkHash(hash string, least int) error {
	for _, w := range weak {
		if strings.HasPrefix(hash, w.begins) {
			return fmt.Errorf("hash is %w: it is %s, which is guessed too quickly: set the password again with htpasswd -B -C 12", auth.ErrInvalid, w.is)
		}
	}
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil:
		return fmt.Errorf("hash is %w: it must be bcrypt (htpasswd -B -C 12); this is none, perhaps crypt(3) or the password itself", auth.ErrInvalid)
	case len(hash) != 60:
		return fmt.Errorf("hash is %w: bcrypt has 60 characters, this has %d", auth.ErrInvalid, len(hash))
	case cost < least || cost > MaxCost:
		return fmt.Errorf("hash is %w: the cost of bcrypt must be %d to %d, is %d (htpasswd -B -C 12)", auth.ErrInvalid, least, MaxCost, cost)
	}
	return nil
}

// File is a file of users. It is read again when it changes; what can't be read
// leaves the one before in force. All methods are safe for concurrent use.
type File struct {
	path   string
	least  int // cost of a hash
	grants auth.Grants
	log    *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	users  map[string]string
	stamp  stamp
	looked time.Time
	dummy  string // as costly as the costliest
}

// stamp tells whether a file is another one.
type stamp struct {
	size int64
	at   time.Time
}

// Open reads a file. Roles go by the names of users.
func Open(path string, grants auth.Grants, log *slog.Logger, now func() time.Time) (*File, error) {
	return open(&File{path: path, least: MinCost, grants: grants, log: log, now: now})
}

func open(f *File) (*File, error) {
	if err := f.grants.Check(); err != nil {
		return nil, err
	}
	s, users, err := f.read()
	if err != nil {
		return nil, err
	}
	f.take(s, users)
	f.looked = f.now()
	return f, nil
}

func (f *File) read() (s stamp, users map[string]string, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return s, nil, fmt.Errorf("reading users: %w", err)
	}
	defer file.Close() //nolint:errcheck // reading only
	info, err := file.Stat()
	if err != nil {
		return s, nil, fmt.Errorf("reading users: %w", err)
	}
	s = stamp{info.Size(), info.ModTime()}
	raw, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err == nil && len(raw) > maxBytes {
		err = errors.New("it is larger than 4 MiB")
	}
	if err == nil {
		users, err = parse(raw, f.least)
	}
	if err != nil {
		return s, nil, fmt.Errorf("reading users: %s: %w", f.path, err)
	}
	return s, users, nil
}

// take puts what was read in force. The caller holds the lock, or nobody else
// knows the file.
func (f *File) take(s stamp, users map[string]string) {
	f.stamp, f.users = s, users
	cost := f.least
	for _, hash := range users {
		if c, err := bcrypt.Cost([]byte(hash)); err == nil {
			cost = max(cost, c)
		}
	}
	// 22 characters of salt and 31 of hash, which no password fits.
	f.dummy = fmt.Sprintf("$2a$%02d$%s", cost, strings.Repeat(".", 53))
}

// current is what is in force, after a look whether there is something newer. The
// caller holds the lock.
func (f *File) current() map[string]string {
	now := f.now()
	if now.Sub(f.looked) < recheck && !now.Before(f.looked) {
		return f.users
	}
	f.looked = now
	info, err := os.Stat(f.path)
	if err == nil && (stamp{info.Size(), info.ModTime()}) == f.stamp {
		return f.users
	}
	s, users, err := f.read()
	if err != nil {
		if f.stamp != s { // once for each state of the file
			f.log.Error("the file of users can't be read again: the users of before stay in force", "error", err)
			f.stamp = s
		}
		return f.users
	}
	f.take(s, users)
	f.log.Info("the file of users was read again", "users", len(users))
	return f.users
}

// Fits reports whether a password is that of a name. It takes as long for names
// that are not there.
func (f *File) Fits(name, password string) bool {
	f.mu.Lock()
	hash, known := f.current()[name]
	if !known {
		hash = f.dummy
	}
	f.mu.Unlock()
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && known
}

// Look is the role of a name, "" for none, and a mark that changes when its
// password does.
func (f *File) Look(name string) (role auth.Role, mark string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hash, known := f.current()[name]
	if !known {
		return "", ""
	}
	return f.grants.Of(name), auth.HashSecret(hash)[:16]
}
