// Package oidc lets an OpenID provider say who people are: authorization code
// with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1; RFC 7636).
package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/devops-trouble-map/dotm/auth"
)

// Options of a provider.
type Options struct {
	// Name is what people call it; empty is the issuer's host.
	Name string
	// Issuer is its address, as its tokens say it.
	Issuer string
	// ClientID and ClientSecret are how it knows dotm; the secret may be empty for
	// a public client.
	ClientID, ClientSecret string
	// Redirect is where it sends browsers back to.
	Redirect string
	// Scopes are asked for beside openid, profile and email.
	Scopes []string
	// UserClaim says who somebody is; empty is preferred_username. RoleClaim holds
	// the names that Grants gives roles to, one or a list; empty is groups.
	UserClaim, RoleClaim string
	Grants               auth.Grants
	// CA are certificates to trust for it, instead of the system's; nil for these.
	CA *x509.CertPool
}

// The defaults.
const (
	DefaultUserClaim = "preferred_username"
	DefaultRoleClaim = "groups"
)

// Check says what is wrong with options, but for the redirect. The error wraps
// [auth.ErrInvalid].
func (o *Options) Check() error {
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("issuer is %w: it must be an address like https://login.example, without a login, a query or a fragment, is %.200q", auth.ErrInvalid, o.Issuer)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return fmt.Errorf("issuer is %w: it must begin with https://, is %.200q", auth.ErrInvalid, o.Issuer)
	case o.ClientID == "":
		return fmt.Errorf("client_id is %w: it must be set", auth.ErrInvalid)
	}
	return o.Grants.Check()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Limits of talking to the provider.
const (
	within     = 10 * time.Second
	pause      = 5 * time.Second // before a provider that doesn't answer is asked again
	maxAnswer  = 1 << 20
	maxCode    = 4 << 10
	maxUser    = 255
	maxGroups  = 1000
	flowSecret = 3 // parts of what a browser keeps meanwhile
)

// Provider is one. All methods are safe for concurrent use.
type Provider struct {
	opt    Options
	client *http.Client

	mu    sync.Mutex
	known *oidc.Provider // once it answered
	away  error          // why it didn't
	again time.Time      // before when it is not asked again
}

// New prepares a provider; it is not asked before somebody logs in.
func New(opt Options) (*Provider, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	if opt.UserClaim == "" {
		opt.UserClaim = DefaultUserClaim
	}
	if opt.RoleClaim == "" {
		opt.RoleClaim = DefaultRoleClaim
	}
	if opt.Name == "" {
		u, _ := url.Parse(opt.Issuer) // it was checked
		opt.Name = u.Host
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: opt.CA, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: within, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
	return &Provider{opt: opt, client: &http.Client{Timeout: within, Transport: bounded{transport}}}, nil
}

// bounded cuts answers that are too large.
type bounded struct{ next http.RoundTripper }

// RoundTrip is part of [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// Name is what people call it.
func (p *Provider) Name() string { return p.opt.Name }

// discover asks the provider what it can do, until it answered once.
func (p *Provider) discover() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	if time.Now().Before(p.again) { // strangers must not make the server ask it all the time
		return nil, p.away
	}
	// It keeps the context, for the keys that it fetches later.
	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.opt.Issuer)
	if err != nil {
		p.away, p.again = fmt.Errorf("asking OpenID provider %s: %w", p.opt.Issuer, err), time.Now().Add(pause)
		return nil, p.away
	}
	p.known = found
	return found, nil
}

func (p *Provider) config(found *oidc.Provider) *oauth2.Config {
	scopes := append([]string{oidc.ScopeOpenID, "profile", "email"}, p.opt.Scopes...)
	return &oauth2.Config{ClientID: p.opt.ClientID, ClientSecret: p.opt.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.opt.Redirect, Scopes: scopes}
}

// Begin is where to send a browser, and what it has to keep until it comes back:
// a secret of that browser, for a cookie. Errors are the provider's.
func (p *Provider) Begin(context.Context) (address, flow string, err error) {
	found, err := p.discover()
	if err != nil {
		return "", "", err
	}
	state, nonce, verifier := auth.NewSecret(), auth.NewSecret(), oauth2.GenerateVerifier()
	address = p.config(found).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	return address, strings.Join([]string{state, nonce, verifier}, "."), nil
}

// Finish tells who came back, by the query that the provider sent the browser
// with and what the browser kept. role is "" for somebody who may nothing here.
// Errors wrap [auth.ErrCredential], or are the provider's.
func (p *Provider) Finish(ctx context.Context, query url.Values, flow string) (user string, role auth.Role, err error) {
	parts := strings.Split(flow, ".")
	code := query.Get("code")
	switch {
	case len(parts) != flowSecret || parts[0] == "" || !auth.SameHash(auth.HashSecret(parts[0]), auth.HashSecret(query.Get("state"))):
		return "", "", fmt.Errorf("login is %w: this browser did not begin it here, or too long ago", auth.ErrCredential)
	case query.Get("error") != "":
		return "", "", fmt.Errorf("login is %w: the provider says %.80q: %.200q", auth.ErrCredential, query.Get("error"), query.Get("error_description"))
	case code == "" || len(code) > maxCode:
		return "", "", fmt.Errorf("login is %w: the provider sent no code", auth.ErrCredential)
	}
	found, err := p.discover()
	if err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), within)
	defer cancel()
	token, err := p.config(found).Exchange(ctx, code, oauth2.VerifierOption(parts[2]))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return "", "", fmt.Errorf("login is %w: the provider refuses its code: %.80q", auth.ErrCredential, refused.ErrorCode)
	case err != nil:
		return "", "", fmt.Errorf("asking OpenID provider for a token: %w", err)
	}
	claims, err := p.claims(ctx, found, token, parts[1])
	if err != nil {
		return "", "", err
	}
	return p.judge(claims)
}

// claims are what the provider says of somebody: in its ID token, and where that
// doesn't say all that is asked for, at its UserInfo endpoint.
func (p *Provider) claims(ctx context.Context, found *oidc.Provider, token *oauth2.Token, nonce string) (map[string]any, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, fmt.Errorf("login is %w: the provider sent no ID token", auth.ErrCredential)
	}
	id, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.opt.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("login is %w: ID token: %w", auth.ErrCredential, err)
	}
	if !auth.SameHash(auth.HashSecret(id.Nonce), auth.HashSecret(nonce)) {
		return nil, fmt.Errorf("login is %w: the ID token is of another login (nonce)", auth.ErrCredential)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, fmt.Errorf("login is %w: ID token: %w", auth.ErrCredential, err)
	}
	_, hasUser := claims[p.opt.UserClaim]
	_, hasRole := claims[p.opt.RoleClaim]
	if hasUser && hasRole || found.UserInfoEndpoint() == "" {
		return claims, nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("asking OpenID provider for claims: %w", err)
	}
	if info.Subject != id.Subject { // OpenID Connect Core 1.0, 5.3.2
		return nil, fmt.Errorf("login is %w: the provider's two answers are about different people", auth.ErrCredential)
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("login is %w: claims: %w", auth.ErrCredential, err)
	}
	for name, v := range more {
		if _, there := claims[name]; !there { // what is signed wins
			claims[name] = v
		}
	}
	return claims, nil
}

// judge says who somebody with some claims is, and what they may do.
func (p *Provider) judge(claims map[string]any) (user string, role auth.Role, err error) {
	user, _ = claims[p.opt.UserClaim].(string)
	verified, _ := claims["email_verified"].(bool) // what is not said to be so may be anybody's
	switch {
	case user == "" || len(user) > maxUser || strings.ContainsFunc(user, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", "", fmt.Errorf("login is %w: claim %s must be a name, is %.80q", auth.ErrCredential, p.opt.UserClaim, fmt.Sprint(claims[p.opt.UserClaim]))
	case (p.opt.UserClaim == "email" || p.opt.RoleClaim == "email") && !verified:
		return "", "", fmt.Errorf("login is %w: the provider did not verify the address %.80q", auth.ErrCredential, fmt.Sprint(claims["email"]))
	}
	return user, p.opt.Grants.Of(names(claims[p.opt.RoleClaim])...), nil
}

// names are those of a claim: one, or a list.
func names(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case []any:
		out := make([]string, 0, min(len(v), maxGroups))
		for _, x := range v[:min(len(v), maxGroups)] {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
