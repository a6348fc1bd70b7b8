// Package chart is the chart as tests read it, and what it must show: exactly that,
// and nothing else.
package chart

import (
	"slices"
	"time"
)

// Chart is the API's topology, as its documentation describes it: tests read it
// as a stranger would, without the product's own types.
type Chart struct {
	Revision string    `json:"revision"`
	At       time.Time `json:"at"`
	Coverage struct {
		Hidden int `json:"process_names_hidden"`
	} `json:"coverage"`
	Nodes       []Node       `json:"nodes"`
	Services    []Service    `json:"services"`
	Connections []Connection `json:"connections"`

	// Server is the name of the host that it comes from.
	Server string `json:"-"`
}

// Node is one of a chart.
type Node struct {
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	State      string    `json:"state"`
	Collect    string    `json:"collect"`
	Zone       string    `json:"zone"`
	Addresses  []string  `json:"addresses"`
	FirstSeen  time.Time `json:"first_seen"`
	LastReport time.Time `json:"last_report"`
	This       bool      `json:"this"`
	SeenBy     []string  `json:"seen_by"`
	Notes      []Note    `json:"notes"`
	Findings   []Finding `json:"findings"`
	Holders    []Holder  `json:"holders"`
}

// Note is what a node couldn't see.
type Note struct{ Code, Text, Hint string }

// Finding is what is odd about a node.
type Finding struct{ Code, Node, Text, Hint string }

// Holder is who has or had a virtual address.
type Holder struct {
	Node         string
	Since, Until time.Time
}

// Service is one of a chart.
type Service struct {
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

// Connection is one of a chart.
type Connection struct {
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
	Observer       bool      `json:"observer"`
	Peers          int       `json:"peers"`
	Evidence       struct {
		BothEnds  bool `json:"both_ends"`
		Confirmed bool `json:"confirmed"`
		SeenBy    []struct {
			Node, End string
			At        time.Time
		} `json:"seen_by"`
	} `json:"evidence"`
}

// Node is the one of a name; nil if there is none.
func (c *Chart) Node(name string) *Node {
	return find(c.Nodes, func(n *Node) bool { return n.Name == name })
}

// Service is the one that listens on a node's TCP port; nil if there is none.
func (c *Chart) Service(node string, port int) *Service {
	return find(c.Services, func(s *Service) bool { return s.Node == node && s.Port == port && s.Protocol == "tcp" })
}

// Edge is the first connection of a client's process; nil if there is none.
func (c *Chart) Edge(process string) *Connection {
	return find(c.Connections, func(k *Connection) bool { return k.Client.Process == process })
}

func find[T any](list []T, f func(*T) bool) *T {
	i := slices.IndexFunc(list, func(v T) bool { return f(&v) })
	if i < 0 {
		return nil
	}
	return &list[i]
}
