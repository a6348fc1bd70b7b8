package api

import (
	"context"
	"net/http"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/limit"
)

// Rule is one of the table of rules.
type Rule struct {
	Role auth.Role
	What string
}

// Rules are those of all routes, by pattern.
func Rules() map[string]Rule {
	out := make(map[string]Rule, len(rules))
	for pattern, ru := range rules {
		out[pattern] = Rule{ru.role, ru.what}
	}
	return out
}

// Unwritten are the routes that leave no entry in the audit log, with the reason.
func Unwritten() map[string]string { return unwritten }

// LinksPath is where login links are made.
const LinksPath = linksPath

// Patterns are those that a handler serves.
func Patterns(opt Options) []string {
	mux, _ := build(context.Background(), opt)
	return mux.patterns
}

// Identify finds out who asks.
func Identify(opt Options, r *http.Request) (*caller.Caller, error) {
	return (&handler{Options: opt}).identify(r)
}

// Still reports whether what somebody logged in with is in force.
func Still(opt Options, c *caller.Caller) bool { return (&handler{Options: opt}).still(c) }

// Seated has a handler answer as heavy reads are.
func Seated(l *limit.Limits, next http.Handler) http.Handler {
	h := &handler{Options: Options{Limits: l}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.seated(w, r, &caller.Caller{}, next) })
}
