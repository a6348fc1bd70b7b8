package chart

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// mostCards is how many incidents are told in full.
const mostCards = 20

// whyList is what dotm why answers in JSON.
type whyList struct {
	At        time.Time          `json:"at"`
	Incidents []api.IncidentCard `json:"incidents"`
	More      bool               `json:"more,omitempty"`
}

// Ask tells the open incidents of a server.
func (c *Why) ask(ctx context.Context, g *console.Globals) error {
	var list api.IncidentList
	if err := c.Get(ctx, fmt.Sprintf("/incidents?state=open&limit=%d", mostCards), &list); err != nil {
		return err
	}
	out := whyList{At: list.At, Incidents: []api.IncidentCard{}, More: list.More}
	for i := range list.Incidents {
		var card api.IncidentCard
		if err := c.Get(ctx, "/incidents/"+url.PathEscape(list.Incidents[i].ID), &card); err != nil {
			return err
		}
		out.Incidents = append(out.Incidents, card)
	}
	var err error
	if g.JSON {
		err = console.WriteJSON(g.Out, out)
	} else {
		err = printCards(g.Out, &out)
	}
	if err == nil && c.Fail && len(out.Incidents) > 0 {
		err = console.ErrTrouble
	}
	return err
}

// printCards prints incidents for people who were woken up by them.
func printCards(out io.Writer, list *whyList) error {
	var b strings.Builder
	if len(list.Incidents) == 0 {
		b.WriteString("No open incident.\n")
	}
	for i := range list.Incidents {
		if i > 0 {
			b.WriteByte('\n')
		}
		printCard(&b, &list.Incidents[i], list.At)
	}
	if list.More {
		fmt.Fprintf(&b, "\nThere are more than %d: ask with --json, or look at the page.\n", mostCards)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// The most of each kind that is printed.
const (
	mostLines = 8
	mostNames = 6
)

func printCard(b *strings.Builder, in *api.IncidentCard, now time.Time) {
	fmt.Fprintf(b, "%s  %s\n", in.Status, console.Printable(in.Title))
	fmt.Fprintf(b, "  %s, since %s (%s), in trouble: %d checks\n", in.ID, in.Since.UTC().Format("15:04 MST"), now.Sub(in.Since).Truncate(time.Second), in.Bad)
	if in.Ack != nil {
		fmt.Fprintf(b, "  acknowledged by %s at %s: %s\n", console.Printable(in.Ack.By), in.Ack.At.UTC().Format("15:04"), console.Printable(in.Ack.Comment))
	}
	fmt.Fprintf(b, "  %s\n", console.Printable(in.Sentence))
	for i := range in.Causes {
		c := &in.Causes[i]
		fmt.Fprintf(b, "  %d. likely (%s): %s", i+1, c.Strength, console.Printable(c.Name))
		if len(c.Chips) > 0 {
			fmt.Fprintf(b, " [%s]", console.Printable(strings.Join(c.Chips, ", ")))
		}
		fmt.Fprintf(b, "\n     %s\n", console.Printable(c.Sentence))
		if i == 0 && len(c.Path) > 0 {
			fmt.Fprintf(b, "     %s\n", console.Printable(way(c.Path)))
		}
	}
	b.WriteString("  in trouble, as it came:\n")
	told := 0
	for i := range in.Order {
		r := &in.Order[i]
		for _, m := range r.Marks {
			if !m.Over.IsZero() {
				continue
			}
			if told++; told <= mostLines {
				fmt.Fprintf(b, "    %s  %-9s %s %s\n", m.By.UTC().Format("15:04:05"), m.Status, console.Printable(r.Name), console.Printable(m.Name))
			}
		}
	}
	if told > mostLines {
		fmt.Fprintf(b, "    and %d more\n", told-mostLines)
	}
	printEffects(b, "would fail next", in.Impact.Predicted)
	printEffects(b, "spared", in.Impact.Spared)
	names := make([]string, 0, len(in.NotVisible))
	for _, r := range in.NotVisible {
		names = append(names, r.Name)
	}
	printNames(b, "not visible", names)
	for _, ch := range in.Changes[:min(mostLines, len(in.Changes))] {
		fmt.Fprintf(b, "  before, at %s: %s %s\n", ch.At.UTC().Format("15:04:05"), console.Printable(ch.Name), console.Printable(ch.What))
	}
}

// way is a path from client to server.
func way(path []incident.Step) string {
	s := path[0].Client.Name
	var sSb126 strings.Builder
	for i := range path {
		sSb126.WriteString(" → " + path[i].Server.Name)
	}
	s += sSb126.String()
	return s
}

func printEffects(b *strings.Builder, what string, list []incident.Effect) {
	names := make([]string, 0, len(list))
	for i := range list {
		names = append(names, list[i].Name)
	}
	printNames(b, what, names)
}

func printNames(b *strings.Builder, what string, names []string) {
	if len(names) == 0 {
		return
	}
	more := ""
	if n := len(names) - mostNames; n > 0 {
		names, more = names[:mostNames], fmt.Sprintf(" and %d more", n)
	}
	fmt.Fprintf(b, "  %s: %s%s\n", what, console.Printable(strings.Join(names, ", ")), more)
}

// Impact is dotm impact.
type Impact struct {
	client.Flags
	Of    []string `arg:"" name:"node" help:"What fails: nodes, node:port, or ids of services."`
	Fail  bool     `help:"End with status 1 if something would fail, or was seen to use it."`
	Since string   `help:"From when on uses count (RFC 3339), or a duration ago." default:"-720h" placeholder:"TIME"`
}

// Run says what fails with something.
func (c *Impact) Run(ctx context.Context, g *console.Globals) error {
	q := url.Values{"of": {strings.Join(c.Of, ",")}, "since": {c.Since}}
	var im api.Impact
	if err := c.Get(ctx, "/impact?"+q.Encode(), &im); err != nil {
		return err
	}
	var err error
	if g.JSON {
		err = console.WriteJSON(g.Out, im)
	} else {
		err = printImpact(g.Out, &im)
	}
	if err == nil && c.Fail && len(im.Predicted)+len(im.Users) > 0 {
		err = console.ErrTrouble
	}
	return err
}

func printImpact(out io.Writer, im *api.Impact) error {
	var b strings.Builder
	for _, line := range im.Text {
		fmt.Fprintln(&b, console.Printable(line))
	}
	for _, part := range []struct {
		what string
		list []incident.Effect
	}{{"in trouble", im.Confirmed}, {"would fail next", im.Predicted}, {"may fail", im.Possible}, {"spared", im.Spared}} {
		for _, e := range part.list {
			fmt.Fprintf(&b, "%-16s %s: %s\n", part.what, console.Printable(e.Name), console.Printable(e.Why))
		}
	}
	if im.Impact.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", im.Impact.More)
	}
	var seen []string
	for i := range im.Users {
		u := &im.Users[i]
		who := strings.TrimSpace(u.Node + " " + u.Process)
		if slices.Contains(seen, who+u.Service) || len(seen) == 4*mostLines {
			continue
		}
		seen = append(seen, who+u.Service)
		fmt.Fprintf(&b, "%-16s %s, last %s\n", "seen to use it", console.Printable(who+" → "+u.Service), u.Last.UTC().Format(time.RFC3339))
	}
	_, err := io.WriteString(out, b.String())
	return err
}
