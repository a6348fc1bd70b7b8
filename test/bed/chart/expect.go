package chart

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Expectation is what a chart must show, and nothing else.
type Expectation interface {
	// Differences are what is missing, and what is there too much.
	Differences(c *Chart) []Difference
}

// Difference is one thing that a chart shows and must not, or the reverse.
type Difference struct {
	What string
	Edge *Edge // that can be explained; nil if it is about something else
}

// Differ says how the chart differs from what is wanted; nil if it doesn't.
func (c *Chart) Differ(want Expectation) error {
	var text strings.Builder
	for _, d := range want.Differences(c) {
		text.WriteString("\n" + d.What)
	}
	if text.Len() > 0 {
		return errors.New(text.String())
	}
	return nil
}

// Scene is all that a chart shows beside dotm itself: each line once.
type Scene struct {
	// Nodes are "name kind state", as in "web1 host reporting".
	Nodes []string
	// Services are "node process protocol/port state addresses", followed by
	// the scope if there is one.
	Services []string
	// Edges are "node/process → node/process:port/protocol ×count", with an
	// em dash for the arrow where there is no direction; followed by "both" if
	// both ends see it, "N peers" if there are several, and "old".
	Edges []string
}

// Scene is what the chart shows.
func (c *Chart) Scene() (s Scene) {
	for i := range c.Nodes {
		s.Nodes = append(s.Nodes, c.Nodes[i].String())
	}
	for i := range c.Services {
		if !c.Services[i].Own {
			s.Services = append(s.Services, c.Services[i].String())
		}
	}
	for i := range c.Connections {
		if !c.Connections[i].Own {
			s.Edges = append(s.Edges, c.Connections[i].String())
		}
	}
	return s
}

// Differences implements [Expectation].
func (want Scene) Differences(c *Chart) []Difference {
	got := c.Scene()
	return slices.Concat(
		compare("node", want.Nodes, got.Nodes), compare("service", want.Services, got.Services),
		compare("edge", want.Edges, got.Edges), c.inconsistent(""),
	)
}

// compare takes each line as often as it is there: first what is missing, then
// what is there too much.
func compare(kind string, want, got []string) (list []Difference) {
	count := map[string]int{}
	for _, w := range want {
		count[w]++
	}
	for _, g := range got {
		count[g]--
	}
	lines := slices.Sorted(maps.Keys(count))
	for _, line := range lines {
		for range count[line] {
			list = append(list, Difference{What: "missing " + kind + ": " + line})
		}
	}
	for _, line := range lines {
		for range -count[line] {
			list = append(list, Difference{What: "unexpected " + kind + ": " + line})
		}
	}
	return list
}

// inconsistent checks what holds in every chart: each thing is there once, own
// is dotm's alone, and edges end at nodes and services that are there. What asks
// others from the host named asking, and what it asks, may be of any process and
// still dotm's own.
func (c *Chart) inconsistent(asking string) (list []Difference) {
	wrong := func(format string, args ...any) {
		list = append(list, Difference{What: fmt.Sprintf(format, args...)})
	}
	ids := map[string]bool{}
	for i := range c.Services {
		s := &c.Services[i]
		if ids[s.ID] {
			wrong("service %s is there twice", s.ID)
		}
		ids[s.ID] = true
		if s.Own && s.Process != "dotm" && asking == "" {
			wrong("service of %s is marked as dotm's own: %s", s.Process, s)
		}
		if c.Node(s.Node) == nil {
			wrong("service of no node: %s", s)
		}
	}
	for i := range c.Connections {
		e := &c.Connections[i]
		if ids[e.ID] {
			wrong("connection %s is there twice: %s", e.ID, e)
		}
		ids[e.ID] = true
		if c.Node(e.Client.Node) == nil || c.Node(e.Server.Node) == nil {
			wrong("connection of a node that is not there: %s", e)
		}
		for _, id := range []string{e.Client.Service, e.Server.Service} {
			if id != "" && !ids[id] {
				wrong("connection with a service that is not there, %s: %s", id, e)
			}
		}
		if e.Own && e.Client.Process != "dotm" && e.Server.Process != "dotm" && (asking == "" || e.Client.Node != asking) {
			wrong("connection is marked as dotm's own: %s", e)
		}
	}
	return list
}

// String is the node's line in a [Scene].
func (n *Node) String() string {
	if n == nil {
		return "none"
	}
	return fmt.Sprintf("%s %s %s", n.Name, n.Kind, n.State)
}

// String is the service's line in a [Scene].
func (s *Service) String() string {
	if s == nil {
		return "none"
	}
	process := s.Process
	if process == "" {
		process = "(hidden)"
	}
	text := fmt.Sprintf("%s %s %s/%d %s %s", s.Node, process, s.Protocol, s.Port, s.State, strings.Join(s.Addresses, ","))
	return strings.TrimSpace(text + " " + s.Scope)
}

// String is the connection's line in a [Scene].
func (k *Connection) String() string {
	if k == nil {
		return "none"
	}
	end := func(node, process string) string { return strings.TrimSuffix(node+"/"+process, "/") }
	arrow := "→"
	if !k.Directed {
		arrow = "—"
	}
	text := fmt.Sprintf("%s %s %s:%d/%s ×%d", end(k.Client.Node, k.Client.Process), arrow, end(k.Server.Node, k.Server.Process), k.Server.Port, k.Protocol, k.Count)
	if k.Evidence.BothEnds {
		text += " both"
	}
	if k.Peers > 0 {
		text += fmt.Sprintf(" %d peers", k.Peers)
	}
	if k.Status != "fresh" {
		text += " " + k.Status
	}
	return text
}

// Graph is what a chart of many hosts shows: its nodes, and who calls whom,
// whatever the counts. Dotm's own edges are left out, which are those of a process
// of that name or of the server's host.
type Graph struct {
	Nodes []string // "name kind state"
	Edges []Edge
}

// Edge is a line of a [Graph]: who calls whom, with the processes at both ends
// ("-" where nobody can know) and the port that is served.
type Edge struct {
	Client, ClientProcess, Server, ServerProcess, Protocol string
	Port                                                   int
}

// String is the edge as people read it.
func (e Edge) String() string {
	return fmt.Sprintf("%s/%s → %s/%s %d/%s", e.Client, e.ClientProcess, e.Server, e.ServerProcess, e.Port, e.Protocol)
}

// noArrow marks the protocol of a connection whose direction isn't known, which
// no graph holds.
const noArrow = " without direction"

// Edges are the chart's, in its order.
func (c *Chart) Edges() (list []Edge) {
	named := func(process string) string {
		if process == "" {
			return "-"
		}
		return process
	}
	for i := range c.Connections {
		k := &c.Connections[i]
		if k.Own {
			continue
		}
		e := Edge{k.Client.Node, named(k.Client.Process), k.Server.Node, named(k.Server.Process), k.Protocol, k.Server.Port}
		if !k.Directed {
			e.Protocol += noArrow
		}
		list = append(list, e)
	}
	return list
}

// Differences implements [Expectation].
func (want Graph) Differences(c *Chart) []Difference {
	var nodes []string
	for i := range c.Nodes {
		if n := &c.Nodes[i]; n.Kind != "inferred" || !c.onlyOwn(n.Name) { // dotm's way to the server, of hosts that can't know whose address that is
			nodes = append(nodes, n.String())
		}
	}
	lines := func(edges []Edge) (list []string) {
		for _, e := range edges {
			list = append(list, e.String())
		}
		return list
	}
	got := c.Edges()
	list := compare("edge", lines(want.Edges), lines(got))
	all := slices.Concat(want.Edges, got)
	for i := range list {
		list[i].Edge = find(all, func(e *Edge) bool { return strings.HasSuffix(list[i].What, ": "+e.String()) })
	}
	return slices.Concat(list, compare("node", want.Nodes, nodes), c.inconsistent(c.Server))
}

// onlyOwn says whether nothing but dotm's own connections lead to a node.
func (c *Chart) onlyOwn(node string) bool {
	own := false
	for _, k := range c.Connections {
		if k.Client.Node != node && k.Server.Node != node {
			continue
		}
		if own = k.Own; !own {
			return false
		}
	}
	return own
}

// ReadEdges reads a file of testdata: lines of client, its process, server, its
// process, protocol, port and a remark, between tabs. Lines with # say nothing.
func ReadEdges(t testing.TB, file string) (list []Edge) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) < 6 {
			t.Fatalf("%s:%d has %d columns, want 6 or 7", file, i+1, len(f))
		}
		port, err := strconv.Atoi(f[5])
		if err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
		list = append(list, Edge{f[0], f[1], f[2], f[3], f[4], port})
	}
	return list
}

// Reporting are the lines of hosts that report.
func Reporting(names ...string) (list []string) {
	for _, n := range names {
		list = append(list, n+" host reporting")
	}
	return list
}
