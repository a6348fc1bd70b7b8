package manage

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// Token is dotm token.
type Token struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token with which agents enrol, and print it."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, without their secrets."`
	Remove tokenRemoveCmd `cmd:"" help:"End a token; what enrolled with it stays."`
	API    apiTokenCmd    `cmd:"" name:"api" help:"Make, list and end the tokens of scripts."`
	Embed  embedCmd       `cmd:"" help:"Make a link that shows one chart to whoever has it, for a wiki or dashboard, and print it."`
}

type tokenCreateCmd struct {
	client.Flags
	Uses    int           `help:"How many machines may enrol with it; 0 is any number." default:"1"`
	Expires time.Duration `help:"How long it may be used." default:"24h"`
	Relay   []string      `help:"Make it a relay's: the host names and addresses that agents call the relay by." placeholder:"NAME"`
}

// Run prints the token alone on standard output, to go into a file.
func (c *tokenCreateCmd) Run(ctx context.Context, g *console.Globals) error {
	var made struct {
		Token   string    `json:"token"`
		ID      string    `json:"id"`
		Expires time.Time `json:"expires"`
	}
	body := map[string]any{"uses": c.Uses, "expires_in": c.Expires.String(), "names": c.Relay}
	if err := c.Do(ctx, http.MethodPost, "/tokens", body, &made); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, made)
	}
	_, err := fmt.Fprintln(g.Out, made.Token)
	return err
}

type tokenListCmd struct{ client.Flags }

// Run prints a table.
func (c *tokenListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Tokens []auth.TokenInfo `json:"tokens"`
	}
	if err := c.Get(ctx, "/tokens", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tFOR\tUSED\tCREATED\tEXPIRES")
	for _, t := range list.Tokens {
		of := "any number"
		if t.Uses > 0 {
			of = strconv.Itoa(t.Uses)
		}
		what := strings.TrimSpace(string(t.Role) + " " + strings.Join(t.Names, " "))
		fmt.Fprintf(w, "%s\t%s\t%d of %s\t%s\t%s\n", t.ID, what, t.Used, of, console.Stamp(t.Created), console.Stamp(t.Expires))
	}
	return w.Flush()
}

type tokenRemoveCmd struct {
	client.Flags
	ID string `arg:"" help:"Of the token, as dotm token list shows it."`
}

// Run ends the token.
func (c *tokenRemoveCmd) Run(ctx context.Context, g *console.Globals) error {
	return remove(ctx, g, &c.Flags, "/tokens/"+c.ID, "removed", c.ID)
}

// Agents is dotm agents.
type Agents struct {
	List   agentsListCmd   `cmd:"" default:"withargs" help:"List the agents and relays that enrolled."`
	Revoke agentsRevokeCmd `cmd:"" help:"End the identity of one, at once and for good."`
}

type agentsListCmd struct{ client.Flags }

// Run prints a table.
func (c *agentsListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Agents []auth.Agent `json:"agents"`
	}
	if err := c.Get(ctx, "/agents", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tIS\tHOST\tENROLLED\tLAST REPORT\tFROM\tSTATE")
	for _, a := range list.Agents {
		state := "in force"
		if !a.Revoked.IsZero() {
			state = "revoked " + console.Stamp(a.Revoked)
		}
		from := cmp.Or(a.LastAddress, "-")
		if a.Via != "" {
			from += " via " + a.Via
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Role, a.Name, console.Stamp(a.Enrolled), console.Ago(a.LastReport), from, state)
	}
	return w.Flush()
}

type agentsRevokeCmd struct {
	client.Flags
	ID string `arg:"" help:"Of the agent, as dotm agents shows it."`
}

// Run revokes the agent.
func (c *agentsRevokeCmd) Run(ctx context.Context, g *console.Globals) error {
	return remove(ctx, g, &c.Flags, "/agents/"+c.ID, "revoked", c.ID)
}

// LoginLink is dotm login-link.
type LoginLink struct{ client.Flags }

// Run prints a link that sets the password of user admin.
func (c *LoginLink) Run(ctx context.Context, g *console.Globals) error {
	var made madeLink
	if err := c.Do(ctx, http.MethodPost, "/login-links", nil, &made); err != nil {
		return err
	}
	return made.print(g)
}
