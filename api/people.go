package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
)

// linksPath is where login links are made.
const linksPath = Prefix + "/login-links"

// people registers how people log in.
func (h *handler) people(a huma.API) {
	huma.Register(a, read("session", "/session", "Who is logged in, and whether one must log in first"), h.session)
	if h.Logins == nil {
		return
	}
	write := func(id, path, summary string, errs ...int) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: Prefix + path, Summary: summary, Errors: errs, MaxBodyBytes: 64 << 10}
	}
	huma.Register(a, write("login", "/login", "Log in: the answer sets the session's cookie",
		http.StatusUnauthorized, http.StatusTooManyRequests), h.login)
	huma.Register(a, write("setup", "/setup", "Set the password of user admin with the secret of a login link, and log in",
		http.StatusUnauthorized, http.StatusTooManyRequests), h.setup)
	huma.Register(a, write("logout", "/logout", "End the session"), h.logout)
	huma.Register(a, write("new-login-link", "/login-links", "Make a one-time secret that sets the password of user admin; through the server's socket only",
		http.StatusForbidden), h.newLink)
}

// SessionAnswer is the answer of GET /session, and of what changes it.
type SessionAnswer struct {
	SetCookie    string `header:"Set-Cookie"`
	CacheControl string `header:"Cache-Control"`
	Body         Session
}

// Session says who asks.
type Session struct {
	User   string    `json:"user" doc:"empty for somebody who did not log in"`
	Role   auth.Role `json:"role" enum:"viewer,operator,admin," doc:"what they may do; empty for nothing"`
	Needed bool      `json:"needed" doc:"they must log in before they are answered anything else"`
	Setup  bool      `json:"setup" doc:"nobody has a password yet: the server's log shows a link to set one, dotm login-link makes another"`
}

func (h *handler) session(ctx context.Context, _ *struct{}) (*SessionAnswer, error) {
	c := callerOf(ctx)
	return h.sessionOf(auth.Person{User: c.user, Role: c.role}), nil
}

func (h *handler) sessionOf(p auth.Person) *SessionAnswer {
	setup := h.Logins != nil && !h.open() && !h.Logins.Configured()
	return &SessionAnswer{CacheControl: "no-store", Body: Session{p.User, p.Role, p.Role == "", setup}}
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

func (h *handler) login(ctx context.Context, r *LoginRequest) (*SessionAnswer, error) {
	if err := h.encrypted(r.Plain); err != nil {
		return nil, err
	}
	secret, p, err := h.Logins.Login(ctx, r.Body.User, r.Body.Password, callerOf(ctx).address)
	return h.begun(ctx, "login", secret, p, err)
}

func (h *handler) setup(ctx context.Context, r *SetupRequest) (*SessionAnswer, error) {
	if err := h.encrypted(r.Plain); err != nil {
		return nil, err
	}
	secret, p, err := h.Logins.Setup(ctx, r.Body.Secret, r.Body.Password, callerOf(ctx).address)
	return h.begun(ctx, "setting the password", secret, p, err)
}

// encrypted refuses passwords that the proxy says came in the clear; the cookie
// would not come back either.
func (h *handler) encrypted(proto string) error {
	if len(h.Proxies) > 0 && proto == "http" {
		return huma.Error403Forbidden("the proxy passes on what is not encrypted (X-Forwarded-Proto: http): log in over https")
	}
	return nil
}

// begun answers with a new session, and logs how it went.
func (h *handler) begun(ctx context.Context, doing, secret string, p auth.Person, err error) (*SessionAnswer, error) {
	c := callerOf(ctx)
	if err != nil {
		h.Log.Warn(doing+" was refused", "address", c.address, "error", err)
		return nil, h.denied(doing, err)
	}
	h.Log.Info(doing+" succeeded", "user", p.User, "address", c.address)
	out := h.sessionOf(p)
	out.SetCookie = sessionCookie(c, secret, auth.SessionMax).String()
	return out, nil
}

func sessionCookie(c *caller, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever there is TLS; on loopback there is none
		Name: cookieName(c), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteStrictMode,
	}
}

func (h *handler) logout(ctx context.Context, _ *struct{}) (*SessionAnswer, error) {
	c := callerOf(ctx)
	if c.session != "" {
		if err := h.Logins.End(ctx, c.session); err != nil {
			return nil, h.denied("logging out", err)
		}
	}
	role := auth.Role("")
	if h.open() || c.local {
		role = auth.Admin
	}
	out := h.sessionOf(auth.Person{Role: role})
	out.SetCookie = sessionCookie(c, "", -time.Second).String()
	return out, nil
}

// LinkAnswer is the answer of POST /login-links.
type LinkAnswer struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Secret  string    `json:"secret" doc:"the link is the server's address with /login#setup=SECRET"`
		Expires time.Time `json:"expires"`
		URL     string    `json:"url" doc:"the link, by the name that the server knows itself by"`
	}
}

func (h *handler) newLink(ctx context.Context, _ *struct{}) (*LinkAnswer, error) {
	secret, expires, err := h.Logins.NewLink(ctx)
	if err != nil {
		return nil, h.denied("making a login link", err)
	}
	out := &LinkAnswer{CacheControl: "no-store"}
	out.Body.Secret, out.Body.Expires, out.Body.URL = secret, expires, h.URL+"/login#setup="+secret
	return out, nil
}

// denied is the problem document of an error of package auth.
func (h *handler) denied(doing string, err error) error {
	status := authStatus(err)
	if status == 0 {
		if errors.Is(err, context.Canceled) {
			return huma.Error503ServiceUnavailable(doing + ": " + err.Error())
		}
		return h.internal(doing, err)
	}
	problem := huma.NewError(status, err.Error())
	if wait := retryAfter(err); wait != "" {
		return huma.ErrorWithHeaders(problem, http.Header{"Retry-After": {wait}})
	}
	return problem
}
