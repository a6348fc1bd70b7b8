package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/problem"
)

// guard sets the headers that every answer carries, refuses requests of other
// web pages that would change something, and, on loopback, everything that
// did not come straight from this machine.
func guard(opt Options, next http.Handler) http.Handler {
	var csrf http.CrossOriginProtection
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Answer(w, http.StatusForbidden, "request comes from another web page: "+r.Header.Get("Origin"))
	}))
	inner := csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", contentPolicy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		if alone(opt, r) {
			head.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if opt.Loopback && !caller.IsLocal(r) {
			if why := detour(r); why != "" {
				problem.Answer(w, http.StatusForbidden, why)
				return
			}
		}
		inner.ServeHTTP(w, r)
	})
}

// contentPolicy lets pages load what this server serves, and nothing else: no
// script of a page's own text, no frame around it (CSP level 3).
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; " +
	"img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// alone reports whether a request came over TLS to the standard port. Only then
// browsers are told to ask this host by TLS always (RFC 6797): that is for all
// ports of a name, and a host that serves dotm at another port may serve something
// else without TLS.
func alone(opt Options, r *http.Request) bool {
	secure := r.TLS != nil || len(opt.Proxies) > 0 && r.Header.Get("X-Forwarded-Proto") == "https"
	u, err := url.Parse("https://" + r.Host)
	return secure && err == nil && (u.Port() == "" || u.Port() == "443") && !caller.IsLocal(r)
}

// forwards tells the headers by which proxies say for whom they ask (RFC 7239
// and what came before it). An empty one counts too: a second of that name may
// follow.
func forwards(header string) bool {
	return header == "Forwarded" || header == "X-Real-Ip" || strings.HasPrefix(header, "X-Forwarded-")
}

// detour says why a request to a loopback address did not come straight from
// this machine, or "" if it did. A browser here may be made to ask by a page
// from elsewhere whose name was rebound to 127.0.0.1: its Host header tells.
func detour(r *http.Request) string {
	if !loopbackHost(r.Host) {
		return "Host " + problem.Quote(r.Host) + " is not this machine: no login is needed here, so only loopback names are answered. " +
			"Open http://127.0.0.1 with the same port, or start a server for others with dotm serve --listen or --behind-proxy"
	}
	for name := range r.Header {
		if forwards(name) {
			return "request was forwarded (" + name + "): without a login dotm answers nobody behind a proxy (--behind-proxy demands one)"
		}
	}
	return ""
}

func loopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, 6.3
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}
