package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// place is an authority's folder, its clock, and the server's names.
type place struct {
	dir   string
	now   time.Time
	names []string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return &place{dir: filepath.Join(t.TempDir(), "tls"), now: noon, names: []string{"dotm.example", "localhost", "10.0.0.1", "2001:db8::1"}}
}

func (p *place) open(t *testing.T) *Authority {
	t.Helper()
	a, err := Open(p.dir, func() []string { return p.names }, func() time.Time { return p.now })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leaf(t *testing.T, a *Authority) *x509.Certificate {
	t.Helper()
	c, err := a.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

// verify checks a certificate as an agent does.
func verify(a *Authority, c *x509.Certificate, name string, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
	return err
}

func TestFirstStart(t *testing.T) {
	p := newPlace(t)
	a := p.open(t)
	ca := a.ca
	if !ca.IsCA || !ca.MaxPathLenZero || ca.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || !ca.NotAfter.Equal(noon.Add(CALife)) {
		t.Errorf("CA is %+v", ca)
	}
	key, ok := ca.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("its key is %T", ca.PublicKey)
	}
	c := leaf(t, a)
	if c.IsCA || !c.NotAfter.Equal(noon.Add(ServerLife)) || !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("server's certificate is %+v", c)
	}
	for _, name := range p.names {
		if err := verify(a, c, name, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := verify(a, c, "elsewhere.example", noon); err == nil {
		t.Error("it is good for another name")
	}
	for _, name := range []string{caFile, serverFile} {
		if info, err := os.Stat(filepath.Join(p.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if info, err := os.Stat(p.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	block, _ := pem.Decode(a.PEM())
	if block == nil || bytes.Contains(a.PEM(), []byte("KEY")) {
		t.Fatal("PEM is not just a certificate")
	}
	if cert, err := x509.ParseCertificate(block.Bytes); err != nil || auth.FingerprintOf(cert) != a.Fingerprint() {
		t.Errorf("the fingerprint is not that of the CA (%v)", err)
	}
}

func TestRestartKeepsAll(t *testing.T) {
	p := newPlace(t)
	a := p.open(t)
	b := p.open(t)
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("another CA")
	}
	if !leaf(t, a).Equal(leaf(t, b)) {
		t.Error("another certificate: browsers would ask again")
	}
}

// TestRenewal: it comes by itself, in time, and not earlier.
func TestRenewal(t *testing.T) {
	p := newPlace(t)
	a := p.open(t)
	first := leaf(t, a)
	p.now = first.NotAfter.Add(-RenewBefore)
	if !leaf(t, a).Equal(first) {
		t.Error("it was renewed too early")
	}
	p.now = p.now.Add(lookEvery)
	second := leaf(t, a)
	if second.Equal(first) || second.NotAfter.Sub(p.now) < ServerLife-time.Hour {
		t.Errorf("it was not renewed: ends %s", second.NotAfter)
	}
	if err := verify(a, second, "dotm.example", p.now); err != nil {
		t.Error(err)
	}
	if !leaf(t, p.open(t)).Equal(second) {
		t.Error("a restart takes another one")
	}
	p.now = noon.AddDate(1, 0, 0) // a server that was off for long
	if err := verify(a, leaf(t, p.open(t)), "dotm.example", p.now); err != nil {
		t.Error(err)
	}
}

func TestNewNames(t *testing.T) {
	p := newPlace(t)
	a := p.open(t)
	first := leaf(t, a)
	p.names = append(p.names, "10.0.0.2")
	if !leaf(t, a).Equal(first) {
		t.Error("names are looked at all the time")
	}
	p.now = p.now.Add(lookEvery)
	if err := verify(a, leaf(t, a), "10.0.0.2", p.now); err != nil {
		t.Error(err)
	}
	second := leaf(t, a)
	p.names, p.now = p.names[:2], p.now.Add(lookEvery)
	if !leaf(t, a).Equal(second) {
		t.Error("a name less made another certificate")
	}
}

// TestDamaged: a server's certificate is made anew, a CA never.
func TestDamaged(t *testing.T) {
	p := newPlace(t)
	first := p.open(t)
	if err := os.WriteFile(filepath.Join(p.dir, serverFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := p.open(t)
	if a.Fingerprint() != first.Fingerprint() || verify(a, leaf(t, a), "dotm.example", noon) != nil {
		t.Error("a damaged certificate is not replaced")
	}
	ca := filepath.Join(p.dir, caFile)
	whole, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	server, err := os.ReadFile(filepath.Join(p.dir, serverFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"empty": {}, "half": whole[:len(whole)/2], "no CA": server, "large": make([]byte, maxPEM+1)} {
		if err := os.WriteFile(ca, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(p.dir, func() []string { return p.names }, time.Now); err == nil || !strings.HasPrefix(err.Error(), "own CA: ") {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := os.ReadFile(ca); !bytes.Equal(got, content) {
			t.Errorf("%s: the file was written to", name)
		}
	}
	// A certificate of another CA is none of ours.
	other := newPlace(t)
	other.open(t)
	if err := os.Rename(filepath.Join(other.dir, caFile), ca); err != nil {
		t.Fatal(err)
	}
	b := p.open(t)
	if err := verify(b, leaf(t, b), "dotm.example", noon); err != nil {
		t.Error(err)
	}
}

func TestFolderUnusable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, func() []string { return []string{"a"} }, time.Now); err == nil {
		t.Error("a file is taken for a folder")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "tls"), func() []string { return nil }, time.Now); err == nil || !strings.Contains(err.Error(), "no names") {
		t.Errorf("without names: %v", err)
	}
}

func TestIssue(t *testing.T) {
	p := newPlace(t)
	a := p.open(t)
	key, request, err := NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	chain, err := a.Issue(request, []string{"relay1", "10.9.9.9"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Join(string(chain), key)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Certificate) != 2 || !bytes.Equal(c.Certificate[1], a.ca.Raw) {
		t.Error("the CA's certificate doesn't come along: nobody could find it by its fingerprint")
	}
	for name, fine := range map[string]bool{"relay1": true, "10.9.9.9": true, "dotm.example": false, "localhost": false} {
		if err := verify(a, c.Leaf, name, noon); (err == nil) != fine {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "relay.pem")
	if err := Save(path, c); err != nil {
		t.Fatal(err)
	}
	if again, err := Load(path); err != nil || !again.Leaf.Equal(c.Leaf) {
		t.Errorf("%v", err)
	}
}

// TestIssueRefuses: the names in a request count for nothing, and neither does a
// key that the asker can't prove to have.
func TestIssueRefuses(t *testing.T) {
	a := newPlace(t).open(t)
	_, fine, err := NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	forged := slices.Clone(fine)
	forged[len(forged)-1] ^= 1
	for name, request := range map[string][]byte{"nothing": nil, "rubbish": []byte("x"), "forged": forged, "another kind of key": weak} {
		if _, err := a.Issue(request, []string{"relay1"}); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	greedy, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"dotm.example"}}, ec)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := a.Issue(greedy, []string{"relay1"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Join(string(chain), ec)
	if err != nil || !slices.Equal(c.Leaf.DNSNames, []string{"relay1"}) {
		t.Errorf("it is for %v, %v", c.Leaf.DNSNames, err)
	}
	other, _, _ := NewRequest()
	if _, err := Join(string(chain), other); err == nil {
		t.Error("a certificate fits a key that is not its own")
	}
	if _, err := Join("", ec); err == nil {
		t.Error("nothing is a certificate")
	}
}

func FuzzIssue(f *testing.F) {
	dir := f.TempDir()
	a, err := Open(dir, func() []string { return []string{"a"} }, func() time.Time { return noon })
	if err != nil {
		f.Fatal(err)
	}
	_, request, err := NewRequest()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, request []byte) {
		if chain, err := a.Issue(request, []string{"relay"}); err == nil && len(chain) == 0 {
			t.Error("neither a certificate nor an error")
		}
	})
}

// TestFiles: a certificate of somebody else is taken over when its file changes.
func TestFiles(t *testing.T) {
	dir, now := t.TempDir(), noon
	a := newPlace(t).open(t)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(name string) {
		t.Helper()
		k, request, err := NewRequest()
		if err != nil {
			t.Fatal(err)
		}
		chain, err := a.Issue(request, []string{name})
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		for path, raw := range map[string][]byte{cert: chain, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, now, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	var log bytes.Buffer
	write("one.example")
	f, err := OpenFiles(cert, key, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	is := func(want string) {
		t.Helper()
		if c, err := f.Certificate(); err != nil || c.Leaf.DNSNames[0] != want {
			t.Errorf("certificate is for %v, %v; want %s", c.Leaf.DNSNames, err, want)
		}
	}
	is("one.example")
	now = now.Add(lookEvery)
	write("two.example")
	is("two.example")
	now = now.Add(lookEvery)
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	is("two.example")
	if !strings.Contains(log.String(), "going on with the one before") {
		t.Errorf("log is %s", log.String())
	}
	now = now.Add(lookEvery)
	write("three.example")
	is("three.example")
	if strings.Count(log.String(), "new certificate is in force") != 2 {
		t.Errorf("log is %s", log.String())
	}
	now = noon.Add(2 * ServerLife)
	if _, err := OpenFiles(cert, key, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now }); err != nil || !strings.Contains(log.String(), "certificate has expired") {
		t.Errorf("%v, log is %s", err, log.String())
	}
	for _, pair := range [][2]string{{cert, filepath.Join(dir, "none.pem")}, {filepath.Join(dir, "none.pem"), key}, {key, cert}} {
		if _, err := OpenFiles(pair[0], pair[1], slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.HasPrefix(err.Error(), "server's certificate: ") {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

// TestHandshake speaks TLS with a real client, while the certificate is renewed.
func TestHandshake(t *testing.T) {
	p := newPlace(t)
	p.now = time.Now()
	a := p.open(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", Config(a.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello")
			c.Close()
		}
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	for _, version := range []uint16{tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		d := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "dotm.example", MinVersion: version, MaxVersion: version}}
		c, err := d.DialContext(t.Context(), "tcp", l.Addr().(*net.TCPAddr).String())
		if version < tls.VersionTLS12 {
			if err == nil {
				t.Error("TLS 1.1 is spoken")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
			t.Errorf("%q, %v", got, err)
		}
		c.Close()
	}
}
