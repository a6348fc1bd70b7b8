// Package door serves how people and scripts come in: logging in, sessions,
// users, API tokens.
package door

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/devops-trouble-map/dotm/api/read"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// Options are what the routes need. Logins and Provider may be nil, all else is
// required.
type Options struct {
	Logins *people.Logins
	// Question judges what a link for embedding shall ask, and writes it in a fixed order.
	// Its errors are the asker's.
	Question func(formats []string, query string) (string, error)
	// Provider vouches for people.
	Provider Provider
	// Open says that nobody needs to log in.
	Open bool
	// Proxied says that proxies stand before the server, and do TLS.
	Proxied bool
	// URL is the server's address as it knows it itself, without a slash at its
	// end.
	URL string
	Log *slog.Logger
}

// Register adds the routes.
func Register(a huma.API, opt Options) {
	d := &door{opt}
	huma.Register(a, d.op("session", http.MethodGet, "/session", "Who is logged in, and whether one must log in first"), d.session)
	if d.Logins == nil {
		return
	}
	d.logins(a)
	d.provided(a)
	d.users(a)
	d.sessions(a)
	d.tokens(a)
}

type door struct{ Options }

// maxBody bounds what is sent to these routes.
const maxBody = 64 << 10

func (d *door) op(id, method, path, summary string, errs ...int) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: read.Prefix + path, Summary: summary, Errors: errs, MaxBodyBytes: maxBody}
}

// Status is the HTTP status of an error of package auth; 0 for others.
func Status(err error) int {
	var busy *auth.BusyError
	switch {
	case errors.As(err, &busy):
		return http.StatusTooManyRequests
	case errors.Is(err, auth.ErrCredential):
		return http.StatusUnauthorized
	case errors.Is(err, auth.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, auth.ErrInvalid):
		return http.StatusUnprocessableEntity
	case errors.Is(err, auth.ErrNotFound):
		return http.StatusNotFound
	}
	return 0
}

// retryAfter is the header's value of an error that passes (RFC 9110, 10.2.3).
func retryAfter(err error) string {
	var busy *auth.BusyError
	if !errors.As(err, &busy) {
		return ""
	}
	return strconv.Itoa(int(busy.Wait.Seconds()) + 1)
}

// Denied is the problem document of an error of package auth. What is a fault of
// our own is logged, and no more is said than that it happened.
func Denied(log *slog.Logger, doing string, err error) error {
	status := Status(err)
	switch {
	case status == 0 && errors.Is(err, context.Canceled):
		return huma.Error503ServiceUnavailable(doing + ": " + err.Error())
	case status == 0:
		log.Error(doing+" failed", "error", err)
		return huma.Error500InternalServerError(doing + " failed; the server's log says why")
	}
	problem := huma.NewError(status, err.Error())
	if wait := retryAfter(err); wait != "" {
		return huma.ErrorWithHeaders(problem, http.Header{"Retry-After": {wait}})
	}
	return problem
}

func (d *door) denied(doing string, err error) error { return Denied(d.Log, doing, err) }
