package api

import (
	"fmt"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
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

// seat takes one at the stream, for a viewer: a user or token, else an address.
func (h *handler) seat(c *caller.Caller) (leave func(), ok bool) {
	if h.Limits == nil {
		return func() {}, true
	}
	who := "address " + limit.Of(c.Address).String()
	switch {
	case c.API != nil:
		who = "token " + c.API.ID
	case c.Person.User != "":
		who = "user " + c.Person.User
	}
	return h.Limits.Viewers.Take(who)
}

// fullStream says why there is no seat.
func (h *handler) fullStream() string {
	if h.Limits == nil {
		return ""
	}
	return fmt.Sprintf("too many viewers of the live stream: at most %d in all and %d of one viewer (limits.streams and limits.streams_per_viewer in dotm.yaml)",
		h.Limits.Streams, h.Limits.PerViewer)
}
