// Package caller is who asks, as far as the head of a request tells.
package caller

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// Caller is who asks.
type Caller struct {
	// Role is what it may do as a person or script; "" if it is none.
	Role auth.Role
	// Person is who logged in, Session what the browser showed for it; API is
	// the token of a script.
	Person  people.Person
	Session string
	API     *people.APIToken
	// Local came through the socket of the data folder.
	Local bool
	// Agent is an enrolled one, with the relay that forwards for it.
	Agent *auth.Agent
	Via   string
	// Token is the secret of something that wants to enrol.
	Token   string
	Address netip.Addr
	Program string // what it calls itself
	Secure  bool   // what travels is encrypted, as far as the server can tell
}

type callerKey struct{}

type localKey struct{}

// Of is who asks. Without a gate everybody may everything.
func Of(ctx context.Context) *Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return c
	}
	return &Caller{Role: auth.Admin}
}

// With is a request's context once it is known who asks.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Local serves requests that came through the socket of the data folder: who
// may open that is an administrator.
func Local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), localKey{}, true)))
	})
}

// IsLocal tells the requests of [Local].
func IsLocal(r *http.Request) bool { return r.Context().Value(localKey{}) != nil }

// IsEmbed tells who came by a link for embedding.
func (c *Caller) IsEmbed() bool { return c.API != nil && c.API.Embed != nil }

// Known reports whether it is known who somebody is.
func (c *Caller) Known() bool { return c.Agent != nil || c.Role.May(auth.Viewer) }

// Client is what sessions remember of somebody.
func (c *Caller) Client() people.Client {
	return people.Client{Address: c.Address, Program: c.Program}
}

// Entry begins an entry of the audit log about somebody.
func (c *Caller) Entry(what string) audit.Entry {
	e := audit.Entry{Kind: c.Kind(), Who: c.Name(), How: string(c.Person.How), Role: string(c.Role), Via: c.Via, What: what}
	if c.Agent != nil {
		e.Role = string(c.Agent.Role)
	}
	if c.Address.IsValid() {
		e.From = c.Address.Unmap().String()
	}
	return e
}

// Kind is what somebody is, for the audit log.
func (c *Caller) Kind() audit.Kind {
	switch {
	case c.Local:
		return audit.Socket
	case c.Agent != nil, c.Token != "":
		return audit.Agent
	case c.API != nil:
		return audit.Token
	case c.Person.User != "":
		return audit.User
	}
	return audit.Nobody
}

// Name is what somebody is called; "" if nothing is known.
func (c *Caller) Name() string {
	switch {
	case c.Agent != nil:
		return c.Agent.Name
	case c.API != nil:
		return c.API.Name
	}
	return c.Person.User
}

// Author is who did something, in words: a name, or dotm where nobody logs in.
func (c *Caller) Author() string { return cmp.Or(c.Name(), "dotm") }
