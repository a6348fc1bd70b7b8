package manage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/topology"
)

// Check is dotm check.
type Check struct {
	List   checkListCmd   `cmd:"" help:"List what monitoring systems say, and what that is about."`
	Submit checkSubmitCmd `cmd:"" help:"Hand over the result of a check, from any script or notification command."`
}

type checkListCmd struct {
	client.Flags
	Node     string `help:"Those of one node." placeholder:"NAME"`
	Source   string `help:"Those of one monitoring system." placeholder:"NAME"`
	All      bool   `help:"Also those that are fine."`
	Open     bool   `help:"Only what nobody takes care of."`
	Unmapped bool   `help:"Only what is of no node."`
	At       string `help:"The moment to show: RFC 3339, or a duration ago like -24h." placeholder:"TIME"`
}

// Run prints a table.
func (c *checkListCmd) Run(ctx context.Context, g *console.Globals) error {
	q := url.Values{}
	for key, v := range map[string]string{"node": c.Node, "source": c.Source, "at": c.At} {
		if v != "" {
			q.Set(key, v)
		}
	}
	for key, on := range map[string]bool{"bad": !c.All, "open": c.Open, "unmapped": c.Unmapped} {
		if on {
			q.Set(key, "true")
		}
	}
	var list struct {
		Checks []topology.Check `json:"checks"`
	}
	if err := c.Get(ctx, "/checks?"+q.Encode(), &list); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, list)
	}
	w := tabwriter.NewWriter(g.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATUS\tHOST\tCHECK\tABOUT\tSINCE\tOUTPUT")
	for i := range list.Checks {
		k := &list.Checks[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", statusWord(k), console.Printable(k.Host), console.Printable(k.Name), aboutOf(k), sinceOf(k.Since), cutWords(console.Printable(k.Output), 60))
	}
	return w.Flush()
}

// statusWord is a status with how it is handled.
func statusWord(k *topology.Check) string {
	word := string(k.Status)
	for _, how := range []struct {
		on   bool
		name string
	}{
		{k.Stale, "stale"}, {k.Acknowledged, "acknowledged"}, {k.Downtime, "downtime"}, {k.Flapping, "flapping"}, {k.Suppressed, "symptom"}, {!k.Hard, "soft"},
	} {
		if how.on {
			return word + " (" + how.name + ")"
		}
	}
	return word
}

func aboutOf(k *topology.Check) string {
	switch {
	case k.Node == "":
		return "-"
	case k.Service == "":
		return k.Node
	}
	return k.Service
}

func sinceOf(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Local().Format("2006-01-02 15:04")
}

func cutWords(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

type checkSubmitCmd struct {
	client.Flags
	Source   string        `help:"A source of kind passive; without it the one of that name." placeholder:"NAME"`
	Interval time.Duration `help:"How often it is told: after three of them it is stale."`
	Address  string        `help:"Where it looked, if that is not the host." placeholder:"ADDR"`
	Port     uint16        `help:"Port that it looked at." placeholder:"PORT"`
	Link     string        `help:"A page about it." placeholder:"URL"`
	Remove   bool          `help:"Forget it."`
	Stdin    bool          `help:"Read results from standard input, one a line: HOST, NAME, STATUS and OUTPUT between tabs (of a host: HOST, STATUS, OUTPUT), as send_nsca takes them."`

	Host   string   `arg:"" optional:"" help:"Host, as it is called there."`
	Status string   `arg:"" optional:"" help:"OK, WARNING, CRITICAL, UNKNOWN, UP, DOWN, or the exit code 0 to 3 of a plugin."`
	Name   string   `help:"Name of the check; without it the result is of the host itself." short:"n" placeholder:"CHECK"`
	Output []string `arg:"" optional:"" help:"What it says."`
}

// Run hands over one result, or those of standard input.
func (c *checkSubmitCmd) Run(ctx context.Context, g *console.Globals) error {
	var list []api.Result
	var err error
	switch {
	case c.Stdin:
		if list, err = readResults(os.Stdin, c.Interval); err != nil {
			return err
		}
	case c.Host == "" || (c.Status == "" && !c.Remove):
		return errors.New("name a host and a status, or read results from standard input with --stdin")
	default:
		list = []api.Result{{
			Host: c.Host, Name: c.Name, Status: c.Status, Output: strings.Join(c.Output, " "), Interval: topology.Duration(c.Interval),
			Address: c.Address, Port: c.Port, Link: c.Link, Remove: c.Remove,
		}}
	}
	var out struct {
		Accepted int `json:"accepted"`
	}
	if err := c.Do(ctx, http.MethodPost, "/checks", map[string]any{"source": c.Source, "checks": list}, &out); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, out)
	}
	_, err = fmt.Fprintf(g.Out, "%s taken in.\n", console.Counted(out.Accepted, "result", "results"))
	return err
}

// maxResults is how many results one call hands over.
const maxResults = 10_000

// readResults reads lines as send_nsca takes them.
func readResults(r io.Reader, every time.Duration) (list []api.Result, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" {
			continue
		}
		f := strings.Split(line, "\t")
		one := api.Result{Host: f[0], Interval: topology.Duration(every)}
		switch len(f) {
		case 2, 3:
			one.Status = f[1]
			one.Output = strings.Join(f[2:], "")
		case 0, 1:
			return nil, fmt.Errorf("line %d of standard input must be HOST, NAME, STATUS and OUTPUT between tabs, is %q", n, cutWords(line, 80))
		default:
			one.Name, one.Status, one.Output = f[1], f[2], strings.Join(f[3:], " ")
		}
		if list = append(list, one); len(list) > maxResults {
			return nil, fmt.Errorf("standard input must hold at most %d results", maxResults)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading results: %w", err)
	}
	if len(list) == 0 {
		return nil, errors.New("standard input holds no results")
	}
	return list, nil
}
