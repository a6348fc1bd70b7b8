// Package hostkey says whether a host is the one that it says: by the keys in
// known_hosts files ([Files]), their authorities, and by asking about a new one.
package hostkey

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/devops-trouble-map/dotm/collect"
)

// NewKey is the key of a host of which none is known yet.
type NewKey struct {
	Address     string // HOST:PORT
	Kind        string // "ssh-ed25519", …
	Fingerprint string // "SHA256:…", as ssh-keygen -l prints it
	File        string // where the key goes if it is trusted
}

// Files are the known_hosts files (sshd(8)), read again when they change.
type Files struct {
	Paths    []string          // those that are not there are left out
	Trusted  string            // the file that new keys are added to
	TrustNew func(NewKey) bool // whether to trust a new key; nil: never

	mu     sync.Mutex // held while a new key is judged and written
	loaded *Known
}

// Known is what the files say at one moment.
type Known struct {
	check       gossh.HostKeyCallback // nil: there is no file
	authorities map[place]bool        // which lines are @cert-authority
	stamps      []stamp
}

// place is a line of a file, counted from 1.
type place struct {
	file string
	line int
}

// stamp tells whether a file changed.
type stamp struct {
	modified time.Time
	size     int64
}

// load reads the files, if they changed since. mu must be held.
func (h *Files) load() (*Known, error) {
	var there []string
	stamps := make([]stamp, len(h.Paths))
	for i, file := range h.Paths {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading known host keys: %w", err)
		}
		there = append(there, file)
		stamps[i] = stamp{info.ModTime(), info.Size()}
	}
	if h.loaded != nil && slices.Equal(h.loaded.stamps, stamps) {
		return h.loaded, nil
	}
	k := &Known{stamps: stamps, authorities: map[place]bool{}}
	if err := k.read(there); err != nil {
		return nil, fmt.Errorf("reading known host keys: %w", err)
	}
	h.loaded = k
	return k, nil
}

func (k *Known) read(files []string) (err error) {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i, line := range bytes.Split(text, []byte{'\n'}) {
			if bytes.HasPrefix(bytes.TrimSpace(line), []byte("@cert-authority")) {
				k.authorities[place{file, i + 1}] = true
			}
		}
	}
	if len(files) > 0 {
		k.check, err = knownhosts.New(files...)
	}
	return err
}

// Now gives what the files say now.
func (h *Files) Now() (*Known, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.load()
}

// nowhere stands for the address of a host that is asked about by name.
var nowhere = &net.TCPAddr{IP: net.IPv4zero}

// Of lists what is known of a host: keys, and authorities for it.
func (k *Known) Of(address string) (keys, authorities []knownhosts.KnownKey) {
	if k.check == nil {
		return nil, nil
	}
	nobodys, err := gossh.NewPublicKey(make(ed25519.PublicKey, ed25519.PublicKeySize))
	if err != nil {
		return nil, nil
	}
	var mismatch *knownhosts.KeyError
	if !errors.As(k.check(address, nowhere, nobodys), &mismatch) {
		return nil, nil
	}
	for _, w := range mismatch.Want {
		if k.authorities[place{w.Filename, w.Line}] {
			authorities = append(authorities, w)
		} else {
			keys = append(keys, w)
		}
	}
	return keys, authorities
}

// The host key algorithms, best first. Those with SHA-1 are not among them.
var (
	plainAlgorithms = []string{
		gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521,
		gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
	}
	certAlgorithms = []string{
		gossh.CertAlgoED25519v01, gossh.CertAlgoECDSA256v01, gossh.CertAlgoECDSA384v01, gossh.CertAlgoECDSA521v01,
		gossh.CertAlgoRSASHA512v01, gossh.CertAlgoRSASHA256v01,
	}
)

// Algorithms says what to ask a host for: a certificate where an authority for
// it is known, a key of a kind that is known. Otherwise a host would show a key
// of another kind than the known one, which would look like a changed one.
func (k *Known) Algorithms(address string) []string {
	keys, authorities := k.Of(address)
	var list []string
	if len(authorities) > 0 {
		list = append(list, certAlgorithms...)
	}
	for _, a := range plainAlgorithms {
		if len(keys) == 0 || slices.ContainsFunc(keys, func(w knownhosts.KnownKey) bool { return w.Key.Type() == keyType(a) }) {
			list = append(list, a)
		}
	}
	return list
}

// keyType is the type of the keys that an algorithm signs with (RFC 8332).
func keyType(algorithm string) string {
	if strings.HasPrefix(algorithm, "rsa-sha2-") {
		return gossh.KeyAlgoRSA
	}
	return algorithm
}

// Verify checks the key that a host shows. An error wraps [collect.ErrHostKey].
func (h *Files) Verify(address string, remote net.Addr, key gossh.PublicKey) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	k, err := h.load()
	if err != nil {
		return err
	}
	var unknown *knownhosts.KeyError
	if err := k.judge(address, remote, key); !errors.As(err, &unknown) || len(unknown.Want) > 0 {
		return k.explain(address, key, err)
	}
	return h.trust(address, Plain(key))
}

// judge holds a key against the files. A certificate that no known authority
// signed, or that doesn't hold any more, still counts as the key in it.
func (k *Known) judge(address string, remote net.Addr, key gossh.PublicKey) error {
	if k.check == nil {
		return &knownhosts.KeyError{}
	}
	err := k.check(address, remote, key)
	cert, ok := key.(*gossh.Certificate)
	if err == nil || !ok || errors.As(err, new(*knownhosts.RevokedError)) {
		return err
	}
	plain := k.check(address, remote, cert.Key)
	if _, authorities := k.Of(address); plain != nil && len(authorities) > 0 {
		return err
	}
	return plain
}

// Plain is the key itself, be it in a certificate or not.
func Plain(key gossh.PublicKey) gossh.PublicKey {
	if cert, ok := key.(*gossh.Certificate); ok {
		return cert.Key
	}
	return key
}

// Show is a key as people compare it.
func Show(key gossh.PublicKey) string {
	key = Plain(key)
	return key.Type() + " " + gossh.FingerprintSHA256(key)
}

// explain words what judge found.
func (k *Known) explain(address string, key gossh.PublicKey, err error) error {
	var (
		revoked *knownhosts.RevokedError
		changed *knownhosts.KeyError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return fmt.Errorf("%w: %s shows %s, which %s:%d revokes", collect.ErrHostKey, address, Show(key), revoked.Revoked.Filename, revoked.Revoked.Line)
	case errors.As(err, &changed):
		return k.changed(address, key)
	}
	if _, authorities := k.Of(address); len(authorities) > 0 {
		return fmt.Errorf("%w: %s shows a certificate that the authority in %s does not vouch for: %w", collect.ErrHostKey, address, Places(authorities), err)
	}
	return fmt.Errorf("%w: %s: %w", collect.ErrHostKey, address, err)
}

// changed words that a host shows another key than the known one.
func (k *Known) changed(address string, key gossh.PublicKey) error {
	keys, authorities := k.Of(address)
	if len(keys) == 0 {
		return fmt.Errorf("%w: %s shows the key %s, and no certificate of the authority in %s", collect.ErrHostKey, address, Show(key), Places(authorities))
	}
	return fmt.Errorf("%w: %s shows %s, but %s says %s. %s", collect.ErrHostKey, address, Show(key), Places(keys), ShowAll(keys), ChangedHint)
}

// ChangedHint is what to do about a key that changed.
const ChangedHint = "Either somebody is in between, or the host was set up anew: compare with what ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub prints on the host itself, then delete that line"

// maxListed is how many keys an error lists.
const maxListed = 3

// Places lists where the first of the keys stand, as FILE:LINE.
func Places(keys []knownhosts.KnownKey) string {
	return listed(keys, func(k knownhosts.KnownKey) string { return k.Filename + ":" + strconv.Itoa(k.Line) })
}

// ShowAll lists the first of the keys as people compare them.
func ShowAll(keys []knownhosts.KnownKey) string {
	return listed(keys, func(k knownhosts.KnownKey) string { return Show(k.Key) })
}

// listed words the first of the keys.
func listed(keys []knownhosts.KnownKey, word func(knownhosts.KnownKey) string) string {
	keys = keys[:min(len(keys), maxListed)]
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = word(k)
	}
	return strings.Join(list, " and ")
}

// trust asks whether to trust the key of a new host, and remembers it.
func (h *Files) trust(address string, key gossh.PublicKey) error {
	offer := NewKey{Address: address, Kind: key.Type(), Fingerprint: gossh.FingerprintSHA256(key), File: h.Trusted}
	if h.TrustNew == nil || h.Trusted == "" || !h.TrustNew(offer) {
		return fmt.Errorf(
			"%w: none is known of %s, which shows %s. Compare that with what ssh-keygen -lf prints on the host, then add it to %s (ssh-keyscan prints the line), or let new keys be trusted once (--trust-new)",
			collect.ErrHostKey, address, Show(key), strings.Join(h.Paths, " or "),
		)
	}
	line := knownhosts.Line([]string{knownhosts.Normalize(address)}, key)
	if err := addLine(h.Trusted, line); err != nil {
		return fmt.Errorf("remembering the host key of %s: %w", address, err)
	}
	return nil
}

// addLine adds a line to a file by writing it anew beside it, so that a reader
// finds the old file or the new one, whole. Only its owner may read it.
func addLine(file, line string) (err error) {
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(old) > 0 && old[len(old)-1] != '\n' {
		old = append(old, '\n')
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(file)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(append(append(old, line...), '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
