package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/devops-trouble-map/dotm/notify"
)

type notifyCmd struct {
	List notifyListCmd `cmd:"" help:"List who is told about incidents, and how that goes."`
	Test notifyTestCmd `cmd:"" help:"Send a test to one of them."`
}

type notifyListCmd struct{ clientFlags }

// Run prints the receivers.
func (c *notifyListCmd) Run(ctx context.Context, g *globals) error {
	var list struct {
		Receivers []notify.Delivery `json:"receivers"`
	}
	if err := c.get(ctx, "/notify", &list); err != nil {
		return err
	}
	if g.JSON {
		return writeJSON(g.out, list)
	}
	if len(list.Receivers) == 0 {
		fmt.Fprintln(g.out, "Nobody is told about incidents: add somebody under notify in dotm.yaml.")
		return nil
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tSENT\tWAITING\tLAST\tERROR")
	for i := range list.Receivers {
		r := &list.Receivers[i]
		last := "never"
		if !r.LastSent.IsZero() {
			last = time.Since(r.LastSent).Truncate(time.Second).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", r.Name, r.Kind, r.Sent, r.Waiting, last, printable(r.Error))
	}
	return w.Flush()
}

type notifyTestCmd struct {
	clientFlags
	Name string `arg:"" help:"Its name in dotm.yaml."`
}

// Run sends a test.
func (c *notifyTestCmd) Run(ctx context.Context, g *globals) error {
	if err := c.do(ctx, http.MethodPost, "/notify/"+url.PathEscape(c.Name)+"/test", struct{}{}, nil); err != nil {
		return err
	}
	fmt.Fprintf(g.out, "A test was sent to %s.\n", c.Name)
	return nil
}
