package manage

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/audit"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// Audit is dotm audit.
type Audit struct {
	client.Flags
	From   string `help:"The earliest moment: RFC 3339, or a duration ago like 24h; without it, all that is kept." placeholder:"TIME"`
	To     string `help:"The latest moment; without it, now." placeholder:"TIME"`
	Who    string `help:"What this user or token did." placeholder:"NAME"`
	What   string `help:"This operation, like change-settings." placeholder:"NAME"`
	On     string `help:"What was done to this." placeholder:"NAME"`
	Result string `help:"done, refused or failed." enum:",done,refused,failed" default:"" placeholder:"R"`
	Find   string `help:"Words that all stand in it." placeholder:"WORDS"`
	Limit  int    `help:"How many, at most." default:"50"`
}

// Run prints who changed what, a line each, the newest first.
func (c *Audit) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Entries []audit.Entry `json:"entries"`
		More    bool          `json:"more,omitempty"`
	}
	path := "/audit?" + client.Query("from", client.Before(c.From), "to", client.Before(c.To), "who", c.Who, "what", c.What, "on", c.On, "result", c.Result, "find", c.Find, "limit", strconv.Itoa(c.Limit))
	if err := c.Get(ctx, path, &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	for i := range list.Entries {
		if _, err := fmt.Fprintln(g.Out, spellEntry(&list.Entries[i])); err != nil {
			return err
		}
	}
	if list.More {
		fmt.Fprintln(g.Err, "There are older ones: --limit, --from and --to show them.")
	}
	return nil
}

// spellEntry is an entry as a line.
func spellEntry(e *audit.Entry) string {
	var b strings.Builder
	who := strings.TrimSpace(string(e.Kind) + " " + e.Who)
	if e.From != "" {
		who += " from " + e.From
	}
	if e.Via != "" {
		who += " via " + e.Via
	}
	fmt.Fprintf(&b, "%s  %s: %s", e.At.Local().Format("2006-01-02 15:04:05"), who, e.What)
	if e.On != "" {
		b.WriteString(" " + e.On)
	}
	if e.Result != audit.Done {
		b.WriteString(", " + string(e.Result))
		if e.Why != "" {
			b.WriteString(": " + e.Why)
		}
	}
	for _, c := range e.Changes {
		fmt.Fprintf(&b, "\n    %s: %s → %s", c.Field, console.OrDash(c.Before), console.OrDash(c.After))
	}
	return b.String()
}
