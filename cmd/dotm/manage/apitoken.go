package manage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

type apiTokenCmd struct {
	Create apiTokenCreateCmd `cmd:"" help:"Make a token for scripts, and print it."`
	List   apiTokenListCmd   `cmd:"" help:"List the tokens of scripts and links, without their secrets."`
	Remove apiTokenRemoveCmd `cmd:"" help:"End a token, at once and for good."`
}

// span is a duration that may be written in days.
type span time.Duration

// UnmarshalText reads 90d beside what Go reads.
func (s *span) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("must be a duration like 90d or 12h, is %q", text)
		}
		*s = span(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("must be a duration like 90d or 12h, is %q", text)
	}
	*s = span(d)
	return nil
}

type apiTokenCreateCmd struct {
	client.Flags
	Name    string `required:"" help:"What it is for; no other token may have the name." placeholder:"NAME"`
	Role    string `help:"What it may do: viewer, operator or admin." enum:"viewer,operator,admin" default:"viewer"`
	Expires span   `help:"How long it may be used, like 90d; without it, until it is removed." placeholder:"D"`
}

// Run prints the token alone on standard output, to go into a file.
func (c *apiTokenCreateCmd) Run(ctx context.Context, g *console.Globals) error {
	body := map[string]string{"name": c.Name, "role": c.Role}
	if c.Expires != 0 {
		body["expires_in"] = time.Duration(c.Expires).String()
	}
	var made struct {
		Token string `json:"token"`
		people.APIToken
	}
	if err := c.Do(ctx, http.MethodPost, "/api-tokens", body, &made); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, made)
	}
	_, err := fmt.Fprintln(g.Out, made.Token)
	return err
}

type apiTokenListCmd struct{ client.Flags }

// Run prints a table.
func (c *apiTokenListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Tokens []people.APIToken `json:"tokens"`
	}
	if err := c.Get(ctx, "/api-tokens", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tROLE\tMADE\tBY\tEXPIRES\tUSED\tFROM\tSHOWS")
	for _, t := range list.Tokens {
		expires := "never"
		if !t.Expires.IsZero() {
			expires = console.Stamp(t.Expires)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Role, console.Stamp(t.Created), console.OrDash(t.By), expires, console.Ago(t.Used), console.OrDash(t.UsedFrom), shows(&t))
	}
	return w.Flush()
}

type apiTokenRemoveCmd struct {
	client.Flags
	ID string `arg:"" help:"Of the token, as dotm token api list shows it."`
}

// Run ends the token.
func (c *apiTokenRemoveCmd) Run(ctx context.Context, g *console.Globals) error {
	return remove(ctx, g, &c.Flags, "/api-tokens/"+url.PathEscape(c.ID), "removed", c.ID)
}
