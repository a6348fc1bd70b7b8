package api

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
)

// document is the part of an OpenAPI description that these tests read.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*schema }
}

type operation struct {
	OperationID string
	Responses   map[string]struct {
		Content map[string]struct{ Schema *schema }
	}
}

// schema is the part of JSON Schema that dotm's description uses.
type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Properties map[string]*schema
	Required   []string
	Items      *schema
	Enum       []any
	Additional any `json:"additionalProperties"`
}

func openAPI(t *testing.T, s *site) (doc document, raw []byte) {
	t.Helper()
	a := s.get(t, Prefix+"/openapi.json")
	if a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	if err := json.Unmarshal(a.body, &doc); err != nil {
		t.Fatal(err)
	}
	return doc, a.body
}

// TestOpenAPIGolden shows in a review what a change does to the contract.
func TestOpenAPIGolden(t *testing.T) {
	_, raw := openAPI(t, newSite(t, siteOptions{}))
	golden(t, "openapi.json", indented(t, raw))
}

// TestOpenAPI asks every GET that the description lists and holds the answer
// against its schema.
func TestOpenAPI(t *testing.T) {
	s := newSite(t, siteOptions{before: func(st *bolt.Store) {
		r := history.NewRecorder()
		if err := st.Write(t.Context(), store.Change{Records: []store.Record{r.Record(pastHost("old", hoursAgo(2)), hoursAgo(2))}}); err != nil {
			t.Fatal(err)
		}
	}})
	s.shop(t)
	s.keep(t, declare("site.yaml", "allow: []\n", ""))
	doc, _ := openAPI(t, s)
	for _, path := range []string{
		"/topology", "/nodes", "/nodes/{name}", "/services", "/services/{id}", "/connections", "/settings", "/version", "/reports",
		"/suggestions", "/report", "/explain", "/stream", "/targets", "/history", "/events", "/events/counts", "/diff", "/services/{id}/uses",
		"/checks", "/checks/{id}/acknowledge", "/checks/{id}/map", "/sources", "/sources/{name}", "/sources/test", "/incidents", "/incidents/{id}", "/impact", "/sources/{name}/refresh", "/mapping/preview", "/report/definitions/{system}",
		"/session", "/login", "/logout", "/setup", "/login-links", "/agents", "/agents/{id}", "/tokens", "/tokens/{id}", "/api-tokens", "/api-tokens/{id}", "/users", "/users/{name}", "/users/{name}/link", "/sessions", "/sessions/{id}", "/password", "/audit", "/enrol", "/certificate", "/ca", "/drift", "/drift/initial", "/drift/declaration",
	} {
		if doc.Paths[Prefix+path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	for path, operations := range doc.Paths {
		get, ok := operations["get"]
		if !ok {
			continue
		}
		concrete := strings.NewReplacer("{name}", "web", "{id}", "db~tcp~5432", "{system}", "nagios", "{format}", "json").Replace(path)
		if path == Prefix+"/explain" {
			concrete += "?client=web&server=db"
		}
		if path == Prefix+"/impact" {
			concrete += "?of=web,db:5432"
		}
		if path == streamPath {
			continue // it never ends; see TestStream
		}
		if path == Prefix+"/incidents/{id}" || strings.HasPrefix(path, Prefix+"/login/oidc") {
			continue // see TestIncidents and TestOpenID
		}
		if path == Prefix+"/diff" {
			concrete += "?from=-1h"
		}
		a := s.get(t, concrete)
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
		if err := json.Unmarshal(a.body, &v); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range doc.check(content.Schema, v, "") {
			t.Errorf("GET %s: %s", concrete, wrong)
		}
	}
}

// TestCheckFindsFaults: a validator that never complains proves nothing.
func TestCheckFindsFaults(t *testing.T) {
	doc, _ := openAPI(t, newSite(t, siteOptions{}))
	node := &schema{Ref: "#/components/schemas/Row"}
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
		if got := fmt.Sprint(doc.check(node, v, "")); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// check lists what is wrong with a value.
func (d *document) check(s *schema, v any, at string) (wrong []string) {
	for s.Ref != "" {
		if s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]; s == nil {
			return []string{at + ": refers to nothing"}
		}
	}
	if kind := kindOf(v); !s.allows(kind) {
		return []string{fmt.Sprintf("%s: %v is no %v", at, v, s.Type)}
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		wrong = append(wrong, fmt.Sprintf("%s: %v is none of %v", at, v, s.Enum))
	}
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			wrong = append(wrong, d.check(s.Items, x, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s: %s is missing", at, name))
			}
		}
		for name, x := range v {
			if p := s.Properties[name]; p != nil {
				wrong = append(wrong, d.check(p, x, at+"."+name)...)
			} else if s.Additional == false {
				wrong = append(wrong, at+"."+name+": is not described")
			}
		}
	}
	return wrong
}

func (s *schema) allows(kind string) bool {
	switch t := s.Type.(type) {
	case string:
		return t == kind || t == "number" && kind == "integer"
	case []any:
		return slices.Contains(t, any(kind)) || slices.Contains(t, any("number")) && kind == "integer"
	}
	return true
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
