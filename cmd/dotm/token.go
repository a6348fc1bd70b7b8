package main

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
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token with which agents enrol, and print it."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, without their secrets."`
	Remove tokenRemoveCmd `cmd:"" help:"End a token; what enrolled with it stays."`
	API    apiTokenCmd    `cmd:"" name:"api" help:"Make, list and end the tokens of scripts."`
}

type tokenCreateCmd struct {
	clientFlags
	Uses    int           `help:"How many machines may enrol with it; 0 is any number." default:"1"`
	Expires time.Duration `help:"How long it may be used." default:"24h"`
	Relay   []string      `help:"Make it a relay's: the host names and addresses that agents call the relay by." placeholder:"NAME"`
}

// Run prints the token alone on standard output, to go into a file.
func (c *tokenCreateCmd) Run(ctx context.Context, g *globals) error {
	var made struct {
		Token   string    `json:"token"`
		ID      string    `json:"id"`
		Expires time.Time `json:"expires"`
	}
	body := map[string]any{"uses": c.Uses, "expires_in": c.Expires.String(), "names": c.Relay}
	if err := c.do(ctx, http.MethodPost, "/tokens", body, &made); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, made)
	}
	_, err := fmt.Fprintln(g.out, made.Token)
	return err
}

type tokenListCmd struct{ clientFlags }

// Run prints a table.
func (c *tokenListCmd) Run(ctx context.Context, g *globals) error {
	var list struct {
		Tokens []auth.TokenInfo `json:"tokens"`
	}
	if err := c.get(ctx, "/tokens", &list); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, list)
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tFOR\tUSED\tCREATED\tEXPIRES")
	for _, t := range list.Tokens {
		of := "any number"
		if t.Uses > 0 {
			of = strconv.Itoa(t.Uses)
		}
		what := strings.TrimSpace(string(t.Role) + " " + strings.Join(t.Names, " "))
		fmt.Fprintf(w, "%s\t%s\t%d of %s\t%s\t%s\n", t.ID, what, t.Used, of, stamp(t.Created), stamp(t.Expires))
	}
	return w.Flush()
}

type tokenRemoveCmd struct {
	clientFlags
	ID string `arg:"" help:"Of the token, as dotm token list shows it."`
}

// Run ends the token.
func (c *tokenRemoveCmd) Run(ctx context.Context, g *globals) error {
	return c.remove(ctx, g, "/tokens/"+c.ID, "removed", c.ID)
}

// remove deletes something and says so.
func (c *clientFlags) remove(ctx context.Context, g *globals, path, done, what string) error {
	if err := c.do(ctx, http.MethodDelete, path, nil, nil); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, map[string]string{done: what})
	}
	_, err := fmt.Fprintf(g.out, "%s is %s.\n", what, done)
	return err
}

type agentsCmd struct {
	List   agentsListCmd   `cmd:"" default:"withargs" help:"List the agents and relays that enrolled."`
	Revoke agentsRevokeCmd `cmd:"" help:"End the identity of one, at once and for good."`
}

type agentsListCmd struct{ clientFlags }

// Run prints a table.
func (c *agentsListCmd) Run(ctx context.Context, g *globals) error {
	var list struct {
		Agents []auth.Agent `json:"agents"`
	}
	if err := c.get(ctx, "/agents", &list); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, list)
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tIS\tHOST\tENROLLED\tLAST REPORT\tFROM\tSTATE")
	for _, a := range list.Agents {
		state := "in force"
		if !a.Revoked.IsZero() {
			state = "revoked " + stamp(a.Revoked)
		}
		from := cmp.Or(a.LastAddress, "-")
		if a.Via != "" {
			from += " via " + a.Via
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Role, a.Name, stamp(a.Enrolled), ago(a.LastReport), from, state)
	}
	return w.Flush()
}

type agentsRevokeCmd struct {
	clientFlags
	ID string `arg:"" help:"Of the agent, as dotm agents shows it."`
}

// Run revokes the agent.
func (c *agentsRevokeCmd) Run(ctx context.Context, g *globals) error {
	return c.remove(ctx, g, "/agents/"+c.ID, "revoked", c.ID)
}

type loginLinkCmd struct{ clientFlags }

// Run prints a link that sets the password of user admin.
func (c *loginLinkCmd) Run(ctx context.Context, g *globals) error {
	var made madeLink
	if err := c.do(ctx, http.MethodPost, "/login-links", nil, &made); err != nil {
		return err
	}
	return made.print(g)
}
