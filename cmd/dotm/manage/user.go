package manage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// User is dotm user.
type User struct {
	List   userListCmd   `cmd:"" default:"withargs" help:"List the users whose passwords are kept here."`
	Add    userAddCmd    `cmd:"" help:"Add a user, and print the link by which they set their password."`
	Passwd userPasswdCmd `cmd:"" help:"Print a link by which a user sets their password, once."`
	Role   userRoleCmd   `cmd:"" help:"Change what a user may do."`
	Remove userRemoveCmd `cmd:"" help:"Remove a user, and end their sessions."`
}

// madeLink is a link that sets a password.
type madeLink struct {
	Secret  string    `json:"secret"`
	Expires time.Time `json:"expires"`
	URL     string    `json:"url"`
}

// print writes the link alone on standard output.
func (l *madeLink) print(g *console.Globals) error {
	if g.JSON {
		return console.WriteJSON(g.Out, l)
	}
	fmt.Fprintf(g.Err, "Once, until %s:\n", console.Stamp(l.Expires))
	_, err := fmt.Fprintln(g.Out, l.URL)
	return err
}

func userPath(name string) string { return "/users/" + url.PathEscape(name) }

type userAddCmd struct {
	client.Flags
	Name string `arg:"" help:"Of the user: letters, digits and . _ @ + -"`
	Role string `help:"What they may do: viewer reads, operator also acknowledges and arranges, admin everything." enum:"viewer,operator,admin" default:"viewer"`
}

// Run adds a user without a password: nobody but they ever see one.
func (c *userAddCmd) Run(ctx context.Context, g *console.Globals) error {
	var made madeLink
	if err := c.Do(ctx, http.MethodPost, "/users", map[string]string{"name": c.Name, "role": c.Role}, &made); err != nil {
		return err
	}
	return made.print(g)
}

type userPasswdCmd struct {
	client.Flags
	Name string `arg:"" help:"Of the user."`
}

// Run prints a link.
func (c *userPasswdCmd) Run(ctx context.Context, g *console.Globals) error {
	var made madeLink
	if err := c.Do(ctx, http.MethodPost, userPath(c.Name)+"/link", nil, &made); err != nil {
		return err
	}
	return made.print(g)
}

type userRoleCmd struct {
	client.Flags
	Name string `arg:"" help:"Of the user."`
	Role string `arg:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
}

// Run changes the role.
func (c *userRoleCmd) Run(ctx context.Context, g *console.Globals) error {
	if err := c.Do(ctx, http.MethodPatch, userPath(c.Name), map[string]string{"role": c.Role}, nil); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{"user": c.Name, "role": c.Role})
	}
	_, err := fmt.Fprintf(g.Out, "%s is %s.\n", c.Name, c.Role)
	return err
}

type userRemoveCmd struct {
	client.Flags
	Name string `arg:"" help:"Of the user."`
}

// Run removes a user.
func (c *userRemoveCmd) Run(ctx context.Context, g *console.Globals) error {
	return remove(ctx, g, &c.Flags, userPath(c.Name), "removed", c.Name)
}

type userListCmd struct{ client.Flags }

// Run prints a table.
func (c *userListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Users []people.User `json:"users"`
	}
	if err := c.Get(ctx, "/users", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USER\tROLE\tPASSWORD\tLAST LOGIN")
	for _, u := range list.Users {
		password := "set"
		switch {
		case !u.LinkExpires.IsZero():
			password = "link until " + console.Stamp(u.LinkExpires)
		case !u.Password:
			password = "none"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.Name, u.Role, password, console.Ago(u.LastLogin))
	}
	return w.Flush()
}

// Sessions is dotm sessions.
type Sessions struct {
	List sessionsListCmd `cmd:"" default:"withargs" help:"List the sessions that go on."`
	End  sessionsEndCmd  `cmd:"" help:"End a session, or all of a user."`
}

type sessionsListCmd struct{ client.Flags }

// Run prints a table.
func (c *sessionsListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Sessions []people.SessionInfo `json:"sessions"`
	}
	if err := c.Get(ctx, "/sessions", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSER\tROLE\tBY\tSINCE\tUSED\tFROM\tBROWSER")
	for _, s := range list.Sessions {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.60s\n", s.ID, s.User, s.Role, s.How, console.Stamp(s.Created), console.Ago(s.Used), console.OrDash(s.Address), console.OrDash(s.Program))
	}
	return w.Flush()
}

type sessionsEndCmd struct {
	client.Flags
	ID   string `arg:"" optional:"" help:"Of the session, as dotm sessions shows it."`
	User string `help:"End all sessions of this user instead." placeholder:"NAME"`
}

// Run ends one or several.
func (c *sessionsEndCmd) Run(ctx context.Context, g *console.Globals) error {
	switch {
	case (c.ID == "") == (c.User == ""):
		return errors.New("name a session (dotm sessions lists them), or a user with --user")
	case c.ID != "":
		return remove(ctx, g, &c.Flags, "/sessions/"+url.PathEscape(c.ID), "ended", c.ID)
	}
	var out struct {
		Ended int `json:"ended"`
	}
	if err := c.Do(ctx, http.MethodDelete, userPath(c.User)+"/sessions", nil, &out); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, out)
	}
	_, err := fmt.Fprintf(g.Out, "Sessions of %s that were ended: %d.\n", c.User, out.Ended)
	return err
}
