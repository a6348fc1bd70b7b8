//go:build linux

package fleettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chart is what these tests read of the API's topology.
type chart struct {
	Revision    string       `json:"revision"`
	At          time.Time    `json:"at"`
	Nodes       []node       `json:"nodes"`
	Services    []service    `json:"services"`
	Connections []connection `json:"connections"`
}

type node struct {
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	State      string    `json:"state"`
	Collect    string    `json:"collect"`
	Zone       string    `json:"zone"`
	Addresses  []string  `json:"addresses"`
	FirstSeen  time.Time `json:"first_seen"`
	LastReport time.Time `json:"last_report"`
	Findings   []finding `json:"findings"`
	Holders    []holder  `json:"holders"`
}

type finding struct{ Code, Node, Text, Hint string }

type holder struct {
	Node         string
	Since, Until time.Time
}

type service struct {
	ID        string    `json:"id"`
	FirstSeen time.Time `json:"first_seen"`
}

type connection struct {
	ID     string `json:"id"`
	Client struct {
		Node, Process string
	} `json:"client"`
	Server struct {
		Node, Process string
		Port          int
	} `json:"server"`
	Protocol  string    `json:"protocol"`
	Count     int       `json:"count"`
	Opened    int       `json:"opened"`
	FirstSeen time.Time `json:"first_seen"`
	Directed  bool      `json:"directed"`
	Status    string    `json:"status"`
	Own       bool      `json:"own"`
	Observer  bool      `json:"observer"`
	Evidence  struct {
		BothEnds  bool `json:"both_ends"`
		Confirmed bool `json:"confirmed"`
	} `json:"evidence"`
}

// chart asks for everything.
func (d *dotm) chart(ctx context.Context) (*chart, error) {
	var c chart
	return &c, d.get(ctx, "/topology?hide=none", &c)
}

func (c *chart) node(name string) *node {
	i := slices.IndexFunc(c.Nodes, func(n node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Nodes[i]
}

// edge is a line of an expectation: who calls whom, with the processes at both
// ends ("-" where nobody can know) and the port that is served.
type edge struct {
	client, clientProcess, server, serverProcess, protocol string
	port                                                   int
}

// String is the edge as people read it.
func (e edge) String() string {
	return fmt.Sprintf("%s/%s → %s/%s %d/%s", e.client, e.clientProcess, e.server, e.serverProcess, e.port, e.protocol)
}

// noArrow marks the protocol of a connection whose direction isn't known, which
// no expectation holds.
const noArrow = " without direction"

// edges are the chart's, without dotm's own, which are those of a process of
// that name or of the server's host. Each is there once.
func (c *chart) edges(server string) (map[edge]*connection, error) {
	out := map[edge]*connection{}
	for i := range c.Connections {
		k := &c.Connections[i]
		if k.Own {
			if k.Client.Process != "dotm" && k.Server.Process != "dotm" && k.Client.Node != server {
				return nil, fmt.Errorf("marked as dotm's own: %+v", k)
			}
			continue
		}
		e := edge{k.Client.Node, named(k.Client.Process), k.Server.Node, named(k.Server.Process), k.Protocol, k.Server.Port}
		if !k.Directed {
			e.protocol += noArrow
		}
		if out[e] != nil {
			return nil, fmt.Errorf("there twice: %s", e)
		}
		out[e] = k
	}
	return out, nil
}

func named(process string) string {
	if process == "" {
		return "-"
	}
	return process
}

// expected reads a file of testdata: lines of client, its process, server, its
// process, protocol, port and a remark, between tabs. Lines with # say nothing.
func expected(t testing.TB, file string) (list []edge) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	must(t, err)
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
		list = append(list, edge{f[0], f[1], f[2], f[3], f[4], port})
	}
	return list
}

// scene is what a chart must show, and nothing else.
type scene struct {
	nodes []string // "name kind state"
	edges []edge
}

// compare lists what is missing and what is there too much.
func (d *dotm) compare(ctx context.Context, want scene) error {
	c, err := d.chart(ctx)
	if err != nil {
		return err
	}
	got, err := c.edges(d.on.Name)
	if err != nil {
		return err
	}
	var text strings.Builder
	list := func(title string, edges []edge) {
		for i, e := range edges {
			if i == 0 {
				fmt.Fprintf(&text, "\n%s:", title)
			}
			fmt.Fprintf(&text, "\n  %s\n      %s", e, d.explain(ctx, e.client, fmt.Sprintf("%s:%d", e.server, e.port)))
		}
	}
	missing := slices.DeleteFunc(slices.Clone(want.edges), func(e edge) bool { return got[e] != nil })
	list("missing edges", missing)
	for _, e := range want.edges {
		delete(got, e)
	}
	list("unexpected edges", slices.SortedFunc(maps.Keys(got), func(a, b edge) int { return strings.Compare(a.String(), b.String()) }))
	var nodes []string
	for _, n := range c.Nodes {
		if n.Kind == "inferred" && c.onlyOwn(n.Name) {
			continue // dotm's own way to the server, of hosts that can't know whose address that is
		}
		nodes = append(nodes, strings.Join([]string{n.Name, n.Kind, n.State}, " "))
	}
	for _, n := range want.nodes {
		if !slices.Contains(nodes, n) {
			fmt.Fprintf(&text, "\nmissing node: %s", n)
		}
	}
	for _, n := range nodes {
		if !slices.Contains(want.nodes, n) {
			fmt.Fprintf(&text, "\nunexpected node: %s", n)
		}
	}
	if text.Len() > 0 {
		return errors.New(text.String())
	}
	return nil
}

// onlyOwn says whether nothing but dotm's own connections lead to a node.
func (c *chart) onlyOwn(node string) bool {
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

// steady is how many reports of each host a chart must stay right for.
const steady = 2

// shows waits until the chart is the scene, and checks that it stays so while
// each of the hosts reports some more. It returns the last chart.
func (d *dotm) shows(t *testing.T, want scene, hosts ...string) (c *chart) {
	t.Helper()
	eventually(t, "the chart", func() error { return d.compare(t.Context(), want) })
	begin, err := d.chart(t.Context())
	must(t, err)
	seen, last := map[string]int{}, map[string]time.Time{}
	for _, h := range hosts {
		last[h] = begin.node(h).LastReport
	}
	eventually(t, "more reports", func() error {
		if err := d.compare(t.Context(), want); err != nil {
			t.Fatalf("the chart was right, and is no more: %v", err)
		}
		if c, err = d.chart(t.Context()); err != nil {
			return err
		}
		for _, h := range hosts {
			if n := c.node(h); n.LastReport.After(last[h]) {
				last[h], seen[h] = n.LastReport, seen[h]+1
			}
			if seen[h] < steady {
				return fmt.Errorf("%s has reported %d times", h, seen[h])
			}
		}
		return nil
	})
	return c
}

// heardOf waits until each host reports.
func (d *dotm) heardOf(t *testing.T, hosts ...string) {
	t.Helper()
	for _, h := range hosts {
		eventually(t, h+" reports", func() error {
			c, err := d.chart(t.Context())
			if err != nil {
				return err
			}
			if n := c.node(h); n == nil || n.State != "reporting" {
				return errors.New("it does not")
			}
			return nil
		})
	}
}
