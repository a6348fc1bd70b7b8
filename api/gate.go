package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api/agents"
	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/door"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/collect/push"
)

// linksPath is judged in its own way.
const linksPath = Prefix + "/login-links"

// relayHeader carries the identity of a relay that forwards a request. The
// request's own Authorization is the agent's.
const relayHeader = "Dotm-Relay"

// gate lets through who may do what the request asks for, those who ask for much as
// seats get free, and has that written down. It reads the head of a request alone: a body that nobody wants is never
// read.
func (h *handler) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := h.identify(r)
		if wait, why := h.throttle(c); wait > 0 {
			problem.TooMany(w, wait, why)
			return
		}
		ru := h.ruleOf(r)
		if err == nil {
			err = permit(c, ru, r)
		}
		if err != nil {
			h.refuse(w, r, c, err)
			if ru.what != "" && c.Known() { // strangers are in the log alone: they could fill it
				h.journal.Note(r.Context(), c.Entry(ru.what), http.StatusForbidden, err.Error())
			}
			return
		}
		if c.IsEmbed() {
			embeddable(w.Header())
		}
		r = r.WithContext(caller.With(r.Context(), c))
		switch {
		case heavy(ru, r):
			h.seated(w, r, c, next)
			return
		case ru.what == "":
			next.ServeHTTP(w, r)
			return
		}
		h.journal.Noted(w, r, c, ru.what, next)
	})
}

// open reports whether nobody needs to log in.
func (h *handler) open() bool { return h.Loopback || h.Logins == nil }

// errNotProxied refuses what comes past the proxy, unencrypted.
var errNotProxied = errors.New("this server answers its proxy only (--behind-proxy): ask the proxy")

// identify finds out who asks. The caller is never nil.
func (h *handler) identify(r *http.Request) (*caller.Caller, error) {
	c := &caller.Caller{Secure: r.TLS != nil || len(h.Proxies) > 0, Local: caller.IsLocal(r), Program: r.UserAgent()}
	if c.Local {
		c.Role = auth.Admin
		return c, nil
	}
	hops := h.hops(r)
	if c.Address = hops[0]; len(h.Proxies) > 0 && !contains(h.Proxies, peer(r)) {
		return c, errNotProxied
	}
	if err := h.relayed(r, c, hops); err != nil {
		return c, err
	}
	if embeds(r) { // whatever else it brings: a link is worth no more where somebody is logged in
		return c, h.embedded(r, c)
	}
	bearer, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case given && people.IsAPIToken(bearer):
		return c, h.script(r, c, bearer)
	case given && h.Agents == nil:
		return c, auth.ErrCredential
	case given && r.URL.Path == agents.EnrolPath:
		secret, err := h.Agents.CheckToken(bearer)
		c.Token = secret
		return c, err
	case given:
		agent, err := h.Agents.Authenticate(bearer)
		c.Agent = &agent
		return c, err
	case h.open():
		c.Role = auth.Admin
		return c, nil
	}
	if h.Vouched != nil && len(h.Proxies) > 0 {
		p, err := h.Vouched.person(r)
		if err != nil {
			return c, err
		}
		if p.Role.Known() {
			c.Person, c.Role = p, p.Role
			return c, nil
		}
	}
	if cookie, err := r.Cookie(door.CookieName(c.Secure)); err == nil {
		if p, ok := h.Logins.Session(cookie.Value); ok {
			c.Person, c.Role, c.Session = p, p.Role, cookie.Value
		}
	}
	return c, nil
}

// errPlain refuses a token that others could read on the way.
var errPlain = errors.New("API token came unencrypted (the proxy says X-Forwarded-Proto: http): end it, make another, and use https")

// script judges an API token.
func (h *handler) script(r *http.Request, c *caller.Caller, text string) error {
	if h.Logins == nil { // nobody needs one
		c.Role = auth.Admin
		return nil
	}
	if len(h.Proxies) > 0 && r.Header.Get("X-Forwarded-Proto") == "http" {
		return errPlain
	}
	t, err := h.Logins.CheckAPIToken(text, c.Address)
	if err != nil {
		return err
	}
	c.API, c.Role = &t, t.Role
	return nil
}

// relayed judges the identity of a relay, and believes it whom it forwards for.
func (h *handler) relayed(r *http.Request, c *caller.Caller, hops []netip.Addr) error {
	text := r.Header.Get(relayHeader)
	if text == "" || h.Agents == nil {
		return nil
	}
	relay, err := h.Agents.Authenticate(text)
	if err == nil && relay.Role != auth.RoleRelay {
		err = errors.New(relay.Name + " is no relay")
	}
	if err != nil {
		return relayError{err}
	}
	c.Via = relay.Name
	if len(hops) > 1 {
		c.Address = hops[1]
	}
	return nil
}

// relayError says that it is the relay who may not, and not the agent behind it.
type relayError struct{ error }

func (e relayError) Error() string { return "relay: " + e.error.Error() }

func peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

func contains(nets []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(a) })
}

// maxHops bounds what is read of X-Forwarded-For.
const maxHops = 16

// hops are the addresses on the way of a request, the nearest first, without our
// own proxies. What is further than the first is hearsay.
func (h *handler) hops(r *http.Request) []netip.Addr {
	out := []netip.Addr{peer(r)}
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(list) - 1; i >= 0 && len(out) < maxHops; i-- {
		a, ok := parseHop(strings.TrimSpace(list[i]))
		if !ok {
			break
		}
		if contains(h.Proxies, out[len(out)-1]) {
			out[len(out)-1] = a
			continue
		}
		out = append(out, a)
	}
	return out
}

func parseHop(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap(), err == nil
}

// errLogin and errEnrol tell strangers the way in.
var (
	errLogin = errors.New("log in first: with a browser, or on the server's own machine as the user that it runs as")
	errEnrol = errors.New("agent has no identity: make a token with dotm token create on the server's machine, and give it to dotm agent --token-file")
	errAgent = errors.New("agents may only report")
	errToken = errors.New("enrolling needs a token: dotm token create makes one, on the server's machine")
	errRelay = errors.New("only relays get certificates")
	errLocal = errors.New("login links are made on the server's own machine: dotm login-link")
)

// permit says why a caller may not do what a request asks for, or nil.
func permit(c *caller.Caller, ru rule, r *http.Request) error {
	switch path := r.URL.Path; {
	case path == push.Path && r.Method == http.MethodPost:
		if c.Agent == nil && c.Role != auth.Admin {
			return errEnrol
		}
		return nil
	case path == agents.EnrolPath:
		return unless(c.Token != "", errToken)
	case path == agents.CertificatePath:
		if c.Agent == nil {
			return errEnrol
		}
		return unless(c.Agent.Role == auth.RoleRelay, errRelay)
	case ru.role == "", c.Agent != nil && ru.agents:
		return nil
	case c.Agent != nil:
		return errAgent
	case path == linksPath:
		return unless(c.Local, errLocal)
	case c.Role == "":
		return errLogin
	}
	return unless(c.Role.May(ru.role), &roleError{c.Role, ru.role})
}

// roleError says which role would do.
type roleError struct{ has, needed auth.Role }

func (e *roleError) Error() string {
	return fmt.Sprintf("this takes the role %s, and this login or token has %s", e.needed, e.has)
}

func unless(fine bool, err error) error {
	if fine {
		return nil
	}
	return err
}

// still reports whether the session or token that a long answer began with is in
// force.
func (h *handler) still(c *caller.Caller) bool {
	switch {
	case c.API != nil:
		return h.Logins.TokenHolds(c.API.ID)
	case c.Session != "":
		_, ok := h.Logins.Session(c.Session)
		return ok
	}
	return true
}

// refuse answers who may not.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, c *caller.Caller, err error) {
	status := http.StatusForbidden
	var ofRelay relayError
	switch {
	case errors.As(err, &ofRelay): // 401 would make the agent doubt its own identity
	case errors.Is(err, auth.ErrCredential), err == errLogin, err == errEnrol, err == errToken: //nolint:errorlint // our own, not wrapped
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer realm="dotm"`)
	}
	if tooOften(err) {
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "1")
	}
	if errors.Is(err, auth.ErrCredential) {
		h.Log.Warn("credential was refused", "path", r.URL.Path, "address", c.Address, "via", c.Via, "error", err)
	}
	if r.ProtoMajor < 2 { // HTTP/2 would end the requests of others, too
		w.Header().Set("Connection", "close") // nobody waits for the body of a stranger
	}
	if r.Method == http.MethodPost && r.URL.Path == push.Path {
		agents.Count(h.Meter, r, time.Now(), 0, err, status)
	}
	problem.Answer(w, status, err.Error())
}
