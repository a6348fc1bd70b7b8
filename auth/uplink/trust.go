package uplink

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

// errOtherCA is the case of a server that is not the one it should be, or was
// set up anew.
var errOtherCA = errors.New("certificate is signed by another CA")

// verify checks a server's certificate as crypto/tls does, against one CA: that
// of the identity, or for one that enrols, the CA that the token names, which
// the server sends along. Without either the system's CAs count.
func (c *Client) verify(s tls.ConnectionState) error {
	opt := x509.VerifyOptions{DNSName: s.ServerName, CurrentTime: c.opt.Now(), Intermediates: x509.NewCertPool()}
	for _, cert := range s.PeerCertificates[1:] {
		opt.Intermediates.AddCert(cert)
	}
	ca, pinned := c.anchor(s.PeerCertificates)
	if pinned {
		opt.Roots = x509.NewCertPool()
		if ca != nil {
			opt.Roots.AddCert(ca)
		}
	}
	_, err := s.PeerCertificates[0].Verify(opt)
	switch unknown := (x509.UnknownAuthorityError{}); {
	case err == nil && pinned && ca != nil:
		c.saw(ca)
	case errors.As(err, &unknown) && pinned:
		return errOtherCA
	}
	return err
}

// anchor is the one CA that counts, if there is one: that of a token that has
// not been used yet, because it may be there to replace the identity, else the
// identity's. It is nil if the server should have sent it and did not.
func (c *Client) anchor(chain []*x509.Certificate) (ca *x509.Certificate, pinned bool) {
	c.trusting.Lock()
	defer c.trusting.Unlock()
	if c.fresh && c.token.CA != (auth.Fingerprint{}) {
		if ca := named(chain, c.token.CA); ca != nil || c.kept == nil {
			return ca, true
		}
	}
	return c.kept, c.kept != nil
}

// settle lets the CA of the identity count from now on.
func (c *Client) settle() {
	c.trusting.Lock()
	defer c.trusting.Unlock()
	c.fresh, c.kept = false, c.seen
}

// named finds the CA of a fingerprint among what a server sent.
func named(chain []*x509.Certificate, want auth.Fingerprint) *x509.Certificate {
	for _, cert := range chain {
		if cert.IsCA && auth.FingerprintOf(cert) == want {
			return cert
		}
	}
	return nil
}

// explain says what a person can do about an error of a request.
func (c *Client) explain(err error) error {
	var wrong *url.Error
	if errors.As(err, &wrong) {
		err = wrong.Err // the address stands in the log already
	}
	var (
		invalid  x509.CertificateInvalidError
		hostname x509.HostnameError
		unknown  x509.UnknownAuthorityError
		noTLS    tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, errOtherCA):
		return fmt.Errorf("server's %w than the one that this agent knows: check its address; if the server was set up anew, remove %s and enrol with a new token",
			errOtherCA, statePath(c.opt.State))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return c.expired(invalid, err)
	case errors.As(err, &hostname):
		return fmt.Errorf("server's certificate is for %s, not for %q: call it by one of these names, or add this one (tls: names: in its dotm.yaml): %w",
			Names(hostname.Certificate), hostname.Host, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("server's certificate is signed by a CA that this machine doesn't know: give the CA with --ca-file, or a token of this server: %w", err)
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("server doesn't speak TLS: check its address: %w", err)
	case strings.Contains(err.Error(), "proxyconnect"):
		return fmt.Errorf("proxy of HTTPS_PROXY can't be used: %w", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w (is dotm running there?)", err)
	}
	return err
}

// expired tells a certificate that is over from one that is not valid yet.
func (c *Client) expired(invalid x509.CertificateInvalidError, err error) error {
	now := c.opt.Now().UTC().Truncate(time.Second)
	cert := invalid.Cert
	if now.Before(cert.NotBefore) {
		return fmt.Errorf("server's certificate is not valid before %s, and this machine's clock says %s: set the clock (NTP): %w",
			cert.NotBefore.Format(time.RFC3339), now.Format(time.RFC3339), err)
	}
	return fmt.Errorf("server's certificate expired at %s, and this machine's clock says %s: set the clock if that is wrong, else renew the certificate on the server: %w",
		cert.NotAfter.Format(time.RFC3339), now.Format(time.RFC3339), err)
}

// Names are what a certificate is for, cut to a readable length.
func Names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return "no name"
	case len(all) > 8:
		all = append(all[:8], "…")
	}
	return strings.Join(all, ", ")
}

// saw remembers the CA that a connection was checked against.
func (c *Client) saw(ca *x509.Certificate) {
	c.trusting.Lock()
	defer c.trusting.Unlock()
	c.seen = ca
}

// seenCA is that CA in PEM, or "".
func (c *Client) seenCA() string {
	c.trusting.Lock()
	defer c.trusting.Unlock()
	if c.seen == nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.seen.Raw}))
}
