// Package uplink is how an agent or a relay reaches its server: over TLS that
// trusts one CA, through the proxy of the environment, with an identity that it
// got for a token and keeps in a file.
package uplink

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
)

const (
	// enrolPath is where tokens are exchanged, under the server's address.
	enrolPath = "/api/v1/enrol"
	// certificatePath is where relays renew their certificate.
	certificatePath = "/api/v1/certificate"
	// timeout bounds one request that this package makes itself.
	timeout = 20 * time.Second
	// maxAnswer bounds what is read of its answer.
	maxAnswer = 1 << 20
)

// Options of a client.
type Options struct {
	// Server is its address, "https://host:port" with an optional path. With
	// "http://" it must be this machine for anything secret to be sent.
	Server string
	// Token enrols, where there is no identity yet; its text, or "".
	Token string
	// State is the folder that keeps the identity. Nothing is written there
	// before enrolment.
	State string
	// CAFile holds the CAs that may have signed the server's certificate, in
	// PEM; they count instead of the token's fingerprint.
	CAFile string
	// OneConnection makes do with a single connection to the server.
	OneConnection bool
	// Now is the clock.
	Now func() time.Time
}

// Who is what enrols.
type Who struct {
	Name, Machine, Zone, Version string
	// Request asks for a certificate (relays).
	Request []byte
}

// Client talks to one server. It is safe for concurrent use.
type Client struct {
	opt   Options
	url   string // without a slash at its end
	token *auth.Token
	http  *http.Client

	mu       sync.Mutex
	state    state
	next     state // what a new token will make of it
	rejected bool  // the server doesn't accept the identity

	trusting   sync.Mutex        // apart from mu, which is held while enrolling
	fresh      bool              // the token is given, and has not been used yet
	kept, seen *x509.Certificate // the identity's CA; the one of the last connection
}

// Open reads the identity, if there is one, and checks everything that can be
// checked without the server.
func Open(opt Options) (*Client, error) {
	u, err := checkServer(opt.Server)
	if err != nil {
		return nil, err
	}
	c := &Client{opt: opt, url: u}
	if opt.Token != "" {
		t, err := auth.ParseToken(opt.Token)
		if err != nil {
			return nil, err
		}
		c.token = &t
	}
	if c.state, err = readState(opt.State); err != nil {
		return nil, err
	}
	if c.kept, err = c.state.certificate(); err != nil {
		return nil, err
	}
	c.fresh = c.token != nil && (c.state.ID == "" || c.state.Token != auth.HashSecret(c.token.Secret))
	if c.token != nil && c.state.ID == "" {
		if err := tryState(opt.State); err != nil {
			return nil, err
		}
	}
	if (c.token != nil || c.state.ID != "") && !secretMayTravel(u) {
		return nil, fmt.Errorf("server %s is not reached by TLS, and an identity must not be sent in the clear: use https:// (without --token-file and %s, an --insecure server takes reports from anybody)",
			opt.Server, statePath(opt.State))
	}
	tlsConfig, err := c.trust()
	if err != nil {
		return nil, err
	}
	c.http = &http.Client{
		Transport: newTransport(tlsConfig, opt.OneConnection),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("server redirects, which a dotm server never does: check its address")
		},
	}
	return c, nil
}

// checkServer checks an address and takes off what is not part of it.
func checkServer(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("server must be an address like https://dotm.example:4849, is %q", server)
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return strings.TrimSuffix(u.String(), "/"), nil
}

// secretMayTravel tells TLS, and what never leaves this machine.
func secretMayTravel(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// newTransport is like the standard one, with bounds.
func newTransport(config *tls.Config, one bool) *http.Transport {
	t := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		DialContext:     (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig: config, TLSHandshakeTimeout: 10 * time.Second,
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("proxy %s answers %s: let it connect to the server, or name the server in NO_PROXY", proxy.Host, resp.Status)
			}
			return nil
		},
		ForceAttemptHTTP2: true, IdleConnTimeout: 90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 2,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
	if one {
		t.MaxConnsPerHost = 1
	}
	return t
}

// trust decides which CAs count: those of the file, else the one of the
// identity, else the one of the token, else the system's.
func (c *Client) trust() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.opt.CAFile != "" {
		raw, err := os.ReadFile(c.opt.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading CA: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("reading CA: %s holds no certificate in PEM", c.opt.CAFile)
		}
		return config, nil
	}
	// The check is made by verify, which knows more ways than the standard one.
	config.InsecureSkipVerify = true
	config.VerifyConnection = c.verify
	return config, nil
}

// Do sends a request with the identity, if there is one. Its address must begin
// with the server's. Errors say what to do about them.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if identity := c.Identity(); identity != "" {
		req.Header.Set("Authorization", "Bearer "+identity)
	}
	resp, err := c.Pass(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		c.reject()
	}
	return resp, err
}

// Pass sends a request as it is, with whatever identity it carries.
func (c *Client) Pass(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	return resp, nil
}

// URL is the server's address without a slash at its end.
func (c *Client) URL() string { return c.url }

// Identity is what the client shows the server, or "" before it has enrolled.
func (c *Client) Identity() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.ID == "" {
		return ""
	}
	return auth.Credential{ID: c.state.ID, Secret: c.state.Secret}.String()
}

// Enrol exchanges the token for an identity. It does nothing where there is no
// token that has not been used yet, or an identity that the server accepts. It
// returns the certificate that was asked for.
func (c *Client) Enrol(ctx context.Context, who Who) (certificate string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mayEnrol() {
		return "", nil
	}
	next, err := c.prepare()
	if err != nil {
		return "", err
	}
	answer, err := c.exchange(ctx, who, next.Secret)
	if err != nil {
		return "", fmt.Errorf("enrolling: %w", err)
	}
	next.ID, next.CA, next.Enrolled = answer.ID, c.seenCA(), c.opt.Now().UTC().Truncate(time.Second)
	if err := writeState(c.opt.State, next); err != nil {
		return "", err
	}
	c.state, c.rejected, c.next = next, false, state{}
	c.settle()
	return answer.Certificate, nil
}

// MayEnrol reports whether [Client.Enrol] would do something: there is a token
// that has not been used yet, and no identity that the server accepts.
func (c *Client) MayEnrol() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mayEnrol()
}

func (c *Client) mayEnrol() bool {
	c.trusting.Lock()
	defer c.trusting.Unlock()
	return c.fresh && (c.state.ID == "" || c.rejected)
}

// prepare makes the secret. A first one is on disk before the server knows its
// hash, so that the same request can be made again whatever happens on the way.
func (c *Client) prepare() (state, error) {
	hash := auth.HashSecret(c.token.Secret)
	switch {
	case c.state.ID == "" && c.state.Token == hash:
		return c.state, nil
	case c.next.Secret == "":
		c.next = state{Server: c.url, Secret: auth.NewSecret(), Token: hash}
	}
	if c.state.ID != "" {
		return c.next, nil // what there is stays until there is something better
	}
	c.state = c.next
	return c.next, writeState(c.opt.State, c.next)
}

// exchange makes the request.
func (c *Client) exchange(ctx context.Context, who Who, secret string) (a auth.EnrolAnswer, err error) {
	body := auth.EnrolRequest{
		Name: who.Name, Machine: who.Machine, Zone: who.Zone, Version: who.Version,
		SecretHash: auth.HashSecret(secret), Key: who.Request,
	}
	if err := c.post(ctx, enrolPath, c.token.String(), body, &a); err != nil {
		return a, err
	}
	if a.ID == "" {
		return a, errors.New("server's answer names no agent: check its address")
	}
	return a, nil
}

// Renew asks for a new certificate (relays).
func (c *Client) Renew(ctx context.Context, request []byte) (certificate string, err error) {
	var a auth.EnrolAnswer
	body := struct {
		Key []byte `json:"certificate_request"`
	}{request}
	err = c.post(ctx, certificatePath, c.Identity(), body, &a)
	if refused := (*RefusedError)(nil); errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		c.reject()
	}
	if err != nil {
		return "", fmt.Errorf("renewing certificate: %w", err)
	}
	return a.Certificate, nil
}

// reject notes that the server doesn't accept the identity: the next
// [Client.Enrol] tries a token that has not been used yet.
func (c *Client) reject() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rejected = true
}

// Fresh reports whether there is a token that has not been used yet.
func (c *Client) Fresh() bool {
	c.trusting.Lock()
	defer c.trusting.Unlock()
	return c.fresh
}

// RefusedError is what a server answered.
type RefusedError struct {
	Status int
	Detail string
}

// Error is the server's reason.
func (e *RefusedError) Error() string { return "server refuses: " + e.Detail }

// post sends JSON and reads JSON.
func (c *Client) post(ctx context.Context, path, bearer string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("addressing server: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := c.Pass(req)
	if err != nil {
		return fmt.Errorf("reaching server: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	raw, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading server's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return refusal(resp, raw)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return errors.New("server's answer is not what a dotm server says: check its address")
	}
	return nil
}

// refusal reads a problem document (RFC 9457).
func refusal(resp *http.Response, raw []byte) error {
	var p struct{ Detail string }
	switch {
	case json.Unmarshal(raw, &p) == nil && p.Detail != "":
		return &RefusedError{resp.StatusCode, p.Detail}
	case bytes.Contains(raw, []byte("HTTP request to an HTTPS server")):
		return errors.New("server speaks TLS: its address must begin with https://")
	}
	return fmt.Errorf("server answers %s, which is not what a dotm server says: check its address", resp.Status)
}
