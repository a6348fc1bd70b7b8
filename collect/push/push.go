// Package push takes reports in that agents send over HTTP.
package push

import (
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

// Receive reads one report from a request and hands it to the sink. The error,
// if any, is a [*Failure].
func Receive(w http.ResponseWriter, req *http.Request, sink collect.Sink) error {
	if err := checkType(req.Header.Get("Content-Type")); err != nil {
		return err
	}
	r, err := report.Decode(http.MaxBytesReader(w, req.Body, maxPacked))
	if err != nil {
		return &Failure{statusOf(err, http.StatusBadRequest), err}
	}
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
	case errors.As(err, &tooLarge), errors.Is(err, report.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, collect.ErrReplayed):
		return http.StatusConflict
	case errors.Is(err, report.ErrVersion), errors.As(err, &field):
		return http.StatusUnprocessableEntity
	}
	return otherwise
}

// types are what a report's body may say it is. Whether it is packed is told
// by its first bytes.
var types = []string{"application/json", "application/gzip", "application/octet-stream"}

// checkType refuses bodies that say they are something else than a report.
func checkType(contentType string) error {
	kind, _, err := mime.ParseMediaType(contentType) // without its parameters
	switch {
	case contentType == "":
		return nil
	case err == nil && slices.Contains(types, kind):
		return nil
	}
	return &Failure{http.StatusUnsupportedMediaType, fmt.Errorf("content type must be application/json or application/gzip, is %q", contentType)}
}
