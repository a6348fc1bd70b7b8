package served

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
)

// Document is the part of an OpenAPI description that these tests read.
type Document struct {
	Paths      map[string]map[string]Operation
	Components struct{ Schemas map[string]*Schema }
}

// Operation is one of a path.
type Operation struct {
	OperationID string
	Parameters  []Parameter
	Responses   map[string]struct {
		Content map[string]struct{ Schema *Schema }
	}
}

// Parameter is one of an operation.
type Parameter struct{ Name string }

// Schema is the part of JSON Schema that dotm's description uses.
type Schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Properties map[string]*Schema
	Required   []string
	Items      *Schema
	Enum       []any
	Additional any `json:"additionalProperties"`
}

// OpenAPI is the description of a site.
func OpenAPI(t testing.TB, s *Site) (doc Document, raw []byte) {
	t.Helper()
	a := s.Get(t, api.Prefix+"/openapi.json")
	if a.StatusCode != http.StatusOK {
		t.Fatal(a.Status)
	}
	if err := json.Unmarshal(a.Text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc, a.Text
}

// Check lists what is wrong with a value.
func (d *Document) Check(s *Schema, v any, at string) (wrong []string) {
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
			wrong = append(wrong, d.Check(s.Items, x, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s: %s is missing", at, name))
			}
		}
		for name, x := range v {
			if p := s.Properties[name]; p != nil {
				wrong = append(wrong, d.Check(p, x, at+"."+name)...)
			} else if s.Additional == false {
				wrong = append(wrong, at+"."+name+": is not described")
			}
		}
	}
	return wrong
}

func (s *Schema) allows(kind string) bool {
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
