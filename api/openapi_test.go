package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/api/stream"
	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/test/served"
)

// TestOpenAPIGolden shows in a review what a change does to the contract.
func TestOpenAPIGolden(t *testing.T) {
	_, raw := served.OpenAPI(t, served.New(t, served.Options{}))
	golden.Check(t, "openapi.json", golden.Indented(t, raw))
}

// TestOpenAPI asks every GET that the description lists and holds the answer
// against its schema.
func TestOpenAPI(t *testing.T) {
	s := served.New(t, served.Options{Before: func(st *bolt.Store) {
		r := history.NewRecorder()
		if err := st.Write(t.Context(), store.Change{Records: []store.Record{r.Record(served.PastHost("old", served.HoursAgo(2)), served.HoursAgo(2))}}); err != nil {
			t.Fatal(err)
		}
	}})
	s.Shop(t)
	if a := s.Do(t, http.MethodPut, api.Prefix+"/drift/declaration", `{"name":"site.yaml","text":"allow: []\n"}`); a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.Text)
	}
	doc, _ := served.OpenAPI(t, s)
	for _, path := range []string{
		"/topology", "/nodes", "/nodes/{name}", "/services", "/services/{id}", "/connections", "/settings", "/version", "/reports",
		"/suggestions", "/report", "/explain", "/stream", "/targets", "/history", "/events", "/events/counts", "/diff", "/services/{id}/uses",
		"/checks", "/checks/{id}/acknowledge", "/checks/{id}/map", "/sources", "/sources/{name}", "/sources/test", "/incidents", "/incidents/{id}", "/impact", "/sources/{name}/refresh", "/mapping/preview", "/report/definitions/{system}",
		"/session", "/login", "/logout", "/setup", "/login-links", "/agents", "/agents/{id}", "/tokens", "/tokens/{id}", "/api-tokens", "/api-tokens/{id}", "/users", "/users/{name}", "/users/{name}/link", "/sessions", "/sessions/{id}", "/password", "/audit", "/enrol", "/certificate", "/ca", "/drift", "/drift/initial", "/drift/declaration",
	} {
		if doc.Paths[api.Prefix+path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	for path, operations := range doc.Paths {
		get, ok := operations["get"]
		if !ok {
			continue
		}
		concrete := strings.NewReplacer("{name}", "web", "{id}", "db~tcp~5432", "{system}", "nagios", "{format}", "json").Replace(path)
		if path == api.Prefix+"/explain" {
			concrete += "?client=web&server=db"
		}
		if path == api.Prefix+"/impact" {
			concrete += "?of=web,db:5432"
		}
		if path == stream.Path {
			continue // it never ends; see TestStream
		}
		if path == api.Prefix+"/incidents/{id}" || strings.HasPrefix(path, api.Prefix+"/login/oidc") {
			continue // see TestIncidents and TestOpenID
		}
		if path == api.Prefix+"/diff" {
			concrete += "?from=-1h"
		}
		a := s.Get(t, concrete)
		if a.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s", concrete, a.Status)
			continue
		}
		if strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") || strings.HasPrefix(a.Header.Get("Content-Type"), "application/pem") {
			continue
		}
		content, ok := get.Responses["200"].Content["application/json"]
		if !ok || content.Schema == nil {
			t.Errorf("GET %s has no schema", path)
			continue
		}
		var v any
		if err := json.Unmarshal(a.Text, &v); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range doc.Check(content.Schema, v, "") {
			t.Errorf("GET %s: %s", concrete, wrong)
		}
	}
}

// TestCheckFindsFaults: a validator that never complains proves nothing.
func TestCheckFindsFaults(t *testing.T) {
	doc, _ := served.OpenAPI(t, served.New(t, served.Options{}))
	node := &served.Schema{Ref: "#/components/schemas/Row"}
	for text, want := range map[string]string{
		`{"kind":"service","process":""}`:           "[]",
		`{"kind":"service"}`:                        "[: process is missing]",
		`{"kind":"box","process":""}`:               "[.kind: box is none of [service client more]]",
		`{"kind":"client","process":7}`:             "[.process: 7 is no string]",
		`{"kind":"client","process":"","color":""}`: "[.color: is not described]",
		`[]`: "[: [] is no object]",
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(doc.Check(node, v, "")); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
