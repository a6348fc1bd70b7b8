package auth

import (
	"crypto/x509"
	"strings"
	"testing"
)

func TestTokenText(t *testing.T) {
	secret := NewSecret()
	ca := FingerprintOf(&x509.Certificate{Raw: []byte("any")})
	for _, want := range []Token{{ca, secret}, {Fingerprint{}, secret}} {
		text := want.String()
		if got, err := ParseToken(" " + text + "\r\n"); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
	if got := (Token{Fingerprint{}, secret}).String(); got != "dotm1.-."+secret {
		t.Errorf("without a CA it is %s", got)
	}
	text := Token{ca, secret}.String()
	for _, wrong := range []string{
		"", "dotm1", "dotm1..", text + ".", text[1:], text[:len(text)-1], text + "A", strings.Replace(text, "dotm1", "dotm2", 1),
		"dotm1." + secret, strings.Replace(text, "dotm1.", "dotm1. ", 1), "dotm1.AAAA." + secret, "dotm1.-.short", "dotm1a.0123." + secret,
		text + strings.Repeat(" ", MaxTokenText),
	} {
		_, err := ParseToken(wrong)
		if err == nil || !strings.Contains(err.Error(), "dotm token create") || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestCredentialText(t *testing.T) {
	want := Credential{NewID(), NewSecret()}
	if got, err := ParseCredential(want.String()); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []string{"", want.Secret, "dotm1a.." + want.Secret, "dotm1.-." + want.Secret, want.String() + "x", "dotm1a." + want.ID + ".x"} {
		_, err := ParseCredential(wrong)
		isKind(t, err, ErrCredential, "must look like dotm1a.")
		if strings.Contains(err.Error(), want.Secret) {
			t.Errorf("%v repeats the secret", err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("dotm1.-.61Z-rNxBfx0UemSKPrBJV7kCNT4__x4G3I0JMlfwf-k")
	f.Add("dotm1.33Gop9xwocTxn5Fz9BPZQNooRY1ehgeyxvE8nTQ0gNw.61Z-rNxBfx0UemSKPrBJV7kCNT4__x4G3I0JMlfwf-k")
	f.Add("dotm1a.ef16e92aec42bdd1._HJcNt2tu4Ix8COMv2xdV5bo5aZMYNlvh2s6rxCjX4M")
	f.Fuzz(func(t *testing.T, text string) {
		if token, err := ParseToken(text); err == nil && token.String() != strings.TrimSpace(text) {
			t.Errorf("%q is read as %s", text, token)
		}
		if c, err := ParseCredential(text); err == nil && c.String() != text {
			t.Errorf("%q is read as %s", text, c)
		}
	})
}

// TestSecrets are long, differ, and go into a URL and a header as they are.
func TestSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := NewSecret()
		if len(s) != 43 || !isSecret(s) || seen[s] || seen[NewID()] {
			t.Fatalf("secret is %q", s)
		}
		seen[s] = true
	}
	if HashSecret("abc") != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" { // FIPS 180-2, B.1
		t.Error("the hash is not SHA-256")
	}
}
