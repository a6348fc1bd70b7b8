package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/plaintext"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// clean is a text from a host as one that can only be read.
func clean(text string) string { return plaintext.Clean(text) }

// titleOf is what a box is called.
func titleOf(n *view.Node) string { return clean(cmp.Or(n.Title, n.KnownAs, n.Name)) }

// moment is a time for people.
func moment(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// plural is a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// levelWords say what the boxes of a level are.
var levelWords = map[view.Level]string{
	view.LevelService: "nodes and their services", view.LevelNode: "nodes", view.LevelPool: "pools", view.LevelGroup: "groups",
}

// heading is the title of a file.
func (c *Chart) heading() string {
	what := "Chart of " + levelWords[c.Level]
	switch {
	case c.Focus != "" && c.Hops == 0:
		what += ", " + clean(c.Focus) + " alone"
	case c.Focus != "":
		what += ", " + plural(c.Hops, "hop", "hops") + " around " + clean(c.Focus)
	}
	if c.Narrowed != "" {
		what += ", only " + clean(c.Narrowed)
	}
	return what
}

// stamps are what a file says first of all: of what moment it is, and what it isn't.
func (c *Chart) stamps() []string {
	list := []string{moment(c.At) + ", revision " + clean(c.Revision)}
	if c.Past {
		list = append(list, "the past: how it was then")
	}
	return append(list, c.marks()...)
}

// marks say that it is no live site.
func (c *Chart) marks() []string {
	switch c.Data {
	case Demo:
		return []string{"demo, made-up data"}
	case Replay:
		return []string{"replay of a recording"}
	case Live:
	}
	return nil
}

// coverageText says how much was seen.
func (c *Chart) coverageText() string {
	v := &c.Coverage
	text := fmt.Sprintf("%d of %s report", v.Reporting, plural(v.Nodes, "node", "nodes"))
	if v.Connections > 0 {
		text += fmt.Sprintf(", %d %% of connections are seen from one end only", (v.OneSided*100+v.Connections/2)/v.Connections)
	}
	return text
}

// hiddenText says what is left out; "" if nothing is.
func (c *Chart) hiddenText() string {
	if c.Hidden.Services+c.Hidden.Connections == 0 {
		return ""
	}
	list := make([]string, 0, len(c.Hide))
	for _, h := range c.Hide {
		list = append(list, string(h))
	}
	return fmt.Sprintf("left out: %s and %s (%s)", plural(c.Hidden.Services, "service", "services"),
		plural(c.Hidden.Connections, "connection", "connections"), cmp.Or(strings.Join(list, ", "), "old"))
}

// sign is what the checks on a thing say, as the page shows it.
type sign struct {
	status topology.Status
	way    way
}

type way int

const (
	quiet way = iota // no trouble
	open
	handled // somebody takes care
	stale   // said last
)

func signOf(v *topology.Verdict) sign {
	switch {
	case v.StatusStale:
		return sign{v.Status, stale}
	case v.OpenStatus.Bad():
		return sign{v.OpenStatus, open}
	case v.Status.Bad():
		return sign{v.Status, handled}
	}
	return sign{v.Status, quiet}
}

// word names a sign; "" for no check.
func (s sign) word() string {
	switch {
	case s.status == topology.NoStatus || s.status == "":
		return ""
	case s.way == handled:
		return string(s.status) + ", taken care of"
	case s.way == stale:
		return string(s.status) + " when last checked"
	}
	return string(s.status)
}

// openOf is the trouble that colours a thing, [topology.NoStatus] for none.
func openOf(v *topology.Verdict) topology.Status {
	if s := signOf(v); s.way == open {
		return s.status
	}
	return topology.NoStatus
}

// stateWord says of a node how it is known.
func stateWord(n *view.Node) string {
	switch {
	case n.Kind == topology.Internet, n.Kind == topology.Network, n.Kind == topology.Virtual, len(n.Members) > 0:
		return ""
	case n.State == topology.Stale:
		return "silent since " + moment(n.LastReport)
	case n.State == topology.Left:
		return "shut down " + moment(n.LastReport)
	case n.State == topology.Rebooting:
		return "rebooting since " + moment(n.LastReport)
	case n.State == topology.Stopped:
		return "agent stopped " + moment(n.LastReport)
	case n.State == topology.Unheard:
		return "does not report"
	}
	return "reports"
}

// portText is a port as it is written: of TCP unless it says otherwise.
func portText(p topology.Protocol, port uint16) string {
	if p == "udp" {
		return fmt.Sprintf("udp :%d", port)
	}
	return fmt.Sprintf(":%d", port)
}

// process is a process's name, or that it has none to show.
func process(name string) string {
	if name == "" {
		return "name hidden"
	}
	return clean(name)
}

// rowText is a row of a box.
func rowText(r *view.Row) string {
	switch r.Kind {
	case "more":
		return fmt.Sprintf("+ %d", r.Count)
	case "client":
		return process(r.Process) + " (client)"
	}
	return process(r.Process) + " " + portText(r.Protocol, r.Port)
}

// names are what the boxes of a chart are called.
type names map[string]string

func (c *Chart) names() names {
	out := names{}
	for _, n := range c.boxes() {
		out[n.Name] = titleOf(n)
	}
	return out
}

func (n names) of(node string) string {
	if title, known := n[node]; known {
		return title
	}
	return clean(node)
}

// client and server are the two ends of a connection.
func (n names) client(c *view.Connection) string {
	if c.Client.Process == "" {
		return n.of(c.Client.Node)
	}
	return n.of(c.Client.Node) + " " + clean(c.Client.Process)
}

func (n names) server(c *view.Connection) string {
	text := n.of(c.Server.Node)
	if c.Server.Process != "" {
		text += " " + clean(c.Server.Process)
	}
	if c.Server.Port != 0 {
		text += " " + portText(c.Protocol, c.Server.Port)
	}
	return text
}

// connection is a connection in words, as it was at a moment.
func (n names) connection(c *view.Connection, at time.Time) string {
	arrow := " → "
	if !c.Directed {
		arrow = " – "
	}
	text := n.client(c) + arrow + n.server(c) + ": " + plural(c.Count, "open", "open")
	if !c.Directed {
		text += ", direction not known"
	}
	if t := troubleOf(c, at); t.failing || t.strained {
		text += ", " + t.text
	}
	return text
}

// trouble is what the sockets of a connection say.
type trouble struct {
	failing, strained bool
	text              string
}

// troubleOf judges a connection as of a moment.
func troubleOf(c *view.Connection, at time.Time) trouble {
	if view.Failing(c, at) {
		return trouble{failing: true, text: fmt.Sprintf("%d unanswered", c.Health.Connecting)}
	}
	switch strained := view.Strained(c); {
	case strained == topology.SignalRetransmits:
		return trouble{strained: true, text: fmt.Sprintf("%.0f %% resent", c.Health.Retransmits*100)}
	case strained != "":
		return trouble{strained: true, text: fmt.Sprintf("%d not closed", c.Health.CloseWait)}
	}
	return trouble{}
}

// evidence says what an edge rests on.
func evidence(e *topology.Evidence) string {
	switch {
	case e.BothEnds && e.Confirmed:
		return "both ends, confirmed"
	case e.BothEnds:
		return "both ends"
	case len(e.SeenBy) > 0:
		return "the " + clean(e.SeenBy[0].End) + "'s end only"
	}
	return "one end only"
}

// busiest are the connections, the busiest first.
func (c *Chart) busiest() []*view.Connection {
	list := make([]*view.Connection, 0, len(c.Connections))
	for i := range c.Connections {
		list = append(list, &c.Connections[i])
	}
	slices.SortStableFunc(list, func(a, b *view.Connection) int { return b.Count - a.Count })
	return list
}
