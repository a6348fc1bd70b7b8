package door

import (
	"context"
	"net/http"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// sessions registers who is logged in.
func (d *door) sessions(a huma.API) {
	huma.Register(a, d.op("sessions", http.MethodGet, "/sessions", "The sessions that go on: one's own, for an admin all"), d.listSessions)
	huma.Register(a, d.op("end-session", http.MethodDelete, "/sessions/{id}", "End a session: one's own, for an admin any", http.StatusNotFound), d.endSession)
	huma.Register(a, d.op("end-sessions", http.MethodDelete, "/users/{name}/sessions", "End all sessions of a user, whichever way they came in"), d.endSessions)
}

// SessionList is the answer of GET /sessions.
type SessionList struct {
	Body struct {
		Sessions []ListedSession `json:"sessions" doc:"the one used last first"`
	}
}

// ListedSession is a session in a list.
type ListedSession struct {
	people.SessionInfo
	This bool `json:"this" doc:"it is the one that asks"`
}

// theirs lets through the sessions that somebody may see and end.
func (d *door) theirs(c *caller.Caller) func(people.SessionInfo) bool {
	return func(s people.SessionInfo) bool {
		return c.Role.May(auth.Admin) || c.Kind() == audit.User && s.Of(c.Person)
	}
}

func (d *door) listSessions(ctx context.Context, _ *struct{}) (*SessionList, error) {
	c := caller.Of(ctx)
	this, may := people.SessionID(c.Session), d.theirs(c)
	out := &SessionList{}
	out.Body.Sessions = []ListedSession{}
	for _, s := range d.Logins.Sessions() {
		if may(s) {
			out.Body.Sessions = append(out.Body.Sessions, ListedSession{s, s.ID == this})
		}
	}
	return out, nil
}

// SessionName names a session in a path.
type SessionName struct {
	ID string `path:"id" maxLength:"64"`
}

func (d *door) endSession(ctx context.Context, r *SessionName) (*struct{}, error) {
	ended, err := d.Logins.EndSession(ctx, r.ID, d.theirs(caller.Of(ctx)))
	if err != nil {
		return nil, d.denied("ending a session", err)
	}
	journal.Changed(ctx, ended.User, map[string]string{"session": ended.ID, "address": ended.Address}, nil)
	return nil, nil //nolint:nilnil // no content
}

// EndedSessions is the answer of DELETE /users/{name}/sessions.
type EndedSessions struct {
	Body struct {
		Ended int `json:"ended" doc:"how many"`
	}
}

func (d *door) endSessions(ctx context.Context, r *UserName) (*EndedSessions, error) {
	n, err := d.Logins.EndAll(ctx, r.Name)
	journal.Changed(ctx, r.Name, map[string]int{"sessions": n}, nil)
	if err != nil {
		return nil, d.denied("ending sessions", err)
	}
	out := &EndedSessions{}
	out.Body.Ended = n
	return out, nil
}
