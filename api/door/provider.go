package door

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// Provider vouches for people, by OpenID Connect.
type Provider interface {
	// Name is what people call it.
	Name() string
	// Begin is where to send a browser, and what it has to keep until it comes
	// back.
	Begin(ctx context.Context) (address, flow string, err error)
	// Finish tells who came back, by the query that the browser came with and what
	// it kept. role is "" for somebody who may nothing here. Errors that wrap
	// [auth.ErrCredential] are not the provider's.
	Finish(ctx context.Context, query url.Values, flow string) (user string, role auth.Role, err error)
}

// flowLife is how long somebody may take to log in at the provider.
const flowLife = 10 * time.Minute

// The ways back to the page, from the path of the callback: a proxy may take off
// a prefix that the server knows nothing of.
const (
	toPage  = "../../../../"
	toLogin = "../../../../login#refused="
)

// provided registers how people log in by a provider.
func (d *door) provided(a huma.API) {
	begin := d.op("begin-oidc", http.MethodGet, "/login/oidc", "Lead a browser to the OpenID provider", http.StatusNotFound, http.StatusBadGateway)
	begin.DefaultStatus = http.StatusFound
	finish := d.op("login-oidc", http.MethodGet, "/login/oidc/callback", "Where the OpenID provider sends browsers back to: begins a session, and leads to the page", http.StatusNotFound)
	finish.DefaultStatus = http.StatusSeeOther
	huma.Register(a, begin, d.beginProvided)
	huma.Register(a, finish, d.finishProvided)
}

// Lead leads a browser elsewhere.
type Lead struct {
	Location     string   `header:"Location"`
	SetCookie    []string `header:"Set-Cookie"`
	CacheControl string   `header:"Cache-Control"`
}

// flowCookie keeps what a browser needs when it comes back. The provider's page
// leads it here, so it must be sent then (SameSite=Lax).
func flowCookie(c *caller.Caller, value string, life time.Duration) string {
	cookie := &http.Cookie{ //nolint:gosec // Secure wherever there is TLS
		Name: flowName(c), Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode,
	}
	return cookie.String()
}

func flowName(c *caller.Caller) string { return CookieName(c.Secure) + "-oidc" }

var errNoProvider = huma.Error404NotFound("no OpenID provider is configured")

// BeginOIDC is the request of GET /login/oidc.
type BeginOIDC struct {
	Plain string `header:"X-Forwarded-Proto" hidden:"true"`
}

func (d *door) beginProvided(ctx context.Context, r *BeginOIDC) (*Lead, error) {
	if d.Provider == nil {
		return nil, errNoProvider
	}
	if err := d.encrypted(r.Plain); err != nil {
		return nil, err
	}
	address, flow, err := d.Provider.Begin(ctx)
	if err != nil {
		d.Log.Error("OpenID provider can't be used", "error", err)
		return nil, huma.Error502BadGateway("the OpenID provider does not answer; the server's log says why")
	}
	return &Lead{address, []string{flowCookie(caller.Of(ctx), flow, flowLife)}, "no-store"}, nil
}

// FinishOIDC is the request of GET /login/oidc/callback.
type FinishOIDC struct {
	Code        string `query:"code" maxLength:"4096"`
	State       string `query:"state" maxLength:"255"`
	Error       string `query:"error" maxLength:"255"`
	Description string `query:"error_description" maxLength:"2048"`
	Cookies     string `header:"Cookie" hidden:"true"`
}

// flow is what the browser kept.
func (r *FinishOIDC) flow(c *caller.Caller) string {
	cookies, _ := http.ParseCookie(r.Cookies)
	for _, k := range cookies {
		if k.Name == flowName(c) {
			return k.Value
		}
	}
	return ""
}

func (d *door) finishProvided(ctx context.Context, r *FinishOIDC) (*Lead, error) {
	if d.Provider == nil {
		return nil, errNoProvider
	}
	c := caller.Of(ctx)
	flow := r.flow(c)
	if flow == "" { // nobody began anything
		return &Lead{toLogin + "login", nil, "no-store"}, nil
	}
	if d.Logins.Attempt(c.Client()) > 0 {
		return &Lead{toLogin + "busy", nil, "no-store"}, nil
	}
	out := &Lead{toPage, []string{flowCookie(c, "", -time.Second)}, "no-store"}
	query := url.Values{"code": {r.Code}, "state": {r.State}, "error": {r.Error}, "error_description": {r.Description}}
	user, role, err := d.Provider.Finish(ctx, query, flow)
	secret := ""
	journal.Tried(ctx, user)
	if err == nil {
		secret, _, err = d.Logins.Vouch(ctx, user, role, c.Client())
	}
	switch {
	case errors.Is(err, auth.ErrForbidden):
		out.Location = toLogin + "role"
	case errors.Is(err, auth.ErrCredential):
		out.Location = toLogin + "login"
	case err != nil:
		out.Location = toLogin + "provider"
	}
	if err != nil {
		d.Log.Warn("login was refused", "user", user, "address", c.Address, "error", err)
		journal.Failed(ctx, err)
		return out, nil
	}
	journal.Changed(ctx, user, nil, map[string]auth.Role{"role": role})
	d.Log.Info("login succeeded", "user", user, "how", "oidc", "address", c.Address)
	out.SetCookie = append(out.SetCookie, sessionCookie(c, secret, people.ProviderMax).String())
	return out, nil
}
