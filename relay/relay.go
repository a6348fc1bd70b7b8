// Package relay forwards the reports of a zone's agents to the server through one
// connection that it opens itself. It reads no report and keeps none: while the
// server is away, agents are told so and keep what they have.
package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/report"
)

// Bounds of a relay.
const (
	// MaxInFlight is how many requests are forwarded at a time; others are
	// asked to come again. Nothing of a body is held but what is on its way, so
	// it bounds the memory.
	MaxInFlight = 128
	// maxOfAddress is how many of them may come from one address: who sends slowly
	// must not hold up all others.
	maxOfAddress = 64
	maxEnrol     = 64 << 10
	maxAnswer    = 1 << 20
	patience     = 20 * time.Second // of one request to the server
	busyWait     = "2"              // Retry-After in seconds
	awayWait     = "10"
)

// The paths that are forwarded, and the header by which a relay says who it is.
const (
	enrolPath   = "/api/v1/enrol"
	relayHeader = "Dotm-Relay"
	// mark begins all that agents show: tokens and identities.
	mark = "Bearer dotm1"
)

// Uplink is the way to the server; [*uplink.Client] of package auth/uplink is
// one.
type Uplink interface {
	// URL is the server's address without a slash at its end.
	URL() string
	// Identity is what the relay shows.
	Identity() string
	// Pass sends a request as it is.
	Pass(req *http.Request) (*http.Response, error)
}

// Options of a relay.
type Options struct {
	Up Uplink
	// Name is what it calls itself in the header Via (RFC 9110, 7.6.3).
	Name string
	// Allow are the networks of the agents; none means all.
	Allow []netip.Prefix
	Log   *slog.Logger
}

// relay is the handler.
type relay struct {
	Options
	slots *limit.Seats[netip.Addr]
	away  atomic.Bool
}

// New makes the handler of all that a relay serves.
func New(opt Options) http.Handler {
	r := &relay{Options: opt, slots: limit.NewSeats[netip.Addr](MaxInFlight, maxOfAddress)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+push.Path, func(w http.ResponseWriter, q *http.Request) { r.forward(w, q, report.MaxBytes) })
	mux.HandleFunc("POST "+enrolPath, func(w http.ResponseWriter, q *http.Request) { r.forward(w, q, maxEnrol) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "this is a relay: it forwards what agents send, and shows nothing")
	})
	return mux
}

// forward passes one request on and its answer back. What can be judged by the
// head of a request is judged before its body is read.
func (r *relay) forward(w http.ResponseWriter, q *http.Request, most int64) {
	from, err := netip.ParseAddrPort(q.RemoteAddr)
	switch {
	case err != nil || !r.allows(from.Addr().Unmap()):
		refuse(w, http.StatusForbidden, "this relay doesn't forward for "+from.Addr().Unmap().String()+" (--allow)")
		return
	case !strings.HasPrefix(q.Header.Get("Authorization"), mark):
		w.Header().Set("WWW-Authenticate", `Bearer realm="dotm"`)
		refuse(w, http.StatusUnauthorized, "agent has no identity: make a token with dotm token create on the server's machine, and give it to dotm agent --token-file")
		return
	case q.ContentLength > most:
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("body must be at most %d bytes", most))
		return
	}
	leave, ok := r.slots.Take(limit.Of(from.Addr()))
	if !ok {
		w.Header().Set("Retry-After", busyWait)
		refuse(w, http.StatusServiceUnavailable, "relay is busy: try again")
		return
	}
	defer leave()
	r.pass(w, q, from.Addr().Unmap(), http.MaxBytesReader(w, q.Body, most))
}

func (r *relay) allows(a netip.Addr) bool {
	return len(r.Allow) == 0 || slices.ContainsFunc(r.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// passed are the headers that go to the server, and those that come back.
var (
	passed   = []string{"Authorization", "Content-Type", "Content-Encoding", "User-Agent"}
	returned = []string{"Content-Type", "Retry-After", "Www-Authenticate", "Cache-Control"}
)

// pass makes the request to the server.
func (r *relay) pass(w http.ResponseWriter, q *http.Request, from netip.Addr, body io.ReadCloser) {
	ctx, cancel := context.WithTimeout(q.Context(), patience)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Up.URL()+q.URL.Path, body) //nolint:gosec // the path is one of two
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	out.ContentLength = q.ContentLength
	copyHeaders(out.Header, q.Header, passed)
	out.Header.Set(relayHeader, r.Up.Identity())
	out.Header.Set("X-Forwarded-For", from.String())
	out.Header.Set("Via", strings.TrimPrefix(q.Proto, "HTTP/")+" "+r.Name)
	resp, err := r.Up.Pass(out)
	if err != nil {
		r.failed(w, q, err)
		return
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if r.away.Swap(false) {
		r.Log.Info("server is reached again")
	}
	copyHeaders(w.Header(), resp.Header, returned)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, io.LimitReader(resp.Body, maxAnswer)) // the agent may have gone
}

func copyHeaders(to, from http.Header, names []string) {
	for _, n := range names {
		if v := from.Values(n); len(v) > 0 {
			to[http.CanonicalHeaderKey(n)] = v
		}
	}
}

// failed answers an agent whose request did not get through. Its own fault is
// told from that of the way to the server, which is logged once.
func (r *relay) failed(w http.ResponseWriter, q *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("body must be at most %d bytes", tooLarge.Limit))
		return
	case q.Context().Err() != nil:
		return // the agent hung up
	}
	if !r.away.Swap(true) {
		r.Log.Error("server can't be reached; agents keep what they have", "error", err)
	}
	w.Header().Set("Retry-After", awayWait)
	refuse(w, http.StatusServiceUnavailable, "relay can't reach the server: "+err.Error())
}

// refuse writes a problem document (RFC 9457).
func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
}
