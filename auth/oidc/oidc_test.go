package oidc

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/test/openid"
)

const redirect = "http://127.0.0.1:9/callback"

var everyone = []openid.User{
	{Name: "anna", Email: "anna@example.org", Verified: true, Groups: []string{"all", "dotm-admins"}},
	{Name: "bob", Email: "bob@example.org", Groups: []string{"all"}},
	{Name: "eve", Email: "eve@example.org", Verified: true},
}

func options(p *openid.Provider) Options {
	return Options{
		Issuer: p.URL, ClientID: openid.ClientID, ClientSecret: openid.ClientSecret, Redirect: redirect,
		Grants: auth.Grants{By: map[string]auth.Role{"dotm-admins": auth.Admin, "all": auth.Viewer, "anna@example.org": auth.Operator}},
	}
}

func open(t *testing.T, opt Options) *Provider {
	t.Helper()
	p, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// login goes the whole way, and returns what comes back.
func login(t *testing.T, at *openid.Provider, p *Provider, user string) (back *url.URL, flow string) {
	t.Helper()
	address, flow, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at.LogIn(t, openid.Browser(t), address, user, openid.Password), flow
}

// TestLogin with a real provider: who is who, and may what.
func TestLogin(t *testing.T) {
	at := openid.Start(t, everyone, redirect)
	for _, tt := range []struct {
		name, user, userClaim, roleClaim string
		fallback                         auth.Role
		want                             string
		role                             auth.Role
	}{
		{"the highest of several groups", "anna", "", "", "", "anna", auth.Admin},
		{"one group", "bob", "", "", "", "bob", auth.Viewer},
		{"no group", "eve", "", "", "", "eve", ""},
		{"no group, and a default", "eve", "", "", auth.Viewer, "eve", auth.Viewer},
		{"by e-mail", "anna", "email", "email", "", "anna@example.org", auth.Operator},
		{"by subject", "anna", "sub", "", "", "subject-0", auth.Admin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opt := options(at)
			opt.UserClaim, opt.RoleClaim, opt.Grants.Default = tt.userClaim, tt.roleClaim, tt.fallback
			p := open(t, opt)
			back, flow := login(t, at, p, tt.user)
			user, role, err := p.Finish(t.Context(), back.Query(), flow)
			if err != nil || user != tt.want || role != tt.role {
				t.Errorf("%q %q, %v", user, role, err)
			}
			if !strings.HasPrefix(back.String(), redirect+"?") {
				t.Errorf("it sends back to %s", back)
			}
		})
	}
}

// TestRefused: what somebody else began, changed or stole.
func TestRefused(t *testing.T) {
	at := openid.Start(t, everyone, redirect)
	p := open(t, options(at))
	fails := func(p *Provider, query url.Values, flow, want string) {
		t.Helper()
		user, role, err := p.Finish(t.Context(), query, flow)
		if !errors.Is(err, auth.ErrCredential) || !strings.Contains(err.Error(), want) || user != "" || role != "" {
			t.Errorf("%q %q, %v; want %q", user, role, err, want)
		}
	}
	back, flow := login(t, at, p, "anna")
	_, others := login(t, at, p, "bob")
	parts, theirs := strings.Split(flow, "."), strings.Split(others, ".")
	query := back.Query()
	fails(p, query, "", "this browser did not begin it here")
	fails(p, query, others, "this browser did not begin it here")
	fails(p, url.Values{"code": query["code"]}, flow, "this browser did not begin it here")
	fails(p, url.Values{"code": query["code"]}, "..", "this browser did not begin it here")
	fails(p, query, parts[0]+"."+parts[1]+"."+theirs[2], "refuses its code")
	back, flow = login(t, at, p, "anna")
	parts = strings.Split(flow, ".")
	fails(p, back.Query(), parts[0]+"."+theirs[1]+"."+parts[2], "of another login (nonce)")
	fails(p, back.Query(), flow, "refuses its code") // it was used
	fails(p, url.Values{"state": {parts[0]}, "error": {"access_denied"}, "error_description": {"no"}}, flow, `the provider says "access_denied": "no"`)
	fails(p, url.Values{"state": {parts[0]}}, flow, "sent no code")

	opt := options(at)
	opt.UserClaim = "email"
	byMail := open(t, opt)
	back, flow = login(t, at, byMail, "bob")
	fails(byMail, back.Query(), flow, `did not verify the address "bob@example.org"`)
	opt.UserClaim = "nickname"
	nick := open(t, opt)
	back, flow = login(t, at, nick, "anna")
	fails(nick, back.Query(), flow, "claim nickname must be a name")

	opt = options(at)
	opt.ClientSecret = "wrong"
	stranger := open(t, opt)
	back, flow = login(t, at, stranger, "anna")
	fails(stranger, back.Query(), flow, "refuses its code")
}

// TestProviderIsAway: it is asked again when somebody logs in again.
func TestProviderIsAway(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	opt := Options{Issuer: gone.URL, ClientID: "x", Redirect: redirect}
	p := open(t, opt)
	if _, _, err := p.Begin(t.Context()); err == nil || errors.Is(err, auth.ErrCredential) || !strings.Contains(err.Error(), "asking OpenID provider "+gone.URL) {
		t.Errorf("%v", err)
	}
	at := openid.Start(t, everyone, redirect)
	p.opt.Issuer = at.URL
	if _, _, err := p.Begin(t.Context()); err == nil {
		t.Error("it is asked again at once")
	}
	p.again = time.Time{}
	if _, _, err := p.Begin(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		opt  Options
		want string
	}{
		{Options{Issuer: "", ClientID: "x"}, "issuer is not valid"},
		{Options{Issuer: "login.example", ClientID: "x"}, "issuer is not valid"},
		{Options{Issuer: "http://login.example", ClientID: "x"}, "it must begin with https://"},
		{Options{Issuer: "https://a:b@login.example", ClientID: "x"}, "without a login"},
		{Options{Issuer: "https://login.example?x=1", ClientID: "x"}, "a query"},
		{Options{Issuer: "https://login.example"}, "client_id is not valid"},
		{Options{Issuer: "https://login.example", ClientID: "x", Grants: auth.Grants{Default: "root"}}, "default_role is not valid"},
	} {
		if _, err := New(tt.opt); !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt.opt, err)
		}
	}
	p := open(t, Options{Issuer: "https://login.example/realms/x", ClientID: "x"})
	if p.Name() != "login.example" || p.opt.UserClaim != DefaultUserClaim || p.opt.RoleClaim != DefaultRoleClaim {
		t.Errorf("%+v", p.opt)
	}
}
