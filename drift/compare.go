package drift

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// Observed is what a declaration is held against.
type Observed struct {
	// Topology is a chart on level service.
	Topology *view.Topology
	// Titles are what people call pools, by id; those of groups are in the lanes.
	Titles map[string]string
	// From says where it comes from: a server's address, a file.
	From string
}

// Options are how a comparison is made.
type Options struct {
	// Within bounds how long ago a declared connection may have been open last to
	// count as there; zero for no bound.
	Within time.Duration
}

// Answer is what came of a comparison. All lists are sorted, and never nil.
type Answer struct {
	At       time.Time `json:"at"`       // the moment that was observed
	Observed string    `json:"observed"` // where
	Declared string    `json:"declared"` // by what
	Form     string    `json:"form"`     // dotm, compose, backstage or monitoring
	// Drift says that something is unexpected, forbidden or missing.
	Drift bool `json:"drift"`
	// Unexpected connections are declared by nothing, Forbidden ones denied.
	Unexpected []Unexpected `json:"unexpected"`
	Forbidden  []Unexpected `json:"forbidden"`
	// Missing is what is declared and not seen, though it would be; Unknown what can't
	// be told, as nobody looks there.
	Missing  []Missing  `json:"missing"`
	Unknown  []Missing  `json:"unknown"`
	Matching []Matching `json:"matching"`
	// Connections were judged, Outside is how many the declaration does not speak of.
	Connections int `json:"connections"`
	Outside     int `json:"outside"`
	// Coverage says how much could be seen.
	Coverage view.Coverage `json:"coverage"`
}

// Told is a rule, as answers name it.
type Told struct {
	Place
	From string `json:"from"`
	To   string `json:"to"`
	Port string `json:"port,omitempty"` // "tcp/5432"; empty for any
	Why  string `json:"why,omitempty"`
}

// Unexpected is a connection with what is known of it.
type Unexpected struct {
	ID       string            `json:"id"`
	Client   topology.Client   `json:"client"`
	Server   topology.Server   `json:"server"`
	Protocol topology.Protocol `json:"protocol"`
	Directed bool              `json:"directed"`
	Since    time.Time         `json:"since"`
	Last     time.Time         `json:"last"`
	Open     int               `json:"open"`
	SeenBy   []string          `json:"seen_by"` // nodes
	Both     bool              `json:"both_ends"`
	// Rule is the one that denies it; of an unexpected one, the one that allows these
	// ends at other ports alone. It may be nil.
	Rule *Told `json:"rule,omitempty"`
	// Allow is the rule that would allow it, as it would stand under allow.
	Allow string `json:"allow,omitempty"`
}

// Missing is a rule that nothing bears out.
type Missing struct {
	Told
	Reason string `json:"reason"`
	// Last is when it was seen last; zero if that is not known.
	Last time.Time `json:"last,omitzero"`
	// FromNodes and ToNodes are nodes that its ends mean, a few of them.
	FromNodes []string `json:"from_nodes,omitempty"`
	ToNodes   []string `json:"to_nodes,omitempty"`
}

// Matching is a rule with the connections that bear it out.
type Matching struct {
	Told
	Connections int       `json:"connections"`
	Since       time.Time `json:"since,omitzero"`
	Last        time.Time `json:"last,omitzero"`
}

// comparison is one that is being made.
type comparison struct {
	*Declaration
	*index
	chart   *view.Topology
	opt     Options
	words   int // of a set of rules
	from    map[end][]uint64
	to      map[end][]uint64
	within  map[end]bool
	tallies []tally
	known   []end // made when it is asked for
}

// tally is what was seen of a rule.
type tally struct {
	count       int
	since, last time.Time
}

// Compare holds a declaration against what was observed.
func Compare(d *Declaration, o Observed, opt Options) *Answer {
	c := &comparison{
		Declaration: d, index: newIndex(o.Topology, o.Titles), chart: o.Topology, opt: opt, words: (len(d.Rules) + 63) / 64,
		from: map[end][]uint64{}, to: map[end][]uint64{}, within: map[end]bool{}, tallies: make([]tally, len(d.Rules)),
	}
	a := &Answer{
		At: o.Topology.At, Observed: o.From, Declared: d.Of, Form: d.Form, Coverage: o.Topology.Coverage,
		Unexpected: []Unexpected{}, Forbidden: []Unexpected{}, Missing: []Missing{}, Unknown: []Missing{}, Matching: []Matching{},
	}
	for i := range o.Topology.Connections {
		c.judge(a, &o.Topology.Connections[i])
	}
	for i := range d.Rules {
		c.settle(a, i)
	}
	for _, l := range d.Loose {
		a.Unknown = append(a.Unknown, Missing{Told: Told{Place: l.Place}, Reason: l.Text})
	}
	for _, list := range [][]Unexpected{a.Unexpected, a.Forbidden} {
		slices.SortFunc(list, compareUnexpected)
	}
	a.Drift = len(a.Unexpected)+len(a.Forbidden)+len(a.Missing) > 0
	return a
}

func compareUnexpected(x, y Unexpected) int {
	return cmp.Or(
		strings.Compare(x.Client.Node, y.Client.Node), strings.Compare(x.Client.Process, y.Client.Process),
		strings.Compare(x.Server.Node, y.Server.Node), cmp.Compare(x.Server.Port, y.Server.Port),
		strings.Compare(string(x.Protocol), string(y.Protocol)), strings.Compare(x.ID, y.ID),
	)
}

// rulesOf are the rules that mean an end, as a set of bits; asked once for each end.
func (c *comparison) rulesOf(known map[end][]uint64, e end, side func(*Rule) *Ends) []uint64 {
	set, asked := known[e]
	if !asked {
		set = make([]uint64, c.words)
		for i := range c.Rules {
			if c.means(side(&c.Rules[i]), &e) {
				set[i/64] |= 1 << (i % 64)
			}
		}
		known[e] = set
	}
	return set
}

func fromOf(r *Rule) *Ends { return &r.From }
func toOf(r *Rule) *Ends   { return &r.To }

// both calls f for each rule that means both ends.
func (c *comparison) both(client, server end, f func(rule int)) {
	from, to := c.rulesOf(c.from, client, fromOf), c.rulesOf(c.to, server, toOf)
	for w := range from {
		for set := from[w] & to[w]; set != 0; set &= set - 1 {
			f(w*64 + bits.TrailingZeros64(set))
		}
	}
}

func (c *comparison) inScope(e end) bool {
	is, asked := c.within[e]
	if !asked {
		is = c.means(&c.Scope, &e)
		c.within[e] = is
	}
	return is
}

// speaksOf says whether the declaration is about a connection.
func (c *comparison) speaksOf(client, server end) bool {
	switch c.Reach {
	case BothEnds:
		return c.inScope(client) && c.inScope(server) && client.node != server.node
	case ServerEnd:
		return c.inScope(server)
	default:
		return c.inScope(client) || c.inScope(server)
	}
}

// judge finds the rules of a connection.
func (c *comparison) judge(a *Answer, e *view.Connection) {
	client, server := c.client(e), c.server(e)
	if !c.speaksOf(client, server) && (e.Directed || !c.speaksOf(server, client)) {
		a.Outside++
		return
	}
	a.Connections++
	v := verdict{comparison: c, of: e, denied: -1, near: -1}
	c.both(client, server, func(i int) { v.weigh(i, e.Server.Port) })
	if !e.Directed { // of the other way nobody knows the port
		c.both(server, client, func(i int) { v.weigh(i, 0) })
	}
	switch {
	case v.denied >= 0:
		a.Forbidden = append(a.Forbidden, c.unexpected(e, c.told(v.denied)))
	case len(v.allowed) > 0:
	case v.near >= 0:
		a.Unexpected = append(a.Unexpected, c.unexpected(e, c.told(v.near)))
	default:
		a.Unexpected = append(a.Unexpected, c.unexpected(e, nil))
	}
}

// verdict is what the rules say of a connection.
type verdict struct {
	*comparison
	of           *view.Connection
	denied, near int   // rules, -1 for none
	allowed      []int // rules
}

// weigh hears a rule that means both ends, for a port that is 0 if nobody knows it: then
// a rule allows whatever its ports are, and denies only if it names none.
func (v *verdict) weigh(i int, port uint16) {
	r := &v.Rules[i]
	fits := r.at(v.of.Protocol, port) || port == 0 && !r.Deny && (r.Protocol == "" || r.Protocol == v.of.Protocol)
	switch {
	case !fits && !r.Deny && v.near < 0:
		v.near = i
	case !fits:
	case !r.Deny:
		if !slices.Contains(v.allowed, i) { // by both directions
			v.allowed = append(v.allowed, i)
			v.tallies[i].add(v.of)
		}
	case v.denied < 0:
		v.denied = i
	}
}

func (t *tally) add(e *view.Connection) {
	if t.count++; t.since.IsZero() || e.FirstSeen.Before(t.since) {
		t.since = e.FirstSeen
	}
	if e.LastSeen.After(t.last) {
		t.last = e.LastSeen
	}
}

func (c *comparison) unexpected(e *view.Connection, rule *Told) Unexpected {
	u := Unexpected{
		ID: e.ID, Client: e.Client, Server: e.Server, Protocol: e.Protocol, Directed: e.Directed, Since: e.FirstSeen, Last: e.LastSeen,
		Open: e.Count, Both: e.Evidence.BothEnds, Rule: rule, SeenBy: []string{}, Allow: c.allowance(e),
	}
	for _, s := range e.Evidence.SeenBy {
		u.SeenBy = append(u.SeenBy, s.Node)
	}
	return u
}

func (c *comparison) told(i int) *Told {
	r := &c.Rules[i]
	return &Told{r.Place, r.From.String(), r.To.String(), r.where(), r.Why}
}

// settle says what became of a rule.
func (c *comparison) settle(a *Answer, i int) {
	r, seen := &c.Rules[i], &c.tallies[i]
	late := seen.count > 0 && c.opt.Within > 0 && c.chart.At.Sub(seen.last) > c.opt.Within
	switch {
	case r.Deny:
	case seen.count > 0 && !late:
		a.Matching = append(a.Matching, Matching{*c.told(i), seen.count, seen.since, seen.last})
	case r.Optional:
	case late:
		a.Missing = append(a.Missing, Missing{
			Told: *c.told(i), Reason: fmt.Sprintf("no connection was open within %s", c.opt.Within), Last: seen.last,
			FromNodes: c.mayBe(&r.From), ToNodes: c.mayBe(&r.To),
		})
	default:
		reason, known := c.why(r)
		m := Missing{Told: *c.told(i), Reason: reason, FromNodes: c.mayBe(&r.From), ToNodes: c.mayBe(&r.To)}
		if known {
			a.Missing = append(a.Missing, m)
		} else {
			a.Unknown = append(a.Unknown, m)
		}
	}
}

// why says why nothing was seen of a rule; known is false if that means nothing.
func (c *comparison) why(r *Rule) (reason string, known bool) {
	near := append(c.nodesOf(&r.From), c.nodesOf(&r.To)...)
	if len(near) > 0 && !slices.ContainsFunc(near, func(n *view.Node) bool { return n.State == topology.Reporting }) {
		return "neither end reports, so that nobody could see it", false
	}
	from, to := c.there(&r.From), c.there(&r.To)
	switch {
	case !from && !to:
		return "neither end is on the chart", true
	case !from:
		return "nothing on the chart is its client", true
	case !to:
		return "nothing on the chart is its server", true
	}
	return "both ends are on the chart, no connection was seen", true
}

func (c *comparison) nodesOf(list *Ends) (out []*view.Node) {
	for i := range c.chart.Nodes {
		if n := &c.chart.Nodes[i]; c.meansNode(list, n) {
			out = append(out, n)
		}
	}
	return out
}

// there says whether anything that is known of the chart is such an end.
func (c *comparison) there(list *Ends) bool {
	if c.known == nil {
		c.learn()
	}
	return slices.ContainsFunc(c.known, func(e end) bool { return c.means(list, &e) })
}

// learn lists every end that is known: of connections, of services, nodes as such.
func (c *comparison) learn() {
	seen := map[end]bool{}
	add := func(e end) {
		if !seen[e] {
			seen[e] = true
			c.known = append(c.known, e)
		}
	}
	for i := range c.chart.Nodes {
		add(end{node: c.chart.Nodes[i].Name})
	}
	for i := range c.chart.Services {
		s := &c.chart.Services[i]
		add(end{s.Node, s.Process, s.Unit, s.Container, s.ID, ""})
	}
	for i := range c.chart.Connections {
		add(c.client(&c.chart.Connections[i]))
		add(c.server(&c.chart.Connections[i]))
	}
}
