package export

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/view"
)

// quoteDOT makes a text a string of DOT (https://graphviz.org/doc/info/lang.html) that
// is drawn as that text: Graphviz reads escapes and HTML's entities in labels.
func quoteDOT(text string) string {
	return `"` + quoteAll(text, func(r rune) string {
		switch r {
		case '"':
			return `\"`
		case '\\':
			return `\\`
		case '&':
			return "&amp;"
		case '\n', '\r', '\t', 0:
			return " "
		}
		return ""
	}) + `"`
}

// quoteLines is [quoteDOT] of several lines, each from the left.
func quoteLines(lines []string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, l := range lines {
		quoted := quoteDOT(l)
		b.WriteString(quoted[1:len(quoted)-1] + `\l`)
	}
	return b.String() + `"`
}

// boxLines are what a box says, line by line.
func boxLines(n *view.Node) []string {
	head := titleOf(n)
	if len(n.Members) > 0 {
		head += fmt.Sprintf(" ×%d", len(n.Members))
	}
	if s := openOf(&n.Verdict); s.Bad() {
		head += " " + string(s)
	}
	lines := []string{head}
	if s := stateWord(n); s != "" && s != "reports" {
		lines = append(lines, s)
	}
	for i := range n.Rows {
		lines = append(lines, rowText(&n.Rows[i]))
	}
	return lines
}

// edgeText is what stands at an edge: who calls what.
func edgeText(c *view.Connection) string {
	var parts []string
	if c.Server.Port != 0 {
		parts = append(parts, portText(c.Protocol, c.Server.Port))
	}
	if c.Count > 0 {
		parts = append(parts, fmt.Sprintf("×%d", c.Count))
	}
	return strings.Join(parts, " ")
}

// writeDOT writes a graph for Graphviz. Lanes are clusters; the places are there for
// neato -n.
func writeDOT(w *writer, c *Chart) {
	w.put("digraph dotm {\n  label=", quoteDOT(c.heading()+" ("+strings.Join(c.stamps(), "; ")+")"), "\n")
	w.put("  labelloc=t\n  rankdir=LR\n  node [shape=box style=\"rounded,filled\" fillcolor=white color=\"", boxLine, "\" fontname=\"sans-serif\" fontsize=11]\n")
	w.put("  edge [color=\"", edgeLine, "\" fontname=\"sans-serif\" fontsize=9 arrowsize=0.7]\n")
	ids, all := c.ids(), c.byLane()
	for i := range c.Lanes {
		w.putf("  subgraph cluster_%d {\n    label=%s\n    style=rounded\n    color=\"%s\"\n", i, quoteDOT(laneName(&c.Lanes[i])), outline)
		for _, n := range all[i] {
			dotBox(w, n, ids, "    ")
		}
		w.put("  }\n")
	}
	for _, n := range all[len(c.Lanes)] {
		dotBox(w, n, ids, "  ")
	}
	n := c.names()
	for i := range c.Connections {
		e := &c.Connections[i]
		from, to := ids[e.Client.Node], ids[e.Server.Node]
		if from == "" || to == "" {
			continue
		}
		w.put("  ", from, " -> ", to, " [label=", quoteDOT(edgeText(e)), " tooltip=", quoteDOT(n.connection(e, c.At)))
		if !e.Directed {
			w.put(" dir=none")
		}
		if e.Status == topology.Old {
			w.put(" style=dashed")
		}
		if troubleOf(e, c.At).failing {
			w.put(" color=\"", critical, "\"")
		}
		w.put("]\n")
	}
	w.put("}\n")
}

func dotBox(w *writer, n *view.Node, ids map[string]string, indent string) {
	w.put(indent, ids[n.Name], " [label=", quoteLines(boxLines(n)), " tooltip=", quoteDOT(n.Name))
	if l := n.Layout; l != nil { // points, from below
		w.putf(" pos=\"%s,%s\" width=%.2f height=%.2f", num(l.X+l.W/2), num(-l.Y-l.H/2), l.W/72, l.H/72)
	}
	if l, trouble := looks[openOf(&n.Verdict)]; trouble {
		w.put(" color=\"", l.line, "\" penwidth=1.5")
	}
	if unreported(n) {
		w.put(" style=\"rounded,dashed\"")
	}
	w.put("]\n")
}

// quoteMermaid makes a text a string of Mermaid (https://mermaid.js.org/syntax/flowchart.html,
// "entity codes"): whatever could mean something there, or in the HTML that is made of
// it, is a number.
func quoteMermaid(text string) string {
	return `"` + quoteAll(text, func(r rune) string {
		switch {
		case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)), r == ' ', r == ':', r == '.', r == ',', r == '×', r == '→', r == '…', r == '+':
			return ""
		case r < ' ':
			return " "
		}
		return fmt.Sprintf("#%d;", r)
	}) + `"`
}

// writeMermaid writes a flowchart for Markdown. Parallel connections are one edge:
// Mermaid draws no more than some hundreds.
func writeMermaid(w *writer, c *Chart) {
	w.put("---\ntitle: ", quoteMermaid(c.heading()+", "+strings.Join(c.stamps(), ", ")), "\nconfig:\n  maxEdges: 2500\n  maxTextSize: 500000\n---\nflowchart LR\n")
	ids, all := c.ids(), c.byLane()
	for i := range c.Lanes {
		w.putf("  subgraph lane%d [%s]\n", i, quoteMermaid(laneName(&c.Lanes[i])))
		for _, n := range all[i] {
			w.put("    ", ids[n.Name], "[", mermaidBox(n), "]\n")
		}
		w.put("  end\n")
	}
	for _, n := range all[len(c.Lanes)] {
		w.put("  ", ids[n.Name], "[", mermaidBox(n), "]\n")
	}
	type ends struct {
		from, to string
		directed bool
	}
	count, order, says := map[ends]int{}, []ends{}, map[ends]string{}
	for i := range c.Connections {
		e := &c.Connections[i]
		k := ends{ids[e.Client.Node], ids[e.Server.Node], e.Directed}
		if k.from == "" || k.to == "" {
			continue
		}
		if count[k]++; count[k] == 1 {
			order = append(order, k)
			says[k] = edgeText(e)
		}
	}
	for _, k := range order {
		arrow := "-->"
		if !k.directed {
			arrow = "---"
		}
		said := says[k]
		if count[k] > 1 {
			said = plural(count[k], "connection", "connections")
		}
		w.put("  ", k.from, " ", arrow)
		if said != "" {
			w.put("|", quoteMermaid(said), "|")
		}
		w.put(" ", k.to, "\n")
	}
	for _, n := range c.boxes() {
		if l, trouble := looks[openOf(&n.Verdict)]; trouble {
			w.put("  style ", ids[n.Name], " stroke:", l.line, ",stroke-width:2px\n")
		}
	}
}

func mermaidBox(n *view.Node) string {
	list := boxLines(n)
	lines := make([]string, 0, len(list))
	for _, l := range list {
		quoted := quoteMermaid(l)
		lines = append(lines, quoted[1:len(quoted)-1])
	}
	return `"` + strings.Join(lines, "<br/>") + `"`
}

// graphMLKeys are what a file says of its nodes and edges (http://graphml.graphdrawing.org).
var graphMLKeys = []struct{ id, of, kind string }{
	{"label", "node", "string"},
	{"name", "node", "string"},
	{"kind", "node", "string"},
	{"lane", "node", "string"},
	{"status", "node", "string"},
	{"members", "node", "int"},
	{"x", "node", "double"},
	{"y", "node", "double"},
	{"w", "node", "double"},
	{"h", "node", "double"},
	{"client", "edge", "string"},
	{"server", "edge", "string"},
	{"protocol", "edge", "string"},
	{"port", "edge", "int"},
	{"open", "edge", "int"},
	{"opened", "edge", "long"},
	{"evidence", "edge", "string"},
	{"title", "graph", "string"},
	{"at", "graph", "string"},
	{"revision", "graph", "string"},
	{"data", "graph", "string"},
}

// writeGraphML writes a graph with the places of its boxes.
func writeGraphML(w *writer, c *Chart) {
	w.put(xmlHead, `<graphml xmlns="http://graphml.graphdrawing.org/xmlns">`, "\n")
	for _, k := range graphMLKeys {
		w.putf("  <key id=\"%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n", k.id, k.of, k.id, k.kind)
	}
	w.put("  <graph id=\"dotm\" edgedefault=\"directed\">\n")
	data := func(key, value string) { w.put(`<data key="`, key, `">`, escapeXML(value), "</data>") }
	data("title", c.heading())
	data("at", moment(c.At))
	data("revision", c.Revision)
	data("data", string(c.Data))
	ids := c.ids()
	for _, n := range c.boxes() {
		w.put("\n    <node id=\"", ids[n.Name], "\">")
		data("label", titleOf(n))
		data("name", clean(n.Name))
		data("kind", string(n.Kind))
		if i := c.laneOf(n); i >= 0 {
			data("lane", laneName(&c.Lanes[i]))
		}
		data("status", string(n.Status))
		data("members", strconv.Itoa(len(n.Members)))
		if l := n.Layout; l != nil {
			data("x", num(l.X))
			data("y", num(l.Y))
			data("w", num(l.W))
			data("h", num(l.H))
		}
		w.put("</node>")
	}
	for i := range c.Connections {
		e := &c.Connections[i]
		from, to := ids[e.Client.Node], ids[e.Server.Node]
		if from == "" || to == "" {
			continue
		}
		w.putf("\n    <edge id=\"e%d\" source=\"%s\" target=\"%s\"", i, from, to)
		if !e.Directed {
			w.put(` directed="false"`)
		}
		w.put(">")
		data("client", clean(e.Client.Process))
		data("server", clean(e.Server.Process))
		data("protocol", clean(string(e.Protocol)))
		data("port", strconv.FormatUint(uint64(e.Server.Port), 10))
		data("open", strconv.Itoa(e.Count))
		data("opened", strconv.FormatUint(e.Opened, 10))
		data("evidence", evidence(&e.Evidence))
		w.put("</edge>")
	}
	w.put("\n  </graph>\n</graphml>\n")
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// writeDrawIO writes a drawing for diagrams.net (https://www.drawio.com/doc/faq/diagram-source-edit)
// that people can go on with: boxes stand where they do on the chart. Its labels are
// no HTML.
func writeDrawIO(w *writer, c *Chart) {
	w.put(xmlHead, `<mxfile host="dotm"><diagram name="`, escapeXML(c.heading()), `"><mxGraphModel grid="0"><root>`, "\n<mxCell id=\"0\"/>\n<mxCell id=\"1\" parent=\"0\"/>\n")
	cell := func(id, value, style string, x, y, wide, high float64) {
		w.put(`<mxCell id="`, id, `" value="`, value, `" style="html=0;`, style, `" vertex="1" parent="1">`)
		w.putf(`<mxGeometry x="%s" y="%s" width="%s" height="%s" as="geometry"/></mxCell>`+"\n", num(x), num(y), num(wide), num(high))
	}
	cell("stamp", escapeXML(c.heading()+", "+strings.Join(c.stamps(), ", ")), "text;align=left;fontSize=13;", 0, -40, 900, 24)
	for i := range c.Lanes {
		l := &c.Lanes[i]
		cell(fmt.Sprintf("lane%d", i), escapeXML(laneName(l)), "rounded=1;arcSize=4;fillColor=none;align=left;verticalAlign=top;spacingLeft=12;fontStyle=1;strokeColor="+outline+";",
			l.Layout.X, l.Layout.Y, l.Layout.W, l.Layout.H)
	}
	ids := c.ids()
	for _, n := range c.boxes() {
		if n.Layout == nil {
			continue
		}
		style := "rounded=1;arcSize=6;align=left;spacingLeft=8;fontSize=10;fillColor=" + white + ";strokeColor=" + boxLine + ";"
		if l, trouble := looks[openOf(&n.Verdict)]; trouble {
			style += "strokeWidth=2;strokeColor=" + l.line + ";"
		}
		lines := boxLines(n)
		for i := range lines {
			lines[i] = escapeXML(lines[i])
		}
		cell(ids[n.Name], strings.Join(lines, "&#10;"), style, n.Layout.X, n.Layout.Y, n.Layout.W, n.Layout.H)
	}
	for i := range c.Connections {
		e := &c.Connections[i]
		from, to := ids[e.Client.Node], ids[e.Server.Node]
		if from == "" || to == "" {
			continue
		}
		style := "html=0;curved=1;fontSize=9;strokeColor=" + edgeLine + ";"
		if !e.Directed {
			style += "endArrow=none;"
		}
		if e.Status == topology.Old {
			style += "dashed=1;"
		}
		w.putf(`<mxCell id="e%d" value="%s" style="%s" edge="1" parent="1" source="%s" target="%s"><mxGeometry relative="1" as="geometry"/></mxCell>`+"\n",
			i, escapeXML(edgeText(e)), style, from, to)
	}
	w.put("</root></mxGraphModel></diagram></mxfile>\n")
}
