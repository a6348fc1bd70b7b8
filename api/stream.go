package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The rhythm of the stream.
const (
	beatEvery    = 5 * time.Second
	writeTimeout = 10 * time.Second // for a viewer that doesn't read
)

// streamPath is where the live changes are told.
const streamPath = Prefix + "/stream"

// stream serves the live changes of a view as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html):
//
//	snapshot  the revision that the view has now, first of all
//	delta     what changed from one revision to the next
//	incidents what is new of incidents: their ids, states, and what happened
//	resync    there is no way from the viewer's revision: ask anew
//	beat      every five seconds, so that silence means trouble
//
// The id of each event is the revision, so that a viewer that reconnects goes
// on where it was: by Last-Event-ID, or by ?after= where it can send no header,
// as an EventSource that is new.
func (h *handler) stream(ctx context.Context, mux *router) {
	mux.HandleFunc("GET "+streamPath, func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		req, err := parseRequest(asked.Get("level"), asked.Get("hide"), asked.Get("expand"), HideDefault)
		if err != nil {
			writeModel(w, err)
			return
		}
		filter, err := nearOf(asked).filter()
		if err != nil {
			writeModel(w, err)
			return
		}
		leave, ok := h.seat(callerOf(r.Context()))
		if !ok {
			tooMany(w, fullWait, h.fullStream())
			return
		}
		defer leave()
		s := &subscriber{handler: h, question: partQuestion{req, filter}, out: w, control: http.NewResponseController(w)}
		s.packs = takes(r.Header.Get("Accept-Encoding"), codingGzip)
		s.serve(ctx, r)
	})
}

// subscriber is one viewer.
type subscriber struct {
	*handler
	question partQuestion
	out      http.ResponseWriter
	control  *http.ResponseController
	revision string
	packs    bool // it takes events that are compressed
	begun    bool // something was sent
}

// told is an event as it goes out: the same bytes for all who are told.
type told struct {
	plain  []byte
	packed func() []byte // made once, when somebody takes it
}

// tell makes an event. data is a single line, as JSON is.
func tell(id, event string, data []byte) *told {
	plain := fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", id, event, data)
	return &told{plain, sync.OnceValue(func() []byte { return deflated(plain) })}
}

func (s *subscriber) serve(ctx context.Context, r *http.Request) {
	s.out.Header().Set("Content-Type", "text/event-stream")
	s.out.Header().Set("Cache-Control", "no-store")
	s.out.Header().Set("Vary", "Accept-Encoding")
	if s.packs {
		s.out.Header().Set("Content-Encoding", codingGzip)
	}
	s.revision = cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after"))
	s.counts.viewers.Inc()
	defer s.counts.viewers.Dec()
	news := incidentNews{}
	news.begin(s.Incidents)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for first := true; ; first = false {
		changed := s.Model.Changed()
		if err := s.catchUp(first); err != nil {
			return
		}
		if data := news.take(); data != nil {
			if err := s.send("incidents", data); err != nil {
				return
			}
		}
		select {
		case <-changed:
		case <-news.more:
		case <-beat.C:
			if !s.still(r) {
				return // logged out meanwhile
			}
			if err := s.send("beat", s.stamp()); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// stamp is the data of events that only name a moment.
func (s *subscriber) stamp() []byte {
	data, _ := json.Marshal(struct {
		Revision string    `json:"revision"`
		At       time.Time `json:"at"`
	}{s.revision, s.Model.Snapshot().At().UTC()})
	return data
}

// catchUp sends what the viewer doesn't have yet.
func (s *subscriber) catchUp(first bool) error {
	deltas, newest, known, err := s.parts.since(s.question, s.revision)
	if err != nil {
		s.Log.Error("computing a view failed", "error", err)
		return err
	}
	switch {
	case first && s.revision == "":
		s.revision = newest
		return s.send("snapshot", s.stamp())
	case !known:
		s.revision = newest
		return s.send("resync", s.stamp())
	case first && len(deltas) == 0:
		return s.send("snapshot", s.stamp())
	}
	for _, d := range deltas {
		s.revision = d.to
		if err := s.pass(d.told); err != nil {
			return err
		}
	}
	return nil
}

// send writes one event that is this viewer's own.
func (s *subscriber) send(event string, data []byte) error {
	return s.pass(tell(s.revision, event, data))
}

// pass writes one event, and sees that it leaves.
func (s *subscriber) pass(e *told) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	body := e.plain
	if s.packs {
		body = e.packed()
		if !s.begun {
			body = append(slices.Clone(gzipHead), body...)
		}
	}
	s.begun = true
	if _, err := s.out.Write(body); err != nil {
		return err
	}
	return s.control.Flush()
}
