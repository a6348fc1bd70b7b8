package agents

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/problem"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/report"
)

// busyWait is when, in seconds, those try again whose report finds no room.
const busyWait = "2"

// reports takes in what agents send. The body may be gzipped and larger than
// other bodies, so collect/push reads it; the API's description only shows it.
func (h *routes) reports(mux Router, a *huma.OpenAPI) {
	schema := func(of reflect.Type, name string) *huma.MediaType {
		return &huma.MediaType{Schema: a.Components.Schemas.Schema(of, true, name)}
	}
	a.AddOperation(&huma.Operation{
		OperationID: "report", Method: http.MethodPost, Path: push.Path,
		Summary: "Take in a node's report", Description: "JSON, plain or gzipped, at most 8 MiB unpacked.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": schema(reflect.TypeFor[report.Report](), "Report"),
			report.BeatType:    schema(reflect.TypeFor[report.Beat](), "Beat"),
		}},
		Responses: map[string]*huma.Response{
			"200": {
				Description: "The report is taken in, and part of the topology within 250 ms",
				Content:     map[string]*huma.MediaType{"application/json": schema(reflect.TypeFor[report.Policy](), "Policy")},
			},
			"401": {Description: "The agent has no identity, or one that is not in force any more"},
			"403": {Description: "The report is for another host than the agent's"},
			"409": {Description: "The report is older than one that was taken in, or imported for a node whose agent reports; or, with the type " + report.WholeWanted + ", the server doesn't have the one that a beat builds on"},
			"413": {Description: "The report is too large"},
			"429": {Description: "The server has no room for it now, or the agent sends too often: Retry-After says when to try again"},
			"422": {Description: "The report breaks a rule: field, rule and value are in the detail"},
		},
	})
	inbox := push.NewInbox(time.Now)
	policies := &policies{model: h.Model, settings: h.Settings}
	mux.HandleFunc("POST "+push.Path, func(w http.ResponseWriter, r *http.Request) {
		received := time.Now()
		body := &measured{ReadCloser: r.Body}
		r.Body = body
		taken, err := inbox.Receive(w, r, h.sinkFor(caller.Of(r.Context())))
		refused := h.refusal(err)
		Count(h.Meter, r, received, body.bytes, err, refused.Status)
		if err != nil {
			h.noteRefusal(caller.Of(r.Context()), refused)
			if refused.Status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", busyWait)
			}
			problem.Write(w, refused)
			return
		}
		policy := policies.at(received).Brief(taken.Policy)
		policy.Beats, policy.Received = taken.Beats, received.UTC()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(policy) // whoever doesn't read it has sent its report
	})
}

// noteRefusal logs whose report is not taken in, and why. That a beat lacks its
// report, or that one comes late, is no trouble.
func (h *routes) noteRefusal(c *caller.Caller, m *huma.ErrorModel) {
	switch m.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		agent := ""
		if c.Agent != nil {
			agent = c.Agent.ID
		}
		h.Log.Warn("report was refused", "agent", agent, "address", c.Address, "via", c.Via, "error", m.Detail)
	}
}

// refusal is the problem document of a refused report; empty if err is nil.
func (h *routes) refusal(err error) *huma.ErrorModel {
	if err == nil {
		return &huma.ErrorModel{}
	}
	status := http.StatusInternalServerError
	var failure *push.Failure
	if errors.As(err, &failure) {
		status = failure.Status
	}
	if ofAuth := h.Status(err); ofAuth != 0 {
		status = ofAuth
	}
	m := &huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: err.Error()}
	if errors.Is(err, push.ErrWhole) {
		m.Type = report.WholeWanted
	}
	var field *report.FieldError
	if errors.As(err, &field) {
		m.Errors = []*huma.ErrorDetail{{Message: field.Rule, Location: "body." + field.Field, Value: field.Value}}
	}
	return m
}
