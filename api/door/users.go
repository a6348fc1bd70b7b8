package door

import (
	"context"
	"net/http"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/journal"

	"github.com/danielgtaylor/huma/v2"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// users registers who may log in.
func (d *door) users(a huma.API) {
	add := d.op("add-user", http.MethodPost, "/users", "Add a user, who sets their own password by the link of the answer", http.StatusUnprocessableEntity)
	add.DefaultStatus = http.StatusCreated
	huma.Register(a, d.op("users", http.MethodGet, "/users", "The users whose passwords are kept here"), d.listUsers)
	huma.Register(a, add, d.addUser)
	huma.Register(a, d.op("change-user", http.MethodPatch, "/users/{name}", "Change what a user may do, from their next request on",
		http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity), d.changeUser)
	huma.Register(a, d.op("remove-user", http.MethodDelete, "/users/{name}", "Remove a user, and end their sessions",
		http.StatusForbidden, http.StatusNotFound), d.removeUser)
	huma.Register(a, d.op("new-user-link", http.MethodPost, "/users/{name}/link", "Make a link by which a user sets their password, once",
		http.StatusForbidden, http.StatusNotFound), d.userLink)
}

// UserList is the answer of GET /users.
type UserList struct {
	Body struct {
		Users []people.User `json:"users" doc:"by name"`
	}
}

func (d *door) listUsers(context.Context, *struct{}) (*UserList, error) {
	out := &UserList{}
	out.Body.Users = d.Logins.Users()
	return out, nil
}

// NewUser is the body of POST /users.
type NewUser struct {
	Body struct {
		Name string    `json:"name" maxLength:"255" doc:"1 to 64 letters, digits and . _ @ + -"`
		Role auth.Role `json:"role" doc:"viewer, operator or admin"`
	}
}

func (d *door) addUser(ctx context.Context, r *NewUser) (*LinkAnswer, error) {
	journal.Changed(ctx, r.Body.Name, nil, map[string]auth.Role{"role": r.Body.Role})
	if err := d.Logins.AddUser(ctx, r.Body.Name, r.Body.Role); err != nil {
		return nil, d.denied("adding a user", err)
	}
	return d.link(ctx, r.Body.Name)
}

// UserName names a user in a path.
type UserName struct {
	Name string `path:"name" maxLength:"255"`
}

// UserChange is the body of PATCH /users/{name}.
type UserChange struct {
	UserName
	Body struct {
		Role auth.Role `json:"role" doc:"viewer, operator or admin"`
	}
}

func (d *door) changeUser(ctx context.Context, r *UserChange) (*struct{}, error) {
	before, err := d.Logins.SetRole(ctx, r.Name, r.Body.Role)
	journal.Changed(ctx, r.Name, map[string]auth.Role{"role": before}, map[string]auth.Role{"role": r.Body.Role})
	if err != nil {
		return nil, d.denied("changing a user", err)
	}
	return nil, nil //nolint:nilnil // no content
}

func (d *door) removeUser(ctx context.Context, r *UserName) (*struct{}, error) {
	before, err := d.Logins.RemoveUser(ctx, r.Name)
	journal.Changed(ctx, r.Name, map[string]auth.Role{"role": before.Role}, nil)
	if err != nil {
		return nil, d.denied("removing a user", err)
	}
	return nil, nil //nolint:nilnil // no content
}

// userLink makes links for others than admin. That one's are made on the server's
// machine only, so that no session that was taken over can keep its owner out.
func (d *door) userLink(ctx context.Context, r *UserName) (*LinkAnswer, error) {
	if r.Name == people.AdminUser && !caller.Of(ctx).Local {
		return nil, huma.Error403Forbidden("links for user admin are made on the server's own machine: dotm login-link")
	}
	return d.link(ctx, r.Name)
}
