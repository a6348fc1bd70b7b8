package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/auth/uplink"
)

// unreached says why a server gave no answer, and what to do about it.
func (c *Flags) unreached(server string, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // the address is said already
	}
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		noTLS   tls.RecordHeaderError
	)
	var hint string
	switch {
	case errors.As(err, &unknown) && c.ServerCA != "":
		hint = "its certificate is not by " + c.ServerCA + `: "dotm ca" on the server's machine prints the one that it is by`
	case errors.As(err, &unknown):
		hint = `its certificate is by a CA that this machine doesn't know: name that with --server-ca FILE; "dotm ca" on the server's machine prints it`
	case errors.As(err, &name):
		hint = "its certificate is for " + uplink.Names(name.Certificate) + ": call it by one of these, or add this name on the server (tls: names: in dotm.yaml)"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		hint = fmt.Sprintf("its certificate is good from %s to %s: is this machine's clock right?",
			invalid.Cert.NotBefore.Format(time.DateTime), invalid.Cert.NotAfter.Format(time.DateTime))
	case errors.As(err, &noTLS) || errors.Is(err, http.ErrSchemeMismatch):
		hint = "it doesn't speak TLS: is it another port, or an address that begins with http://?"
	case c.Server == "":
		hint = "start one with dotm up, or name another with --server"
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = "nothing listens there: does dotm run, serve others than its own machine (--listen), and is --server right?"
	default:
		return fmt.Errorf("asking %s: %w", server, err)
	}
	return fmt.Errorf("asking %s: %w (%s)", server, err, hint)
}
