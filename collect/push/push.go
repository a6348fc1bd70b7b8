// Package push takes reports in that agents send over HTTP.
package push

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"

	"github.com/devops-trouble-map/dotm/collect"
	"github.com/devops-trouble-map/dotm/report"
)

// Path is where agents send their reports, under the server's address.
const Path = "/api/v1/reports"

// maxPacked bounds a packed report; no honest one packs worse than its limit
// unpacked.
const maxPacked = report.MaxBytes

// Failure says how a report was refused, in terms of HTTP.
type Failure struct {
	Status int
	Err    error
}

// Error is the reason.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the reason.
func (f *Failure) Unwrap() error { return f.Err }

// ErrWhole refuses a beat whose report the inbox doesn't have: the agent is
// asked for the whole.
var ErrWhole = errors.New("this server doesn't have the report that the beat builds on: send the whole")

// Receive reads one report, or a beat of one, from a request and hands the
// report to the sink. It returns whether the agent's next report may be a beat,
// and the name of the policy that it follows. The error, if any, is a
// [*Failure].
func (b *Inbox) Receive(w http.ResponseWriter, req *http.Request, sink collect.Sink) (Taken, error) {
	kind, err := checkType(req.Header.Get("Content-Type"))
	if err != nil {
		return Taken{}, err
	}
	body, done, err := b.bodies.read(w, req) // before its turn: who sends slowly keeps nobody waiting
	if err != nil {
		return Taken{}, &Failure{statusOf(err, http.StatusBadRequest), err}
	}
	defer done()
	leave, err := b.turns.take(req.Context())
	if err != nil {
		return Taken{}, err
	}
	defer leave()
	if kind == report.BeatType {
		return b.beat(req, body, sink)
	}
	return b.whole(req, body, sink)
}

// Taken is what is known of a report that was taken in.
type Taken struct {
	Beats  bool   // the next may be a beat
	Policy string // the name of the policy that its agent follows
}

// whole takes in a whole report, and keeps it.
func (b *Inbox) whole(req *http.Request, body []byte, sink collect.Sink) (Taken, error) {
	r, err := report.Decode(bytes.NewReader(body))
	if err != nil {
		return Taken{}, &Failure{statusOf(err, http.StatusBadRequest), err}
	}
	mine := *r // as the agent sent it: the sink knows better who that is
	if err := put(req, sink, r); err != nil {
		return Taken{}, err
	}
	if mine.Leaving != "" {
		b.forget(agentKey{mine.Node, mine.Agent.Instance})
		return Taken{false, mine.Agent.Policy}, nil
	}
	return Taken{b.keep(&mine), mine.Agent.Policy}, nil
}

// beat takes in the report that a beat tells of.
func (b *Inbox) beat(req *http.Request, body []byte, sink collect.Sink) (Taken, error) {
	beat, err := report.DecodeBeat(bytes.NewReader(body))
	if err == nil {
		err = beat.Validate()
	}
	if err != nil {
		return Taken{}, &Failure{statusOf(err, http.StatusBadRequest), err}
	}
	before := b.find(keyOfBeat(beat), beat.Structure)
	if before == nil {
		return Taken{}, &Failure{http.StatusConflict, ErrWhole}
	}
	next, err := report.Retell(before.unpack(), beat)
	if errors.Is(err, report.ErrUnknown) {
		return Taken{}, &Failure{http.StatusConflict, fmt.Errorf("%w (%w)", ErrWhole, err)}
	} else if err != nil {
		return Taken{}, &Failure{statusOf(err, http.StatusBadRequest), err}
	}
	if err := put(req, sink, next.Busy()); err != nil {
		return Taken{}, err
	}
	if beat.Leaving != "" {
		b.forget(keyOfBeat(beat))
		return Taken{false, beat.Policy}, nil
	}
	b.advance(keyOfBeat(beat), before, before.next(next))
	return Taken{true, beat.Policy}, nil
}

func put(req *http.Request, sink collect.Sink, r *report.Report) error {
	if err := sink.Put(req.Context(), r); err != nil {
		return &Failure{statusOf(err, http.StatusServiceUnavailable), err}
	}
	return nil
}

// statusOf maps what went wrong to a status code.
func statusOf(err error, otherwise int) int {
	var tooLarge *http.MaxBytesError
	var field *report.FieldError
	switch {
	case errors.Is(err, ErrBusy):
		return http.StatusTooManyRequests // not 503: the agent knows that it was not taken in
	case errors.As(err, &tooLarge), errors.Is(err, report.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, collect.ErrReplayed), errors.Is(err, collect.ErrRedundant):
		return http.StatusConflict
	case errors.Is(err, report.ErrVersion), errors.As(err, &field):
		return http.StatusUnprocessableEntity
	}
	return otherwise
}

// types are what a report's body may say it is. Whether it is packed is told
// by its first bytes.
var types = []string{"application/json", "application/gzip", "application/octet-stream", report.BeatType}

// checkType refuses bodies that say they are something else than a report.
func checkType(contentType string) (kind string, err error) {
	kind, _, err = mime.ParseMediaType(contentType) // without its parameters
	switch {
	case contentType == "":
		return "", nil
	case err == nil && slices.Contains(types, kind):
		return kind, nil
	}
	return "", &Failure{http.StatusUnsupportedMediaType, fmt.Errorf("content type must be application/json or application/gzip, is %q", contentType)}
}
