package manage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/notify"
)

// Notify is dotm notify.
type Notify struct {
	List notifyListCmd `cmd:"" help:"List who is told about incidents, and how that goes."`
	Test notifyTestCmd `cmd:"" help:"Send a test to one of them."`
}

type notifyListCmd struct{ client.Flags }

// Run prints the receivers.
func (c *notifyListCmd) Run(ctx context.Context, g *console.Globals) error {
	var list struct {
		Receivers []notify.Delivery `json:"receivers"`
	}
	if err := c.Get(ctx, "/notify", &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	if len(list.Receivers) == 0 {
		fmt.Fprintln(g.Out, "Nobody is told about incidents: add somebody under notify in dotm.yaml.")
		return nil
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tSENT\tWAITING\tLAST\tERROR")
	for i := range list.Receivers {
		r := &list.Receivers[i]
		last := "never"
		if !r.LastSent.IsZero() {
			last = time.Since(r.LastSent).Truncate(time.Second).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", r.Name, r.Kind, r.Sent, r.Waiting, last, console.Printable(r.Error))
	}
	return w.Flush()
}

type notifyTestCmd struct {
	client.Flags
	Name string `arg:"" help:"Its name in dotm.yaml."`
}

// Run sends a test.
func (c *notifyTestCmd) Run(ctx context.Context, g *console.Globals) error {
	if err := c.Do(ctx, http.MethodPost, "/notify/"+url.PathEscape(c.Name)+"/test", struct{}{}, nil); err != nil {
		return err
	}
	fmt.Fprintf(g.Out, "A test was sent to %s.\n", c.Name)
	return nil
}
