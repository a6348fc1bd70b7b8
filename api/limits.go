package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/limit"
)

// When those who find no room shall try again.
const (
	busyWait = "2"              // seconds, where reports of others are taken in
	fullWait = 30 * time.Second // where all seats at the stream are taken
)

// throttle counts a request, by the agent that makes it or by its address. It
// returns how long to stay away, and why; 0 if there is no need. Where nobody logs
// in (on loopback, with --insecure) whoever asks may everything, so nothing is counted.
func (h *handler) throttle(c *caller) (wait time.Duration, why string) {
	if h.Limits == nil || c.local || h.open() {
		return 0, ""
	}
	if c.agent != nil && c.agent.ID != "" {
		wait = h.Limits.Agents.Take(c.agent.ID)
		return wait, fmt.Sprintf("too many requests of agent %s: at most %d a second (limits.reports_per_second in dotm.yaml)", c.agent.Name, h.Limits.Reports)
	}
	wait = h.Limits.Addresses.Take(limit.Of(c.address))
	return wait, fmt.Sprintf("too many requests from %s: at most %d a second (limits.requests_per_second in dotm.yaml)", c.address, h.Limits.Requests)
}

// tooMany tells somebody to come again later (RFC 6585, 4).
func tooMany(w http.ResponseWriter, wait time.Duration, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(limit.Seconds(wait)))
	problem(w, http.StatusTooManyRequests, why)
}

// seat takes one at the stream, for a viewer: a user or token, else an address.
func (h *handler) seat(c *caller) (leave func(), ok bool) {
	if h.Limits == nil {
		return func() {}, true
	}
	who := "address " + limit.Of(c.address).String()
	switch {
	case c.api != nil:
		who = "token " + c.api.ID
	case c.person.User != "":
		who = "user " + c.person.User
	}
	return h.Limits.Viewers.Take(who)
}

func (h *handler) fullStream() string {
	return fmt.Sprintf("too many viewers of the live stream: at most %d in all and %d of one viewer (limits.streams and limits.streams_per_viewer in dotm.yaml)",
		h.Limits.Streams, h.Limits.PerViewer)
}
