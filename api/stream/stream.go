// Package stream tells who follows a chart what changes, as it does.
package stream

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/api/metrics"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
	"github.com/devops-trouble-map/dotm/api/views"
	"github.com/devops-trouble-map/dotm/topology"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/view"
)

// The rhythm of the stream.
const (
	beatEvery    = 5 * time.Second
	writeTimeout = 10 * time.Second // for a viewer that doesn't read
	fullWait     = 30 * time.Second // where all seats are taken
)

// The forms of a delta.
const (
	formWhole  = "whole"
	formFields = "fields"
)

// Path is where the live changes are told.
const Path = read.Prefix + "/stream"

// Register serves the live changes of a view as server-sent events
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
//
// With ?delta=fields deltas tell only the fields that changed, where that says enough
// ([view.Delta.Fields]); else all of each thing that did.
func Register(ctx context.Context, mux Router, a *huma.OpenAPI, opt Options) {
	a.AddOperation(describeStream(a))
	t := &teller{now: opt.Now, beside: opt.Beside}
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		req, err := read.Parse(asked.Get("level"), asked.Get("hide"), asked.Get("expand"), read.HideDefault)
		if err != nil {
			problem.Write(w, err)
			return
		}
		filter, err := read.NearOf(asked).Filter()
		if err != nil {
			problem.Write(w, err)
			return
		}
		form := asked.Get("delta")
		if form != "" && form != formWhole && form != formFields {
			problem.Write(w, problem.Parameter("delta", "must be "+formWhole+" or "+formFields, form))
			return
		}
		leave, ok := opt.Seat(caller.Of(r.Context()))
		if !ok {
			problem.TooMany(w, fullWait, opt.Full)
			return
		}
		defer leave()
		s := &subscriber{Options: opt, teller: t, question: read.Question{Question: req, Filter: filter}, fields: form == formFields, out: w, control: http.NewResponseController(w)}
		s.packs = coding.Takes(r.Header.Get("Accept-Encoding"), coding.Gzip)
		s.serve(ctx, r)
	})
}

// describeStream is the stream in the API's description.
func describeStream(a *huma.OpenAPI) *huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	parameter := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: text}
	}
	a.Components.Schemas.Schema(reflect.TypeFor[view.Delta](), true, "Delta")
	two := 2
	a.Components.Schemas.Map()[reflect.TypeFor[view.Fields]().Name()] = &huma.Schema{
		Type: huma.TypeArray, Items: &huma.Schema{}, MinItems: &two, MaxItems: &two, Description: "an id, and a JSON merge patch (RFC 7396) of what it names",
	}
	return &huma.Operation{
		OperationID: "stream", Method: http.MethodGet, Path: Path, Summary: "Follow a chart as it changes",
		Description: "Server-sent events. First comes snapshot, with the revision that the chart has now; then a delta for each change, whose data is a Delta; " +
			"incidents, if something is new of them; resync, where no delta leads on from what the viewer has: read the chart anew; and a beat every five seconds. Snapshot, resync and beat also name what is shown beside the chart (alerts, sources, read, store): while a name stays, it is as it was. " +
			"The id of each is a revision, from which Last-Event-ID goes on. " +
			"A delta puts whole things in place of those with the same name or id, and takes others away. With delta=fields it tells of what the " +
			"viewer has already only what changed, in changed: lists of [id, patch], where the patch is a JSON merge patch (RFC 7396); boxes go by their names. " +
			"What changed of the members of pools and groups stands under members: of each box a patch of an object that would have its members by their names. " +
			"Times that merely advance (when something that is open, listens or reports was last seen) are told with other changes, or when they stand still.",
		Parameters: []*huma.Param{
			parameter("level", "service (default), node, pool or group"),
			parameter("expand", "pools that are shown as their nodes on level pool: a list of ids"),
			parameter("hide", "none, or a list of old, ignored, infrastructure, observers"),
			parameter("focus", "a node, pool, group or service: only what is within some hops of it is followed"),
			parameter("hops", "how many connections away from the focus, or from trouble, 1 (default) to 4; 0 is the focus alone"),
			parameter("trouble", "true: only what is in trouble, and what is within some hops of it"),
			parameter("group", "as of a chart, like process, name and text"),
			parameter("process", "as of a chart"),
			parameter("name", "as of a chart"),
			parameter("text", "as of a chart"),
			parameter("after", "the revision that the viewer has, as Last-Event-ID"),
			parameter("delta", "whole (default): things that changed are told as a whole; fields: what changed of them"),
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "The events, until the viewer goes", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: text}}},
			"422": {Description: "A parameter that is none"},
		},
	}
}

// Model is the live topology.
type Model interface {
	// Snapshot is the newest topology.
	Snapshot() *topology.Snapshot
	// Changed returns a channel that is closed when a newer one is there.
	Changed() <-chan struct{}
}

// Router serves patterns of [http.ServeMux].
type Router interface {
	HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request))
}

// Options are what the stream needs. Incidents may be nil, all else is required.
type Options struct {
	Model     Model
	Views     *views.Views
	Incidents Incidents
	Meter     *metrics.Meter
	Now       func() time.Time
	// Seat takes one for a viewer; Full says why there is none.
	Seat func(c *caller.Caller) (leave func(), ok bool)
	Full string
	// Beside names what is shown beside the chart, as it is now; it is asked once a beat for
	// all viewers. Nil: nothing is named.
	Beside func(ctx context.Context) Told
	// Still says whether what a viewer logged in with is in force.
	Still func(c *caller.Caller) bool
	Log   *slog.Logger
}

// subscriber is one viewer.
type subscriber struct {
	Options
	teller   *teller
	question read.Question
	out      http.ResponseWriter
	control  *http.ResponseController
	revision string
	fields   bool // it takes deltas that tell the fields that changed
	packs    bool // it takes events that are compressed
	begun    bool // something was sent
}

func (s *subscriber) serve(ctx context.Context, r *http.Request) {
	s.out.Header().Set("Content-Type", "text/event-stream")
	s.out.Header().Set("Cache-Control", "no-store")
	s.out.Header().Set("Vary", "Accept-Encoding")
	if s.packs {
		s.out.Header().Set("Content-Encoding", coding.Gzip)
	}
	s.revision = cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after"))
	s.Meter.Viewer(1)
	defer s.Meter.Viewer(-1)
	news := incidentNews{}
	news.begin(s.Incidents)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for first := true; ; first = false {
		changed := s.Model.Changed()
		var rested <-chan time.Time
		if left := s.Views.RestOf(s.question); left > 0 && !first {
			rested = time.After(left)
		} else if err := s.catchUp(r.Context(), first); err != nil {
			return
		}
		if data := news.take(); data != nil {
			if err := s.send("incidents", data); err != nil {
				return
			}
		}
		select {
		case <-changed:
		case <-rested:
		case <-news.more:
		case <-beat.C:
			if !s.Still(caller.Of(r.Context())) {
				return // logged out meanwhile
			}
			if err := s.send("beat", s.stamp(r.Context())); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// stamp is the data of events that only name a moment, and what is shown beside the chart then.
func (s *subscriber) stamp(ctx context.Context) []byte {
	data, _ := json.Marshal(struct {
		Revision string    `json:"revision"`
		At       time.Time `json:"at"`
		Told
	}{s.revision, s.Model.Snapshot().At().UTC(), s.teller.names(ctx)})
	return data
}

// catchUp sends what the viewer doesn't have yet.
func (s *subscriber) catchUp(ctx context.Context, first bool) error {
	deltas, newest, known, err := s.Views.Since(s.question, s.revision)
	if err != nil {
		s.Log.Error("computing a view failed", "error", err)
		return err
	}
	switch {
	case first && s.revision == "":
		s.revision = newest
		return s.send("snapshot", s.stamp(ctx))
	case !known:
		s.revision = newest
		return s.send("resync", s.stamp(ctx))
	case first && len(deltas) == 0:
		return s.send("snapshot", s.stamp(ctx))
	}
	for _, d := range deltas {
		s.revision = d.To
		event, err := d.Form(s.fields)
		if err != nil {
			s.Log.Error("telling a change failed", "error", err)
			return err
		}
		if err := s.pass(event); err != nil {
			return err
		}
		if !first { // who comes back is late by itself
			s.Meter.Lag(s.Now().Sub(d.At))
		}
	}
	return nil
}

// send writes one event that is this viewer's own.
func (s *subscriber) send(event string, data []byte) error {
	return s.pass(views.Tell(s.revision, event, data))
}

// pass writes one event, and sees that it leaves.
func (s *subscriber) pass(e *views.Event) error {
	begin := time.Now()
	if err := s.control.SetWriteDeadline(begin.Add(writeTimeout)); err != nil {
		return err
	}
	body := e.Plain
	if s.packs {
		body = e.Packed()
		if !s.begun {
			body = append(slices.Clone(coding.GzipHead), body...)
		}
	}
	s.begun = true
	_, err := s.out.Write(body)
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		if time.Since(begin) >= writeTimeout { // else it just left
			s.Meter.Dropped()
		}
		return err
	}
	s.Meter.Event(e.Name, len(body))
	return nil
}
