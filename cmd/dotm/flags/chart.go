package flags

import (
	"net/url"
	"strconv"
)

// Chart says which chart is meant, in the words of the page's filter.
type Chart struct {
	Level    string `help:"What the boxes are: service (nodes with their services), node, pool or group." enum:"service,node,pool,group" default:"service"`
	Focus    string `help:"Only what is around this node, pool, group or service." placeholder:"NAME"`
	Incident string `help:"Only what this incident is about, as it was then unless --at says otherwise; with --hops also what is around it." placeholder:"ID"`
	Hops     *int   `help:"How many connections away from the focus, or from trouble, 1 (default) to 4; 0 is the focus alone, such as a group." placeholder:"N"`
	Trouble  bool   `help:"Only what is in trouble, and so many hops around it."`
	Group    string `help:"Only what is of this group, by its id." placeholder:"ID"`
	Process  string `help:"Only where a process of this name runs." placeholder:"NAME"`
	Name     string `help:"Only nodes with this in their name or address." placeholder:"PART"`
	Text     string `help:"Only where all of these words are found: names, addresses, ports, processes, units, groups." placeholder:"WORDS"`
	Hide     string `help:"What to leave out: none, or a list of old, ignored, infrastructure, observers." default:"ignored,infrastructure,observers"`
	Expand   string `help:"Pools to show as their nodes, on level pool: a list of ids." placeholder:"IDS"`
	At       string `help:"The moment to show: 2026-01-31T12:00:00Z, or a time ago, --at=-24h; without it, now." placeholder:"T"`
}

// Query is that as a query of the API. An incident's hops are around the incident.
func (c *Chart) Query() url.Values {
	q := url.Values{"level": {c.Level}, "hide": {c.Hide}}
	for name, value := range map[string]string{
		"at": c.At, "focus": c.Focus, "expand": c.Expand, "group": c.Group, "process": c.Process, "name": c.Name, "text": c.Text,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.Trouble {
		q.Set("trouble", "true")
	}
	if c.Hops != nil && c.Incident == "" {
		q.Set("hops", strconv.Itoa(*c.Hops))
	}
	return q
}
