package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/test/golden"
	"github.com/devops-trouble-map/dotm/test/need"
	"github.com/devops-trouble-map/dotm/topology"
	"github.com/devops-trouble-map/dotm/trouble/incident"
	"github.com/devops-trouble-map/dotm/view"
)

// TestGolden holds every format to its file, twice: the same chart gives the same bytes.
func TestGolden(t *testing.T) {
	for _, f := range Formats() {
		t.Run(string(f), func(t *testing.T) {
			got := written(t, f, small())
			if !bytes.Equal(got, written(t, f, small())) {
				t.Error("two files of one chart differ")
			}
			golden.Check(t, "small."+f.kind().extension, got)
		})
	}
}

// TestMarked: what is no live chart of now says so in every format.
func TestMarked(t *testing.T) {
	for _, f := range Formats() {
		got := string(written(t, f, past()))
		if !strings.Contains(strings.ToLower(got), "demo") {
			t.Errorf("%s does not say that it is made up", f)
		}
		if f != CSV && f != GraphML && !strings.Contains(got, "past") {
			t.Errorf("%s does not say that it is the past", f)
		}
		if live := string(written(t, f, small())); strings.Contains(live, "made-up") {
			t.Errorf("%s says that it is made up, and is not", f)
		}
		if name := f.FileName(past()); name != "dotm-pool-20260301-120000-demo."+f.kind().extension {
			t.Errorf("%s is called %s", f, name)
		}
	}
	doc := string(written(t, Markdown, past()))
	for _, want := range []string{"old1 was not seen from", "still lasting", "Nothing was seen from"} {
		if !strings.Contains(doc, want) {
			t.Errorf("the document lacks %q", want)
		}
	}
}

// texts are the character data, attributes and names of elements of XML.
func texts(t testing.TB, raw []byte) (data []string, elements map[string]int, attributes []xml.Attr) {
	t.Helper()
	elements = map[string]int{}
	d := xml.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return data, elements, attributes
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch x := token.(type) {
		case xml.CharData:
			data = append(data, string(x))
		case xml.StartElement:
			elements[x.Name.Local]++
			attributes = append(attributes, x.Attr...)
		}
	}
}

// TestPicture: nothing is fetched or run, and every box has its title.
func TestPicture(t *testing.T) {
	c := small()
	data, elements, attributes := texts(t, written(t, SVG, c))
	for name := range elements {
		switch name {
		case "svg", "title", "desc", "g", "rect", "path", "text":
		default:
			t.Errorf("there is a %s", name)
		}
	}
	for _, a := range attributes {
		if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") || a.Name.Local == "style" || strings.Contains(a.Value, "url(") {
			t.Errorf("there is an attribute %s=%q", a.Name.Local, a.Value)
		}
	}
	all := strings.Join(data, "\n")
	for _, want := range []string{
		"Chart of pools", "2026-03-01 12:00:00 UTC", "revision e-7", "5 of 7 nodes report", "shop & <co>", "CRITICAL", "WARNING",
		"web (pool), 3 nodes, WARNING, nginx :80, cron (client)", "old1 (host), silent since 2026-03-01 11:00:00 UTC, + 7",
		"4 unanswered", "2.5k", "no arrow: direction not known", "idle for long", "failing", "lines not drawn",
		"web nginx → db1 :5432: 600 open, 4 unanswered",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if strings.Contains(all, "log1 :6000") {
		t.Error("a line to a shared service is drawn")
	}
	if n := len(c.boxes()); elements["title"] != 1+n+5+4 { // the file's, boxes, lines, samples in the legend
		t.Errorf("%d titles for %d boxes", elements["title"], n)
	}
}

// TestParts: around something, lines to what everybody uses are drawn.
func TestParts(t *testing.T) {
	c := small()
	c.Focus, c.Hops = "log1", 1
	if got := string(written(t, SVG, c)); !strings.Contains(got, "web cron → log1 :6000") || !strings.Contains(got, "Chart of pools, 1 hop around log1") {
		t.Error("the lines of the focus are not drawn")
	}
}

// TestGraphviz has the real thing parse and draw a graph.
func TestGraphviz(t *testing.T) {
	dot := need.Program(t, "dot")
	cmd := exec.CommandContext(t.Context(), dot, "-Tsvg")
	cmd.Stdin = bytes.NewReader(written(t, DOT, small()))
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("dot: %v: %s", err, &complaints)
	}
	data, _, _ := texts(t, out.Bytes())
	all := strings.Join(data, "\n")
	for _, want := range []string{"web ×3 WARNING", "shop & <co>", ":5432 ×600", strings.TrimSpace(clean(nasty))} {
		if !strings.Contains(strings.ReplaceAll(all, "\u00A0", " "), want) {
			t.Errorf("what Graphviz draws lacks %q: %s", want, all)
		}
	}
}

// TestCSV: what reads like a formula is text.
func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(written(t, CSV, small()))).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("%q is a formula", cell)
			}
		}
	}
	if rows[4][1] != "'=cmd|' /C calc'!A0" {
		t.Errorf("the process is %q", rows[4][1])
	}
}

// TestJSON reads back what was written.
func TestJSON(t *testing.T) {
	var back Chart
	c := past()
	if err := json.Unmarshal(written(t, JSON, c), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Connections) != len(c.Connections) || back.Nodes[4].Name != nasty || !back.Past || back.Data != Demo || len(back.Gaps) != 2 {
		t.Errorf("back came %+v", back)
	}
}

// TestLimits: what is too large is refused, what fails is told, what is empty is fine.
func TestLimits(t *testing.T) {
	c := &Chart{Topology: view.Topology{Level: view.LevelService, At: noon}, Data: Live}
	for i := range maxMermaid + 1 {
		c.Nodes = append(c.Nodes, node(fmt.Sprint("h", i), topology.Host, float64(i), 0, topology.NoVerdict))
	}
	var large *LimitError
	if err := Write(io.Discard, Mermaid, c); !errors.As(err, &large) || large.Have != maxMermaid+1 {
		t.Errorf("a graph that is too large: %v", err)
	}
	if err := Write(io.Discard, "pdf", c); err == nil {
		t.Error("an unknown format is written")
	}
	if err := Write(broken{}, SVG, small()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a writer that fails: %v", err)
	}
	for _, f := range Formats() { // nothing to show is no error
		written(t, f, &Chart{Topology: view.Topology{Level: view.LevelService, At: noon}, Data: Live})
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFit(t *testing.T) {
	name := "a-very-long-host-name-of-a-database01"
	got := fit(name, 120, 12.5, true)
	if textWidth(got, 12.5, true) > 120 || !strings.HasPrefix(got, "a-very") || !strings.HasSuffix(got, "base01") || !strings.Contains(got, "…") {
		t.Errorf("%q", got)
	}
	if fit("web", 120, 12.5, true) != "web" {
		t.Error("what fits is cut")
	}
}

// FuzzXML: whatever text there is, it comes back from XML, and makes no element.
func FuzzXML(f *testing.F) {
	f.Add(nasty)
	f.Add("\x00\xff\uFFFE")
	f.Fuzz(func(t *testing.T, text string) {
		data, elements, attributes := texts(t, []byte(`<a b="`+escapeXML(text)+`">`+escapeXML(text)+"</a>"))
		if len(elements) != 1 || len(attributes) != 1 {
			t.Fatalf("%q makes elements %v", text, elements)
		}
		if want := clean(text); len(want) == len(text) && want == text && text != "" && (strings.Join(data, "") != text || attributes[0].Value != text) {
			t.Errorf("%q came back as %q", text, data)
		}
	})
}

// FuzzFormats: whatever hosts call themselves, the files are what they should be.
func FuzzFormats(f *testing.F) {
	f.Add(nasty, "x")
	f.Add("end", "|--|")
	f.Add("\x00\"\\", "\xff@team #1 http://x.example")
	f.Fuzz(func(t *testing.T, name, process string) {
		c := small()
		c.Nodes[4].Name, c.Connections[3].Client.Node, c.Connections[3].Client.Process = name, name, process
		c.Nodes[4].Rows = []view.Row{{Kind: "client", Process: process}}
		c.Lanes[1].Title, c.Alerts[0].Name, c.Focus, c.Hops = name, process, name, 2
		for _, format := range []Format{SVG, GraphML, DrawIO} {
			texts(t, written(t, format, c))
		}
		for _, line := range strings.Split(string(written(t, DOT, c)), "\n") {
			if !dotLine(line) {
				t.Errorf("DOT %q", line)
			}
		}
		for _, line := range strings.Split(string(written(t, Mermaid, c)), "\n") {
			if strings.Count(line, `"`)%2 != 0 || strings.ContainsAny(line, "`<") && !strings.Contains(line, "<br/>") {
				t.Errorf("Mermaid %q", line)
			}
		}
		if rows, err := csv.NewReader(bytes.NewReader(written(t, CSV, c))).ReadAll(); err != nil || len(rows) != 1+len(c.Connections) {
			t.Errorf("CSV: %d rows, %v", len(rows), err)
		}
		if !json.Valid(written(t, JSON, c)) {
			t.Error("no JSON")
		}
		markdownLines(t, string(written(t, Markdown, c)))
	})
}

// dotLine says whether the strings of a line end on it.
func dotLine(line string) bool {
	inside := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && inside:
			i++
		case line[i] == '"':
			inside = !inside
		}
	}
	return !inside
}

// markdownLines finds lines of a document that names could have made.
func markdownLines(t testing.TB, doc string) {
	t.Helper()
	cells := 0
	for _, line := range strings.Split(doc, "\n") {
		bare := strings.ReplaceAll(line, `\|`, "")
		switch {
		case strings.HasPrefix(line, "| ---"), strings.HasPrefix(line, "|---"):
		case strings.HasPrefix(line, "|"):
			if n := strings.Count(bare, "|"); cells != 0 && n != cells {
				t.Errorf("a row of %d cells among rows of %d: %q", n, cells, line)
			} else {
				cells = n
			}
		default:
			cells = 0
		}
		if i := strings.IndexAny(line, "<"); i >= 0 && !strings.Contains(line, "](<https://dotm.example") {
			t.Errorf("HTML: %q", line)
		}
	}
}

// FuzzGraphviz has the real thing read what is quoted; it is slow, so that it is tried
// on the seeds only unless asked.
func FuzzGraphviz(f *testing.F) {
	dot := need.Program(f, "dot")
	f.Add(nasty)
	f.Add(`\"; x -> y; "`)
	f.Add("\\")
	f.Add("&amp; &#60; \\N \\l")
	f.Fuzz(func(t *testing.T, text string) {
		text = clean(text)
		cmd := exec.CommandContext(t.Context(), dot, "-Tsvg")
		cmd.Stdin = strings.NewReader("digraph { n [label=" + quoteDOT(text) + "] }")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		data, _, _ := texts(t, out)
		if got := strings.ReplaceAll(strings.Join(data, ""), "\u00A0", " "); !strings.Contains(got, strings.TrimSpace(text)) {
			t.Errorf("%q is drawn as %q", text, got)
		}
	})
}

// TestPath: the path of an incident is drawn over the picture, with its legend; a chart
// without one is as it was (see the golden files).
func TestPath(t *testing.T) {
	c := small()
	db := incident.Ref{Node: "db1", Service: "db1~tcp~5432", Name: "db1 postgres:5432"}
	web := incident.Ref{Node: "web1", Service: "web1~tcp~80", Process: "nginx", Name: "web1 nginx:80"}
	cron := incident.Ref{Node: "old1", Name: "old1"}
	c.Incident = &incident.Incident{
		State: incident.Open, Title: "db1 is <down>", Causes: []incident.Cause{{Ref: db}, {Ref: incident.Ref{Node: "log1"}}},
		Alerts: []incident.Member{{About: db, Status: topology.Critical}, {About: web, Status: topology.Warning}},
		Impact: incident.Impact{Predicted: []incident.Effect{{Ref: cron}}},
	}
	data, _, attributes := texts(t, written(t, SVG, c))
	all := strings.Join(data, "\n")
	for _, want := range []string{"Cause 1", "Cause 2", "likely cause", "way of trouble", "would fail next", "with the path of an incident: db1 is <down>"} {
		if !strings.Contains(all, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if strings.Contains(all, "way, not watched") {
		t.Error("the legend has what the picture has not")
	}
	marks := 0
	for _, a := range attributes {
		if a.Name.Local == "stroke-dasharray" && a.Value == "4 3" {
			marks++
		}
	}
	if marks < 3 { // the line, the outline, the sample
		t.Errorf("%d dashed marks for what would fail next", marks)
	}
	c.Incident.Unclear = true
	if data, _, _ := texts(t, written(t, SVG, c)); !strings.Contains(strings.Join(data, "\n"), "Possible 1") {
		t.Error("what is unclear is called the cause")
	}
	for _, f := range Formats() {
		written(t, f, c)
	}
}
