package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// NewRequest makes a key, and the request to an [Authority] to sign a
// certificate for it (RFC 2986, in DER). The authority knows for which names.
func NewRequest() (key crypto.Signer, request []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making key: %w", err)
	}
	request, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k)
	if err != nil {
		return nil, nil, fmt.Errorf("making certificate request: %w", err)
	}
	return k, request, nil
}

// Join puts a chain in PEM, as [Authority.Issue] makes it, together with its key.
func Join(chain string, key crypto.Signer) (*tls.Certificate, error) {
	var ders [][]byte
	for rest := []byte(chain); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		ders = append(ders, block.Bytes)
	}
	if len(ders) == 0 {
		return nil, errors.New("reading certificate: there is none")
	}
	c, err := pair(ders, key)
	if err != nil {
		return nil, err
	}
	if k, ok := key.Public().(*ecdsa.PublicKey); !ok || !k.Equal(c.Leaf.PublicKey) {
		return nil, errors.New("reading certificate: it is for another key")
	}
	return c, nil
}

// Load reads what [Save] wrote.
func Load(path string) (*tls.Certificate, error) { return readPair(path, path) }

// Save keeps a certificate with its key in one file that only its owner can read.
func Save(path string, c *tls.Certificate) error { return writePair(path, c) }
