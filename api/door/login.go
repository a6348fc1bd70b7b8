package door

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// logins registers how people log in with passwords.
func (d *door) logins(a huma.API) {
	huma.Register(a, d.op("login", http.MethodPost, "/login", "Log in: the answer sets the session's cookie",
		http.StatusUnauthorized, http.StatusTooManyRequests), d.login)
	huma.Register(a, d.op("setup", http.MethodPost, "/setup", "Set a password with the secret of a login link, and log in",
		http.StatusUnauthorized, http.StatusTooManyRequests), d.setup)
	huma.Register(a, d.op("logout", http.MethodPost, "/logout", "End the session"), d.logout)
	huma.Register(a, d.op("change-password", http.MethodPost, "/password", "Change the password of who asks, and begin a new session; all their others end",
		http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests), d.changePassword)
	huma.Register(a, d.op("new-login-link", http.MethodPost, "/login-links", "Make a one-time secret that sets the password of user admin; through the server's socket only",
		http.StatusForbidden), d.adminLink)
}

// SessionAnswer is the answer of GET /session, and of what changes it.
type SessionAnswer struct {
	SetCookie    string `header:"Set-Cookie"`
	CacheControl string `header:"Cache-Control"`
	Body         Session
}

// Session says who asks.
type Session struct {
	User     string     `json:"user" doc:"empty for somebody who did not log in; the name of an API token"`
	Role     auth.Role  `json:"role" enum:"viewer,operator,admin," doc:"what they may do; empty for nothing"`
	How      people.How `json:"how,omitempty" enum:"password,htpasswd,oidc,proxy" doc:"how they logged in"`
	Needed   bool       `json:"needed" doc:"they must log in before they are answered anything else"`
	Setup    bool       `json:"setup" doc:"nobody has a password yet: the server's log shows a link to set one, dotm login-link makes another"`
	Provider string     `json:"provider,omitempty" doc:"the OpenID provider that GET /login/oidc leads to; empty if there is none"`
}

func (d *door) session(ctx context.Context, _ *struct{}) (*SessionAnswer, error) {
	c := caller.Of(ctx)
	p := c.Person
	p.Role = c.Role
	if p.User == "" {
		p.User = c.Name()
	}
	return d.sessionOf(p), nil
}

func (d *door) sessionOf(p people.Person) *SessionAnswer {
	s := Session{User: p.User, Role: p.Role, How: p.How, Needed: p.Role == ""}
	if d.Logins != nil && !d.Open {
		if d.Provider != nil {
			s.Provider = d.Provider.Name()
		}
		s.Setup = s.Needed && s.Provider == "" && !d.Logins.Configured()
	}
	return &SessionAnswer{CacheControl: "no-store", Body: s}
}

// LoginRequest is the body of POST /login.
type LoginRequest struct {
	Plain string `header:"X-Forwarded-Proto" hidden:"true"`
	Body  struct {
		User     string `json:"user" maxLength:"255"`
		Password string `json:"password" maxLength:"1024" writeOnly:"true"`
	}
}

// SetupRequest is the body of POST /setup.
type SetupRequest struct {
	Plain string `header:"X-Forwarded-Proto" hidden:"true"`
	Body  struct {
		Secret   string `json:"secret" maxLength:"255" doc:"what follows #setup= in the link"`
		Password string `json:"password" maxLength:"1024" writeOnly:"true" doc:"the new one, at least 12 characters"`
	}
}

func (d *door) login(ctx context.Context, r *LoginRequest) (*SessionAnswer, error) {
	if err := d.encrypted(r.Plain); err != nil {
		return nil, err
	}
	secret, p, err := d.Logins.Login(ctx, r.Body.User, r.Body.Password, caller.Of(ctx).Client())
	name := ""
	if err != nil && d.Logins.Knows(r.Body.User) { // else it may be a password, in the wrong field
		name = r.Body.User
	}
	return d.begun(ctx, "login", name, secret, p, err)
}

func (d *door) setup(ctx context.Context, r *SetupRequest) (*SessionAnswer, error) {
	if err := d.encrypted(r.Plain); err != nil {
		return nil, err
	}
	secret, p, err := d.Logins.Setup(ctx, r.Body.Secret, r.Body.Password, caller.Of(ctx).Client())
	return d.begun(ctx, "setting the password", "", secret, p, err)
}

// PasswordChange is the body of POST /password.
type PasswordChange struct {
	Plain string `header:"X-Forwarded-Proto" hidden:"true"`
	Body  struct {
		Before   string `json:"before" maxLength:"1024" writeOnly:"true" doc:"the present one"`
		Password string `json:"password" maxLength:"1024" writeOnly:"true" doc:"the new one, at least 12 characters"`
	}
}

func (d *door) changePassword(ctx context.Context, r *PasswordChange) (*SessionAnswer, error) {
	if err := d.encrypted(r.Plain); err != nil {
		return nil, err
	}
	c := caller.Of(ctx)
	if c.Person.User == "" {
		return nil, huma.Error403Forbidden("nobody is logged in whose password this would be")
	}
	secret, err := d.Logins.ChangePassword(ctx, c.Person, r.Body.Before, r.Body.Password, c.Client())
	return d.begun(ctx, "changing the password", c.Person.User, secret, c.Person, err)
}

// encrypted refuses passwords that the proxy says came in the clear; the cookie
// would not come back either.
func (d *door) encrypted(proto string) error {
	if d.Proxied && proto == "http" {
		return huma.Error403Forbidden("the proxy passes on what is not encrypted (X-Forwarded-Proto: http): log in over https")
	}
	return nil
}

// begun answers with a new session, and logs how it went. name is who failed, if
// that is known.
func (d *door) begun(ctx context.Context, doing, name, secret string, p people.Person, err error) (*SessionAnswer, error) {
	c := caller.Of(ctx)
	if err != nil {
		if Status(err) != 0 {
			journal.Tried(ctx, name)
		}
		d.Log.Warn(doing+" was refused", "address", c.Address, "error", err)
		return nil, d.denied(doing, err)
	}
	journal.Tried(ctx, p.User)
	journal.Changed(ctx, p.User, nil, nil)
	d.Log.Info(doing+" succeeded", "user", p.User, "how", p.How, "address", c.Address)
	out := d.sessionOf(p)
	out.SetCookie = sessionCookie(c, secret, people.SessionMax).String()
	return out, nil
}

// CookieName is that of the session. The prefix makes browsers take it from
// nobody else, and send it encrypted only (RFC 6265bis, 4.1.3.2).
func CookieName(secure bool) string {
	if secure {
		return "__Host-dotm"
	}
	return "dotm"
}

func sessionCookie(c *caller.Caller, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever there is TLS; on loopback there is none
		Name: CookieName(c.Secure), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteStrictMode,
	}
}

func (d *door) logout(ctx context.Context, _ *struct{}) (*SessionAnswer, error) {
	c := caller.Of(ctx)
	if c.Session != "" {
		if err := d.Logins.End(ctx, c.Session); err != nil {
			return nil, d.denied("logging out", err)
		}
	}
	role := auth.Role("")
	if d.Open || c.Local {
		role = auth.Admin
	}
	out := d.sessionOf(people.Person{Role: role})
	out.SetCookie = sessionCookie(c, "", -time.Second).String()
	return out, nil
}

// LinkAnswer is a link that sets a password.
type LinkAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Secret  string    `json:"secret" doc:"the link is the server's address with /login#setup=SECRET"`
		Expires time.Time `json:"expires"`
		URL     string    `json:"url" doc:"the link, by the name that the server knows itself by"`
	}
}

func (d *door) adminLink(ctx context.Context, _ *struct{}) (*LinkAnswer, error) {
	return d.link(ctx, people.AdminUser)
}

// link makes one. Whose it is stands in it, for the page to say.
func (d *door) link(ctx context.Context, name string) (*LinkAnswer, error) {
	journal.Changed(ctx, name, nil, nil)
	secret, expires, err := d.Logins.NewLink(ctx, name)
	if err != nil {
		return nil, d.denied("making a login link", err)
	}
	out := &LinkAnswer{CacheControl: "no-store"}
	out.Body.Secret, out.Body.Expires, out.Body.URL = secret, expires, d.URL+"/login#setup="+secret
	if name != people.AdminUser {
		out.Body.URL += "&user=" + url.QueryEscape(name)
	}
	return out, nil
}
