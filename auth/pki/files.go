package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// Files is a certificate that somebody else renews. It is read again when its
// files change.
type Files struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	state   [2]stamp
	looked  time.Time
}

// stamp tells one state of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

// OpenFiles reads a certificate with its chain and its key, both in PEM, which
// may be one file.
func OpenFiles(cert, key string, log *slog.Logger, now func() time.Time) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log, now: now}
	c, err := readPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("server's certificate: %w", err)
	}
	f.current, f.state, f.looked = c, f.stamps(), now()
	if !c.Leaf.NotAfter.After(now()) {
		log.Warn("certificate has expired: renew it, it is read when its file changes", "file", cert, "expired", c.Leaf.NotAfter)
	}
	return f, nil
}

func (f *Files) stamps() (s [2]stamp) {
	for i, name := range []string{f.cert, f.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

// Certificate is the newest that could be read: files that are being written,
// or don't fit each other, leave the one before in force.
func (f *Files) Certificate() (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookEvery || now.Before(f.looked) {
		f.looked = now
		f.reload()
	}
	return f.current, nil
}

func (f *Files) reload() {
	s := f.stamps()
	if s == f.state {
		return
	}
	f.state = s
	c, err := readPair(f.cert, f.key)
	if err != nil {
		f.log.Error("new certificate can't be used; going on with the one before", "error", err)
		return
	}
	f.current = c
	f.log.Info("new certificate is in force", "file", f.cert, "expires", c.Leaf.NotAfter)
}

// Config is how a server with this certificate speaks TLS.
func Config(certificate func() (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() },
	}
}

// maxPEM bounds a file of certificates.
const maxPEM = 1 << 20

func readPair(cert, key string) (*tls.Certificate, error) {
	for _, name := range []string{cert, key} {
		switch info, err := os.Stat(name); {
		case err != nil:
			return nil, fmt.Errorf("reading certificate: %w", err)
		case info.Size() > maxPEM:
			return nil, fmt.Errorf("reading certificate: %s must be at most %d bytes", name, maxPEM)
		}
	}
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return nil, fmt.Errorf("reading certificate: %w", err)
		}
		return nil, fmt.Errorf("reading certificate of %s with key of %s: %w", cert, key, err)
	}
	return &c, nil
}

// writePair writes a certificate with its chain and its key into one file that
// only its owner can read.
func writePair(path string, c *tls.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return fmt.Errorf("encoding key: %w", err)
	}
	var raw []byte
	for _, der := range c.Certificate {
		raw = append(raw, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	raw = append(raw, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	return auth.WriteSecret(path, raw)
}
