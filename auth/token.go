package auth

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Fingerprint names a certificate: the SHA-256 of its DER form. The zero value
// stands for none.
type Fingerprint [sha256.Size]byte

// FingerprintOf computes a certificate's.
func FingerprintOf(c *x509.Certificate) Fingerprint { return sha256.Sum256(c.Raw) }

// String is base64url without padding, or "-" for none.
func (f Fingerprint) String() string {
	if f == (Fingerprint{}) {
		return "-"
	}
	return base64.RawURLEncoding.EncodeToString(f[:])
}

func parseFingerprint(s string) (f Fingerprint, ok bool) {
	if s == "-" {
		return f, true
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != len(f) {
		return f, false
	}
	copy(f[:], raw)
	return f, true
}

// Token lets something enrol. It also says which CA signed the server's
// certificate, so that whoever enrols needs no other way to know its server.
type Token struct {
	// CA is the fingerprint of the server's own CA; none if the server's
	// certificate comes from elsewhere.
	CA     Fingerprint
	Secret string
}

// tokenMark begins every token. The digit is the form's version.
const tokenMark = "dotm1"

// credentialMark begins what an enrolled agent shows.
const credentialMark = "dotm1a"

// MaxTokenText bounds the text of a token, with blanks around it.
const MaxTokenText = 1024

// errNoToken never repeats what it was given: it might be another's secret.
var errNoToken = errors.New("token must look like " + tokenMark + ".….…, as dotm token create prints it")

// String is the text form, "dotm1.<fingerprint>.<secret>".
func (t Token) String() string { return tokenMark + "." + t.CA.String() + "." + t.Secret }

// ParseToken reads the text form. The error doesn't repeat it.
func ParseToken(text string) (Token, error) {
	parts := strings.Split(strings.TrimSpace(text), ".")
	if len(text) > MaxTokenText || len(parts) != 3 || parts[0] != tokenMark || !isSecret(parts[2]) {
		return Token{}, errNoToken
	}
	ca, ok := parseFingerprint(parts[1])
	if !ok {
		return Token{}, errNoToken
	}
	return Token{ca, parts[2]}, nil
}

func isSecret(s string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == secretBytes
}

// Credential is what an enrolled agent shows with every request.
type Credential struct{ ID, Secret string }

// String is the text form, "dotm1a.<id>.<secret>".
func (c Credential) String() string { return credentialMark + "." + c.ID + "." + c.Secret }

// ParseCredential reads the text form. The error doesn't repeat it.
func ParseCredential(text string) (Credential, error) {
	parts := strings.Split(text, ".")
	if len(text) > MaxTokenText || len(parts) != 3 || parts[0] != credentialMark || parts[1] == "" || !isSecret(parts[2]) {
		return Credential{}, fmt.Errorf("agent's credential is %w: it must look like %s.….…", ErrCredential, credentialMark)
	}
	return Credential{parts[1], parts[2]}, nil
}
