// Package read is what all reads have in common: what may be asked, of which moment, and
// how the answer is named by what it shows.
package read

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Prefix is the path of the API's first version.
const Prefix = "/api/v1"

// Op describes a read.
func Op(id, path, summary string, errs ...int) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: Prefix + path, Summary: summary, Errors: errs}
}

// Params are what a read may be narrowed by.
type Params struct {
	Level  string `query:"level" doc:"service (default), node, pool or group"`
	Expand string `query:"expand" maxLength:"8192" doc:"pools that are shown as their nodes on level pool: a list of ids"`
	Hide   string `query:"hide" doc:"none, or a list of old, ignored, infrastructure, observers"`
	At     string `query:"at" doc:"the moment to show: RFC 3339, or a duration ago like -24h; empty is now"`
	Match  string `header:"If-None-Match"`
}

// Raw is a body that is already encoded.
type Raw struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	Coding       string `header:"Content-Encoding" hidden:"true"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

// ETag is weak (RFC 9110, 8.8.1): two answers of one revision may differ in
// times that merely advance.
func ETag(revision string) string { return `W/"` + revision + `"` }

// Holds says whether the asker has the answer of this revision already, by the
// weak comparison of RFC 9110, 13.1.2.
func (p *Params) Holds(revision string) bool {
	for tag := range strings.SplitSeq(p.Match, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == `"`+revision+`"` {
			return true
		}
	}
	return false
}

// Answer is a JSON body named by the revision that it shows.
type Answer[T any] struct {
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// Named is an answer with the tag of a revision.
func Named[T any](revision string, body T) *Answer[T] {
	return &Answer[T]{ETag(revision), "no-cache", body}
}
