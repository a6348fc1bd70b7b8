// Package problem writes the problem documents (RFC 9457) by which the API says no.
package problem

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/limit"
)

// Of is the problem of a status, in words.
func Of(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}
}

// Parameter is the problem of one query parameter.
func Parameter(name, rule, value string) *huma.ErrorModel {
	m := Of(http.StatusUnprocessableEntity, fmt.Sprintf("%s %s, is %s", name, rule, Quote(value)))
	m.Errors = []*huma.ErrorDetail{{Message: rule, Location: "query." + name, Value: value}}
	return m
}

// Internal logs a fault of our own and says no more than that it happened.
func Internal(log *slog.Logger, doing string, err error) error {
	log.Error(doing+" failed", "error", err)
	return huma.Error500InternalServerError(doing + " failed; the server's log says why")
}

// Answer writes the problem of a status, in words.
func Answer(w http.ResponseWriter, status int, detail string) { Write(w, Of(status, detail)) }

// TooMany tells somebody to come again later (RFC 6585, 4).
func TooMany(w http.ResponseWriter, wait time.Duration, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(limit.Seconds(wait)))
	Answer(w, http.StatusTooManyRequests, why)
}

// Write writes a problem document for what is refused outside of the routes that huma
// serves.
func Write(w http.ResponseWriter, m *huma.ErrorModel) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(m.Status)
	_ = json.NewEncoder(w).Encode(m)
}

// Quote is a text that somebody sent, shortened and in quotes.
func Quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	b, _ := json.Marshal(strings.ToValidUTF8(s, "?"))
	return string(b)
}
