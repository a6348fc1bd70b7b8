package drift

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/plaintext"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// head is what every written declaration begins with.
const head = `# What may be connected, as dotm saw it. Read it, say why, delete what should not be:
# dotm drift names what is connected and not allowed here, and what is here and is
# not seen. docs/drift.md says what can stand here.
version: 1
`

// line is a rule that is to be written.
type line struct {
	from, to string
	protocol topology.Protocol
	port     uint16
}

// Initial writes the declaration that a chart bears out: it has no drift against this
// chart. Nodes of one pool are named as that unless exact; the same chart gives the same
// bytes, whatever the order in it.
func Initial(w io.Writer, o Observed, exact bool) error {
	in := &initial{newIndex(o.Topology, o.Titles), map[string]string{}}
	if !exact {
		in.namePools()
	}
	seen := map[line]bool{}
	for i := range o.Topology.Connections {
		c := &o.Topology.Connections[i]
		seen[line{in.end(in.client(c)), in.end(in.server(c)), c.Protocol, c.Server.Port}] = true
	}
	list := make([]line, 0, len(seen))
	for l := range seen {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b line) int {
		return cmp.Or(strings.Compare(a.from, b.from), strings.Compare(a.to, b.to), strings.Compare(string(a.protocol), string(b.protocol)), cmp.Compare(a.port, b.port))
	})
	if len(list) > maxRules {
		return fmt.Errorf("this chart has %d kinds of connection, a declaration takes %d: take a part of it with --focus and --hops", len(list), maxRules)
	}
	return writeLines(w, list)
}

func writeLines(w io.Writer, list []line) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, head)
	if len(list) == 0 {
		fmt.Fprint(out, "allow: []\n")
	} else {
		fmt.Fprint(out, "allow:\n")
	}
	for _, l := range list {
		writeLine(out, l)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the declaration: %w", err)
	}
	return nil
}

// writeLine writes one rule of the list.
func writeLine(out io.Writer, l line) {
	fmt.Fprintf(out, "  - from: %s\n    to: %s\n", l.from, l.to)
	if l.port != 0 {
		fmt.Fprintf(out, "    port: %d\n", l.port)
	}
	if l.protocol != "tcp" || l.port == 0 {
		fmt.Fprintf(out, "    protocol: %s\n", l.protocol)
	}
}

type initial struct {
	*index
	pools map[string]string // by id: what they are named as
}

// namePools names pools by their titles, where no other has that, else by their ids.
func (in *initial) namePools() {
	users := map[string]map[string]bool{}
	for _, n := range in.nodes {
		if n.Pool == "" {
			continue
		}
		title := in.titles[n.Pool]
		if users[title] == nil {
			users[title] = map[string]bool{}
		}
		users[title][n.Pool] = true
	}
	for title, ids := range users {
		for id := range ids {
			if in.pools[id] = id; title != "" && len(ids) == 1 && users[id] == nil {
				in.pools[id] = title
			}
		}
	}
}

// end is an end as it is written. What has no name that could be seen is named by its
// node alone.
func (in *initial) end(e end) string {
	place := "node: " + scalar(literal(e.node))
	if n := in.nodes[e.node]; n != nil && in.pools[n.Pool] != "" {
		place = "pool: " + scalar(literal(in.pools[n.Pool]))
	}
	if e.process == "" {
		return "{" + place + "}"
	}
	return "{" + place + ", process: " + scalar(literal(e.process)) + "}"
}

// scalar is a text as a value of YAML, also among brackets and braces: plain where it
// can be taken for nothing else, else in double quotes.
func scalar(text string) string {
	plain := text != ""
	for i, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
		case i > 0 && (r >= '0' && r <= '9' || strings.ContainsRune("._/~-", r)):
		default:
			plain = false
		}
	}
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain {
		return text
	}
	return plaintext.YAML(text)
}

// Titles are what people call the pools of a chart on level pool, for [Observed].
func Titles(t *view.Topology) map[string]string {
	out := map[string]string{}
	for i := range t.Pools {
		out[t.Pools[i].Name] = t.Pools[i].Title
	}
	return out
}
