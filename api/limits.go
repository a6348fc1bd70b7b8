package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2/queryparam"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/limit"
)

// throttle counts a request, by the agent that makes it or by its address. It
// returns how long to stay away, and why; 0 if there is no need. Where nobody logs
// in (on loopback, with --insecure) whoever asks may everything, so nothing is counted.
func (h *handler) throttle(c *caller.Caller) (wait time.Duration, why string) {
	if h.Limits == nil || c.Local || h.open() {
		return 0, ""
	}
	if c.Agent != nil && c.Agent.ID != "" {
		wait = h.Limits.Agents.Take(c.Agent.ID)
		return wait, fmt.Sprintf("too many requests of agent %s: at most %d a second (limits.reports_per_second in dotm.yaml)", c.Agent.Name, h.Limits.Reports)
	}
	wait = h.Limits.Addresses.Take(limit.Of(c.Address))
	return wait, fmt.Sprintf("too many requests from %s: at most %d a second (limits.requests_per_second in dotm.yaml)", c.Address, h.Limits.Requests)
}

// seat takes one at the stream.
func (h *handler) seat(c *caller.Caller) (leave func(), ok bool) {
	if h.Limits == nil {
		return func() {}, true
	}
	return h.Limits.Viewers.Take(viewerOf(c))
}

// viewerOf names who has seats: a user or token, else an address.
func viewerOf(c *caller.Caller) string {
	switch {
	case c.API != nil:
		return "token " + c.API.ID
	case c.Person.User != "":
		return "user " + c.Person.User
	case c.Local:
		return "this machine"
	}
	return "address " + limit.Of(c.Address).String()
}

// fullStream says why there is no seat.
func (h *handler) fullStream() string {
	if h.Limits == nil {
		return ""
	}
	return fmt.Sprintf("too many viewers of the live stream: at most %d in all and %d of one viewer (limits.streams and limits.streams_per_viewer in dotm.yaml)",
		h.Limits.Streams, h.Limits.PerViewer)
}

const (
	// patience is how long a heavy read waits for a seat, and comeAgain how long who
	// got none is told to stay away.
	patience  = 2 * time.Second
	comeAgain = 5 * time.Second
)

// heavy tells the reads that take a whole chart in memory.
func heavy(ru rule, r *http.Request) bool {
	switch ru.weight {
	case always:
		return true
	case ofPast:
		return queryparam.Get(r.URL.RawQuery, "at") != "" // as huma reads it, so that both find the same
	case never:
	}
	return false
}

// seated answers a heavy read once there is a seat for it, which it holds until its last
// byte is taken: until then its answer is in memory. Who doesn't take it is hung up on by
// the server's write timeout. Also those who may everything need a seat: memory doesn't
// ask who took it.
func (h *handler) seated(w http.ResponseWriter, r *http.Request, c *caller.Caller, next http.Handler) {
	if h.Limits == nil {
		next.ServeHTTP(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	leave, ok := h.Limits.Readers.Wait(ctx, viewerOf(c))
	cancel()
	if !ok {
		problem.TooMany(w, comeAgain, fmt.Sprintf("too many large reads at a time: there may be %s in all and %s of one viewer "+
			"(limits.heavy_reads and limits.heavy_reads_per_viewer in dotm.yaml); ask again in a moment, and for one after the other", most(h.Limits.Heavy), most(h.Limits.HeavyEach)))
		return
	}
	defer leave()
	next.ServeHTTP(w, r)
}

// most words a bound.
func most(n int) string {
	if n == 0 {
		return "any number"
	}
	return strconv.Itoa(n)
}
