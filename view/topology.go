package view

import (
	"time"

	"github.com/devops-trouble-map/dotm/topology"
)

// Level is how far the chart is zoomed out in content.
type Level string

// The levels.
const (
	LevelService Level = "service" // every service is a row in its node's box
	LevelNode    Level = "node"    // boxes without rows, one edge per pair
	LevelPool    Level = "pool"    // nodes of one role are one box, with rows
	LevelGroup   Level = "group"   // what belongs together is one box, without rows
)

// rows says whether services are rows in the boxes.
func (l Level) rows() bool { return l == LevelService || l == LevelPool }

// Hide names what a view leaves out.
type Hide string

// What can be hidden.
const (
	HideOld            Hide = "old"            // connections past the ageing time, gone services
	HideIgnored        Hide = "ignored"        // ports and names that the settings ignore
	HideInfrastructure Hide = "infrastructure" // dotm's own services and connections
	HideObservers      Hide = "observers"      // clients that touch many nodes briefly
)

// Topology is the answer to a question: what is shown, in the order of names and
// ids, each with its place if there is one.
type Topology struct {
	Revision    string       `json:"revision" doc:"names this state of the view"`
	At          time.Time    `json:"at"`
	Level       Level        `json:"level"`
	Hide        []Hide       `json:"hide"`
	Hidden      Hidden       `json:"hidden"`
	Width       float64      `json:"width" doc:"extent of the layout in chart units"`
	Height      float64      `json:"height"`
	Coverage    Coverage     `json:"coverage"`
	Ghosts      []Ghost      `json:"ghosts" doc:"boxes that are gone since some minutes, at their last places, which are kept free for as long"`
	Lanes       []Lane       `json:"lanes" doc:"the grounds on which the boxes of a group stand, and the strip of shared services"`
	Pools       []Node       `json:"pools,omitempty" doc:"on level pool: what stands for several nodes; their kind is pool"`
	Groups      []Node       `json:"groups,omitempty" doc:"on level group; their kind is group"`
	Nodes       []Node       `json:"nodes" doc:"the nodes that stand for themselves"`
	Services    []Service    `json:"services"`
	Connections []Connection `json:"connections"`
}

// Hidden counts what the view leaves out.
type Hidden struct {
	Services    int `json:"services"`
	Connections int `json:"connections"`
	Ignored     int `json:"ignored" doc:"services and connections hidden because they are ignored"`
	Own         int `json:"infrastructure" doc:"services and connections of dotm itself"`
	Old         int `json:"old" doc:"old connections and gone services"`
	Observers   int `json:"observers" doc:"connections of clients that only look at many nodes"`
}

// Coverage says how much of the truth was seen.
type Coverage struct {
	Nodes       int `json:"nodes" doc:"hosts and containers, reporting or inferred, without those that left"`
	Reporting   int `json:"reporting"`
	Stale       int `json:"stale"`
	Left        int `json:"left,omitempty" doc:"hosts and containers that said they go: shut down, or rebooting"`
	Connections int `json:"connections"`
	OneSided    int `json:"one_sided" doc:"connections between two nodes that only one of them reports"`
	Hidden      int `json:"process_names_hidden"`
}

// Node is a node with its place on the chart.
type Node struct {
	topology.Node
	This bool `json:"this" doc:"the node that this dotm runs on"`
	// KnownAs is what others call a node that is known by its address alone.
	KnownAs string `json:"known_as,omitempty" doc:"a name for the address: by the settings, the hosts file, or DNS if it may be asked"`
	// Title is what people call a pool or a group; its name is its id.
	Title  string `json:"title,omitempty"`
	Group  string `json:"group,omitempty" doc:"id of the group that it is in"`
	Pool   string `json:"pool,omitempty" doc:"id of the pool that it is in, if it does not stand in that box"`
	Shared bool   `json:"shared,omitempty" doc:"it serves everyone"`
	Layout *Rect  `json:"layout,omitempty"`
	Rows   []Row  `json:"rows,omitempty"`
}

// Lane is the ground of a group's boxes, or the strip of shared services: that has no
// id.
type Lane struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Layout Rect   `json:"layout"`
}

// Rect is a place on the chart, in chart units.
type Rect struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
	W float64 `json:"w"`
	H float64 `json:"h"`
	// Pinned says of a box that somebody put it there.
	Pinned bool `json:"pinned,omitempty" doc:"somebody put it there by hand"`
}

// Row is one line inside a node's box, from top to bottom.
type Row struct {
	Kind     string            `json:"kind" enum:"service,client,more"`
	Service  string            `json:"service,omitempty"`
	Process  string            `json:"process" doc:"empty if it could not be seen"`
	Protocol topology.Protocol `json:"protocol,omitempty"`
	Port     uint16            `json:"port,omitempty"`
	Count    int               `json:"count,omitempty" doc:"for more: rows that did not fit"`
}

// Service is a service as the settings make it look.
type Service struct {
	topology.Service
	Ignored bool `json:"ignored"`
}

// Connection is a connection as the settings make it look.
type Connection struct {
	topology.Connection
	Ignored bool `json:"ignored"`
}
