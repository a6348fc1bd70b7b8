package realtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// chart is the API's topology, as its documentation describes it: these tests
// read it as a stranger would, without the product's own types.
type chart struct {
	Revision string    `json:"revision"`
	At       time.Time `json:"at"`
	Coverage struct {
		Nodes       int `json:"nodes"`
		Reporting   int `json:"reporting"`
		Stale       int `json:"stale"`
		Connections int `json:"connections"`
		OneSided    int `json:"one_sided"`
		Hidden      int `json:"process_names_hidden"`
	} `json:"coverage"`
	Nodes       []node       `json:"nodes"`
	Services    []service    `json:"services"`
	Connections []connection `json:"connections"`
}

type node struct {
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	State      string    `json:"state"`
	Addresses  []string  `json:"addresses"`
	FirstSeen  time.Time `json:"first_seen"`
	LastReport time.Time `json:"last_report"`
	This       bool      `json:"this"`
	SeenBy     []string  `json:"seen_by"`
	Notes      []struct {
		Code, Text, Hint string
	} `json:"notes"`
}

type service struct {
	ID        string    `json:"id"`
	Node      string    `json:"node"`
	Protocol  string    `json:"protocol"`
	Port      int       `json:"port"`
	Process   string    `json:"process"`
	Addresses []string  `json:"addresses"`
	Scope     string    `json:"scope"`
	State     string    `json:"state"`
	Own       bool      `json:"own"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

type connection struct {
	ID     string `json:"id"`
	Client struct {
		Node    string `json:"node"`
		Process string `json:"process"`
		Service string `json:"service"`
	} `json:"client"`
	Server struct {
		Node    string `json:"node"`
		Port    int    `json:"port"`
		Process string `json:"process"`
		Service string `json:"service"`
	} `json:"server"`
	Protocol       string    `json:"protocol"`
	Count          int       `json:"count"`
	Opened         int       `json:"opened"`
	FirstSeen      time.Time `json:"first_seen"`
	LastSeen       time.Time `json:"last_seen"`
	LastConnection time.Time `json:"last_connection"`
	Directed       bool      `json:"directed"`
	Status         string    `json:"status"`
	Own            bool      `json:"own"`
	Peers          int       `json:"peers"`
	Evidence       struct {
		BothEnds bool `json:"both_ends"`
		SeenBy   []struct {
			Node, End string
			At        time.Time
		} `json:"seen_by"`
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

// service finds the one that listens on a node's TCP port.
func (c *chart) service(node string, port int) *service {
	i := slices.IndexFunc(c.Services, func(s service) bool { return s.Node == node && s.Port == port && s.Protocol == "tcp" })
	if i < 0 {
		return nil
	}
	return &c.Services[i]
}

// edge finds the first connection of a client's process.
func (c *chart) edge(process string) *connection {
	i := slices.IndexFunc(c.Connections, func(e connection) bool { return e.Client.Process == process })
	if i < 0 {
		return nil
	}
	return &c.Connections[i]
}

// scene is what a chart must show beside dotm itself: each line once, and
// nothing else.
type scene struct {
	// nodes are "name kind state", as in "web1 host reporting".
	nodes []string
	// services are "node process protocol/port state addresses", followed by
	// the scope if there is one.
	services []string
	// edges are "node/process → node/process:port/protocol ×count", with an
	// em dash for the arrow where there is no direction; followed by "both" if
	// both ends see it, "N peers" if there are several, and "old".
	edges []string
}

// scene is what the chart shows.
func (c *chart) scene() scene {
	var s scene
	for i := range c.Nodes {
		s.nodes = append(s.nodes, c.Nodes[i].String())
	}
	for i := range c.Services {
		if !c.Services[i].Own {
			s.services = append(s.services, c.Services[i].String())
		}
	}
	for i := range c.Connections {
		if !c.Connections[i].Own {
			s.edges = append(s.edges, c.Connections[i].String())
		}
	}
	return s
}

// String is the node's line in a [scene].
func (n *node) String() string {
	if n == nil {
		return "none"
	}
	return fmt.Sprintf("%s %s %s", n.Name, n.Kind, n.State)
}

// String is the service's line in a [scene].
func (s *service) String() string {
	if s == nil {
		return "none"
	}
	text := fmt.Sprintf("%s %s %s/%d %s %s", s.Node, orHidden(s.Process), s.Protocol, s.Port, s.State, strings.Join(s.Addresses, ","))
	return strings.TrimSpace(text + " " + s.Scope)
}

// String is the connection's line in a [scene].
func (c *connection) String() string {
	if c == nil {
		return "none"
	}
	arrow := "→"
	if !c.Directed {
		arrow = "—"
	}
	client := c.Client.Node
	if c.Client.Process != "" {
		client += "/" + c.Client.Process
	}
	server := c.Server.Node
	if c.Server.Process != "" {
		server += "/" + c.Server.Process
	}
	text := fmt.Sprintf("%s %s %s:%d/%s ×%d", client, arrow, server, c.Server.Port, c.Protocol, c.Count)
	if c.Evidence.BothEnds {
		text += " both"
	}
	if c.Peers > 0 {
		text += fmt.Sprintf(" %d peers", c.Peers)
	}
	if c.Status != "fresh" {
		text += " " + c.Status
	}
	return text
}

func orHidden(process string) string {
	if process == "" {
		return "(hidden)"
	}
	return process
}

// diff says how the chart differs from what is wanted.
func (c *chart) diff(want scene) error {
	got := c.scene()
	var diffs []string
	for _, part := range []struct {
		name      string
		got, want []string
	}{{"nodes", got.nodes, want.nodes}, {"services", got.services, want.services}, {"connections", got.edges, want.edges}} {
		if d := cmp.Diff(slices.Sorted(slices.Values(part.want)), slices.Sorted(slices.Values(part.got))); d != "" {
			diffs = append(diffs, part.name+" (-want +got):\n"+d)
		}
	}
	if len(diffs) > 0 {
		return errors.New(strings.Join(diffs, ""))
	}
	return c.consistent()
}

// consistent checks what holds in every chart: each thing is there once, own
// is dotm's alone, and edges end at nodes and services that are there.
func (c *chart) consistent() error {
	ids := map[string]bool{}
	for i := range c.Services {
		s := &c.Services[i]
		if ids[s.ID] {
			return fmt.Errorf("service %s is there twice", s.ID)
		}
		ids[s.ID] = true
		if s.Own && s.Process != "dotm" {
			return fmt.Errorf("service of %s is marked as dotm's own: %s", s.Process, s)
		}
		if c.node(s.Node) == nil {
			return fmt.Errorf("service of no node: %s", s)
		}
	}
	for i := range c.Connections {
		e := &c.Connections[i]
		if ids[e.ID] {
			return fmt.Errorf("connection %s is there twice: %s", e.ID, e)
		}
		ids[e.ID] = true
		if e.Own && e.Server.Process != "dotm" && e.Client.Process != "dotm" {
			return fmt.Errorf("connection is marked as dotm's own: %s", e)
		}
		if c.node(e.Client.Node) == nil || c.node(e.Server.Node) == nil {
			return fmt.Errorf("connection of a node that is not there: %s", e)
		}
		for _, id := range []string{e.Client.Service, e.Server.Service} {
			if id != "" && !ids[id] {
				return fmt.Errorf("connection with a service that is not there, %s: %s", id, e)
			}
		}
	}
	return nil
}

// steady is in how many reports after the first right one a chart must be
// right again.
const steady = 3

// shows waits until the chart is the scene, and checks that it stays so while
// each of the hosts reports some more. It returns the last chart.
func (d *dotm) shows(t *testing.T, want scene, hosts ...string) *chart {
	t.Helper()
	var c *chart
	eventually(t, "the chart", func() (err error) {
		if c, err = d.chart(t.Context()); err != nil {
			return err
		}
		return c.diff(want)
	})
	for range steady {
		c = d.again(t, c, want, hosts)
	}
	return c
}

// again waits for another report of each host; the chart must be the scene all
// the time.
func (d *dotm) again(t *testing.T, before *chart, want scene, hosts []string) (c *chart) {
	t.Helper()
	eventually(t, "another report", func() (err error) {
		if c, err = d.chart(t.Context()); err != nil {
			return err
		}
		if err := c.diff(want); err != nil {
			t.Fatalf("the chart was right and is no longer: %v", err)
		}
		for _, h := range hosts {
			if !c.node(h).LastReport.After(before.node(h).LastReport) {
				return fmt.Errorf("%s has not reported again", h)
			}
		}
		return nil
	})
	return c
}
