package manage

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/auth/people"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
)

type embedCmd struct {
	client.Flags
	flags.Chart
	Called  string   `arg:"" name:"name" help:"What the link is for; no other token may have the name."`
	Format  []string `help:"What the link gives: svg (a picture) and others, as dotm export writes them." default:"svg"`
	AnyTime bool     `help:"Let the link ask for moments gone by, too, with at=."`
	Expires span     `help:"How long the link is good, like 90d; without it, until it is removed." placeholder:"D"`
}

// Run prints the link alone on standard output.
func (c *embedCmd) Run(ctx context.Context, g *console.Globals) error {
	shown := c.Chart
	shown.Incident = "" // the link draws its path on the chart that is asked for
	q := shown.Query()
	if c.Incident != "" {
		q.Set("incident", c.Incident)
	}
	body := map[string]any{"name": c.Called, "role": "viewer", "embed": map[string]any{"formats": c.Format, "query": q.Encode(), "at": c.AnyTime}}
	if c.Expires != 0 {
		body["expires_in"] = time.Duration(c.Expires).String()
	}
	var made struct {
		Token string `json:"token"`
		Link  string `json:"link"`
		people.APIToken
	}
	if err := c.Do(ctx, http.MethodPost, "/api-tokens", body, &made); err != nil {
		return err
	}
	if strings.HasPrefix(made.Link, "/") { // the server doesn't know how others call it
		server, _, err := c.Find(ctx)
		if err != nil {
			return err
		}
		made.Link = strings.TrimSuffix(server, "/") + made.Link
	}
	if g.JSON {
		return console.WriteJSON(g.Out, made)
	}
	_, err := fmt.Fprintln(g.Out, made.Link)
	return err
}

// shows says what a token may be used for.
func shows(t *people.APIToken) string {
	if t.Embed == nil {
		return "everything of its role"
	}
	q, err := url.QueryUnescape(t.Embed.Query)
	if err != nil {
		q = t.Embed.Query
	}
	return strings.Join(t.Embed.Formats, ",") + " " + cmp.Or(q, "of everything")
}
