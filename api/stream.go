package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The rhythm of the stream.
const (
	beatEvery    = 5 * time.Second
	writeTimeout = 10 * time.Second // for a viewer that doesn't read
)

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
	mux.HandleFunc("GET "+Prefix+"/stream", func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		req, err := parseRequest(asked.Get("level"), asked.Get("hide"), asked.Get("expand"), HideDefault)
		if err != nil {
			writeModel(w, err)
			return
		}
		around, err := (&Near{asked.Get("focus"), asked.Get("hops")}).around()
		if err != nil {
			writeModel(w, err)
			return
		}
		s := &subscriber{handler: h, question: partQuestion{req, around}, out: w, control: http.NewResponseController(w)}
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
}

func (s *subscriber) serve(ctx context.Context, r *http.Request) {
	s.out.Header().Set("Content-Type", "text/event-stream")
	s.out.Header().Set("Cache-Control", "no-store")
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
		if err := s.send("delta", d.data); err != nil {
			return err
		}
	}
	return nil
}

// send writes one event. data is a single line, as JSON is.
func (s *subscriber) send(event string, data []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %s\nevent: %s\ndata: %s\n\n", s.revision, event, data)
	if _, err := s.out.Write(b.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}
