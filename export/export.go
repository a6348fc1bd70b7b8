// Package export writes a chart into files for elsewhere: pictures for a wiki, graphs
// for other programs, a document, tables. A file is complete by itself: it says of
// what moment it is, whether that is the past or made up, and what was not seen.
//
// Names, processes and checks come from hosts, and are whatever somebody there made of
// them: each format escapes them so that they are text there and nothing else. The
// same chart gives the same bytes.
package export

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/plaintext"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
	"github.com/devops-trouble-map/dotm/view"
)

// Format is how a file is written.
type Format string

// The formats.
const (
	SVG      Format = "svg"      // the picture
	DOT      Format = "dot"      // for Graphviz
	Mermaid  Format = "mermaid"  // for Markdown that draws
	GraphML  Format = "graphml"  // for yEd, Gephi and their like, with the places
	DrawIO   Format = "drawio"   // for diagrams.net, with the places
	Markdown Format = "markdown" // a document
	CSV      Format = "csv"      // who uses what, a line for each
	JSON     Format = "json"     // all that is known of the chart

	PlantUML    Format = "plantuml"    // a component diagram
	Structurizr Format = "structurizr" // a workspace of the C4 model
	Backstage   Format = "backstage"   // a catalog
	NetBox      Format = "netbox"      // services, to be imported
)

// kind is what is to be known of a format.
type kind struct {
	format    Format
	media     string
	extension string
	limit     int // boxes and connections that it takes
	write     func(*writer, *Chart)
}

// The limits say how much a format, or who reads it, can take.
const (
	maxDrawn   = 60_000
	maxMermaid = 2_500
	maxTold    = 2_000_000
)

var kinds = []kind{
	{SVG, "image/svg+xml", "svg", maxDrawn, writeSVG},
	{DOT, "text/vnd.graphviz; charset=utf-8", "dot", maxDrawn, writeDOT},
	{Mermaid, "text/vnd.mermaid; charset=utf-8", "mmd", maxMermaid, writeMermaid},
	{GraphML, "application/graphml+xml", "graphml", maxDrawn, writeGraphML},
	{DrawIO, "application/vnd.jgraph.mxfile", "drawio", maxDrawn, writeDrawIO},
	{Markdown, "text/markdown; charset=utf-8", "md", maxDrawn, writeMarkdown},
	{CSV, "text/csv; charset=utf-8; header=present", "csv", maxTold, writeCSV},
	{JSON, "application/json", "json", maxTold, writeJSON},
	{PlantUML, "text/vnd.plantuml; charset=utf-8", "puml", maxDrawn, writePlantUML},
	{Structurizr, "text/vnd.structurizr.dsl; charset=utf-8", "dsl", maxDrawn, writeStructurizr},
	{Backstage, "application/yaml", "yaml", maxDrawn, writeBackstage},
	{NetBox, "text/csv; charset=utf-8; header=present; profile=netbox", "netbox.csv", maxTold, writeNetBox},
}

// Formats lists them all.
func Formats() []Format {
	list := make([]Format, 0, len(kinds))
	for i := range kinds {
		list = append(list, kinds[i].format)
	}
	return list
}

func (f Format) kind() *kind {
	for i := range kinds {
		if kinds[i].format == f {
			return &kinds[i]
		}
	}
	return nil
}

// Known says whether there is such a format.
func (f Format) Known() bool { return f.kind() != nil }

// Media is the media type of its files, with parameters; "" of an unknown one.
func (f Format) Media() string {
	if k := f.kind(); k != nil {
		return k.media
	}
	return ""
}

// FileName is what a file of a chart is called: level and moment, in letters that
// every file system has.
func (f Format) FileName(c *Chart) string {
	name := "dotm-" + string(c.Level) + "-" + c.At.UTC().Format("20060102-150405")
	if c.Data != Live {
		name += "-" + string(c.Data)
	}
	if k := f.kind(); k != nil {
		name += "." + k.extension
	}
	return name
}

// Data is where a chart comes from.
type Data string

// The sources of data.
const (
	Live   Data = "live"
	Demo   Data = "demo"   // made up
	Replay Data = "replay" // recorded before
)

// Chart is what is exported: an answer of package view with its places, and what is
// known around it.
type Chart struct {
	view.Topology
	// Past says that it is how it was.
	Past bool `json:"past,omitempty"`
	// Data says where it comes from; what isn't live is marked so.
	Data Data `json:"data"`
	// URL is where the chart is found live; empty if nobody elsewhere could follow it.
	URL string `json:"url,omitempty"`
	// Focus is what the chart is around, in so many Hops; empty if it is whole.
	Focus string `json:"focus,omitempty"`
	Hops  int    `json:"hops,omitempty"`
	// Narrowed says in words what else it is narrowed to: "process nginx, trouble and 1
	// hop around".
	Narrowed string `json:"narrowed,omitempty"`
	// Incident is the one whose path is drawn; nil for none.
	Incident *incident.Incident `json:"-"`
	// Alerts are the checks of what is shown that are in trouble, the worst first.
	Alerts []Alert `json:"alerts"`
	// Titles are what people call pools, by id, where somebody said.
	Titles map[string]string `json:"-"`
	// Gaps are the times around a past moment in which something was not seen.
	Gaps []history.Gap `json:"gaps,omitempty"`
}

// Alert is a check in trouble. What it said is not exported: it may hold anything.
type Alert struct {
	Source  string          `json:"source"`
	Node    string          `json:"node"`
	Service string          `json:"service,omitempty"`
	Name    string          `json:"name"` // empty for the check of a host
	Status  topology.Status `json:"status"`
	Since   time.Time       `json:"since,omitzero"`
	// Handled says that somebody or something takes care of it; Stale that nothing is
	// known of it any more.
	Handled bool `json:"handled,omitempty"`
	Stale   bool `json:"stale,omitempty"`
}

// LimitError says that a chart is too large for a format.
type LimitError struct {
	Format      Format
	Limit, Have int
}

// Error says what would help.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s takes at most %d boxes and connections, this chart has %d: take level pool or group, or a part of it with focus and hops", e.Format, e.Limit, e.Have)
}

// Write writes a chart. The error is a [*LimitError], the writer's, or that there is no
// such format.
func Write(w io.Writer, f Format, c *Chart) error {
	k := f.kind()
	if k == nil {
		return fmt.Errorf("there is no format %q", string(f))
	}
	if n := len(c.Pools) + len(c.Groups) + len(c.Nodes) + len(c.Connections); n > k.limit {
		return &LimitError{f, k.limit, n}
	}
	out := &writer{Writer: bufio.NewWriterSize(w, 32<<10)}
	k.write(out, c)
	if out.err == nil {
		out.err = out.Flush()
	}
	if out.err != nil {
		return fmt.Errorf("writing %s: %w", f, out.err)
	}
	return nil
}

// writer keeps the first error, so that who writes a file need not ask after each line.
type writer struct {
	*bufio.Writer
	err error
}

// put writes texts as they are.
func (w *writer) put(texts ...string) {
	for _, t := range texts {
		if w.err == nil {
			_, w.err = w.WriteString(t)
		}
	}
}

// putf writes a format of numbers, and of texts that are escaped.
func (w *writer) putf(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.Writer, format, args...)
	}
}

// boxes are all boxes of a chart that have a place or need none, in a fixed order.
func (c *Chart) boxes() []*view.Node {
	list := make([]*view.Node, 0, len(c.Pools)+len(c.Groups)+len(c.Nodes))
	for _, of := range [][]view.Node{c.Groups, c.Pools, c.Nodes} {
		for i := range of {
			list = append(list, &of[i])
		}
	}
	return list
}

// laneOf is the index of the lane on which a box stands, -1 for none: the file shows
// what the picture does, whatever group a box is of.
func (c *Chart) laneOf(n *view.Node) int {
	if n.Layout == nil {
		return -1
	}
	x, y := n.Layout.X+n.Layout.W/2, n.Layout.Y+n.Layout.H/2
	for i := range c.Lanes {
		l := &c.Lanes[i].Layout
		if x >= l.X && x < l.X+l.W && y >= l.Y && y < l.Y+l.H {
			return i
		}
	}
	return -1
}

// byLane are the boxes of each lane, and at the end those of none.
func (c *Chart) byLane() [][]*view.Node {
	out := make([][]*view.Node, len(c.Lanes)+1)
	for _, n := range c.boxes() {
		i := c.laneOf(n)
		if i < 0 {
			i = len(c.Lanes)
		}
		out[i] = append(out[i], n)
	}
	return out
}

// laneName is what people call a lane.
func laneName(l *view.Lane) string {
	switch {
	case l.Title != "":
		return clean(l.Title)
	case l.ID == "":
		return "Shared services"
	}
	return clean(l.ID)
}

// ids gives each box a short name that is safe in every format.
func (c *Chart) ids() map[string]string {
	out := map[string]string{}
	for i, n := range c.boxes() {
		out[n.Name] = fmt.Sprintf("n%d", i)
	}
	return out
}

// quoteAll writes a text with each rune replaced for which as gives something.
func quoteAll(text string, as func(r rune) string) string { return plaintext.Replace(text, as) }
