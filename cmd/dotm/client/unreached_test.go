package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// otherCA is a file with a certificate that signed nothing.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	in := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, in, in, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnreached: who can't reach a server is told what to do, by what is wrong.
func TestUnreached(t *testing.T) {
	secure, plain := httptest.NewTLSServer(http.NotFoundHandler()), httptest.NewServer(http.NotFoundHandler())
	defer secure.Close()
	defer plain.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	own := filepath.Join(t.TempDir(), "own.pem")
	if err := os.WriteFile(own, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ server, ca, want string }{
		"unknown CA": {secure.URL, "", `name that with --server-ca FILE; "dotm ca" on the server's machine prints it`},
		"another CA": {secure.URL, otherCA(t), `other.pem: "dotm ca" on the server's machine prints the one`},
		"another name": {
			strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), own,
			"its certificate is for example.com, *.example.com, 127.0.0.1, ::1: call it by one of these",
		},
		"no TLS":  {strings.Replace(plain.URL, "http:", "https:", 1), "", "it doesn't speak TLS"},
		"nothing": {closed.URL, "", "nothing listens there"},
	} {
		t.Run(name, func(t *testing.T) {
			f := Flags{Server: c.server, ServerCA: c.ca}
			err := f.Get(t.Context(), "/version", nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "dotm up") {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	f := Flags{Server: secure.URL, ServerCA: own}
	if err := f.Get(t.Context(), "/version", nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a server that is trusted: %v", err)
	}
}
