package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Filter is what a chart is narrowed to: all of it must hold. The page fades by the same
// rule (web/src/state/filter.ts), and its links have the same words: testdata/filter.json
// holds for both.
type Filter struct {
	// Around is what is so many hops around something; with Trouble alone the hops are
	// those around that.
	Around
	// Trouble is what is in trouble, and so many hops around it.
	Trouble bool
	// Group is a group's id, Process a process's name, Name part of a node's name or
	// address, Text words that all must be found; Name and Text in any case.
	Group, Process, Name, Text string
}

// Any says whether something is asked for.
func (f Filter) Any() bool { return f.Reaches() || f.narrows() }

// Reaches says whether it has hops.
func (f Filter) Reaches() bool { return f.Trouble || f.Focus != "" }

func (f Filter) narrows() bool {
	return f.Group != "" || f.Process != "" || strings.TrimSpace(f.Name) != "" || strings.TrimSpace(f.Text) != ""
}

// Words says what is asked for: "nginx, group shop, trouble and 1 hop around"; names tells
// what people call an id, and may be nil.
func (f Filter) Words(names func(id string) string) string {
	if names == nil {
		names = func(id string) string { return id }
	}
	var said []string
	add := func(before, word, after string) {
		if word != "" {
			said = append(said, before+word+after)
		}
	}
	around := " and " + strconv.Itoa(f.Hops) + " hops around"
	switch f.Hops {
	case 0:
		around = " alone"
	case 1:
		around = " and 1 hop around"
	}
	add("", strings.TrimSpace(f.Text), "")
	add("process ", f.Process, "")
	add("node ", strings.TrimSpace(f.Name), "")
	if f.Group != "" {
		add("group ", names(f.Group), "")
	}
	if f.Focus != "" {
		add("", names(f.Focus), around)
	}
	if f.Trouble {
		add("", "trouble", around)
	}
	return strings.Join(said, ", ")
}

// Narrow is the part of the chart that a filter shows. Its boxes keep their places, and
// what is hidden is counted as in the whole. signals are those of connections that are in
// trouble now; they count where Trouble is asked for, beside what the chart itself tells
// as of its moment. ok is false if the chart shows no focus of that name.
func (t *Topology) Narrow(f Filter, signals []topology.Signal) (part *Topology, ok bool) {
	if !f.Any() {
		return t, true
	}
	shown, ok := t.narrowed(f, signals)
	return t.only(shown), ok
}

// isAround says whether nothing but what is around a focus is asked for.
func (f *Filter) isAround() bool { return f.Focus != "" && !f.Trouble && !f.narrows() }

// narrowed are the boxes that a filter shows.
func (t *Topology) narrowed(f Filter, signals []topology.Signal) (shown map[string]bool, ok bool) {
	if f.isAround() {
		return t.around(f.Around)
	}
	shown = t.matching(&f)
	if f.Trouble {
		ill := t.inTrouble(signals)
		for name := range shown {
			if !ill[name] {
				delete(shown, name)
			}
		}
		shown = t.within(reach{boxes: shown, hops: f.Hops})
	}
	if ok = f.Focus == ""; !ok {
		var near map[string]bool
		near, ok = t.around(f.Around)
		for name := range shown {
			if !near[name] {
				delete(shown, name)
			}
		}
	}
	return shown, ok
}

// inTrouble are the boxes with open trouble, and both ends of connections in trouble.
func (t *Topology) inTrouble(signals []topology.Signal) map[string]bool {
	ill := map[string]bool{}
	for _, n := range t.boxes() {
		if open(&n.Verdict) {
			ill[n.Name] = true
		}
	}
	for i := range t.Services {
		if s := &t.Services[i]; open(&s.Verdict) || overflows(s) {
			ill[s.Node] = true
		}
	}
	told := t.signalled(signals)
	for i := range t.Connections {
		if c := &t.Connections[i]; told[c.ID] || Strained(c) != "" || Failing(c, t.At) {
			ill[c.Client.Node], ill[c.Server.Node] = true, true
		}
	}
	return ill
}

func open(v *topology.Verdict) bool { return !v.StatusStale && v.OpenStatus.Bad() }

// overflows says whether more wait to be accepted than may.
func overflows(s *Service) bool {
	return s.State != topology.Gone && s.QueueMax > 0 && s.Queue > s.QueueMax
}

// Bounds from which figures of a connection are trouble, as on the page
// (web/src/state/health.ts).
const (
	waitsLong = 3 * time.Second
	unclosed  = 10
	resentBad = 0.05
)

// Failing says whether attempts to connect wait for an answer for longer than they should.
func Failing(c *Connection, at time.Time) bool {
	h := c.Health
	return h != nil && h.Connecting > 0 && !h.ConnectingSince.IsZero() && at.Sub(h.ConnectingSince) > waitsLong
}

// Strained names what is wrong with a connection that works: much is sent again, or what
// its peer closed is not closed; "" if nothing is.
func Strained(c *Connection) topology.SignalKind {
	switch h := c.Health; {
	case h == nil:
	case h.Retransmits >= resentBad:
		return topology.SignalRetransmits
	case h.CloseWait >= unclosed:
		return topology.SignalCloseWait
	}
	return ""
}

// signalled are the connections of the chart, by id, that signals are about: themselves,
// or those that stand for them where boxes stand for many.
func (t *Topology) signalled(signals []topology.Signal) map[string]bool {
	found := map[string]bool{}
	if len(signals) == 0 {
		return found
	}
	type key struct {
		client, process, server string
		port                    uint16
	}
	ids, edges := map[string]bool{}, map[key]string{}
	for i := range t.Connections {
		c := &t.Connections[i]
		ids[c.ID] = true
		edges[key{c.Client.Node, c.Client.Process, c.Server.Node, c.Server.Port}] = c.ID
	}
	boxes := t.Boxes()
	for i := range signals {
		s := &signals[i]
		from, to := cmp.Or(boxes[s.Client.Node], s.Client.Node), cmp.Or(boxes[s.Server.Node], s.Server.Node)
		id, there := edges[key{from, s.Client.Process, to, s.Server.Port}]
		if !there { // between nodes and between groups one edge stands for all
			id, there = edges[key{client: from, server: to}]
		}
		switch {
		case ids[s.Connection]:
			found[s.Connection] = true
		case there:
			found[id] = true
		}
	}
	return found
}

// Boxes are the names of the boxes of all nodes: their own, or that of what they stand in.
func (t *Topology) Boxes() map[string]string {
	out := map[string]string{}
	for _, n := range t.boxes() {
		for i := range n.Members {
			out[n.Members[i].Name] = n.Name
		}
	}
	for _, n := range t.boxes() {
		out[n.Name] = n.Name
	}
	return out
}

// about is what is known of a box: its processes, and words in lower case.
type about struct {
	processes map[string]bool
	words     []string
}

func (a *about) add(process string, words ...string) {
	if process != "" {
		a.processes[process] = true
	}
	for _, w := range words {
		a.words = append(a.words, strings.ToLower(w))
	}
}

// matching are the boxes of which group, process, name and words hold; all if none is
// asked for.
func (t *Topology) matching(f *Filter) map[string]bool {
	found := map[string]bool{}
	known := map[string]*about{}
	if f.narrows() {
		known = t.abouts()
	}
	words, name := strings.Fields(strings.ToLower(f.Text)), strings.ToLower(strings.TrimSpace(f.Name))
	for _, n := range t.boxes() {
		a := known[n.Name]
		switch {
		case f.Group != "" && n.Group != f.Group && n.Name != f.Group:
		case f.Process != "" && !a.processes[f.Process]:
		case name != "" && !slices.ContainsFunc(namesOf(n), func(s string) bool { return strings.Contains(strings.ToLower(s), name) }):
		case !a.hasAll(words):
		default:
			found[n.Name] = true
		}
	}
	return found
}

func (a *about) hasAll(words []string) bool {
	for _, w := range words {
		if !slices.ContainsFunc(a.words, func(s string) bool { return strings.Contains(s, w) }) {
			return false
		}
	}
	return true
}

// namesOf are what people know a box by; the id of a pool or group is none.
func namesOf(n *Node) []string {
	out := []string{n.Title, n.KnownAs}
	if n.Kind != topology.Pool && n.Kind != topology.Group {
		out = append(out, n.Name)
	}
	for _, a := range n.Addresses {
		out = append(out, a.String())
	}
	for i := range n.Members {
		out = append(out, n.Members[i].Name)
	}
	return out
}

func (t *Topology) abouts() map[string]*about {
	titles := map[string]string{}
	for i := range t.Lanes {
		titles[t.Lanes[i].ID] = t.Lanes[i].Title
	}
	out := map[string]*about{}
	for _, n := range t.boxes() {
		a := &about{processes: map[string]bool{}}
		a.add("", namesOf(n)...)
		a.add("", titles[n.Group])
		for i := range n.Rows {
			if r := &n.Rows[i]; r.Kind != "more" && r.Process != "" {
				a.add(r.Process, r.Process)
			}
		}
		out[n.Name] = a
	}
	add := func(node, process string, words ...string) {
		if a := out[node]; a != nil {
			a.add(process, words...)
		}
	}
	for i := range t.Services {
		s := &t.Services[i]
		add(s.Node, s.Process, labelOf(s), s.Unit, s.Container, s.Image, s.Pod)
	}
	for i := range t.Connections {
		c := &t.Connections[i]
		add(c.Client.Node, c.Client.Process, c.Client.Process)
		add(c.Server.Node, c.Server.Process, c.Server.Process, ":"+strconv.Itoa(int(c.Server.Port)))
	}
	return out
}

// labelOf is a service as rows name it: "nginx :80".
func labelOf(s *Service) string {
	label := ":" + strconv.Itoa(int(s.Port))
	if s.Protocol == "udp" {
		label += " udp"
	}
	return strings.TrimSpace(s.Process + " " + label)
}
