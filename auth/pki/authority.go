// Package pki makes and keeps the certificates of a server: its own CA, which
// agents pin, and the server's certificate, or those of files that somebody else
// makes.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// How long certificates last.
const (
	CALife     = 10 * 365 * 24 * time.Hour
	ServerLife = 90 * 24 * time.Hour
	// RenewBefore is how long before its end a server's certificate is renewed.
	RenewBefore = 30 * 24 * time.Hour
	// backdate lets clocks that are behind by less still accept a new one.
	backdate = time.Hour
	// lookEvery is how often names and files are looked at, at most.
	lookEvery = time.Second
)

// The files of an authority, both with certificates and their key in PEM.
const (
	caFile     = "ca.pem"
	serverFile = "server.pem"
)

// Authority is a server's own CA. It makes the server's certificate, and those
// of relays.
type Authority struct {
	dir   string
	now   func() time.Time
	names func() []string
	ca    *x509.Certificate
	key   crypto.Signer

	mu     sync.Mutex
	server *tls.Certificate
	looked time.Time
}

// Open reads an authority's folder, and makes what is not there yet. names are
// what the server is called: host names and IP addresses, asked for again and
// again, because they change. now is the clock.
func Open(dir string, names func() []string, now func() time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making folder of certificates: %w", err)
	}
	a := &Authority{dir: dir, now: now, names: names}
	if err := a.openCA(); err != nil {
		return nil, err
	}
	a.openServer()
	_, err := a.Certificate()
	return a, err
}

// ReadCA returns the CA that a folder holds, with its key, as PEM; nil if there is
// none.
func ReadCA(dir string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(dir, caFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("own CA: %w", err)
	}
	return raw, nil
}

// WriteCA has a folder hold the CA of another server, with its key, as PEM. It
// never replaces one.
func WriteCA(dir string, pem []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making folder of certificates: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, caFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.Write(pem)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("own CA: %w", err)
	}
	return nil
}

// openCA reads the CA, or makes it. One that can't be read is never replaced:
// every agent would have to enrol anew.
func (a *Authority) openCA() error {
	path := filepath.Join(a.dir, caFile)
	c, err := readPair(path, path)
	if errors.Is(err, fs.ErrNotExist) {
		if c, err = a.makeCA(); err == nil {
			err = writePair(path, c)
		}
	}
	if err != nil {
		return fmt.Errorf("own CA: %w", err)
	}
	key, ok := c.PrivateKey.(crypto.Signer)
	if !ok || !c.Leaf.IsCA {
		return fmt.Errorf("own CA: %s holds no CA with its key: restore it from a backup, or move it away and let every agent enrol anew", path)
	}
	a.ca, a.key = c.Leaf, key
	return nil
}

func (a *Authority) makeCA() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making key: %w", err)
	}
	now := a.now().UTC()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "dotm CA " + now.Format(time.DateOnly)},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(CALife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing certificate: %w", err)
	}
	return pair([][]byte{der}, key)
}

// serial is 127 random bits (RFC 5280, 4.1.2.2: positive, at most 20 octets).
func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // never fails
	return n.Add(n, big.NewInt(1))
}

func pair(chain [][]byte, key crypto.PrivateKey) (*tls.Certificate, error) {
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("reading certificate: %w", err)
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}

// openServer reads the server's certificate. One that is not there, or not
// readable, or of another CA, is made anew when it is needed.
func (a *Authority) openServer() {
	path := filepath.Join(a.dir, serverFile)
	if c, err := readPair(path, path); err == nil && c.Leaf.CheckSignatureFrom(a.ca) == nil {
		a.server = c
	}
}

// Fingerprint names the CA.
func (a *Authority) Fingerprint() auth.Fingerprint { return auth.FingerprintOf(a.ca) }

// Ends is when the CA's certificate does.
func (a *Authority) Ends() time.Time { return a.ca.NotAfter }

// PEM is the CA's certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Raw})
}

// Certificate is the server's, with the CA's behind it. It is renewed before its
// end, and when the server's names change.
func (a *Authority) Certificate() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.server != nil && now.Sub(a.looked) < lookEvery && !now.Before(a.looked) {
		return a.server, nil
	}
	names := a.names()
	if a.server == nil || now.After(a.server.Leaf.NotAfter.Add(-RenewBefore)) || now.Before(a.server.Leaf.NotBefore) || !covers(a.server.Leaf, names) {
		if err := a.renew(names); err != nil {
			return nil, fmt.Errorf("server's certificate: %w", err)
		}
	}
	a.looked = now
	return a.server, nil
}

// covers reports whether a certificate is for all names.
func covers(c *x509.Certificate, names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return c.VerifyHostname(n) != nil })
}

// renew makes a new one. Where it can't be written it is good until the next
// start.
func (a *Authority) renew(names []string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making key: %w", err)
	}
	chain, err := a.sign(key.Public(), names)
	if err != nil {
		return err
	}
	c, err := pair(chain, key)
	if err != nil {
		return err
	}
	if err := writePair(filepath.Join(a.dir, serverFile), c); err != nil && a.server == nil {
		return err
	}
	a.server = c
	return nil
}

// sign makes a server's certificate for a key.
func (a *Authority) sign(key crypto.PublicKey, names []string) (chain [][]byte, err error) {
	if len(names) == 0 {
		return nil, errors.New("signing certificate: it has no names")
	}
	now := a.now().UTC()
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "dotm " + shorten(names[0])},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(ServerLife),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.ca, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("signing certificate: %w", err)
	}
	return [][]byte{der, a.ca.Raw}, nil
}

// shorten keeps a common name within its 64 bytes (RFC 5280, appendix A.1).
func shorten(name string) string { return name[:min(len(name), 50)] }

// Issue signs a relay's request for a server's certificate (RFC 2986), for
// these names and not for those that stand in it. The chain comes in PEM.
func (a *Authority) Issue(request []byte, names []string) (chain []byte, err error) {
	csr, err := x509.ParseCertificateRequest(request)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate_request is %w: %w", auth.ErrInvalid, err)
	}
	if k, ok := csr.PublicKey.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return nil, fmt.Errorf("certificate_request is %w: its key must be ECDSA P-256", auth.ErrInvalid)
	}
	raw, err := a.sign(csr.PublicKey, names)
	if err != nil {
		return nil, err
	}
	for _, der := range raw {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return chain, nil
}
