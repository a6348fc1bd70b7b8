package monitor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// Config is how to speak TLS with addr, a host and port; it reads the CA file.
// What is wrong with that is an [*Error].
func (t *TLS) Config(addr string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, InsecureSkipVerify: t.SkipVerify} //nolint:gosec // only if asked
	if t.ServerName != "" {
		conf.ServerName = t.ServerName
	}
	if t.CAFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, &Error{Reason: NoTrust, Text: "tls.ca_file can't be read", Hint: "the server's user must be able to read it", Err: err}
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, &Error{Reason: NoTrust, Text: fmt.Sprintf("tls.ca_file %s holds no certificate", t.CAFile), Hint: "it must be PEM: -----BEGIN CERTIFICATE-----"}
	}
	return conf, nil
}

// lost is the error for a server that can't be spoken with. A request that was
// given up is none of those.
func (c *Client) lost(ctx context.Context, err error) error {
	return Lost(ctx, c.base.Host, err)
}

// Lost says why a server can't be spoken with, as an [*Error]: host is how it is
// called in the text, err what the network or TLS said. An err that is an [*Error]
// is returned as it is, and one because ctx was given up is none.
func Lost(ctx context.Context, host string, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("asking %s: %w", host, context.Canceled)
	}
	if e := untrusted(host, err); e != nil {
		return e
	}
	return unreachable(host, err, errors.Is(ctx.Err(), context.DeadlineExceeded))
}

// unreachable finds out what the network says; late is whether the time is over.
func unreachable(host string, err error, late bool) *Error {
	var (
		dns *net.DNSError
		op  *net.OpError
	)
	t, ok := errors.AsType[net.Error](err)
	slow := late || (ok && t.Timeout())
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return &Error{Reason: NoConnection, Text: host + " is no name that is known here", Hint: "check url, or the name server of dotm's host"}
	case errors.As(err, &dns):
		return &Error{Reason: NoConnection, Text: "the name " + host + " can't be looked up", Hint: "check the name server of dotm's host", Err: dns}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Reason: NoConnection, Text: "nobody listens at " + host, Hint: "does it run, and is that the right port?"}
	case slow && dialing:
		return &Error{Reason: NoConnection, Text: host + " does not answer", Hint: "is it on, and does a firewall let dotm's host through?"}
	case slow:
		return &Error{Reason: TooSlow, Text: host + " took too long to answer", Hint: "does it hang? if it is just large, make interval longer"}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET):
		return &Error{Reason: NoConnection, Text: host + " breaks off before its answer is complete", Hint: "does it speak https where url says http? else look into its log"}
	}
	return &Error{Reason: NoConnection, Text: host + " can't be reached", Hint: "check url, and the way from dotm's host to it", Err: bare(err)}
}

// bare is an error without the method and URL that net/http puts before it.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// untrusted finds out what is wrong with a certificate; nil if nothing is.
func untrusted(host string, err error) *Error {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		verify  *tls.CertificateVerificationError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch):
		return &Error{Reason: NotThere, Text: host + " does not speak TLS", Hint: "begin url with http://, or use the port for https"}
	case errors.As(err, &unknown):
		return &Error{Reason: NoTrust, Text: "who signed the certificate of " + host + " is not known", Hint: "set tls.ca_file to the certificate of the authority that signed it"}
	case errors.As(err, &name):
		return wrongName(host, &name)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return outOfDate(host, &invalid)
	case errors.As(err, &invalid) || errors.As(err, &verify):
		return &Error{Reason: NoTrust, Text: "the certificate of " + host + " can't be trusted", Hint: "have a new one made", Err: bare(err)}
	case errors.As(err, &op) && op.Op == "remote error": // as crypto/tls calls an alert
		return &Error{Reason: NoTrust, Text: host + " refuses to speak TLS with dotm", Hint: "it must accept TLS 1.2 or newer, without a certificate of the client", Err: op.Err}
	}
	return nil
}

// wrongName says which names a certificate is for.
func wrongName(host string, e *x509.HostnameError) *Error {
	names := append([]string(nil), e.Certificate.DNSNames...)
	for _, ip := range e.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	text := fmt.Sprintf("the certificate of %s is not for %s", host, Clean(e.Host, 100))
	if len(names) == 0 {
		return &Error{Reason: NoTrust, Text: text + ", it has no names", Hint: "have a new one made, with a subject alternative name (SAN)"}
	}
	list := Clean(strings.Join(names, ", "), 200)
	return &Error{Reason: NoTrust, Text: text + ", it is for " + list, Hint: "use such a name in url, or set tls.server_name to it"}
}

func outOfDate(host string, e *x509.CertificateInvalidError) *Error {
	const day = "2006-01-02"
	return &Error{
		Reason: NoTrust,
		Text:   fmt.Sprintf("the certificate of %s is valid from %s to %s, and not now", host, e.Cert.NotBefore.Format(day), e.Cert.NotAfter.Format(day)),
		Hint:   "have a new one made, or check the clock of dotm's host",
	}
}
