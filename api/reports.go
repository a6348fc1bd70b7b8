package api

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/report"
)

// reports takes in what agents send. The body may be gzipped and larger than
// other bodies, so collect/push reads it; the API's description only shows it.
func (h *handler) reports(mux *http.ServeMux, a *huma.OpenAPI) {
	a.AddOperation(&huma.Operation{
		OperationID: "report", Method: http.MethodPost, Path: push.Path,
		Summary: "Take in a node's report", Description: "JSON, plain or gzipped, at most 8 MiB unpacked.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: a.Components.Schemas.Schema(reflect.TypeFor[report.Report](), true, "Report")},
		}},
		Responses: map[string]*huma.Response{
			"204": {Description: "The report is taken in, and part of the topology within 250 ms"},
			"401": {Description: "The agent has no identity, or one that is not in force any more"},
			"403": {Description: "The report is for another host than the agent's"},
			"409": {Description: "The report is older than one that was taken in"},
			"413": {Description: "The report is too large"},
			"422": {Description: "The report breaks a rule: field, rule and value are in the detail"},
		},
	})
	mux.HandleFunc("POST "+push.Path, func(w http.ResponseWriter, r *http.Request) {
		err := push.Receive(w, r, h.sinkFor(callerOf(r.Context())))
		h.counts.report(err)
		if err != nil {
			writeModel(w, reportProblem(err))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// reportProblem is the problem document of a refused report.
func reportProblem(err error) *huma.ErrorModel {
	status := http.StatusInternalServerError
	var failure *push.Failure
	if errors.As(err, &failure) {
		status = failure.Status
	}
	if ofAuth := authStatus(err); ofAuth != 0 {
		status = ofAuth
	}
	m := &huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: err.Error()}
	var field *report.FieldError
	if errors.As(err, &field) {
		m.Errors = []*huma.ErrorDetail{{Message: field.Rule, Location: "body." + field.Field, Value: field.Value}}
	}
	return m
}
